"""The small CNN in JAX, each step a call of ``jit``: 200 steps over batches of 64, the loss of each kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax

from benchmarks.programs.problems import CNN_RATE, digits

Tree = dict[str, Any]


def loss(parameters: Tree, x: jax.Array, target: jax.Array) -> jax.Array:
    """The mean of squared differences."""
    for name in ("conv1", "conv2"):
        x = jax.lax.conv_general_dilated(x, parameters[f"{name}.kernel"], (1, 1), "SAME")
        x = jax.nn.relu(x + parameters[f"{name}.bias"][:, None, None])
        x = jax.lax.reduce_window(x, -jax.numpy.inf, jax.lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")
    score = x.reshape(len(x), -1) @ parameters["score.kernel"].T + parameters["score.bias"]
    return ((score - target) ** 2).mean()


@jax.jit
def update(parameters: Tree, x: jax.Array, target: jax.Array) -> tuple[Tree, jax.Array]:
    """The parameters after one step, and the loss before it."""
    before, gradient = jax.value_and_grad(loss)(parameters, x, target)
    return jax.tree.map(lambda value, slope: value - CNN_RATE * slope, parameters, gradient), before


def training(steps: int) -> Callable[[], list[jax.Array]]:
    """``steps`` more steps at each call; the losses stay on the device, awaited at the end."""
    batches, parameters = jax.device_put(digits())

    def run() -> list[jax.Array]:
        nonlocal parameters
        losses = []
        for step in range(steps):
            parameters, before = update(parameters, *batches[step % len(batches)])
            losses.append(before)
        return jax.block_until_ready(losses)

    return run


if __name__ == "__main__":
    print(training(200)()[-1])
