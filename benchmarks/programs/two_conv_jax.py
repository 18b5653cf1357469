"""The main job in JAX: two convolutions trained for 2,000 steps, the loss of each kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax

from benchmarks.programs.problems import TWO_CONV_RATE, two_conv

jax.config.update("jax_enable_x64", True)

Tree = dict[str, Any]


def loss(parameters: Tree, x: jax.Array, target: jax.Array) -> jax.Array:
    """The sum of squared differences."""
    for name, stride in (("conv1", 1), ("conv2", 2)):
        x = jax.lax.conv_general_dilated(x, parameters[f"{name}.kernel"], (stride, stride), "VALID")
        x = x + parameters[f"{name}.bias"][:, None, None]
    return ((x - target) ** 2).sum()


def update(parameters: Tree, x: jax.Array, target: jax.Array) -> tuple[Tree, jax.Array]:
    """The parameters after one step, and the loss before it."""
    before, gradient = jax.value_and_grad(loss)(parameters, x, target)
    return jax.tree.map(lambda value, slope: value - TWO_CONV_RATE * slope, parameters, gradient), before


def training(steps: int) -> Callable[[], list[jax.Array]]:
    """``steps`` more steps at each call, each a call of ``jit``; the losses stay on the device, awaited at the end."""
    x, target, parameters = jax.device_put(two_conv())
    step = jax.jit(update)

    def run() -> list[jax.Array]:
        nonlocal parameters
        losses = []
        for _ in range(steps):
            parameters, before = step(parameters, x, target)
            losses.append(before)
        return jax.block_until_ready(losses)

    return run


def scanned(steps: int) -> Callable[[], jax.Array]:
    """``steps`` more steps at each call, all in one compiled ``lax.scan``."""
    x, target, parameters = jax.device_put(two_conv())
    loop = jax.jit(lambda parameters: jax.lax.scan(lambda p, _: update(p, x, target), parameters, None, steps))

    def run() -> jax.Array:
        nonlocal parameters
        parameters, losses = loop(parameters)
        return jax.block_until_ready(losses)

    return run


if __name__ == "__main__":
    print(training(2000)()[-1])
