"""Checkpoints of a training run."""

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from snpgen.job import log


@dataclass
class Progress:
    """Completed steps, best validation loss with its step, and the rows of the table of losses.

    `sums` are the training losses, summed over the steps since the last evaluation.
    """

    step: int = 0
    best_loss: float = math.inf
    best_step: int = 0
    rows: list[tuple[int, str, str, float]] = field(default_factory=list)
    sums: dict[str, Tensor] = field(default_factory=dict)


def save_checkpoint(path: Path, identity: str, state: dict[str, Any]) -> None:
    """Write `state` (tensors, numbers and text in dictionaries and lists) without pickle.

    Writes to a temporary file and renames it, so that a checkpoint is always complete.
    """
    tensors: list[Tensor] = []
    metadata = {"identity": identity, "state": json.dumps(_take_tensors(state, tensors))}
    partial = path.with_name(path.name + ".partial")
    save_file({str(i): tensor for i, tensor in enumerate(tensors)}, partial, metadata)
    partial.replace(path)


def load_checkpoint(path: Path, identity: str) -> dict[str, Any] | None:
    """Load the state that `save_checkpoint` wrote, with tensors on the CPU.

    None if there is no checkpoint with this `identity`.
    """
    if not path.is_file():
        return None
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
        if metadata["identity"] != identity or "state" not in metadata:
            log.info(
                "%s was written with other data or settings; training starts from the beginning",
                path,
            )
            return None
        state = _put_tensors(json.loads(metadata["state"]), file)
    log.info("training resumes at step %d from %s", state["progress"]["step"], path)
    return state


def _take_tensors(value: Any, tensors: list[Tensor]) -> Any:
    """Convert `value` to JSON; each tensor is appended to `tensors` and replaced by its index in the list.

    Dictionaries become lists of pairs, because JSON would convert integer keys to text.
    """
    if isinstance(value, Tensor):
        tensors.append(value.detach().cpu().contiguous().clone())
        return {"tensor": len(tensors) - 1}
    if isinstance(value, dict):
        return {"items": [[key, _take_tensors(item, tensors)] for key, item in value.items()]}
    if isinstance(value, list | tuple):
        return [_take_tensors(item, tensors) for item in value]
    return value


def _put_tensors(value: Any, file: Any) -> Any:
    """The inverse of `_take_tensors`, with tensors read from `file`."""
    if isinstance(value, list):
        return [_put_tensors(item, file) for item in value]
    if not isinstance(value, dict):
        return value
    if "tensor" in value:
        return file.get_tensor(str(value["tensor"]))
    return {key: _put_tensors(item, file) for key, item in value["items"]}
