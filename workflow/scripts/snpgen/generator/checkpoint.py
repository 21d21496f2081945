"""Where a training run stands, on disk: weights, their copies, the optimizer's state and the losses so far."""

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
    """Where a run stands: steps done, the best evaluation so far, a row for each evaluation."""

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
    """Write weights, their copies, losses since the last evaluation and the optimizer's state.

    Renamed into place when whole.
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
    """Restore what `save_checkpoint` wrote, in place; None if it is of another run.

    Returns progress and the losses since the last evaluation.
    """
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
        if metadata["identity"] != identity:
            log.info("%s is of other data or settings: starting anew", path)
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
    log.info("going on from step %d of %s", values["step"], path)
    return Progress(**values | {"rows": [tuple(row) for row in values["rows"]]}), sums
