"""The main job against PyTorch eager: one training step, and the whole process from a cold start.

    pip install -e ".[bench]" && python -m benchmarks.two_conv

Both sides run in turn (A B A B ...), with the same number of threads, in float64; the medians and their ratio are
printed, with each side's fastest and slowest run. The loss of every step is kept by both.
"""

from __future__ import annotations

import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

import minigraph as mg
from minigraph.data import load_data

STEPS = 500
PROCESS = """
import sys
import numpy as np, torch, torch.nn.functional as F
rng = np.random.default_rng(15)
k1, k2 = (torch.tensor(rng.normal(size=(1, 1, n, n)), requires_grad=True) for n in (3, 4))
b1, b2 = (torch.zeros(1, dtype=torch.float64, requires_grad=True) for _ in range(2))
x = torch.tensor(np.load(sys.argv[1]))[None, None]
t1 = torch.tensor([[0, 0, 1], [0, 2, 0], [1, 0, 1.0]], dtype=torch.float64)[None, None]
t2 = torch.tensor([[1, 0, 0, 1], [1, 0, 0, 1], [0, -1, -1, 0], [0, 1, 1, 0.0]], dtype=torch.float64)[None, None]
target = F.conv2d(F.conv2d(x, t1), t2, stride=2)
optimizer = torch.optim.SGD([k1, b1, k2, b2], lr=3e-5)
losses = []
for _ in range(2000):
    optimizer.zero_grad()
    loss = ((F.conv2d(F.conv2d(x, k1, b1), k2, b2, stride=2) - target) ** 2).sum()
    loss.backward()
    losses.append(loss.item())
    optimizer.step()
print(losses[-1])
"""


def minigraph_steps(engine: str, steps: int) -> Callable[[], object]:
    """``steps`` of the bundled definition, from its own start."""
    definition = mg.Definition.load("two_conv")
    assert definition.train is not None, "the bundled definition has a [train]"
    data = load_data(definition, "float64", seed=15)
    model = mg.Model(definition.graph, 15, engine)
    optimizer = definition.train.optimizer
    return lambda: mg.train(model, data.inputs, data.targets, loss="sse", optimizer=optimizer, steps=steps)


def torch_steps(steps: int) -> Callable[[], object]:
    """The same in PyTorch, eager."""
    data = load_data(mg.Definition.load("two_conv"), "float64", seed=15)
    x, target = torch.tensor(data.inputs["image"])[None, None], torch.tensor(data.targets["conv2"]).reshape(1, 1, 8, 8)
    generator = np.random.default_rng(15)
    first, second = (torch.nn.Conv2d(1, 1, size, stride, dtype=torch.float64) for size, stride in ((3, 1), (4, 2)))
    with torch.no_grad():
        for layer in (first, second):
            layer.weight.copy_(torch.tensor(generator.normal(size=layer.weight.shape)))
            layer.bias.zero_()
    optimizer = torch.optim.SGD([*first.parameters(), *second.parameters()], lr=3e-5)

    def run() -> list[float]:
        losses = []
        for _ in range(steps):
            optimizer.zero_grad()
            loss = ((second(first(x)) - target) ** 2).sum()
            loss.backward()
            losses.append(loss.item())
            optimizer.step()
        return losses

    return run


def process(*words: str) -> Callable[[], object]:
    """A whole Python process."""
    return lambda: subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL)


def compare(name: str, ours: Callable[[], object], theirs: Callable[[], object], scale: float, unit: str) -> None:
    """Run both in turn and print a row of the table."""
    seconds: tuple[list[float], list[float]] = ([], [])
    for turn in range(8):
        for side, run in zip(seconds, (ours, theirs), strict=True):
            started = time.perf_counter()
            run()
            if turn:  # the first turn warms both up
                side.append(time.perf_counter() - started)
    cells = [
        f"{statistics.median(side) * scale:.3g} ({min(side) * scale:.3g} to {max(side) * scale:.3g}) {unit}"
        for side in seconds
    ]
    ratio = statistics.median(seconds[1]) / statistics.median(seconds[0])
    print(f"| {name} | {cells[0]} | {cells[1]} | {ratio:.1f} |")


def main() -> None:
    """Print the table."""
    torch.set_num_threads(2)
    print(f"Python {platform.python_version()}, NumPy {np.__version__}, PyTorch {torch.__version__}, 2 threads\n")
    print("| two_conv | minigraph | PyTorch eager | times faster |\n|---|---|---|---|")
    per_step = 1e6 / STEPS
    compare("a training step", minigraph_steps("fast", STEPS), torch_steps(STEPS), per_step, "us")
    compare("a training step, naive engine", minigraph_steps("naive", 50), torch_steps(50), 1e6 / 50, "us")
    map_file = Path(mg.definition.bundled()["two_conv"]).parent / "data" / "published_map.npy"
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "peer.py")
        script.write_text(PROCESS)
        runs = iter(range(1000))

        def train() -> None:
            out = str(Path(folder, f"run{next(runs)}"))
            process("-m", "minigraph", "train", "two_conv", "--no-plots", "--quiet", "--out", out)()

        compare("the whole process, 2,000 steps", train, process(str(script), str(map_file)), 1.0, "s")


if __name__ == "__main__":
    main()
