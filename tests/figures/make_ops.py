"""Make the oracle figures of every op: what PyTorch answers, forward and backward, in float64.

Computed with PyTorch 2.13.0 (CPU) by `torch.autograd`; rerun with `python tests/figures/make_ops.py`, which
writes one OP.npz an op beside this script. Only this maker needs torch; the tests read the stored files.

`cases` is JSON (0-d unicode): torch and numpy version, op, seed, and per case its name, its attributes in the
definition file's spelling (those that differ from the default) and, for BatchNorm, `training`. Per case:

    NAME/input0, NAME/input1 ...                  (N, C, H, W) or (N, F)
    NAME/parameter/kernel, bias or scale          as the op declares them
    NAME/state/mean, NAME/state/variance          BatchNorm only, before the step
    NAME/error                                    dLoss/d(output), random normal
    NAME/output
    NAME/input_error0, NAME/input_error1 ...      dLoss/d(input)
    NAME/gradient/kernel, bias or scale           dLoss/d(parameter)
    NAME/state_after/mean, NAME/state_after/variance

Random values are rounded to multiples of 1/64, so that sums of products (Conv, ConvTranspose, Dense) carry no
rounding error at all and the files stay small. Conventions worth knowing:

- padding "same" puts the extra row or column at the bottom/right (ONNX SAME_UPPER, TensorFlow);
- ConvTranspose's output_padding lengthens the full result at the bottom/right, then its padding crops that;
- BatchNorm normalises by the biased variance, but its running variance takes the unbiased one (n / (n - 1)):
  after = (1 - momentum) * before + momentum * batch;
- at exactly 0 the derivative of ReLU is 0 and that of LeakyReLU is its slope.
"""

import json
from collections.abc import Callable
from functools import partial
from math import prod
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

HERE = Path(__file__).parent
SEED = 20
Arrays = dict[str, np.ndarray]
Tensors = dict[str, torch.Tensor]


class Figures:
    """The cases of one op, collected and then saved as one file."""

    def __init__(self, op: str, file: str):
        self.op, self.file = op, file
        self.rng = np.random.default_rng(SEED)
        self.cases: list[dict] = []
        self.arrays: Arrays = {}

    def draw(self, *shape: int) -> np.ndarray:
        return np.round(self.rng.normal(size=shape) * 64) / 64 + 0.0  # + 0.0 turns -0.0 into 0.0

    def add(
        self,
        name: str,
        attributes: dict,
        function: Callable[..., torch.Tensor],
        inputs: list[np.ndarray],
        parameters: Arrays | None = None,
        state: Arrays | None = None,
        training: bool | None = None,
    ) -> None:
        """Record function(*inputs, **parameters, **state) under `name`, with its backward pass."""
        parameters, state = parameters or {}, state or {}
        assert name not in [case["name"] for case in self.cases], name
        leaves = [torch.tensor(array, requires_grad=True) for array in [*inputs, *parameters.values()]]
        after = {key: torch.tensor(array) for key, array in state.items()}  # a training pass changes these
        named = dict(zip(parameters, leaves[len(inputs) :], strict=True))
        output = function(*leaves[: len(inputs)], **named, **after)
        assert output.dtype == torch.float64 and 0 not in output.shape, (name, output.shape)
        error = self.draw(*output.shape)
        gradients = [g.numpy() for g in torch.autograd.grad(output, leaves, torch.tensor(error))]

        record = {f"input{i}": array for i, array in enumerate(inputs)}
        record |= {f"parameter/{key}": array for key, array in parameters.items()}
        record |= {f"state/{key}": array for key, array in state.items()}
        record |= {"error": error, "output": output.detach().numpy()}
        record |= {f"input_error{i}": gradients[i] for i in range(len(inputs))}
        record |= {f"gradient/{key}": g for key, g in zip(parameters, gradients[len(inputs) :], strict=True)}
        record |= {f"state_after/{key}": tensor.numpy() for key, tensor in after.items()}
        self.arrays |= {f"{name}/{key}": array for key, array in record.items()}
        flag = {} if training is None else {"training": training}
        self.cases.append({"name": name, "attributes": attributes, **flag})

    def save(self) -> None:
        about = {"torch": torch.__version__, "numpy": np.__version__, "op": self.op, "seed": SEED}
        cases = np.array(json.dumps({**about, "cases": self.cases}))
        path = HERE / f"{self.file}.npz"
        np.savez_compressed(path, cases=cases, **self.arrays)
        print(f"{path.name}: {len(self.cases)} cases, {path.stat().st_size} bytes")


def pair(value: int | list[int]) -> list[int]:
    return [value, value] if isinstance(value, int) else value


def pad_sides(attributes: dict, size: torch.Size, default_stride: int | list[int] = 1) -> list[int]:
    """Return the padding as [top, left, bottom, right] for an input of the given (H, W)."""
    padding = attributes.get("padding", 0)
    if padding == "valid":
        return [0, 0, 0, 0]
    if padding == "same":
        kernel, strides = pair(attributes["kernel_size"]), pair(attributes.get("stride", default_stride))
        windows = zip(size, kernel, strides, pair(attributes.get("dilation", 1)), strict=True)
        totals = [max((-(-n // s) - 1) * s + (k - 1) * d + 1 - n, 0) for n, k, s, d in windows]
        return [total // 2 for total in totals] + [total - total // 2 for total in totals]
    sides = pair(padding)
    return sides if len(sides) == 4 else sides + sides


def pad(x: torch.Tensor, sides: list[int], value: float = 0.0) -> torch.Tensor:
    top, left, bottom, right = sides
    return functional.pad(x, (left, right, top, bottom), value=value)


def conv(x, kernel, bias=None, *, attributes):
    strides, dilations = pair(attributes.get("stride", 1)), pair(attributes.get("dilation", 1))
    x = pad(x, pad_sides(attributes, x.shape[2:]))
    return functional.conv2d(x, kernel, bias, strides, 0, dilations, attributes.get("groups", 1))


def conv_transpose(x, kernel, bias=None, *, attributes):
    strides, dilations = pair(attributes.get("stride", 1)), pair(attributes.get("dilation", 1))
    longer, groups = pair(attributes.get("output_padding", 0)), attributes.get("groups", 1)
    top, left, bottom, right = sides = pad_sides(attributes, x.shape[2:])
    full = functional.conv_transpose2d(x, kernel, bias, strides, 0, longer, groups, dilations)
    y = full[:, :, top : full.shape[2] - bottom, left : full.shape[3] - right]
    if sides[:2] == sides[2:]:  # what torch can express itself
        native = functional.conv_transpose2d(x, kernel, bias, strides, sides[:2], longer, groups, dilations)
        assert torch.equal(y, native)
    return y


def max_pool(x, *, attributes):
    kernel_size, dilation = attributes["kernel_size"], attributes.get("dilation", 1)
    stride, ceil = attributes.get("stride", kernel_size), attributes.get("ceil_mode", False)
    sides = pad_sides(attributes, x.shape[2:], kernel_size)
    if ceil:  # a map padded beforehand would let windows begin in the padding
        assert sides[:2] == sides[2:]
        return functional.max_pool2d(x, kernel_size, stride, sides[:2], dilation, ceil_mode=True)
    return functional.max_pool2d(pad(x, sides, -torch.inf), kernel_size, stride, 0, dilation)


def avg_pool(x, *, attributes):
    kernel_size, include = attributes["kernel_size"], attributes.get("count_include_pad", False)
    stride, ceil = attributes.get("stride", kernel_size), attributes.get("ceil_mode", False)
    sides = pad_sides(attributes, x.shape[2:], kernel_size)
    if ceil:
        assert sides[:2] == sides[2:]
        return functional.avg_pool2d(x, kernel_size, stride, sides[:2], ceil_mode=True, count_include_pad=include)
    if "dilation" in attributes:  # avg_pool2d has none: the sum by a convolution with ones, each channel on its own
        ones = torch.ones(x.shape[1], 1, *pair(kernel_size), dtype=x.dtype)

        def total(y):
            return functional.conv2d(pad(y, sides), ones, None, stride, 0, attributes["dilation"], x.shape[1])

        return total(x) / (ones[0].sum() if include else total(torch.ones_like(x)))
    y = functional.avg_pool2d(pad(x, sides), kernel_size, stride)
    if not include:  # divide by the number of true entries instead of by the window's area
        y = y / functional.avg_pool2d(pad(torch.ones_like(x), sides), kernel_size, stride)
    height, width = pair(kernel_size)
    if sides[:2] == sides[2:] and sides[0] <= height // 2 and sides[1] <= width // 2:
        native = functional.avg_pool2d(x, kernel_size, stride, sides[:2], count_include_pad=include)
        torch.testing.assert_close(y, native, rtol=1e-14, atol=1e-14)
    return y


def make_conv(op: str, file: str, function: Callable, cases: list[tuple], transpose: bool = False) -> None:
    figures = Figures(op, file)
    for name, shape, attributes in cases:
        out, groups = attributes.get("out_channels", 1), attributes.get("groups", 1)
        channels = (shape[1], out // groups) if transpose else (out, shape[1] // groups)
        parameters = {"kernel": figures.draw(*channels, *pair(attributes["kernel_size"]))}
        if attributes.get("bias", True):
            parameters["bias"] = figures.draw(out)
        figures.add(
            name,
            attributes,
            lambda x, attributes=attributes, **p: function(x, **p, attributes=attributes),
            [figures.draw(*shape)],
            parameters,
        )
    figures.save()


X = (2, 3, 9, 11)
Y = (2, 3, 6, 7)
CONV = [
    ("plain_3x3", X, {"kernel_size": 3, "out_channels": 4}),
    ("single_channel", (3, 1, 8, 10), {"kernel_size": 4, "stride": 2}),
    ("kernel_1x1", (2, 3, 4, 6), {"kernel_size": 1, "out_channels": 5}),
    ("kernel_2x3", Y, {"kernel_size": [2, 3], "out_channels": 4}),
    ("kernel_4x1", Y, {"kernel_size": [4, 1], "out_channels": 4}),
    ("stride_2_floor", (2, 3, 8, 10), {"kernel_size": 3, "stride": 2, "out_channels": 4}),
    ("stride_3x2_floor", (2, 3, 7, 10), {"kernel_size": [2, 3], "stride": [3, 2], "out_channels": 4}),
    ("stride_beyond_kernel", (2, 3, 10, 13), {"kernel_size": 2, "stride": [3, 4], "out_channels": 4}),
    ("padding_2", Y, {"kernel_size": 4, "padding": 2, "out_channels": 4}),
    ("padding_1x2", Y, {"kernel_size": [2, 3], "padding": [1, 2], "out_channels": 4}),
    ("padding_four_sided", Y, {"kernel_size": [4, 3], "padding": [1, 0, 2, 3], "out_channels": 4}),
    ("padding_beyond_kernel", (2, 3, 5, 6), {"kernel_size": 2, "padding": [3, 2], "out_channels": 4}),
    ("same_even_kernel", Y, {"kernel_size": [4, 2], "padding": "same", "out_channels": 4}),
    ("same_stride_2", X, {"kernel_size": [4, 3], "stride": 2, "padding": "same", "out_channels": 4}),
    (
        "same_stride_2_even_size",
        (2, 3, 8, 10),
        {"kernel_size": 3, "stride": 2, "padding": "same", "out_channels": 4},
    ),
    (
        "same_stride_beyond_kernel",
        (2, 3, 7, 9),
        {"kernel_size": 2, "stride": [3, 4], "padding": "same", "out_channels": 4},
    ),
    (
        "same_dilation",
        (2, 3, 7, 8),
        {"kernel_size": [2, 3], "dilation": [3, 2], "padding": "same", "out_channels": 4},
    ),
    ("valid", Y, {"kernel_size": [3, 4], "padding": "valid", "out_channels": 4}),
    ("dilation_2x3", Y, {"kernel_size": [3, 2], "dilation": [2, 3], "out_channels": 4}),
    (
        "dilation_2_stride_2_padding",
        (2, 3, 9, 12),
        {"kernel_size": 3, "stride": 2, "padding": [2, 1], "dilation": 2, "out_channels": 4},
    ),
    ("groups_3", (2, 6, 5, 7), {"kernel_size": [2, 3], "groups": 3, "out_channels": 9}),
    ("depthwise_multiplier_2", Y, {"kernel_size": 3, "stride": 2, "groups": 3, "out_channels": 6}),
    ("bias_false", Y, {"kernel_size": [3, 2], "out_channels": 4, "bias": False}),
    ("kernel_as_input", (2, 3, 5, 6), {"kernel_size": [5, 6], "out_channels": 4}),
    (
        "everything",
        (2, 4, 9, 11),
        {
            "kernel_size": [4, 3],
            "stride": [3, 2],
            "padding": [2, 1, 3, 4],
            "dilation": [2, 3],
            "groups": 2,
            "out_channels": 6,
        },
    ),
]

Z = (2, 3, 4, 5)
CONV_TRANSPOSE = [
    ("plain_3x3", Z, {"kernel_size": 3, "out_channels": 4}),
    ("single_channel", (3, 1, 4, 5), {"kernel_size": [2, 4], "stride": 2}),
    ("kernel_1x1", Z, {"kernel_size": 1, "stride": [2, 1], "out_channels": 4}),
    ("kernel_2x3", Z, {"kernel_size": [2, 3], "out_channels": 4}),
    ("stride_2", Z, {"kernel_size": 4, "stride": 2, "out_channels": 4}),
    ("stride_beyond_kernel", Z, {"kernel_size": 2, "stride": [3, 4]}),
    ("padding_2", Z, {"kernel_size": 4, "stride": 2, "padding": 2, "out_channels": 4}),
    ("padding_1x2", Z, {"kernel_size": [2, 3], "padding": [1, 2], "stride": [3, 2], "out_channels": 4}),
    (
        "padding_four_sided",
        Z,
        {"kernel_size": [4, 3], "stride": [2, 3], "padding": [1, 0, 2, 3], "out_channels": 4},
    ),
    ("valid", Z, {"kernel_size": [2, 4], "padding": "valid", "out_channels": 4}),
    ("output_padding", Z, {"kernel_size": 3, "stride": 2, "output_padding": 1}),
    (
        "output_padding_1x2_padding",
        Z,
        {"kernel_size": [4, 3], "stride": [2, 3], "padding": 1, "output_padding": [1, 2], "out_channels": 4},
    ),
    ("dilation_2x3", Z, {"kernel_size": [3, 2], "dilation": [2, 3], "out_channels": 4}),
    ("groups_3", (2, 6, 3, 4), {"kernel_size": [2, 3], "stride": 2, "groups": 3, "out_channels": 9}),
    (
        "depthwise_multiplier_2",
        Z,
        {"kernel_size": 3, "stride": 2, "padding": 1, "groups": 3, "out_channels": 6},
    ),
    ("bias_false", Z, {"kernel_size": [3, 2], "out_channels": 4, "bias": False}),
    (
        "everything",
        (2, 4, 3, 5),
        {
            "kernel_size": [4, 3],
            "stride": [3, 2],
            "padding": [2, 1, 3, 4],
            "output_padding": [2, 1],
            "dilation": [2, 3],
            "groups": 2,
            "out_channels": 6,
        },
    ),
]

P = (2, 3, 7, 10)
POOL = [
    ("kernel_2", (2, 3, 8, 10), {"kernel_size": 2}),
    ("floor_leftover", P, {"kernel_size": [3, 2]}),
    ("overlapping", P, {"kernel_size": 3, "stride": [2, 1]}),
    ("stride_beyond_kernel", P, {"kernel_size": 2, "stride": [3, 4]}),
    ("padding_1", P, {"kernel_size": 3, "stride": 2, "padding": 1}),
    ("padding_2x1", P, {"kernel_size": [4, 3], "padding": [2, 1]}),
    ("padding_four_sided", P, {"kernel_size": [3, 4], "stride": 2, "padding": [1, 0, 2, 3]}),
    ("same", P, {"kernel_size": [3, 2], "padding": "same"}),
    ("same_stride_1", (2, 3, 5, 6), {"kernel_size": [2, 4], "stride": 1, "padding": "same"}),
    ("valid", P, {"kernel_size": [2, 3], "stride": [1, 3], "padding": "valid"}),
    ("whole_input", (2, 3, 4, 5), {"kernel_size": [4, 5]}),
]
DILATED_OR_ROUNDED_UP = [
    ("dilation_2x3", P, {"kernel_size": [3, 2], "stride": 1, "dilation": [2, 3]}),
    ("dilation_four_sided", P, {"kernel_size": [2, 3], "stride": 2, "padding": [1, 0, 2, 3], "dilation": [3, 2]}),
    ("same_dilation", P, {"kernel_size": [3, 2], "stride": [1, 2], "padding": "same", "dilation": [2, 3]}),
    ("ceil_leftover", P, {"kernel_size": [3, 2], "stride": [2, 3], "ceil_mode": True}),
    ("ceil_beyond_padding", P, {"kernel_size": [4, 3], "stride": [3, 2], "padding": [2, 1], "ceil_mode": True}),
    ("ceil_none_in_padding", (2, 3, 5, 7), {"kernel_size": 2, "padding": 1, "ceil_mode": True}),
    ("ceil_kernel_beyond_input", (2, 3, 3, 4), {"kernel_size": [4, 5], "stride": 2, "ceil_mode": True}),
]
DILATED_AND_ROUNDED_UP = (
    "dilation_ceil_padding",
    (2, 3, 8, 9),
    {"kernel_size": [3, 2], "stride": [2, 3], "padding": 1, "dilation": [2, 3], "ceil_mode": True},
)


def make_pools() -> None:
    figures = Figures("MaxPool", "max_pool")

    def add_max(name, shape, attributes):
        size = int(np.prod(shape))
        distinct = (figures.rng.permutation(size).reshape(shape) - size // 2) / 64  # no ties in any window
        figures.add(name, attributes, lambda x: max_pool(x, attributes=attributes), [distinct])

    for case in POOL:
        add_max(*case)
    negative = -1.0 - figures.rng.permutation(2 * 3 * 4 * 5).reshape(2, 3, 4, 5) / 64
    # padding that counted as 0 would win here
    attributes = {"kernel_size": 3, "stride": 2, "padding": 1}
    figures.add("padding_all_negative", attributes, lambda x: max_pool(x, attributes=attributes), [negative])
    for case in [*DILATED_OR_ROUNDED_UP, DILATED_AND_ROUNDED_UP]:
        add_max(*case)
    figures.save()

    figures = Figures("AvgPool", "avg_pool")
    for cases in (POOL, DILATED_OR_ROUNDED_UP):
        padded = [case for case in cases if case[2].get("padding", "valid") != "valid"]
        included = [(f"{name}_included", shape, a | {"count_include_pad": True}) for name, shape, a in padded]
        for name, shape, attributes in cases + included:
            x = figures.draw(*shape)
            figures.add(name, attributes, lambda x, a=attributes: avg_pool(x, attributes=a), [x])
    figures.save()


def make_activations() -> None:
    shape = (2, 3, 4, 5)
    zeros = np.array([[-2.0, -0.0, 0.0, 1.5, 0.0, -1e-300, 1e-300], [0.0, 3.0, -0.5, -0.0, 2.0, 0.0, -1.0]])
    large = np.array([[-800.0, -40.0, -1e-9, 0.0, 1e-9, 40.0, 800.0], [-1e300, -20.0, -5.0, 0.5, 5.0, 20.0, 9e9]])

    figures = Figures("ReLU", "relu")
    figures.add("four_axes", {}, functional.relu, [figures.draw(*shape)])
    figures.add("two_axes", {}, functional.relu, [figures.draw(4, 7)])
    figures.add("exact_zeros", {}, functional.relu, [zeros])
    figures.save()

    figures = Figures("LeakyReLU", "leaky_relu")
    for name, attributes in [("default_slope", {}), ("slope_0_2", {"slope": 0.2})]:
        slope = attributes.get("slope", 0.01)
        figures.add(name, attributes, lambda x, slope=slope: functional.leaky_relu(x, slope), [figures.draw(*shape)])
    figures.add("two_axes", {}, functional.leaky_relu, [figures.draw(4, 7)])
    figures.add("exact_zeros", {"slope": 0.2}, lambda x: functional.leaky_relu(x, 0.2), [zeros])
    figures.save()

    for op, function in [("Sigmoid", torch.sigmoid), ("Tanh", torch.tanh)]:
        figures = Figures(op, op.lower())
        figures.add("four_axes", {}, function, [figures.draw(*shape)])
        figures.add("two_axes", {}, function, [figures.draw(4, 7)])
        figures.add("large", {}, function, [large])
        figures.save()

    def softmax(x, axis=1):
        return torch.softmax(x, dim=axis)

    figures = Figures("Softmax", "softmax")
    figures.add("four_axes", {}, softmax, [figures.draw(*shape)])
    figures.add("two_axes", {}, softmax, [figures.draw(4, 7)])
    figures.add("one_channel", {}, softmax, [figures.draw(2, 1, 4, 5)])
    large = np.array([[800.0, 799.0, -800.0, 0.0], [-800.0, -801.0, -802.5, -1000.0]])
    figures.add("large", {}, softmax, [large])
    for axis in (2, 3):
        figures.add(f"axis_{axis}", {"axis": axis}, partial(softmax, axis=axis), [figures.draw(*shape)])
    figures.save()


BROADCASTS = {
    "gate": [(3, 1, 1), (3, 4, 5)],
    "mask": [(3, 4, 5), (1, 4, 5)],
    "gate_and_mask": [(3, 1, 1), (1, 4, 5)],
    "rows_columns_and_whole": [(1, 4, 1), (3, 4, 5), (1, 1, 5)],
    "four_axes_each": [(3, 1, 1), (1, 4, 1), (1, 1, 5), (1, 1, 1)],
    "vector_and_number": [(7,), (1,), (7,)],
}


def add_broadcasts(figures: Figures, function: Callable[..., torch.Tensor]) -> None:
    for name, shapes in BROADCASTS.items():
        figures.add(name, {}, function, [figures.draw(2, *shape) for shape in shapes])


def make_merges() -> None:
    shape = (2, 3, 4, 5)
    figures = Figures("Add", "add")
    figures.add("two_inputs", {}, lambda a, b: a + b, [figures.draw(*shape) for _ in range(2)])
    figures.add("four_inputs", {}, lambda a, b, c, d: a + b + c + d, [figures.draw(*shape) for _ in range(4)])
    figures.add("two_axes", {}, lambda a, b: a + b, [figures.draw(4, 7) for _ in range(2)])
    add_broadcasts(figures, lambda *inputs: sum(inputs[1:], inputs[0]))
    figures.save()

    figures = Figures("Multiply", "multiply")
    figures.add("two_inputs", {}, lambda a, b: a * b, [figures.draw(*shape) for _ in range(2)])
    figures.add("four_inputs", {}, lambda a, b, c, d: a * b * c * d, [figures.draw(*shape) for _ in range(4)])
    figures.add("two_axes", {}, lambda a, b: a * b, [figures.draw(4, 7) for _ in range(2)])
    with_zeros = [figures.draw(4, 7) for _ in range(3)]  # dividing the product by one factor would fail here
    with_zeros[0][0, :3] = with_zeros[1][0, 1:4] = with_zeros[2][1] = 0.0
    figures.add("factors_of_zero", {}, lambda a, b, c: a * b * c, with_zeros)
    add_broadcasts(figures, lambda *inputs: prod(inputs[1:], start=inputs[0]))
    figures.save()

    def concat(*inputs, axis=1):
        return torch.cat(inputs, dim=axis)

    figures = Figures("Concat", "concat")
    figures.add("two_inputs", {}, concat, [figures.draw(2, channels, 4, 5) for channels in (3, 1)])
    figures.add("four_inputs", {}, concat, [figures.draw(2, channels, 4, 5) for channels in (1, 3, 2, 6)])
    figures.add("two_axes", {}, concat, [figures.draw(4, features) for features in (7, 2, 5)])
    rows = [figures.draw(2, 3, height, 5) for height in (4, 1, 2)]
    figures.add("axis_2", {"axis": 2}, partial(concat, axis=2), rows)
    columns = [figures.draw(2, 3, 4, width) for width in (1, 6)]
    figures.add("axis_3", {"axis": 3}, partial(concat, axis=3), columns)
    figures.save()


def make_shapes_and_dense() -> None:
    figures = Figures("GlobalAvgPool", "global_avg_pool")
    figures.add("plain", {}, lambda x: x.mean(dim=(2, 3), keepdim=True), [figures.draw(2, 3, 4, 5)])
    figures.add("one_row", {}, lambda x: x.mean(dim=(2, 3), keepdim=True), [figures.draw(2, 3, 1, 7)])
    figures.save()

    figures = Figures("Flatten", "flatten")
    figures.add("plain", {}, lambda x: torch.flatten(x, 1), [figures.draw(2, 3, 4, 5)])
    figures.add("one_channel", {}, lambda x: torch.flatten(x, 1), [figures.draw(3, 1, 4, 5)])
    figures.save()

    def dense(x, kernel, bias=None):
        return functional.linear(x, kernel, bias)

    figures = Figures("Dense", "dense")
    for name, rows, features, out, bias in [
        ("plain", 4, 7, 5, True),
        ("bias_false", 4, 7, 5, False),
        ("one_output", 3, 6, 1, True),
        ("one_sample", 1, 5, 8, True),
    ]:
        parameters = {"kernel": figures.draw(out, features)} | ({"bias": figures.draw(out)} if bias else {})
        attributes = {"out_features": out} | ({} if bias else {"bias": False})
        figures.add(name, attributes, dense, [figures.draw(rows, features)], parameters)
    figures.save()


def make_batch_norm() -> None:
    figures = Figures("BatchNorm", "batch_norm")
    custom = {"epsilon": 0.01, "momentum": 0.3}
    for name, shape, attributes, training in [
        ("training", (2, 3, 4, 5), {}, True),
        ("training_custom", (2, 3, 4, 5), custom, True),
        ("training_two_axes", (6, 4), {}, True),
        ("training_two_axes_custom", (6, 4), custom, True),
        ("inference", (2, 3, 4, 5), {}, False),
        ("inference_custom", (2, 3, 4, 5), custom, False),
        ("inference_two_axes", (6, 4), {}, False),
    ]:
        channels = shape[1]
        epsilon, momentum = attributes.get("epsilon", 1e-5), attributes.get("momentum", 0.1)

        def batch_norm(x, scale, bias, mean, variance, training=training, epsilon=epsilon, momentum=momentum):
            return functional.batch_norm(x, mean, variance, scale, bias, training, momentum, epsilon)

        columns = (channels,) + (1,) * (len(shape) - 2)  # each channel with its own centre and spread
        x = figures.draw(*shape) * np.arange(1, channels + 1).reshape(columns) + figures.draw(*columns)
        parameters = {"scale": figures.draw(channels), "bias": figures.draw(channels)}
        state = {"mean": figures.draw(channels), "variance": 0.5 + np.abs(figures.draw(channels))}
        figures.add(name, attributes, batch_norm, [x], parameters, state, training)
    figures.save()


if __name__ == "__main__":
    torch.set_num_threads(1)
    make_conv("Conv", "conv", conv, CONV)
    make_conv("ConvTranspose", "conv_transpose", conv_transpose, CONV_TRANSPOSE, transpose=True)
    make_pools()
    make_activations()
    make_merges()
    make_shapes_and_dense()
    make_batch_norm()
