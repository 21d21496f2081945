"""One flat training loop for both models, on Lightning Fabric, with checkpoints to resume from."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pandas as pd
import torch
from torch import Tensor, nn

from snpgen.generator.checkpoint import Progress, load_checkpoint, save_checkpoint
from snpgen.generator.dp import DPSteps
from snpgen.generator.weights import pick_device
from snpgen.job import Stopped, log, stop_signals
from snpgen.messages import InputError
from snpgen.progress import Meter

if TYPE_CHECKING:  # loading it takes seconds, and jobs that do not train have no use for it
    from lightning_fabric import Fabric

CHECKPOINT_SECONDS = 300
COPIES = ("average", "best", "renewed")  # weights kept beside the model's own
Loss = Callable[[nn.Module, Tensor, slice, torch.Generator, float], dict[str, Tensor]]
Renewal = Callable[[nn.Module, Tensor], Iterator[int]]
Result = TypeVar("Result")


@dataclass(frozen=True)
class Schedule:
    """How long and how fast a model trains; `ema` is the decay of the averaged weights a step."""

    steps: int
    batch_size: int
    learning_rate: float
    ema: float
    evaluations: int = 10
    renewals: int = 5  # a divisor of the evaluations
    weight_decay: float = 0.01
    warm_up: float = 0.02
    max_norm: float = 5.0  # of the gradient


def make_fabric(single: bool = False) -> "Fabric":
    """All GPUs of the job in bf16, a process each, or the CPU in float32; `single`: one GPU at most.

    The processes are ours whatever the cluster: Slurm starts one task a job.
    """
    from lightning_fabric import Fabric
    from lightning_fabric.plugins.environments import LightningEnvironment

    torch.use_deterministic_algorithms(True, warn_only=True)  # sums over threads in one order
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
    """End all processes but the first, which alone writes what was trained."""
    if not fabric.is_global_zero:
        raise SystemExit(0)


def train(
    model: nn.Module,
    network: str,
    loss: Loss,
    n_samples: int,
    validation: Callable[[nn.Module], dict[str, float]],
    schedule: Schedule,
    seed: int,
    checkpoint: Path,
    identity: str,
    fabric: "Fabric",
    renew: Renewal | None = None,
    private: DPSteps | None = None,
) -> pd.DataFrame:
    """Train in place and leave in `model` the averaged weights that validation liked best.

    `loss(model, rows, own, generator, progress)` gives the parts of the loss of the people
    `rows[own]`, this process's part of the batch `rows`, having drawn for the whole of it; their sum
    is minimised. `validation(model)` gives parts likewise. Every step draws from a generator seeded
    by `seed` and its number alone, so a run resumed from `checkpoint` goes on exactly as an
    undisturbed one. `renew(model, rows)` is called now and then with the averaged weights, the first
    time before all steps, to refresh what the loss reads beside them of the people who come next,
    `rows`; it must do the same for the same weights and rows, and yields the number of people it has
    done since it last did. `private`: by DP-SGD, in one process, and the last averaged weights are
    left, since validation people chose the best. `identity` names model, data and settings; a
    checkpoint of another is ignored. `network` is the section of the configuration with its settings.
    Returns a row an evaluation: step, split, part, value.
    Raises `Stopped`, with the checkpoint written, after a signal to stop, and `InputError` on a run
    that diverges: on a gradient that is not finite, and where no validation loss of it is.
    """
    optimizer = torch.optim.AdamW(
        [
            {"params": some, "weight_decay": decay}
            for some, decay in _by_decay(model, schedule.weight_decay)
        ],
        lr=schedule.learning_rate,
    )
    wrapped, optimizer = fabric.setup(model, optimizer)
    copies = {
        copy: {name: value.detach().clone() for name, value in model.named_parameters()}
        for copy in COPIES
    }
    average = copies["average"]
    progress = Progress()
    sums: dict[str, Tensor] = {}  # losses since the last evaluation
    if checkpoint.is_file():
        loaded = load_checkpoint(checkpoint, identity, model, optimizer, copies)
        progress, sums = loaded or (progress, sums)
    every = -(-schedule.steps // schedule.evaluations)
    renewal = every * (schedule.evaluations // schedule.renewals)
    n_processes = fabric.world_size
    own = slice(fabric.global_rank, None, n_processes)

    def batch(step: int) -> Tensor:
        if private:
            return private.rows(step, n_samples, schedule.batch_size)
        rows = batch_rows(step, n_samples, schedule.batch_size, seed)
        return rows[: max(1, len(rows) // n_processes) * n_processes]  # as many for each

    def step_loss(net: Any, own: slice, rows: Tensor, step: int) -> dict[str, Tensor]:
        generator = torch.Generator(fabric.device).manual_seed(seed + step)
        return loss(net, rows, own, generator, step / schedule.steps)

    saved = time.monotonic()
    meter = Meter(schedule.steps, "steps", progress.step)
    first = progress.step
    with stop_signals() as stopped:
        for step in range(first, schedule.steps):
            if renew and step % renewal == 0:
                copies["renewed"] = {name: value.clone() for name, value in average.items()}
            if renew and not stopped and (step % renewal == 0 or step == first):
                begin = step - step % renewal
                ahead = range(begin, min(begin + renewal, schedule.steps))
                rows = torch.cat([batch(one) for one in ahead]).unique().to(fabric.device)
                with_weights(copies["renewed"], model, partial(_renew, renew, rows, stopped))
            if step and (stopped or time.monotonic() - saved > CHECKPOINT_SECONDS):
                if fabric.is_global_zero:
                    save_checkpoint(checkpoint, identity, progress, sums, model, optimizer, copies)
                saved = time.monotonic()
            if stopped:
                place = (
                    f"after step {step} of {schedule.steps}" if step else "before the first step"
                )
                further = f"the next run goes on from {checkpoint}" if step else "run again"
                raise Stopped(f"stopped by {stopped[0]} {place}: {further}")
            for group in optimizer.param_groups:
                group["lr"] = schedule.learning_rate * learning_rate_factor(step, schedule)
            rows = batch(step).to(fabric.device)
            optimizer.zero_grad()
            if private:
                of = partial(step_loss, rows=rows, step=step)
                parts = private.backward(model, of, step, len(rows), schedule.batch_size)
            else:
                parts = step_loss(wrapped, own, rows, step)
                fabric.backward(torch.stack(list(parts.values())).sum())
                norm = fabric.clip_gradients(
                    wrapped, optimizer, max_norm=schedule.max_norm, error_if_nonfinite=False
                )
                if not torch.isfinite(torch.as_tensor(norm)):
                    raise _diverged(network, schedule, step + 1)
            optimizer.step()
            update_average(average, model, min(schedule.ema, (step + 1) / (step + 10)))
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
            held_out = with_weights(average, model, validation)
            sums = {}
            for split, values in (("train", trained), ("validation", held_out)):
                progress.rows += [(progress.step, split, part, x) for part, x in values.items()]
            total = sum(held_out.values())
            log.info("step %d of %d: validation loss %.4f", progress.step, schedule.steps, total)
            if private or total < progress.best_loss:
                progress.best_loss, progress.best_step = total, progress.step
                copies["best"] = {name: value.clone() for name, value in average.items()}
    if not math.isfinite(progress.best_loss):
        raise _diverged(network, schedule, progress.step)
    log.info("kept the weights of step %d", progress.best_step)
    load_weights(model, copies["best"])
    model.eval()
    return pd.DataFrame(progress.rows, columns=["step", "split", "part", "value"])


def _diverged(network: str, schedule: Schedule, step: int) -> InputError:
    return InputError(
        f"training of {network} diverged by step {step}, as its loss is no finite number: lower "
        f"{network}.learning_rate, which is {schedule.learning_rate:g}"
    )


def _by_decay(model: nn.Module, decay: float) -> list[tuple[list[nn.Parameter], float]]:
    """Parameters that decay, and those that a model names in `no_decay`."""
    spared = getattr(model, "no_decay", ())
    named = list(model.named_parameters())
    return [
        ([value for name, value in named if name not in spared], decay),
        ([value for name, value in named if name in spared], 0.0),
    ]


def learning_rate_factor(step: int, schedule: Schedule) -> float:
    """Linear warm-up, then half a cosine to 0."""
    warm = max(1, int(schedule.warm_up * schedule.steps))
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, schedule.steps - warm)))


def batch_rows(step: int, n_samples: int, batch_size: int, seed: int) -> Tensor:
    """Rows of one batch, int64: each pass takes everybody once, in an order of its own."""
    batch_size = min(batch_size, n_samples)
    per_pass = n_samples // batch_size
    order = _order(n_samples, seed + step // per_pass)
    return order[(step % per_pass) * batch_size :][:batch_size]


def _renew(renew: Renewal, rows: Tensor, stopped: list[str], model: nn.Module) -> None:
    """Renew what is kept of these people, until told to stop."""
    meter = Meter(len(rows), "people phased")
    for count in renew(model, rows):
        meter.add(count)
        if stopped:
            return


@lru_cache(maxsize=1)  # one pass has hundreds of batches
def _order(n_samples: int, seed: int) -> Tensor:
    return torch.randperm(n_samples, generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
def update_average(average: dict[str, Tensor], model: nn.Module, decay: float) -> None:
    """Exponential moving average of the weights, in place."""
    for name, value in model.named_parameters():
        average[name].lerp_(value, 1 - decay)


@torch.no_grad()
def load_weights(model: nn.Module, weights: dict[str, Tensor]) -> None:
    """Copy `weights` into the model's parameters."""
    for name, value in model.named_parameters():
        value.copy_(weights[name])


@torch.no_grad()
def with_weights(
    weights: dict[str, Tensor], model: nn.Module, use: Callable[[nn.Module], Result]
) -> Result:
    """What `use` gives of the model under other weights; then its own are put back."""
    own = {name: value.detach().clone() for name, value in model.named_parameters()}
    load_weights(model, weights)
    result = use(model)
    load_weights(model, own)
    return result
