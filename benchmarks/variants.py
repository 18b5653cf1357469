"""The layers again, each time in a process of its own: on one thread, and as on a processor without AVX-512."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from benchmarks.harness import ROOT, THREADS, Row
from benchmarks.report import row_of

AVX2 = {
    "NUMBA_CPU_NAME": "haswell",
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "OPENBLAS_CORETYPE": "Haswell",
    "XLA_FLAGS": "--xla_cpu_max_isa=AVX2",
}
"""What holds each library to AVX2."""


def layers_again(title: str, threads: int, **environment: str) -> Row:
    """The row of the layers, measured under another title by a new process."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "benchmarks", "layers", "--threads", str(threads), "--out", folder]
        subprocess.run(command, check=True, cwd=ROOT, env={**os.environ, **environment}, stdout=subprocess.DEVNULL)
        (facts,) = json.loads(Path(folder, "latest.json").read_text(encoding="utf-8"))["rows"]
    return replace(row_of(facts), title=title)


def one_thread() -> Row:
    """Row 13."""
    return layers_again("13. Single layers on one thread: a training step, float32", 1)


def avx2() -> Row:
    """Row 14."""
    row = layers_again("14. Single layers with AVX2: a training step, float32", THREADS, **AVX2)
    return replace(row, notes=[*row.notes, f"Every side is held to AVX2: {', '.join(map('='.join, AVX2.items()))}."])
