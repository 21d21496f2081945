"""Checkpoints of a training run: weights and copies of them, optimizer state, losses and progress."""

import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from snpgen.job import log

OPTIMIZER_STATE = ("step", "exp_avg", "exp_avg_sq")  # of AdamW


@dataclass
class Progress:
    """Number of steps completed, best validation loss and its step, and the rows of the loss table."""

    step: int = 0
    best_loss: float = math.inf
    best_step: int = 0
    rows: list[tuple[int, str, str, float]] = field(default_factory=list)


def save_checkpoint(
    path: Path,
    identity: str,
    progress: Progress,
    sums: dict[str, Tensor],
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    copies: dict[str, dict[str, Tensor]],
) -> None:
    """Write weights, `copies` of weights, loss `sums` since the last evaluation, and optimizer state.

    Writes to a temporary file and renames it, so that a checkpoint is always complete.
    """
    tensors = {f"sums/{name}": value for name, value in sums.items()}
    for name, value in model.named_parameters():
        tensors[f"model/{name}"] = value.detach()
        tensors |= {f"{copy}/{name}": weights[name] for copy, weights in copies.items()}
        tensors |= {f"{key}/{name}": optimizer.state[value][key] for key in OPTIMIZER_STATE}
    partial = path.with_name(path.name + ".partial")
    save_file(
        {name: value.cpu().contiguous() for name, value in tensors.items()},
        partial,
        metadata={"identity": identity, "progress": json.dumps(asdict(progress))},
    )
    partial.replace(path)


def load_checkpoint(
    path: Path,
    identity: str,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    copies: dict[str, dict[str, Tensor]],
) -> tuple[Progress, dict[str, Tensor]] | None:
    """Restore in place what `save_checkpoint` wrote, and return progress and loss sums.

    Returns None if the checkpoint has another `identity`.
    """
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
        if metadata["identity"] != identity:
            log.info(
                "%s belongs to other data or settings; training starts from the beginning", path
            )
            return None
        for name, value in model.named_parameters():
            value.data.copy_(file.get_tensor(f"model/{name}"))
            for copy, weights in copies.items():
                weights[name].copy_(file.get_tensor(f"{copy}/{name}"))
            moments = {key: file.get_tensor(f"{key}/{name}") for key in OPTIMIZER_STATE}
            optimizer.state[value] = {
                key: moment if key == "step" else moment.to(value.device)
                for key, moment in moments.items()
            }
        device = next(model.parameters()).device
        names = [key for key in list(file.keys()) if key.startswith("sums/")]
        sums = {key.removeprefix("sums/"): file.get_tensor(key).to(device) for key in names}
    values = json.loads(metadata["progress"])
    log.info("training resumes at step %d from %s", values["step"], path)
    return Progress(**values | {"rows": [tuple(row) for row in values["rows"]]}), sums
