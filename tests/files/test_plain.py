"""Facts as JSON can hold them."""

import json

import numpy as np

from minigraph.files.plain import plain


def test_numbers_that_are_not_finite_become_null_wherever_they_stand() -> None:
    inf, nan = float("inf"), float("nan")
    facts = {
        "loss": inf,
        "rows": [{"a": nan, "b": 1.5}, (1, -inf)],
        "name": "x",
        "none": None,
        "single": np.float64(nan),
    }
    wanted = {"loss": None, "rows": [{"a": None, "b": 1.5}, [1, None]], "name": "x", "none": None, "single": None}
    assert plain(facts) == wanted
    json.dumps(plain(facts), allow_nan=False)
    assert facts["loss"] == inf
