"""The main job in PyTorch: two convolutions trained for 2,000 steps, the loss of each kept."""

from __future__ import annotations

from collections.abc import Callable

import torch

from benchmarks.programs.problems import TWO_CONV_RATE, two_conv


def training(steps: int, compiled: bool = False) -> Callable[[], list[float]]:
    """``steps`` more steps at each call, eager or with ``torch.compile``; it answers with their losses."""
    x, target, parameters = two_conv()
    x, target = torch.tensor(x), torch.tensor(target)
    first, second = (torch.nn.Conv2d(1, 1, size, stride, dtype=torch.float64) for size, stride in ((3, 1), (4, 2)))
    network = torch.nn.Sequential(first, second)
    with torch.no_grad():
        for held, value in zip(network.parameters(), parameters.values(), strict=True):
            held.copy_(torch.tensor(value))
    optimizer = torch.optim.SGD(network.parameters(), lr=TWO_CONV_RATE)

    def evaluate(x: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return ((network(x) - target) ** 2).sum()

    evaluate = torch.compile(evaluate) if compiled else evaluate

    def run() -> list[float]:
        losses = []
        for _ in range(steps):
            optimizer.zero_grad()
            loss = evaluate(x, target)
            loss.backward()
            losses.append(loss.item())
            optimizer.step()
        return losses

    return run


if __name__ == "__main__":
    print(training(2000)()[-1])
