"""Make the oracle figures of the main training job: the two-convolution recovery, run by PyTorch in float64.

Computed with PyTorch 2.13.0 (CPU); rerun with `python tests/figures/make_training.py published_run.json`,
where the JSON file holds `image` (20, 20), `conv1` and `conv2` (the teacher's `kernel`, `stride`, `bias`),
`learning_rate` (3e-5) and `steps` (2000). Writes training.npz beside this script.

The student's kernels are conv1 (1, 1, 3, 3), then conv2 (1, 1, 4, 4), standard normal from
`np.random.default_rng(15)`; its biases start at 0 and are trained. The loss is the sum of squared
differences; all four parameters are updated by plain SGD from one backward pass. Stored:

    config                                  JSON (0-d unicode): versions, seed, learning_rate, steps, strides
    image (1, 1, 20, 20), target (1, 1, 8, 8)       target: the teacher's answer
    teacher/P, initial/P, final/P           for P = conv1.kernel, conv1.bias, conv2.kernel, conv2.bias
    gradient/P                              of the first step
    loss (2000,)                            before each update
    loss_final                              after the last update
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

SEED = 15


def main(published: Path) -> None:
    run = json.loads(published.read_text())
    image = torch.tensor(run["image"], dtype=torch.float64)[None, None]
    strides = {node: run[node]["stride"] for node in ("conv1", "conv2")}
    teacher, initial, rng = {}, {}, np.random.default_rng(SEED)
    for node in strides:
        kernel = np.array(run[node]["kernel"], dtype=float)[None, None]
        teacher |= {f"{node}.kernel": kernel, f"{node}.bias": np.array([run[node]["bias"]], dtype=float)}
        initial |= {f"{node}.kernel": rng.normal(0.0, 1.0, kernel.shape), f"{node}.bias": np.zeros(1)}

    def answer(parameters: dict[str, torch.Tensor]) -> torch.Tensor:
        x = image
        for node, stride in strides.items():
            x = functional.conv2d(x, parameters[f"{node}.kernel"], parameters[f"{node}.bias"], stride)
        return x

    target = answer({key: torch.tensor(array) for key, array in teacher.items()})
    student = {key: torch.tensor(array, requires_grad=True) for key, array in initial.items()}
    optimizer = torch.optim.SGD(student.values(), lr=run["learning_rate"])
    loss, first_gradient = [], {}
    for step in range(run["steps"]):
        optimizer.zero_grad()
        sse = ((answer(student) - target) ** 2).sum()
        sse.backward()
        if step == 0:
            first_gradient = {key: tensor.grad.numpy().copy() for key, tensor in student.items()}
        optimizer.step()
        loss.append(sse.item())
    loss_final = ((answer(student) - target) ** 2).sum().item()

    config = {"torch": torch.__version__, "numpy": np.__version__, "seed": SEED, "strides": strides}
    config |= {"learning_rate": run["learning_rate"], "steps": run["steps"]}
    arrays = {"image": image.numpy(), "target": target.numpy(), "loss": np.array(loss)}
    arrays |= {"loss_final": np.array(loss_final)}
    arrays |= {f"teacher/{key}": array for key, array in teacher.items()}
    arrays |= {f"initial/{key}": array for key, array in initial.items()}
    arrays |= {f"gradient/{key}": array for key, array in first_gradient.items()}
    arrays |= {f"final/{key}": tensor.detach().numpy() for key, tensor in student.items()}
    path = Path(__file__).with_name("training.npz")
    np.savez_compressed(path, config=np.array(json.dumps(config)), **arrays)
    print(f"{path.name}: {path.stat().st_size} bytes; loss {loss[0]!r} ... {loss[-1]!r}, then {loss_final!r}")


if __name__ == "__main__":
    torch.set_num_threads(1)
    if len(sys.argv) != 2:
        sys.exit("usage: python tests/figures/make_training.py published_run.json")
    main(Path(sys.argv[1]))
