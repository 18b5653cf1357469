"""The command line: a file for each group of commands, and ``app.py``, the door to them."""

from __future__ import annotations

from minigraph.cli.app import main

__all__ = ["main"]
