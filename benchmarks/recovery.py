"""Time until both kernels of two_conv are found to 1e-6: minigraph's recover, PyTorch's recipes and SciPy alone.

    pip install -e ".[bench]" && python -m benchmarks.recovery [STARTS]

All sides see the same map, target and starts (normal kernels, biases 0), in float64 on one thread, and are judged alike
by the kernels that they leave: both within 1e-6 of the teacher's, relative to its largest entry, once the scale that
only their product fixes is taken out. From a start that stalls the next one is tried, so that a recipe's time is what
all its starts took, divided by its successes. PyTorch's loops stop as soon as the kernels are right, which costs them
no time; its other starts end where their loss no longer falls, or at their last step. Sides run in turn, start by
start; what a recipe prepares for all starts (minigraph's search) is prepared anew after each success, and counted.
"""

from __future__ import annotations

import platform
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import scipy
import torch
from scipy.optimize import least_squares
from scipy.signal import correlate2d
from threadpoolctl import threadpool_limits

import minigraph as mg
from minigraph.data.loading import load_data
from minigraph.recovery.search import Search, Task

GOOD = 1e-6
PATIENCE = {"late": 1e-5, "soon": 1e-2}
"""L-BFGS is given up when 20 steps lower its loss by less than this part, Adam when 500 do by less than 0.1 %."""
ADAM = {0.03: 4000, 0.1: 3000, 0.3: 3000, 1.0: 3000}
"""Rates and their most steps."""
WINDOW = 500

Start = tuple[np.ndarray, np.ndarray]
Run = Callable[[Start], Iterator[Start]]
"""From a start to where it gets, state by state."""


class Problem:
    """The bundled map and its teacher."""

    def __init__(self) -> None:
        definition = mg.Definition.load("two_conv")
        data = load_data(definition, "float64", seed=0)
        assert data.teacher is not None, "the bundled problem has a teacher"
        self.graph = definition.graph
        self.x, self.target = data.inputs["image"].reshape(20, 20), data.targets["conv2"].reshape(8, 8)
        self.teacher = data.teacher
        self.kernels = data.teacher["conv1.kernel"][0, 0], data.teacher["conv2.kernel"][0, 0]

    def solved(self, found: Start) -> bool:
        """Whether both kernels are the teacher's times a and 1/a; a is fitted to the first."""
        first, second = found
        size = np.vdot(first, first)
        a = np.vdot(first, self.kernels[0]) / size if np.isfinite(size) and size else 0.0
        if not a:
            return False
        pairs = zip((a * first, second / a), self.kernels, strict=True)
        return all(np.abs(learned - true).max() < GOOD * np.abs(true).max() for learned, true in pairs)


def start(seed: int) -> Start:
    """The first kernels of a seed."""
    generator = np.random.default_rng(seed)
    return generator.normal(size=(3, 3)), generator.normal(size=(4, 4))


def torch_model(problem: Problem, first: Start) -> tuple[list[torch.Tensor], Callable[[], torch.Tensor]]:
    """The parameters (kernel, bias, kernel, bias) from a start, and the loss that they have."""
    x, target = (torch.tensor(array)[None, None] for array in (problem.x, problem.target))
    k1, k2 = (torch.tensor(kernel)[None, None].requires_grad_() for kernel in first)
    b1, b2 = (torch.zeros(1, dtype=torch.float64, requires_grad=True) for _ in range(2))
    conv2d = torch.nn.functional.conv2d
    return [k1, b1, k2, b2], lambda: ((conv2d(conv2d(x, k1, b1), k2, b2, stride=2) - target) ** 2).sum()


def kernels_of(parameters: list[torch.Tensor]) -> Start:
    """The two kernels as arrays."""
    k1, _, k2, _ = (parameter.detach().numpy() for parameter in parameters)
    return k1.reshape(3, 3), k2.reshape(4, 4)


def torch_adam(rate: float, steps: int) -> Callable[[Problem], Run]:
    """Adam, whose rate falls along a half cosine to 0: without that it ends in a noise above the goal."""

    def run(problem: Problem, first: Start) -> Iterator[Start]:
        parameters, loss = torch_model(problem, first)
        optimizer = torch.optim.Adam(parameters, lr=rate)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
        before = float("inf")
        for step in range(steps):
            optimizer.zero_grad()
            value = loss()
            value.backward()
            optimizer.step()
            schedule.step()
            if step % 20 == 19:
                yield kernels_of(parameters)
            if step % WINDOW == WINDOW - 1:
                reached = value.item()
                if reached > 1.0 and reached > before * (1 - 1e-3):
                    return
                before = reached

    return lambda problem: partial(run, problem)


def torch_lbfgs(stalled: float) -> Callable[[Problem], Run]:
    """L-BFGS with strong Wolfe line searches."""

    def run(problem: Problem, first: Start) -> Iterator[Start]:
        parameters, loss = torch_model(problem, first)
        optimizer = torch.optim.LBFGS(
            parameters,
            max_iter=20,
            history_size=20,
            tolerance_grad=0.0,
            tolerance_change=0.0,
            line_search_fn="strong_wolfe",
        )

        def closure() -> torch.Tensor:
            optimizer.zero_grad()
            value = loss()
            value.backward()
            return value

        before = float("inf")
        for _ in range(100):
            reached = optimizer.step(closure).item()  # the loss before these 20 steps
            yield kernels_of(parameters)
            if not reached < before * (1 - stalled):
                return
            before = reached

    return lambda problem: partial(run, problem)


def scipy_residual(problem: Problem) -> Callable[[np.ndarray], np.ndarray]:
    """The model by hand, of (kernel, bias, kernel, bias) in one vector."""

    def residual(p: np.ndarray) -> np.ndarray:
        hidden = correlate2d(problem.x, p[:9].reshape(3, 3), mode="valid") + p[9]
        answer = correlate2d(hidden, p[10:26].reshape(4, 4), mode="valid")[::2, ::2] + p[26]
        return (answer - problem.target).ravel()

    return residual


def scipy_jacobian(problem: Problem) -> Callable[[np.ndarray], np.ndarray]:
    """Its derivatives by hand: patches of the hidden map, and of the map under the second kernel."""
    patches = np.lib.stride_tricks.sliding_window_view(problem.x, (18, 18))  # (3, 3, 18, 18), one for each weight

    def jacobian(p: np.ndarray) -> np.ndarray:
        rows = np.empty((64, 27))
        kernel = p[10:26].reshape(4, 4)
        for column, patch in enumerate(patches.reshape(9, 18, 18)):
            rows[:, column] = correlate2d(patch, kernel, mode="valid")[::2, ::2].ravel()
        rows[:, 9] = kernel.sum()
        hidden = correlate2d(problem.x, p[:9].reshape(3, 3), mode="valid") + p[9]
        windows = np.lib.stride_tricks.sliding_window_view(hidden, (4, 4))[::2, ::2]
        rows[:, 10:26] = windows.reshape(64, 16)
        rows[:, 26] = 1.0
        return rows

    return jacobian


def scipy_least_squares(by_hand: bool) -> Callable[[Problem], Run]:
    """MINPACK's Levenberg-Marquardt, with finite differences or the derivatives by hand."""

    def prepare(problem: Problem) -> Run:
        residual = scipy_residual(problem)
        jacobian: Any = scipy_jacobian(problem) if by_hand else "2-point"

        def run(first: Start) -> Iterator[Start]:
            p = np.concatenate([first[0].ravel(), [0.0], first[1].ravel(), [0.0]])
            found = least_squares(residual, p, jacobian, method="lm", xtol=1e-12, ftol=1e-12, gtol=1e-12)
            yield found.x[:9].reshape(3, 3), found.x[10:26].reshape(4, 4)

        return run

    return prepare


def minigraph_search(solver: str) -> Callable[[Problem], Run]:
    """A search of minigraph's recover: what it does once, and a start with its verdict."""

    def prepare(problem: Problem) -> Run:
        inputs, targets = {"image": problem.x[None, None]}, {"conv2": problem.target[None, None]}
        search = Search(Task(problem.graph, inputs, targets, problem.teacher, solver, seed=0))

        def run(first: Start) -> Iterator[Start]:
            k1, k2 = (kernel[None, None] for kernel in first)
            named = {"conv1.kernel": k1, "conv1.bias": np.zeros(1), "conv2.kernel": k2, "conv2.bias": np.zeros(1)}
            end = search.judged(0, search.solve(search.flat(named)))
            yield end.parameters[:9].reshape(3, 3), end.parameters[10:26].reshape(4, 4)

        return run

    return prepare


def minigraph_whole(problem: Problem) -> Run:
    """Whole calls of recover, with starts of their own from the same distribution, until their verdict is certain."""

    def run(first: Start) -> Iterator[Start]:
        seed = int(first[0].view(np.uint64)[0, 0] % 2**32)
        found = mg.recover(problem.graph, problem.x, problem.target, teacher=problem.teacher, seed=seed)
        yield found.parameters["conv1.kernel"][0, 0], found.parameters["conv2.kernel"][0, 0]

    return run


@dataclass
class Side:
    """One recipe and what it took so far, in seconds for each start."""

    name: str
    prepare: Callable[[Problem], Run]
    seconds: list[float] = field(default_factory=list)
    successes: int = 0
    run: Run | None = None

    def take(self, problem: Problem, first: Start) -> None:
        """Take one start, after a success with all to prepare anew; looking whether it is solved is not counted."""
        began = time.perf_counter()
        self.run = self.run or self.prepare(problem)
        states, spent, solved = self.run(first), time.perf_counter() - began, False
        while not solved:
            began = time.perf_counter()
            state = next(states, None)
            spent += time.perf_counter() - began
            if state is None:
                break
            solved = problem.solved(state)
        self.seconds.append(spent)
        if solved:
            self.successes, self.run = self.successes + 1, None

    @property
    def expected(self) -> float:
        """Seconds for one success."""
        return sum(self.seconds) / self.successes if self.successes else float("inf")


def main() -> None:
    """Print the table."""
    starts = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    problem = Problem()
    sides = [
        Side("minigraph recover, a search's starts (composite first)", minigraph_search("composite")),
        Side("minigraph recover --solver lm, a search's starts", minigraph_search("lm")),
        Side("minigraph recover, whole calls", minigraph_whole),
        *(
            Side(f"PyTorch Adam {rate:g}, {steps:,} steps, cosine", torch_adam(rate, steps))
            for rate, steps in ADAM.items()
        ),
        *(Side(f"PyTorch L-BFGS, strong Wolfe, given up {when}", torch_lbfgs(part)) for when, part in PATIENCE.items()),
        Side("SciPy least_squares, finite differences", scipy_least_squares(by_hand=False)),
        Side("SciPy least_squares, Jacobian by hand", scipy_least_squares(by_hand=True)),
    ]
    with threadpool_limits(1):
        for side in sides:
            side.take(problem, start(10**6))  # warms it up
            side.seconds, side.successes, side.run = [], 0, None
        for seed in range(starts):
            for side in sides:
                side.take(problem, start(seed))
    print(f"Python {platform.python_version()}, NumPy {np.__version__}, SciPy {scipy.__version__}, ", end="")
    print(f"PyTorch {torch.__version__}; {starts} starts, 1 thread, float64\n")
    print("| recipe | successes | a start (median) | expected time to both kernels |\n|---|---|---|---|")
    for side in sides:
        median = float(np.median(side.seconds)) * 1e3
        print(f"| {side.name} | {side.successes / starts:.0%} | {median:.3g} ms | {side.expected * 1e3:.3g} ms |")
    for kind in ("PyTorch", "SciPy"):
        best = min((side for side in sides if side.name.startswith(kind)), key=lambda side: side.expected)
        ratios = [best.expected / side.expected for side in sides if side.name.startswith("minigraph")]
        print(
            f"\nBest of {kind}: {best.name}; minigraph is {', '.join(f'{ratio:.1f}' for ratio in ratios)} times faster"
        )


if __name__ == "__main__":
    main()
