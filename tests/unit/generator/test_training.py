"""The training loop on a linear model: optimum, checkpoints, signals, averaged weights."""

import math
import os
import signal
from collections.abc import Iterator
from itertools import count, pairwise
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pandas as pd
import pytest
import torch
from example_generator import one_hot, random_vae
from torch import Tensor, nn

from snpgen.generator import training
from snpgen.generator.training import (
    Schedule,
    backward_in_chunks,
    batch_rows,
    learning_rate_factor,
    make_fabric,
    train,
)
from snpgen.generator.weights import pick_device
from snpgen.job import Stopped
from snpgen.messages import Code, InputError

N = 300
X = torch.randn(N, 4, generator=torch.Generator().manual_seed(0))
Y = X @ torch.tensor([1.0, -2.0, 0.5, 0.0]) + 3


class Killed(Exception):
    pass


def fit(
    folder: Path,
    stop: int = 10**9,
    identity: str = "a",
    number: int | None = None,
    interrupt: int | None = None,
    learning_rate: float = 0.1,
    measured: float = 0.0,
    chunk: int | None = None,
) -> tuple[nn.Module, pd.DataFrame]:
    """Fit a linear model of `Y`; the signal `number` is sent at step `stop`, or `Killed` is raised.

    With `interrupt`, the signal is sent during the update with this index, from 0. `measured` is added to the
    validation loss.
    """
    torch.manual_seed(1)
    model = nn.Linear(4, 1)
    updated = torch.zeros(())
    updates = count()

    def update(net: nn.Module, rows: Tensor) -> Iterator[int]:
        nonlocal updated
        if next(updates) == interrupt:
            assert number is not None
            os.kill(os.getpid(), number)
            yield len(rows)
            raise AssertionError("the update was not stopped")
        updated = net.weight.detach().mean()
        yield len(rows)

    def loss(
        net: nn.Module, rows: Tensor, own: slice, generator: torch.Generator, progress: float
    ) -> dict:
        if round(progress * 400) == stop:
            if number is None:
                raise Killed
            os.kill(os.getpid(), number)
        noise = 0.1 * torch.randn(len(rows), generator=generator) + 0.001 * updated
        rows, noise = rows[own], noise[own]
        error = (net(X[rows])[:, 0] - Y[rows] + noise).square().mean()
        return {"error": error, "drift": 1e-6 * net.weight.square().sum()}

    def validation(net: nn.Module) -> dict[str, float]:
        return {"error": measured + float((net(X)[:, 0] - Y).square().mean().detach())}

    schedule = Schedule(400, 50, learning_rate, ema=0.9, weight_decay=0.0)
    where = folder / "c", identity, make_fabric()
    return model, train(model, "net", loss, N, validation, schedule, 7, *where, update, chunk=chunk)


def test_training_finds_the_least_squares_solution(tmp_path: Path) -> None:
    model, rows = fit(tmp_path)
    assert torch.allclose(model.weight[0], torch.tensor([1.0, -2.0, 0.5, 0.0]), atol=0.05)
    assert math.isclose(model.bias.item(), 3, abs_tol=0.05)
    assert set(rows.split) == {"train", "validation"} and rows.step.max() == 400


def test_gradients_of_chunks_add_up(tmp_path: Path) -> None:
    (one, rows), (many, in_chunks) = (fit(tmp_path, chunk=chunk) for chunk in (None, 7))
    assert torch.allclose(one.weight, many.weight, atol=1e-4)
    assert in_chunks.value.to_numpy() == pytest.approx(rows.value.to_numpy(), rel=1e-3, abs=1e-6)


def test_gradients_of_chunks_are_those_of_the_whole_batch_for_each_parameter() -> None:
    """Also of biases that are only added, which have the same gradient."""
    model, n = random_vae(["1"] * 7 + ["2"] * 3, inbred=True), 45
    dosages = torch.from_numpy(np.random.default_rng(5).integers(0, 3, (n, 10)).astype(np.int8))
    conditions = torch.from_numpy(one_hot(np.arange(n) % 2))
    haplotypes = torch.stack([dosages.clamp(max=1), dosages - dosages.clamp(max=1)], dim=1)
    called, noise = torch.ones_like(dosages, dtype=torch.bool), torch.randn(n, model.n_latents)
    arrays = dosages, called, haplotypes, conditions, noise

    def loss(some: slice) -> dict[str, torch.Tensor]:
        parts = model(*(array[some] for array in arrays))
        return {"reconstruction": parts.reconstruction.mean(), "kl": parts.kl.mean()}

    whole = loss(slice(None))
    torch.stack(list(whole.values())).sum().backward()
    expected = {name: value.grad.clone() for name, value in model.named_parameters()}
    parts = backward_in_chunks(model, loss, n, 10)
    for name, value in model.named_parameters():
        torch.testing.assert_close(value.grad, expected[name], rtol=1e-3, atol=1e-4)
    assert parts.keys() == whole.keys()
    assert all(math.isclose(parts[name].item(), whole[name].item(), rel_tol=1e-5) for name in whole)
    places = [value.grad.data_ptr() for value in model.parameters()]
    assert len(set(places)) == len(places)


def test_weight_decay_leaves_out_exempt_parameters(tmp_path: Path) -> None:
    """Without a gradient, each step multiplies a weight by 1 - rate x decay (Loshchilov & Hutter 2019)."""

    class Weights(nn.Module):
        no_decay = ("exempt",)

        def __init__(self) -> None:
            super().__init__()
            self.exempt, self.other = (nn.Parameter(torch.ones(1)) for _ in range(2))

    def loss(net: nn.Module, *_: object) -> dict[str, Tensor]:
        return {"nothing": 0 * sum(value.sum() for value in net.parameters())}

    def validation(net: nn.Module) -> dict[str, float]:
        return {"size": float(net.other.detach())}

    model, schedule = Weights(), Schedule(20, 10, 0.05, ema=0.0, weight_decay=2.0)
    where = tmp_path / "c", "a", make_fabric()
    train(model, "net", loss, N, validation, schedule, 7, *where)
    rates = 0.05 * np.array([learning_rate_factor(step, schedule) for step in range(20)])
    assert model.other.item() == pytest.approx(np.prod(1 - 2 * rates), rel=1e-4)
    assert model.exempt.item() == 1


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[nn.Module, pd.DataFrame]:
    """The result of an uninterrupted run."""
    return fit(tmp_path_factory.mktemp("whole"))


@pytest.mark.parametrize(
    ("how", "step"),
    [
        ({"stop": 230}, None),
        ({"stop": 0, "number": signal.SIGTERM}, 1),
        ({"stop": 159, "number": signal.SIGTERM}, 160),
        ({"stop": 237, "number": signal.SIGUSR1}, 238),
        ({"interrupt": 0, "number": signal.SIGTERM}, 0),
        ({"interrupt": 2, "number": signal.SIGTERM}, 160),
    ],
)
def test_an_interrupted_run_resumes_with_identical_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole, how: dict, step: int | None
) -> None:
    number = how.get("number", signal.SIGTERM)
    before = signal.getsignal(number)
    if step is None:
        monkeypatch.setattr(training, "CHECKPOINT_SECONDS", -1)
        with pytest.raises(Killed):
            fit(tmp_path, **how)
    else:
        when = f"step {step} of 400" if step else "before the first step"
        name = signal.Signals(number).name
        with pytest.raises(Stopped, match=rf"^\[D03\] .*{name}.*{when}"):
            fit(tmp_path, **how)
    assert (tmp_path / "c").is_file() == (step != 0)
    assert signal.getsignal(number) == before
    resumed, rows = fit(tmp_path)
    for name, value in whole[0].state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name])
    pd.testing.assert_frame_equal(whole[1], rows, check_exact=True)


@pytest.mark.parametrize(("rate", "measured", "step"), [(1e30, 0.0, 2), (0.1, math.nan, 400)])
def test_a_diverged_run_is_an_error(
    tmp_path: Path, rate: float, measured: float, step: int
) -> None:
    with pytest.raises(InputError) as error:
        fit(tmp_path, learning_rate=rate, measured=measured)
    assert error.value.code is Code.DIVERGED and error.value.key == "net.learning_rate"
    assert f"step {step}" in error.value.what


def test_a_signal_in_the_last_step_is_ignored(tmp_path: Path, whole) -> None:
    last, _ = fit(tmp_path, 399, number=signal.SIGTERM)
    assert torch.equal(whole[0].weight, last.weight)


def test_updates_are_regular_and_use_the_averaged_weights(tmp_path: Path) -> None:
    torch.manual_seed(1)
    model = nn.Linear(4, 1)
    before: list[Tensor] = []  # weights at each step
    updates: dict[int, Tensor] = {}
    ahead: dict[int, set[int]] = {}  # rows passed to each update
    seen: dict[int, set[int]] = {}  # rows of the following steps

    def loss(
        net: nn.Module, rows: Tensor, own: slice, generator: torch.Generator, progress: float
    ) -> dict:
        before.append(model.weight.detach().clone())
        seen.setdefault(max(updates), set()).update(rows.tolist())
        return {"error": (net(X[rows])[:, 0] - Y[rows]).square().mean()}

    def update(net: nn.Module, rows: Tensor) -> Iterator[int]:
        updates[len(before)] = net.weight.detach().clone()
        ahead[len(before)] = set(rows.tolist())
        yield len(rows)

    schedule = Schedule(steps=100, batch_size=7, learning_rate=0.1, ema=0.8)
    fabric = make_fabric()
    place = tmp_path / "c"
    train(model, "net", loss, N, lambda net: {}, schedule, 7, place, "a", fabric, update=update)
    assert list(updates) == [0, 20, 40, 60, 80]
    assert ahead == seen and all(len(samples) < N for samples in seen.values())
    average = before[0].clone()
    for step in range(100):
        if step in updates:
            assert torch.allclose(updates[step], average, atol=1e-6)
        if step < 99:
            decay = min(0.8, (step + 1) / (step + 10))
            average = decay * average + (1 - decay) * before[step + 1]


def test_a_checkpoint_of_another_run_is_ignored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, whole
) -> None:
    monkeypatch.setattr(training, "CHECKPOINT_SECONDS", -1)
    with pytest.raises(Killed):
        fit(tmp_path, stop=230, identity="other")
    with caplog.at_level("INFO", "snpgen"):
        again, _ = fit(tmp_path)
    assert torch.equal(whole[0].weight, again.weight)
    assert "resumes" not in caplog.text


def test_each_epoch_uses_every_individual_once() -> None:
    epochs = [
        [batch_rows(step, 100, 20, seed=3) for step in range(5 * e, 5 * e + 5)] for e in (0, 1)
    ]
    orders = [torch.cat(batches).tolist() for batches in epochs]
    assert all(sorted(order) == list(range(100)) for order in orders)
    assert orders[0] != orders[1]


def test_the_learning_rate_rises_then_falls_to_zero() -> None:
    schedule = Schedule(steps=100, batch_size=1, learning_rate=1.0, ema=0.9, warm_up=0.1)
    factors = [learning_rate_factor(step, schedule) for step in range(100)]
    assert factors[0] == 0.1 and max(factors) == 1 and factors[-1] < 0.001
    assert all(a >= b for a, b in pairwise(factors[10:]))


@pytest.mark.parametrize(
    ("cuda", "mps", "device"),
    [(True, True, "cuda"), (True, False, "cuda"), (False, True, "cpu"), (False, False, "cpu")],
)
def test_the_device_is_cuda_or_the_cpu(
    cuda: bool, mps: bool, device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MPS has no float64."""
    fabric = Mock()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    monkeypatch.setattr("lightning_fabric.Fabric", fabric)
    assert pick_device().type == device
    make_fabric()
    asked = fabric.call_args.kwargs
    assert asked["accelerator"] == device
    assert asked["precision"] == ("bf16-mixed" if device == "cuda" else "32-true")
