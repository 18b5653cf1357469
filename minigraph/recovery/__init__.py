"""Recovery: find the kernels that made the data, and know when you have.

`equations.py` has the equations and their Jacobian, `composite.py` what a linear cascade makes of them,
`composite_solver.py` the solver that only cascades have, `search.py` a start with its verdict, `recover.py` the many
starts, `fit.py` the verdict without a teacher; `alignment.py` takes out what the answers cannot tell,
`identifiability.py` says beforehand what the data can.
"""

from __future__ import annotations

from minigraph.recovery.fit import Fit
from minigraph.recovery.identifiability import Identifiability, identify
from minigraph.recovery.recover import Recovery, recover
from minigraph.recovery.search import AUTO, Choice, Start
from minigraph.recovery.verdict import VERDICTS, Verdict

__all__ = [
    "AUTO",
    "VERDICTS",
    "Choice",
    "Fit",
    "Identifiability",
    "Recovery",
    "Start",
    "Verdict",
    "identify",
    "recover",
]
