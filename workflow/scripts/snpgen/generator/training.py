"""Training loop of both networks: AdamW, cosine schedule, averaged weights (EMA), checkpoints.

Runs on the devices of Lightning Fabric: one CPU, one GPU, or several GPUs with the batch divided among
them.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from snpgen.generator.checkpoint import Progress, load_checkpoint, save_checkpoint
from snpgen.generator.dp import DPSGD
from snpgen.generator.threads import compute_parts
from snpgen.generator.weights import pick_device
from snpgen.job import Stopped, log, stop_signals
from snpgen.messages import Code, InputError, format_message
from snpgen.progress import Meter

if TYPE_CHECKING:  # the import takes seconds, and only training jobs need it
    from lightning_fabric import Fabric

CHECKPOINT_SECONDS = 300
Loss = Callable[[Any, Tensor, slice, torch.Generator, float], dict[str, Tensor]]
Update = Callable[[Any, Tensor], Iterator[int]]


@dataclass(frozen=True)
class Schedule:
    """Length and rate of training; `ema` is the decay per step of the averaged weights."""

    steps: int
    batch_size: int
    learning_rate: float
    ema: float
    evaluations: int = 10
    updates: int = 5  # number of calls of `update`; a divisor of `evaluations`
    weight_decay: float = 0.01
    warm_up: float = 0.02
    max_norm: float = 5.0  # the gradient is scaled down to this norm


def make_fabric(single: bool = False) -> "Fabric":
    """Set up all GPUs of the job (bf16, one process each) or the CPU (float32); `single`: at most one GPU.

    On a CPU, bf16 accelerates a step by a factor of only 1.2, because conversions take much of the time that
    its products save, and the gradients of biases lose precision. The processes are started here, because
    Slurm starts only one task per job.
    """
    from lightning_fabric import Fabric
    from lightning_fabric.plugins.environments import LightningEnvironment

    torch.use_deterministic_algorithms(True, warn_only=True)  # sums are then reproducible
    device = pick_device().type
    fabric = Fabric(
        accelerator=device,
        devices=1 if single else "auto",
        precision="bf16-mixed" if device == "cuda" else "32-true",
        plugins=LightningEnvironment(),
    )
    fabric.launch()
    return fabric


def leave_to_first(fabric: "Fabric") -> None:
    """End all processes except the first. Only the first process writes the results."""
    if not fabric.is_global_zero:
        raise SystemExit(0)


def train(
    model: nn.Module,
    network: str,
    loss: Loss,
    n_samples: int,
    validation: Callable[[Any], dict[str, float]],
    schedule: Schedule,
    seed: int,
    checkpoint: Path,
    identity: str,
    fabric: "Fabric",
    update: Update | None = None,
    dp_sgd: DPSGD | None = None,
    chunk: int | None = None,
) -> pd.DataFrame:
    """Train `model` in place and load the averaged weights with the lowest validation loss.

    `loss(model, rows, own, generator, progress)` returns the parts of the loss. Their sum is minimised.
    `rows` is the batch, and `rows[own]` are the individuals of this process. The loss is computed for these
    individuals only, but random numbers must be generated for the whole batch. `validation(model)` is called
    with a copy with averaged weights, and returns the parts of the validation loss. The generator of each
    step is seeded by `seed` and the number of the step, so that a run resumed from `checkpoint` gives the
    same results as an uninterrupted run.

    `update(model, rows)` is called with a copy with averaged weights, before the first step and at regular
    intervals. It must update the training data that depend on the model (the phase) for the individuals
    `rows`, which the following steps use. It must be deterministic. `update` is a generator function, which
    yields the number of individuals processed since the previous yield.

    On a CPU, the gradient of a batch is the sum over chunks of `chunk` individuals, which are computed in parallel. The
    intermediate results of a small chunk fit into the cache. Without `chunk`, all individuals are computed at once.

    `dp_sgd` trains by DP-SGD in one process. The last averaged weights are then loaded, because the privacy
    accounting does not include a selection by validation loss. `identity` is a digest of model, data and
    settings; a checkpoint with a different identity is ignored. `network` is the section of the
    configuration, for messages.

    Returns one row per evaluation, split and part: step, split, part, value. Raises `Stopped` after a signal
    to stop, once a checkpoint is written, and `InputError` if the training diverges (a gradient, or all
    validation losses, are not finite).
    """
    optimizer = torch.optim.AdamW(
        [
            {"params": some, "weight_decay": decay}
            for some, decay in _by_decay(model, schedule.weight_decay)
        ],
        lr=schedule.learning_rate,
        fused=True,
    )
    wrapped, optimizer = fabric.setup(model, optimizer)
    averaged, updated = average_weights(model, schedule.ema), deepcopy(model)
    resumable = {"model": model, "averaged": averaged, "updated": updated, "optimizer": optimizer}
    best: dict[str, Tensor] = {}
    progress = Progress()
    if state := load_checkpoint(checkpoint, identity):
        progress = Progress(**state["progress"])
        progress.sums = {name: x.to(fabric.device) for name, x in progress.sums.items()}
        best = state["best"]
        for name, part in resumable.items():
            part.load_state_dict(state[name])
    every = -(-schedule.steps // schedule.evaluations)
    interval = every * (schedule.evaluations // schedule.updates)
    n_processes = fabric.world_size
    own = slice(fabric.global_rank, None, n_processes)

    def batch(step: int) -> Tensor:
        if dp_sgd:
            return dp_sgd.rows(step, n_samples, schedule.batch_size)
        rows = batch_rows(step, n_samples, schedule.batch_size, seed)
        return rows[: max(1, len(rows) // n_processes) * n_processes]  # equal shares

    def step_loss(net: Any, own: slice, rows: Tensor, step: int) -> dict[str, Tensor]:
        generator = torch.Generator(fabric.device).manual_seed(seed + step)
        return loss(net, rows, own, generator, step / schedule.steps)

    def backward(rows: Tensor, step: int) -> dict[str, Tensor]:
        """Set the gradients, and return the parts of the loss."""
        if chunk is None:
            parts = step_loss(wrapped, own, rows, step)
            fabric.backward(torch.stack(list(parts.values())).sum())
            return parts
        own_loss = partial(step_loss, model, rows=rows, step=step)
        return backward_in_chunks(model, own_loss, len(rows), chunk)

    saved = time.monotonic()
    meter = Meter(schedule.steps, "steps", progress.step)
    first = progress.step
    with stop_signals() as stopped:
        for step in range(first, schedule.steps):
            if update and step % interval == 0:
                updated.load_state_dict(averaged.module.state_dict())
            if update and not stopped and (step % interval == 0 or step == first):
                begin = step - step % interval
                following = range(begin, min(begin + interval, schedule.steps))
                rows = torch.cat([batch(one) for one in following]).unique().to(fabric.device)
                _update(update, updated, rows, stopped)
            if step and (stopped or time.monotonic() - saved > CHECKPOINT_SECONDS):
                if fabric.is_global_zero:
                    state = {name: part.state_dict() for name, part in resumable.items()}
                    state |= {"best": best, "progress": vars(progress)}
                    save_checkpoint(checkpoint, identity, state)
                saved = time.monotonic()
            if stopped:
                raise _stop(stopped[0], step, schedule.steps, checkpoint)
            for group in optimizer.param_groups:
                group["lr"] = schedule.learning_rate * learning_rate_factor(step, schedule)
            rows = batch(step).to(fabric.device)
            optimizer.zero_grad()
            if dp_sgd:
                own_loss = partial(step_loss, rows=rows, step=step)
                parts = dp_sgd.backward(model, own_loss, step, len(rows), schedule.batch_size)
            else:
                parts = backward(rows, step)
                norm = fabric.clip_gradients(
                    wrapped, optimizer, max_norm=schedule.max_norm, error_if_nonfinite=False
                )
                if not torch.isfinite(torch.as_tensor(norm)):
                    raise _diverged(network, schedule, step + 1)
            optimizer.step()
            averaged.update_parameters(model)
            sums = progress.sums
            for name, value in parts.items():
                sums[name] = sums.get(name, torch.zeros_like(value)) + value.detach()

            progress.step = step + 1
            meter.add()
            if progress.step % every and progress.step < schedule.steps:
                continue
            n_steps = progress.step % every or every
            trained = {
                name: float(torch.as_tensor(fabric.all_reduce(sums[name]))) / n_steps
                for name in parts or sums
            }
            validated = validation(averaged.module)
            progress.sums = {}
            for split, values in (("train", trained), ("validation", validated)):
                progress.rows += [(progress.step, split, part, x) for part, x in values.items()]
            total = sum(validated.values())
            log.info("step %d of %d: validation loss %.4f", progress.step, schedule.steps, total)
            if dp_sgd or total < progress.best_loss:
                progress.best_loss, progress.best_step = total, progress.step
                best = deepcopy(averaged.module.state_dict())
    if not math.isfinite(progress.best_loss):
        raise _diverged(network, schedule, progress.step)
    log.info("the weights of step %d are used", progress.best_step)
    model.load_state_dict(best)
    model.eval()
    return pd.DataFrame(progress.rows, columns=["step", "split", "part", "value"])


def backward_in_chunks(
    model: nn.Module, loss: Callable[[slice], dict[str, Tensor]], n: int, chunk: int
) -> dict[str, Tensor]:
    """Set the gradients of a mean loss over `n` individuals, by chunks in parallel; return its parts.

    `loss` returns the parts of the mean loss of some of the individuals.
    """
    parameters = list(model.parameters())

    def backward(start: int) -> tuple[Sequence[Tensor], dict[str, Tensor]]:
        stop = min(start + chunk, n)
        share = (stop - start) / n
        parts = loss(slice(start, stop))
        total = share * torch.stack(list(parts.values())).sum()
        gradients = torch.autograd.grad(total, parameters, materialize_grads=True)
        return gradients, {name: share * value.detach() for name, value in parts.items()}

    total: dict[str, Tensor] = {}
    # Gradients of parameters that are only added are one tensor, which must not be changed in place.
    gradients = [torch.zeros_like(parameter) for parameter in parameters]
    for found, parts in compute_parts(backward, range(0, n, chunk)):
        for gradient, own in zip(gradients, found, strict=True):
            gradient += own
        for name, value in parts.items():
            total[name] = total.get(name, torch.zeros_like(value)) + value
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient
    return total


def _stop(signal: str, step: int, steps: int, checkpoint: Path) -> Stopped:
    what = f"The job was stopped by {signal} before the first step"
    remedy = "Run again"
    if step:
        what = f"The job was stopped by {signal} after step {step} of {steps}"
        remedy = f"Run again: training resumes from {checkpoint}"
    return Stopped(format_message(Code.STOPPED, "", what, remedy))


def _diverged(network: str, schedule: Schedule, step: int) -> InputError:
    key = f"{network}.learning_rate"
    return InputError(
        Code.DIVERGED,
        f"training of {network} diverged at step {step}: the loss is not finite",
        f"Lower '{key}', which is {schedule.learning_rate:g}",
        key=key,
    )


def _by_decay(model: nn.Module, decay: float) -> list[tuple[list[nn.Parameter], float]]:
    """Groups of parameters with weight decay `decay`, or 0 for the parameters in the model's `no_decay`."""
    exempt = getattr(model, "no_decay", ())
    named = list(model.named_parameters())
    return [
        ([value for name, value in named if name not in exempt], decay),
        ([value for name, value in named if name in exempt], 0.0),
    ]


def learning_rate_factor(step: int, schedule: Schedule) -> float:
    """Linear warm-up to 1, then cosine decay to 0."""
    warm = max(1, int(schedule.warm_up * schedule.steps))
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, schedule.steps - warm)))


def batch_rows(step: int, n_samples: int, batch_size: int, seed: int) -> Tensor:
    """Rows int64 of one batch; each epoch uses every individual once, in a new random order."""
    batch_size = min(batch_size, n_samples)
    per_epoch = n_samples // batch_size
    order = _epoch_order(n_samples, seed + step // per_epoch)
    return order[(step % per_epoch) * batch_size :][:batch_size]


@lru_cache(maxsize=1)  # all batches of an epoch use the same order
def _epoch_order(n_samples: int, seed: int) -> Tensor:
    return torch.randperm(n_samples, generator=torch.Generator().manual_seed(seed))


def _update(update: Update, model: nn.Module, rows: Tensor, stopped: list[str]) -> None:
    """Run `update`, unless a signal to stop arrives."""
    meter = Meter(len(rows), "samples phased")
    for count in update(model, rows):
        meter.add(count)
        if stopped:
            return


def average_weights(model: nn.Module, max_decay: float) -> AveragedModel:
    """A copy of `model`; its `update_parameters` computes the exponential moving average of the weights.

    The decay per step rises from 1/10 to `max_decay`, so that the initial weights soon have no influence.
    """

    @torch.no_grad()
    def update(averages: Any, values: Any, n_averaged: Tensor | int) -> None:
        n = int(n_averaged)
        for average, value in zip(averages, values, strict=True):
            average.lerp_(value, 1 - min(max_decay, n / (n + 9)))

    averaged = AveragedModel(model, multi_avg_fn=update)
    averaged.n_averaged += 1  # otherwise the first update replaces the initial weights
    return averaged
