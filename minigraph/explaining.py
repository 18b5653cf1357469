"""Steps that a person can follow, and how one number of a step came about: what ops and losses tell of themselves.

An op's :meth:`~minigraph.ops.base.Op.explain_forward` and ``explain_backward`` answer a list of steps, and so does a
loss's ``explain``; :func:`minigraph.explain` puts them together for a whole graph.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from minigraph.arrays import Array

Index = tuple[int, ...]
Place = tuple[str, Index]
"""One number: the name of an array, and where in it the number stands."""


@dataclass(frozen=True)
class Cell:
    """How one number came about.

    Attributes:
        value: the number, as the pass has it.
        terms: pairs of numbers; the sum of their products, plus ``bias``, is the value. Empty where the number is no
            sum of products.
        places: where the two numbers of each pair stand.
        direct: of a convolution's input error the pairs (error, kernel) that reached it: the same sum without the
        zeros. formula: how the number came about, with the numbers put in.
    """

    value: float
    formula: str
    terms: tuple[tuple[float, float], ...] = ()
    bias: float = 0.0
    places: tuple[tuple[Place, Place], ...] = ()
    direct: tuple[tuple[float, float], ...] = ()


Rule = Callable[[Index], Cell]


@dataclass(frozen=True)
class Step:
    """One step of a node's forward, backward or update.

    Attributes:
        name: such as "insert_zeros". title: a few words. text: one sentence about this very case.
        formula: in plain text, of one number of the result.
        result: the name of the array that the step makes.
        arrays: by name, what it takes and what it makes: maps (N, C, H, W), vectors (N, F), parameters in their own
        shape. rule: how a number of the result came about, by its index.
    """

    name: str
    title: str
    text: str
    formula: str
    result: str
    arrays: Mapping[str, Array]
    rule: Rule = field(repr=False, compare=False)

    @property
    def made(self) -> Array:
        """The array that the step makes."""
        return self.arrays[self.result]

    def copied(self) -> Step:
        """The same with arrays of its own; how its numbers came about stays as it was."""
        return replace(self, arrays={name: array.copy() for name, array in self.arrays.items()})


def number(value: float) -> str:
    """Six significant digits; what is below zero in parentheses, so that it can stand behind a sign."""
    text = f"{value + 0.0:.6g}"
    return f"({text})" if text.startswith("-") else text


def sum_of(parts: Iterable[str], most: int = 12) -> str:
    """``a + b + c``, the middle of a long sum left out and counted."""
    texts = list(parts)
    if len(texts) <= most:
        return " + ".join(texts) or "0"
    half = most // 2
    return " + ".join([*texts[:half], f"... ({len(texts) - 2 * half} more) ...", *texts[-half:]])


def formula(text: Callable[[Index], str], made: Array) -> Rule:
    """The rule of a number that is told by a formula alone: ``text`` is all of it but the value."""

    def rule(index: Index) -> Cell:
        value = float(made[index])
        return Cell(value, f"{text(index)} = {value + 0.0:.6g}")

    return rule


def products(
    made: Array,
    factors: tuple[tuple[str, Array], tuple[str, Array]],
    pairs: Callable[[Index], Iterable[tuple[Index, Index]]],
    bias: Callable[[Index], float] | None = None,
    direct: tuple[Array, Array, Callable[[Index], Iterable[tuple[Index, Index]]]] | None = None,
) -> Rule:
    """The rule of a number that is a sum of products.

    Args:
        factors: the arrays that the two factors come from, each with its name.
        pairs: where in them the factors of a number stand. bias: what is added to their sum.
        direct: two other arrays, and where in them the factors of the shorter sum stand; see :attr:`Cell.direct`.
    """
    (left_name, left), (right_name, right) = factors

    def rule(index: Index) -> Cell:
        where = list(pairs(index))
        terms = tuple((float(left[first]), float(right[second])) for first, second in where)
        added, value = 0.0 if bias is None else bias(index), float(made[index])
        texts = [f"{number(a)} * {number(b)}" for a, b in terms]
        shown = sum_of([*texts, *([] if bias is None else [number(added)])])
        return Cell(
            value,
            f"{shown} = {value + 0.0:.6g}",
            terms,
            added,
            tuple(((left_name, first), (right_name, second)) for first, second in where),
            () if direct is None else tuple((float(direct[0][i]), float(direct[1][j])) for i, j in direct[2](index)),
        )

    return rule


def over(shape: tuple[int, ...], axes: tuple[int, ...]) -> Callable[[Index], Iterable[Index]]:
    """For an index without ``axes`` of an array of ``shape``: all indices with them."""
    kept = [axis for axis in range(len(shape)) if axis not in axes]

    def indices(index: Index) -> Iterable[Index]:
        for inner in np.ndindex(*(shape[axis] for axis in axes)):
            whole = dict(zip(kept, index, strict=True)) | dict(zip(axes, inner, strict=True))
            yield tuple(whole[axis] for axis in range(len(shape)))

    return indices


def sum_over(made: Array, summed: Array, axes: tuple[int, ...]) -> Rule:
    """The rule of a number that is the sum of ``summed`` over some axes."""
    indices = over(summed.shape, axes)
    return formula(lambda index: sum_of(number(summed[place]) for place in indices(index)), made)


def plain_forward(name: str, about: str, inputs: tuple[Array, ...], output: Array) -> list[Step]:
    """The forward of an op that tells no more of itself: its answer, in one step."""
    taken = by_place("x", inputs)
    text = about or f"{name} computes its answer from its inputs."
    return [
        Step(
            "answer",
            f"{name} answers",
            text,
            f"answer = {name}({', '.join(taken)})",
            "answer",
            {**taken, "answer": output},
            formula(lambda index: f"{name} at {list(index)}", output),
        )
    ]


def plain_backward(
    name: str, error: Array, input_errors: tuple[Array, ...], gradients: Mapping[str, Array]
) -> list[Step]:
    """The backward of an op that tells no more of itself: a step for each array that it makes."""
    made = {**by_place("input_error", input_errors), **{f"{key}_gradient": array for key, array in gradients.items()}}
    return [
        Step(
            key,
            f"{name} passes the error on" if key.startswith("input_error") else f"The gradient of {key[:-9]}",
            f"{name}'s own backward makes {key} from the error of its answer.",
            f"{key} = {name}.backward(error)",
            key,
            {"error": error, key: array},
            formula(lambda index, key=key: f"{key} at {list(index)}", array),  # type: ignore[misc]
        )
        for key, array in made.items()
    ]


def by_place(name: str, arrays: tuple[Array, ...]) -> dict[str, Array]:
    """``{"x": ...}`` for one array, ``{"x_0": ..., "x_1": ...}`` for several."""
    if len(arrays) == 1:
        return {name: arrays[0]}
    return {f"{name}_{place}": array for place, array in enumerate(arrays)}


def counted(count: int, noun: str) -> str:
    """``1 row``, ``2 rows``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def applied(title: str, text: str, rule_of_one: str, x: Array, answer: Array, filled: Callable[[str], str]) -> Step:
    """The forward of a function of single numbers; ``filled`` has a number put in for x."""
    return Step(
        "answer",
        title,
        text,
        f"answer = {rule_of_one}",
        "answer",
        {"x": x, "answer": answer},
        formula(lambda index: filled(number(x[index])), answer),
    )


def sloped(
    text: str, rule_of_one: str, slope: Array, error: Array, source: tuple[str, Array], filled: Callable[[str], str]
) -> list[Step]:
    """The backward of a function of single numbers: its slope at each, and the error times the slope.

    Args:
        source: the array that the slope follows from, with its name; ``filled`` has a number of it put in.
    """
    name, array = source
    input_error = error * slope
    return [
        Step(
            "slope",
            "The slope at each number",
            text,
            f"slope = {rule_of_one}",
            "slope",
            {name: array, "slope": slope},
            formula(lambda index: filled(number(array[index])), slope),
        ),
        Step(
            "input_error",
            "The error times the slope",
            "A small change of x changes the answer by the slope times as much, and so the loss: the error passes "
            "times "
            "the slope.",
            "input_error = error * slope",
            "input_error",
            {"error": error, "slope": slope, "input_error": input_error},
            products(input_error, (("error", error), ("slope", slope)), lambda index: [(index, index)]),
        ),
    ]


def divided(cell: Cell, count: int) -> Cell:
    """A sum's cell as that of a mean over ``count`` numbers."""
    shown, _, value = cell.formula.rpartition(" = ")
    return replace(cell, formula=f"({shown}) / {count} = {value}")
