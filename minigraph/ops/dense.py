"""Dense: every output sums all inputs."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import ClassVar

import numpy as np

from minigraph.arrays import Array, Shape, spell_shape
from minigraph.declared.fields import Count
from minigraph.errors import ShapeError
from minigraph.explaining import Index, products
from minigraph.explaining import Step as ExplainedStep
from minigraph.ops import spellings
from minigraph.ops.base import Context, Errors, Op, Parameter, PlanBackward, Slot, attribute, register_op, required
from minigraph.ops.convolving import add_bias, bias_gradient
from minigraph.steps.steps import Step, batch_last, multiplying


@register_op
class Dense(Op):
    """(F,) to (out_features,): y = kernel x + bias, with kernel (out_features, F) and bias (out_features,)."""

    family: ClassVar[str] = "dense"
    foreign_names: ClassVar[tuple[str, ...]] = ("Linear", "Gemm", "MatMul", "FullyConnected", "InnerProduct")
    reads_output: ClassVar[bool] = False

    out_features: Count = required("how many numbers the answer has", foreign=("units", "out_units", "num_output"))
    bias: bool = attribute(True, "whether a learned number is added to each of them", foreign=spellings.BIAS)

    def output_shape(self, *inputs: Shape) -> Shape:
        if len(inputs[0]) != 1:
            raise ShapeError(
                f"Dense needs a vector; found a map {spell_shape(inputs[0])}; expected a Flatten before it",
                attribute="inputs",
            )
        return (self.out_features,)

    def parameters(self, *inputs: Shape) -> dict[str, Parameter]:
        features = inputs[0][0]
        fans = features, self.out_features
        parameters = {"kernel": Parameter((self.out_features, features), "he_normal", *fans)}
        if self.bias:
            parameters["bias"] = Parameter((self.out_features,), 0.0, *fans)
        return parameters

    @property
    def mixes_channels(self) -> bool:
        return True

    def multiply_adds(self, *inputs: Shape) -> int:
        return inputs[0][0] * self.out_features

    def forward(self, inputs: tuple[Array, ...], context: Context) -> Array:
        # (N, F) @ (F, O) -> (N, O)
        answer: Array = inputs[0] @ context.parameters["kernel"].T
        if self.bias:
            answer += context.parameters["bias"]
        return answer

    def backward(self, error: Array, inputs: tuple[Array, ...], output: Array, context: Context) -> Errors:
        gradients: dict[str, Array] = {"kernel": error.T @ inputs[0]}
        if self.bias:
            gradients["bias"] = error.sum(axis=0)
        return Errors((error @ context.parameters["kernel"],), gradients)

    def sample_gradients(
        self, error: Array, inputs: tuple[Array, ...], output: Array, context: Context
    ) -> Mapping[str, Array]:
        # (N, O, 1) * (N, 1, F)
        gradients = {"kernel": error[:, :, None] * inputs[0][:, None, :]}
        return {**gradients, "bias": error} if self.bias else gradients

    def explain_forward(self, inputs: tuple[Array, ...], output: Array, context: Context) -> list[ExplainedStep]:
        (x,), kernel = inputs, context.parameters["kernel"]
        product = x @ kernel.T

        def pairs(index: Index) -> list[tuple[Index, Index]]:
            return [((index[0], i), (index[1], i)) for i in range(x.shape[1])]

        multiply = ExplainedStep(
            "multiply",
            "Multiply and add",
            "Every number of the vector is multiplied by a weight of its own and all are added up, for each "
            "number of the "
            "answer with other weights.",
            "product[n, o] = sum over i of x[n, i] * kernel[o, i]",
            "product",
            {"x": x, "kernel": kernel, "product": product},
            products(product, (("x", x), ("kernel", kernel)), pairs),
        )
        return [multiply, add_bias(multiply, context.parameters.get("bias"), output)]

    def explain_backward(
        self, error: Array, inputs: tuple[Array, ...], output: Array, context: Context
    ) -> list[ExplainedStep]:
        (x,), kernel, errors = inputs, context.parameters["kernel"], self.backward(error, inputs, output, context)
        input_error, gradient = errors.inputs[0], errors.parameters["kernel"]

        def back(index: Index) -> list[tuple[Index, Index]]:
            return [((index[0], o), (o, index[1])) for o in range(error.shape[1])]

        def met(index: Index) -> list[tuple[Index, Index]]:
            return [((n, index[0]), (n, index[1])) for n in range(len(x))]

        steps = [
            ExplainedStep(
                "input_error",
                "The error of the input",
                "A number of the input went into every number of the answer: it gets their errors, each times the "
                "weight "
                "by which it went in.",
                "input_error[n, i] = sum over o of error[n, o] * kernel[o, i]",
                "input_error",
                {"error": error, "kernel": kernel, "input_error": input_error},
                products(input_error, (("error", error), ("kernel", kernel)), back),
            ),
            ExplainedStep(
                "kernel_gradient",
                "The kernel's gradient",
                "A weight joins one number of the input with one of the answer: its gradient is the one's value "
                "times the "
                "other's error, summed over the samples.",
                "kernel_gradient[o, i] = sum over n of error[n, o] * x[n, i]",
                "kernel_gradient",
                {"error": error, "x": x, "kernel_gradient": gradient},
                products(gradient, (("error", error), ("x", x)), met),
            ),
        ]
        return [*steps, bias_gradient(error, errors.parameters["bias"])] if self.bias else steps

    def plan(self, slot: Slot) -> tuple[list[Step], PlanBackward]:
        # Batch-last: (F, N) and (O, N)
        x, answer, parameters = batch_last(slot.inputs[0]), batch_last(slot.output), slot.context.parameters
        forward = multiplying(answer, parameters["kernel"], x)
        if self.bias:
            forward.append(partial(np.add, answer, parameters["bias"].reshape(-1, 1), answer))

        def backward(error: Array, inputs: tuple[Array | None, ...], gradients: Mapping[str, Array]) -> list[Step]:
            held, steps = batch_last(error), list[Step]()
            if "kernel" in gradients:
                steps += multiplying(gradients["kernel"], held, x.T)
            if "bias" in gradients:
                steps.append(partial(np.add.reduce, held, axis=1, out=gradients["bias"]))
            if inputs[0] is not None:
                steps += multiplying(batch_last(inputs[0]), parameters["kernel"].T, held)
            return steps

        return forward, backward
