"""Checkpoints of a training run."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor

from snpgen.job import log


@dataclass
class Progress:
    """Number of steps completed, best validation loss and its step, and the rows of the loss table.

    `sums` are the losses since the last evaluation.
    """

    step: int = 0
    best_loss: float = math.inf
    best_step: int = 0
    rows: list[tuple[int, str, str, float]] = field(default_factory=list)
    sums: dict[str, Tensor] = field(default_factory=dict)


def save_checkpoint(path: Path, identity: str, state: dict[str, Any]) -> None:
    """Write `state`, of tensors and numbers in dictionaries and lists.

    Writes to a temporary file and renames it, so that a checkpoint is always complete.
    """
    partial = path.with_name(path.name + ".partial")
    torch.save(state | {"identity": identity}, partial)
    partial.replace(path)


def load_checkpoint(path: Path, identity: str) -> dict[str, Any] | None:
    """What `save_checkpoint` wrote, on the CPU; None if there is no checkpoint with this `identity`."""
    if not path.is_file():
        return None
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError:  # of an earlier version
        state = {}
    if state.get("identity") != identity:
        log.info("%s belongs to other data or settings; training starts from the beginning", path)
        return None
    log.info("training resumes at step %d from %s", state["progress"]["step"], path)
    return state
