"""Make the oracle figures of the losses: value and gradient by PyTorch, in float64.

Computed with PyTorch 2.14.1 (CPU) by `torch.autograd`; rerun with `python tests/figures/make_losses.py`,
which writes losses.npz beside this script. `cases` is JSON (0-d unicode): versions, seed and per case its
`name` and `loss`. Per case:

    NAME/prediction      (N, C, H, W) or (N, F)
    NAME/target          as the prediction; cross_entropy_*_classes: int64 class numbers, (N, H, W) or (N,)
    NAME/loss            0-d
    NAME/gradient        dLoss/d(prediction)

sse is a sum over everything; mse, mae, huber (delta 1), bce and bce_logits are means over every entry; cross_entropy
takes logits over axis 1 and is the mean over everything else, (N, H, W) or (N,). At a difference of exactly
0 the derivative of mae is 0. bce takes probabilities, and PyTorch holds each logarithm at -100 or above and
the derivative's denominator p (1 - p) at 1e-12 or above: bce_two_axes_saturated shows it, and only that case.
bce_logits takes logits.
"""

import json
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

SEED = 21
SHAPES = {"four_axes": (2, 3, 4, 5), "two_axes": (4, 7)}
LOSSES = {
    "sse": lambda prediction, target: functional.mse_loss(prediction, target, reduction="sum"),
    "mse": functional.mse_loss,
    "mae": functional.l1_loss,
    "huber": functional.huber_loss,
    "bce": functional.binary_cross_entropy,
    "bce_logits": functional.binary_cross_entropy_with_logits,
    "cross_entropy": functional.cross_entropy,
}


def main() -> None:
    rng = np.random.default_rng(SEED)
    cases, arrays = [], {}

    def add(loss: str, suffix: str, prediction: np.ndarray, target: np.ndarray) -> None:
        name = f"{loss}_{suffix}"
        leaf = torch.tensor(prediction, requires_grad=True)
        value = LOSSES[loss](leaf, torch.tensor(target))
        (gradient,) = torch.autograd.grad(value, leaf)
        record = {"prediction": prediction, "target": target, "loss": value.item()}
        record["gradient"] = gradient.numpy()
        arrays.update({f"{name}/{key}": array for key, array in record.items()})
        cases.append({"name": name, "loss": loss})

    for axes, shape in SHAPES.items():
        for loss in ("sse", "mse", "mae", "huber"):
            prediction, target = np.round(rng.normal(0.0, 2.0, (2, *shape)) * 64) / 64  # small when stored
            prediction[0, 0] = target[0, 0]  # differences of exactly 0 ...
            prediction[1, 1], target[1, 1] = 1.5, 0.5  # ... of 1, where huber changes form ...
            prediction[1, 2], target[1, 2] = -0.5, 0.5  # ... and of -1
            add(loss, axes, prediction, target)

        probabilities = rng.uniform(0.02, 0.98, shape)
        add("bce", axes, probabilities, rng.integers(0, 2, shape).astype(float))
        add("bce", f"{axes}_soft", probabilities, rng.uniform(0.0, 1.0, shape))

        logits = rng.normal(0.0, 3.0, shape)
        classes = rng.integers(0, shape[1], shape[:1] + shape[2:])
        one_hot = np.moveaxis(np.eye(shape[1])[classes], -1, 1)
        soft = rng.dirichlet(np.ones(shape[1]), classes.shape)
        add("cross_entropy", f"{axes}_classes", logits, classes)
        add("cross_entropy", f"{axes}_one_hot", logits, one_hot)
        add("cross_entropy", f"{axes}_probabilities", logits, np.ascontiguousarray(np.moveaxis(soft, -1, 1)))

    large = np.array([[800.0, 0.0, -800.0], [-900.0, -901.0, -905.0]])
    add("cross_entropy", "large_classes", large, np.array([1, 2]))
    saturated = np.array([[0.0, 1.0, 0.0, 1.0], [1e-300, 1e-20, 1.0 - 2.0**-53, 0.5]])
    add("bce", "two_axes_saturated", saturated, np.array([[0.0, 1.0, 1.0, 0.0], [1.0, 1.0, 0.0, 1.0]]))

    logits = np.array([[-800.0, -120.0, -50.0, -1e-3, 0.0], [1e-3, 16.0, 36.0, 50.0, 800.0]])
    add("bce_logits", "large_zero", logits, np.zeros((2, 5)))
    add("bce_logits", "large_one", logits, np.ones((2, 5)))
    add("bce_logits", "large_soft", logits, np.full((2, 5), 0.25))
    for axes, shape in SHAPES.items():
        logits = rng.normal(0.0, 4.0, shape)
        add("bce_logits", axes, logits, rng.integers(0, 2, shape).astype(float))
        add("bce_logits", f"{axes}_soft", logits, rng.uniform(0.0, 1.0, shape))

    about = {"torch": torch.__version__, "numpy": np.__version__, "seed": SEED, "cases": cases}
    path = Path(__file__).with_name("losses.npz")
    np.savez_compressed(path, cases=np.array(json.dumps(about)), **arrays)
    print(f"{path.name}: {len(cases)} cases, {path.stat().st_size} bytes")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
