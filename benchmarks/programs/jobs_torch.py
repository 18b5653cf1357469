"""Whole training jobs in PyTorch, as its users write them: ``python -m benchmarks.programs.jobs_torch NAME THREADS``.

The same data, batches, epochs, optimizer, schedule and evaluations as the bundled definition of that name. It prints
the seconds of the loop and what the trained network is worth.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn

DATA = Path(__file__).parents[2] / "models" / "data"
Judge = Callable[[nn.Module, torch.Tensor, torch.Tensor], float]


class Denoiser(nn.Module):
    """Four convolutions whose answer is added to the input."""

    def __init__(self) -> None:
        super().__init__()
        sizes = [(1, 16), (16, 16), (16, 16), (16, 1)]
        convolutions = [nn.Conv2d(inputs, outputs, 3, padding=1) for inputs, outputs in sizes]
        nn.init.zeros_(convolutions[-1].weight)
        first, second, third, last = convolutions
        self.correction = nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), third, nn.ReLU(), last)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.correction(x)


def read(name: str, *keys: str) -> list[torch.Tensor]:
    """Arrays of a data file; maps in float32."""
    arrays = np.load(DATA / f"{name}.npz")
    return [torch.tensor(arrays[key].astype(np.int64 if arrays[key].ndim == 1 else np.float32)) for key in keys]


def in_batches(
    network: nn.Module, x: torch.Tensor, y: torch.Tensor, loss: nn.Module, rate: float, epochs: int, size: int,
    judge: Judge, judged: tuple[torch.Tensor, torch.Tensor],
) -> float:  # fmt: skip
    """Adam with a cosine schedule over shuffled batches, judged after each epoch; the seconds of the loop."""
    started = time.perf_counter()
    optimizer = torch.optim.Adam(network.parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * -(-len(x) // size))
    for _ in range(epochs):
        order = torch.randperm(len(x))
        for start in range(0, len(x), size):
            rows = order[start : start + size]
            optimizer.zero_grad()
            loss(network(x[rows]), y[rows]).backward()
            optimizer.step()
            schedule.step()
        with torch.no_grad():
            judge(network, *judged)
    return time.perf_counter() - started


def accuracy(network: nn.Module, x: torch.Tensor, y: torch.Tensor) -> float:
    """The share of the samples whose class is found."""
    return (network(x).argmax(1) == y).float().mean().item()


def psnr(network: nn.Module, x: torch.Tensor, y: torch.Tensor) -> float:
    """The mean over samples, in dB, of values from 0 to 1."""
    return (-10 * ((network(x) - y) ** 2).mean(dim=(1, 2, 3)).log10()).mean().item()


def digits() -> tuple[float, float]:
    """Seconds, and the accuracy on a held-out fifth."""
    x, y = read("digits", "image", "label")
    order = torch.randperm(len(x))
    test, train = order[: len(x) // 5], order[len(x) // 5 :]
    network = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(1024, 64), nn.ReLU(), nn.Linear(64, 10),
    )  # fmt: skip
    judged = x[train], y[train]
    seconds = in_batches(network, *judged, nn.CrossEntropyLoss(), 3e-3, 20, 32, accuracy, judged)
    return seconds, accuracy(network, x[test], y[test])


def denoise() -> tuple[float, float]:
    """Seconds, and the PSNR of a held-out tenth."""
    x, y = read("denoise", "noisy", "clean")
    order, tenth = torch.randperm(len(x)), len(x) // 10
    validation, test, train = order[:tenth], order[tenth : 2 * tenth], order[2 * tenth :]
    network, judged = Denoiser(), (x[validation], y[validation])
    seconds = in_batches(network, x[train], y[train], nn.MSELoss(), 5e-3, 60, 4, psnr, judged)
    with torch.no_grad():
        return seconds, psnr(network, x[test], y[test])


def photo_filter() -> tuple[float, float]:
    """Seconds, and the relative error of the kernel."""
    before, after = (array[None, None] for array in read("photo_filter", "before", "after"))
    (kernel,) = read("photo_filter", "kernel")
    network, loss = nn.Conv2d(1, 1, 5), nn.MSELoss()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.2, momentum=0.99)
    started = time.perf_counter()
    for _ in range(3000):
        optimizer.zero_grad()
        loss(network(before), after).backward()
        optimizer.step()
    seconds = time.perf_counter() - started
    return seconds, ((network.weight.detach()[0, 0] - kernel).abs().max() / kernel.abs().max()).item()


JOBS = {"digits": digits, "denoise": denoise, "photo_filter": photo_filter}

if __name__ == "__main__":
    torch.set_num_threads(int(sys.argv[2]))
    torch.manual_seed(0)
    print(*JOBS[sys.argv[1]]())
