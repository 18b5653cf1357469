"""The small CNN in PyTorch, eager: 200 steps over batches of 64, the loss of each kept."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from benchmarks.programs.problems import CNN_RATE, digits


def training(steps: int) -> Callable[[], list[float]]:
    """``steps`` more steps at each call; it answers with their losses."""
    arrays, parameters = digits()
    batches = [(torch.tensor(images), torch.tensor(target)) for images, target in arrays]
    network = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(256, 10),
    )
    with torch.no_grad():
        for held, value in zip(network.parameters(), parameters.values(), strict=True):
            held.copy_(torch.tensor(value))
    optimizer = torch.optim.SGD(network.parameters(), lr=CNN_RATE)

    def run() -> list[float]:
        losses = []
        for step in range(steps):
            images, target = batches[step % len(batches)]
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(network(images), target)
            loss.backward()
            losses.append(loss.item())
            optimizer.step()
        return losses

    return run


if __name__ == "__main__":
    print(training(200)()[-1])
