"""Training: forward, loss, backward, update, again.

``train.py`` is the way in. :class:`Trainer` takes the steps and can be kept and restored between any two, ``loop.py``
takes it to its end, ``batches.py`` has the samples of each step, ``evaluation.py`` judges, ``diagnosis.py`` says where
a run went wrong.
"""

from __future__ import annotations

from minigraph.training.checkpoint import read_checkpoint, read_notes
from minigraph.training.loop import doubts, new_trainer, run_training
from minigraph.training.trainer import History, Trainer

__all__ = ["History", "Trainer", "doubts", "new_trainer", "read_checkpoint", "read_notes", "run_training"]
