"""matplotlib, imported whatever MPLBACKEND names: pictures are files, which need no screen and no notebook.

The variable keeps its meaning for the user's own plots in the same process.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress

_first = "matplotlib" not in sys.modules
_wish = os.environ.pop("MPLBACKEND", None)  # what matplotlib does not know stops its import
try:
    import matplotlib
finally:
    if _wish is not None:
        os.environ["MPLBACKEND"] = _wish
if _first and _wish:
    with suppress(ValueError):
        matplotlib.rcParams["backend"] = _wish
