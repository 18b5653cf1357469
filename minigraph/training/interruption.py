"""Interruption: Ctrl-C and SIGTERM as a wish to stop after the step."""

from __future__ import annotations

import signal
from types import FrameType


class Interruption:
    """While it is entered, the first SIGINT or SIGTERM is only noted; the next one acts as ever.

    Attributes:
        received: the signal's number, or 0.
    """

    SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self) -> None:
        self.received = 0

    def __enter__(self) -> Interruption:
        self._before = {number: signal.signal(number, self._note) for number in self.SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.received = number
        self.__exit__()
