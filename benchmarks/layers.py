"""Single Conv layers: forward, gradient of the kernel and error of the input, in float32."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import geometric_mean

import jax
import numpy as np
import scipy.signal
import torch
from numpy.typing import NDArray

from benchmarks.harness import (
    ALONE,
    COMPILE_SECONDS,
    Goal,
    Line,
    Row,
    agree,
    at_most,
    in_turns,
    numpy_alone,
    timed,
)
from benchmarks.peak import peak
from minigraph.convolution.choice import plan_convolution
from minigraph.convolution.geometry import Geometry
from minigraph.steps.steps import batch_first, batch_last
from minigraph.steps.threads import blas_held

Array = NDArray[np.float32]
Passes = Callable[[], tuple[object, ...]]
"""A run of the three passes; it answers with (the answer, the kernel's gradient, the input's error)."""


@dataclass(frozen=True)
class Layer:
    """A Conv without padding and bias, and the batch it gets."""

    N: int
    C: int
    H: int
    W: int
    out: int
    kernel: int
    stride: int = 1
    dilation: int = 1
    groups: int = 1

    @property
    def geometry(self) -> Geometry:
        """Where its windows stand."""
        return Geometry((self.stride, self.stride), (0, 0, 0, 0), (self.dilation, self.dilation), self.groups)

    def draw(self) -> tuple[Array, Array, Array]:
        """An input (N, C, H, W), a kernel (out, C / groups, k, k) and an error (N, out, P, Q)."""
        generator = np.random.default_rng(0)
        output = self.geometry.output_size((self.H, self.W), (self.kernel, self.kernel))
        shapes = (
            (self.N, self.C, self.H, self.W),
            (self.out, self.C // self.groups, self.kernel, self.kernel),
            (self.N, self.out, *output),
        )
        x, kernel, error = (generator.normal(size=shape).astype(np.float32) for shape in shapes)
        return x, kernel, error

    def __str__(self) -> str:
        extra = [f"{name} {value}" for name in ("stride", "dilation", "groups") if (value := getattr(self, name)) > 1]
        what = f"{self.N}x{self.C}x{self.H}x{self.W} to {self.out}, kernel {self.kernel}"
        return ", ".join([what, *extra])


LAYERS = (
    Layer(32, 1, 28, 28, 16, 3),
    Layer(32, 16, 28, 28, 32, 3),
    Layer(32, 3, 32, 32, 32, 3),
    Layer(32, 64, 32, 32, 64, 3),
    Layer(8, 16, 128, 128, 16, 3),
    Layer(32, 64, 14, 14, 128, 3),
    Layer(32, 128, 14, 14, 128, 3),
    Layer(4, 32, 64, 64, 32, 5),
    Layer(32, 1, 28, 28, 6, 5),
    Layer(32, 32, 28, 28, 64, 3, stride=2),
    Layer(32, 64, 28, 28, 64, 1),
    Layer(32, 32, 28, 28, 32, 3, groups=32),
    Layer(32, 32, 28, 28, 32, 3, dilation=2),
)

FEW = (1, 2, 4, 8)
"""Numbers of samples."""

LARGE = {3: 2, 7: 6, 15: 10, 31: 30}
"""Kernels on one channel of 512x512, and how many times faster than PyTorch each is to be."""

NOTE = (
    "A step is forward, gradient of the kernel and error of the input for a given error of the answer. minigraph's "
    "side keeps nothing between steps; its maps lie in memory as they do between the nodes of a plan, the batch last. "
    "A plan copies a graph's inputs and the errors of its outputs into that order, which row 9 counts. "
    f"'{ALONE}' is without the extra `compiled`. All sides were checked to answer alike."
)


def minigraph_passes(layer: Layer) -> Passes:
    """The planned convolution."""
    given, kernel, upstream = layer.draw()
    x, error = (np.ascontiguousarray(batch_last(array)) for array in (given, upstream))
    answer, gradient, input_error = np.empty_like(error), np.empty_like(kernel), np.empty_like(x)
    convolution = plan_convolution(x, kernel, None, answer, layer.geometry)
    steps = [
        *convolution.forward(),
        *convolution.parameter_gradients(error, gradient, None),
        *convolution.input_error(error, input_error),
    ]

    def run() -> tuple[object, ...]:
        with blas_held():
            for step in steps:
                step()
        return batch_first(answer), gradient, batch_first(input_error)

    return run


def torch_passes(layer: Layer, compiled: bool = False) -> Passes:
    """PyTorch, eager or with ``torch.compile``."""
    x, kernel, upstream = map(torch.tensor, layer.draw())
    x.requires_grad_()
    kernel.requires_grad_()

    def convolve(x: torch.Tensor, kernel: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.conv2d(x, kernel, stride=layer.stride, dilation=layer.dilation, groups=layer.groups)

    if compiled:
        torch.compiler.reset()  # which gives up on a function that was compiled for several layers
        convolve = torch.compile(convolve)

    def run() -> tuple[object, ...]:
        x.grad = kernel.grad = None
        answer = convolve(x, kernel)
        answer.backward(upstream)
        return answer.detach(), kernel.grad, x.grad

    return run


def jax_passes(layer: Layer) -> Passes:
    """JAX, the three passes in one ``jit``."""
    arrays = jax.device_put(layer.draw())

    def convolve(x: jax.Array, kernel: jax.Array) -> jax.Array:
        geometry = layer.geometry
        return jax.lax.conv_general_dilated(
            x, kernel, geometry.stride, "VALID", rhs_dilation=geometry.dilation, feature_group_count=layer.groups
        )

    @jax.jit
    def passes(x: jax.Array, kernel: jax.Array, upstream: jax.Array) -> tuple[jax.Array, ...]:
        answer, pull = jax.vjp(convolve, x, kernel)
        input_error, gradient = pull(upstream)
        return answer, gradient, input_error

    return lambda: jax.block_until_ready(passes(*arrays))


def scipy_passes(layer: Layer) -> Passes:
    """SciPy's own choice between sums and FFT for each pass of one channel."""
    x, kernel, upstream = (array[0, 0] for array in layer.draw())

    def run() -> tuple[object, ...]:
        passes = (
            scipy.signal.correlate(x, kernel, "valid"),
            scipy.signal.correlate(x, upstream, "valid"),
            scipy.signal.convolve(upstream, kernel, "full"),
        )
        return tuple(array[None, None] for array in passes)

    return run


def compared(case: str, sides: dict[str, Passes]) -> Line:
    """The sides' times for one layer."""
    agree({name: run() for name, run in sides.items()}, 1e-4)
    return Line(case, in_turns({name: timed(run, shortest=0.1) for name, run in sides.items()}, turns=7))


def layers() -> Row:
    """Row 3."""
    lines, notes, best = [], [NOTE], peak(torch.get_num_threads())
    notes.append(
        f"The peak is {best / 1e9:.0f} GFLOP/s: what multiply-adds on registers alone reached on as many threads just "
        "before. The three passes count two operations for each multiply-add of the definition."
    )
    for layer in LAYERS:
        sides = {
            "minigraph": minigraph_passes(layer),
            "PyTorch eager": torch_passes(layer),
            "JAX jit": jax_passes(layer),
        }
        with numpy_alone():
            sides |= {f"minigraph, {ALONE}": minigraph_passes(layer)}
        torch_compiled = torch_passes(layer, compiled=True)
        try:
            with at_most(COMPILE_SECONDS):
                torch_compiled()
        except Exception as error:
            notes.append(f"torch.compile does not work here for {layer}: {type(error).__name__}.")
        else:
            sides["torch.compile"] = torch_compiled
        line = compared(str(layer), sides)
        operations = 6 * line_products(layer) / line.median("minigraph")
        shares = {
            "of PyTorch eager's time": f"{1 / line.ratio('PyTorch eager'):.2f}",
            f"{ALONE}, of it": f"{line.median(f'minigraph, {ALONE}') / line.median('PyTorch eager'):.2f}",
            "GFLOP/s": f"{operations / 1e9:.0f}",
            "of the peak": f"{operations / best:.0%}",
        }
        lines.append(replace(line, remarks=shares))
    goals = []
    for side, mean_bound, worst_bound in (("minigraph", 0.6, 1.0), (f"minigraph, {ALONE}", 1.0, 1.8)):
        ratios = {line.case: line.median(side) / line.median("PyTorch eager") for line in lines}
        middle, worst = geometric_mean([*ratios.values()]), max(ratios, key=lambda case: ratios[case])
        name = "" if side == "minigraph" else f", {ALONE}"
        goals += [
            Goal(f"times PyTorch eager's time, geometric mean of the layers{name}", middle, "at most", mean_bound),
            Goal(f"times PyTorch eager's time, the worst layer{name} ({worst})", ratios[worst], "at most", worst_bound),
        ]
    return Row("3. Single layers: a training step, float32, N x C x H x W", "s", lines, goals, notes)


def line_products(layer: Layer) -> int:
    """Multiply-adds of a layer's forward; each of the two gradients has as many."""
    rows, columns = layer.geometry.output_size((layer.H, layer.W), (layer.kernel, layer.kernel))
    return layer.N * layer.out * rows * columns * layer.C // layer.groups * layer.kernel**2


def few_samples() -> Row:
    """Row 12."""
    lines, goals, worst = [], [], (0.0, "")
    for samples in FEW:
        ratios = []
        for layer in (replace(layer, N=samples) for layer in LAYERS):
            sides = {"minigraph": minigraph_passes(layer), "PyTorch eager": torch_passes(layer)}
            line = compared(str(layer), sides)
            ratios.append(1 / line.ratio("PyTorch eager"))
            worst = max(worst, (ratios[-1], str(layer)))
            lines.append(replace(line, remarks={"of PyTorch eager's time": f"{ratios[-1]:.2f}"}))
        what = f"times PyTorch eager's time, geometric mean of the layers, {samples} sample{'s' * (samples > 1)}"
        goals.append(Goal(what, geometric_mean(ratios), "at most", 1.1))
    goals.append(Goal(f"times PyTorch eager's time, the worst layer ({worst[1]})", worst[0], "at most", 1.1))
    return Row("12. Single layers of 1 to 8 samples: a training step, float32", "s", lines, goals, [NOTE])


def large() -> Row:
    """Row 4."""
    lines = {}
    for size in LARGE:
        layer = Layer(1, 1, 512, 512, 1, size)
        sides = {
            "minigraph": minigraph_passes(layer),
            "PyTorch eager": torch_passes(layer),
            "JAX jit": jax_passes(layer),
            "SciPy": scipy_passes(layer),
        }
        lines[size] = compared(f"kernel {size}x{size}", sides)
    goals = [
        Goal(f"times faster than PyTorch eager, kernel {size}", lines[size].ratio("PyTorch eager"), "at least", bound)
        for size, bound in LARGE.items()
    ]
    notes = [NOTE, "SciPy is scipy.signal.correlate and convolve with method 'auto', which use one thread."]
    return Row("4. One channel of 512x512: a training step, float32, batch 1", "s", list(lines.values()), goals, notes)
