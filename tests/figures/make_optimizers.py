"""Make the oracle figures of optimizers, learning-rate schedules and clipping: PyTorch's paths, in float64.

Computed with PyTorch 2.13.0 (CPU); rerun with `python tests/figures/make_optimizers.py`, which writes
optimizers.npz beside this script. Every case takes 200 steps on one problem in 12 unknowns, of closed form:

    loss(x) = x.A.x / 2 - b.x + quartic sum(x^4) / 4 + offset,    gradient(x) = A x - b + quartic x^3
    A = diag(10^(-2 + 3 i / 11)) + u u' / 2,  u_i = cos i,  b_i = sin(i + 1),  i = 0 ... 11
    x_i = 2 cos(2 i + 1) at the start, quartic = 0.1, offset = 20

Stored: A, b, quartic, offset, start; `steps` (25,), the numbers of updates after which x is stored; `cases`,
JSON (0-d unicode): versions and per case `name`, `optimizer` (class in torch.optim), `options` (those of its
arguments that are not torch's defaults, and lr), `schedule` (class in torch.optim.lr_scheduler, or null),
`schedule_options`, `clip_norm` (or null). Per case:

    NAME/path (25, 12)       x after steps[k] updates (steps[0] is 0: the start)
    NAME/loss (25,)          the loss there
    NAME/rate (200,)         the learning rate used by each update

Schedules advance once per update; ReduceLROnPlateau is shown the loss from before that update. "WarmupCosine"
is SequentialLR of LinearLR (start_factor, total_iters = warmup) and CosineAnnealingLR (T_max, eta_min),
switched after `warmup` updates. Clipping is clip_grad_norm_: the gradient times
min(1, clip_norm / (norm + 1e-6)). The options are such that no path hops about the minimum, where Adam and
RMSprop would multiply rounding errors without bound: each path is reproducible to about 1e-14.
"""

import json
import warnings
from pathlib import Path

import numpy as np
import torch
from torch.optim import lr_scheduler

UNKNOWNS, STEPS, QUARTIC, OFFSET = 12, 200, 0.1, 20.0
STORED = [0, 1, 2, 3, 5, *range(10, STEPS + 1, 10)]

index = np.arange(UNKNOWNS)
U = np.cos(index)
A = np.diag(10 ** (-2 + 3 * index / 11)) + np.outer(U, U) / 2
B = np.sin(index + 1)
START = 2 * np.cos(2 * index + 1)

OPTIMIZERS = [
    ("sgd", "SGD", {"lr": 0.05}),
    ("sgd_momentum", "SGD", {"lr": 0.02, "momentum": 0.9}),
    ("sgd_nesterov", "SGD", {"lr": 0.02, "momentum": 0.9, "nesterov": True}),
    ("sgd_weight_decay", "SGD", {"lr": 0.05, "weight_decay": 0.01}),
    (
        "sgd_nesterov_weight_decay",
        "SGD",
        {"lr": 0.02, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01},
    ),
    ("adam", "Adam", {"lr": 0.001}),
    ("adam_fast", "Adam", {"lr": 0.05}),
    ("adam_custom", "Adam", {"lr": 0.02, "betas": [0.8, 0.95], "eps": 1e-4}),
    ("adam_weight_decay", "Adam", {"lr": 0.05, "weight_decay": 0.1}),
    ("adamw", "AdamW", {"lr": 0.05}),
    ("adamw_custom", "AdamW", {"lr": 0.02, "betas": [0.8, 0.95], "eps": 1e-4, "weight_decay": 0.1}),
    ("rmsprop", "RMSprop", {"lr": 0.01}),
    ("rmsprop_alpha", "RMSprop", {"lr": 0.01, "alpha": 0.9, "eps": 0.1}),
    ("rmsprop_momentum", "RMSprop", {"lr": 0.005, "momentum": 0.9}),
    ("rmsprop_centered", "RMSprop", {"lr": 0.01, "centered": True}),
    (
        "rmsprop_everything",
        "RMSprop",
        {"lr": 0.001, "alpha": 0.9, "momentum": 0.5, "centered": True, "weight_decay": 0.1},
    ),
]
SCHEDULES = [
    ("step", "StepLR", {"step_size": 30, "gamma": 0.5}),
    ("cosine", "CosineAnnealingLR", {"T_max": STEPS, "eta_min": 0.001}),
    (
        "warmup_cosine",
        "WarmupCosine",
        {"warmup": 20, "start_factor": 0.1, "T_max": STEPS - 20, "eta_min": 0.001},
    ),
    ("plateau", "ReduceLROnPlateau", {"factor": 0.5, "patience": 5, "threshold": 0.001}),
]
CASES = [
    *[(name, optimizer, options, None, {}, None) for name, optimizer, options in OPTIMIZERS],
    *[(f"schedule_{name}", "SGD", {"lr": 0.05}, *schedule, None) for name, *schedule in SCHEDULES],
    ("clip_norm", "SGD", {"lr": 0.05}, None, {}, 1.0),
    ("clip_norm_momentum", "SGD", {"lr": 0.02, "momentum": 0.9}, None, {}, 1.0),
]


def make_schedule(optimizer: torch.optim.Optimizer, schedule: str, options: dict):
    if schedule != "WarmupCosine":
        return getattr(lr_scheduler, schedule)(optimizer, **options)
    linear = lr_scheduler.LinearLR(optimizer, options["start_factor"], total_iters=options["warmup"])
    cosine = lr_scheduler.CosineAnnealingLR(optimizer, options["T_max"], options["eta_min"])
    return lr_scheduler.SequentialLR(optimizer, [linear, cosine], [options["warmup"]])


def run(optimizer, options, schedule, schedule_options, clip_norm) -> dict[str, np.ndarray]:
    x, a, b = torch.tensor(START, requires_grad=True), torch.tensor(A), torch.tensor(B)
    stepper = getattr(torch.optim, optimizer)([x], **options)
    scheduler = make_schedule(stepper, schedule, schedule_options) if schedule else None

    def loss_at(x: torch.Tensor) -> torch.Tensor:
        return x @ a @ x / 2 - b @ x + QUARTIC * (x**4).sum() / 4 + OFFSET

    path, rates, losses = [START], [], []
    for _ in range(STEPS):
        stepper.zero_grad()
        loss = loss_at(x)
        loss.backward()
        if clip_norm is not None:
            torch.nn.utils.clip_grad_norm_([x], clip_norm)
        rates.append(stepper.param_groups[0]["lr"])
        losses.append(loss.item())
        stepper.step()
        path.append(x.detach().numpy().copy())
        if scheduler:
            scheduler.step(*[losses[-1]] if schedule == "ReduceLROnPlateau" else [])
    losses.append(loss_at(x).item())
    return {"path": np.array(path)[STORED], "loss": np.array(losses)[STORED], "rate": np.array(rates)}


def main() -> None:
    keys = ("name", "optimizer", "options", "schedule", "schedule_options", "clip_norm")
    cases = [dict(zip(keys, case, strict=True)) for case in CASES]
    arrays = {"A": A, "b": B, "quartic": QUARTIC, "offset": OFFSET, "start": START, "steps": np.array(STORED)}
    for name, *case in CASES:
        arrays |= {f"{name}/{key}": array for key, array in run(*case).items()}
    about = {"torch": torch.__version__, "numpy": np.__version__, "cases": cases}
    path = Path(__file__).with_name("optimizers.npz")
    np.savez_compressed(path, cases=np.array(json.dumps(about)), **arrays)
    print(f"{path.name}: {len(cases)} cases, {path.stat().st_size} bytes")


if __name__ == "__main__":
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", message=".*epoch parameter.*")  # from inside torch's SequentialLR
    main()
