"""Differential privacy: accounting against closed forms, per-sample gradients, noise, and no other access."""

import math
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from example_cohorts import frequencies, independent
from example_generator import linked_panel, make_denoiser, one_hot, random_vae, small_panel
from scipy.stats import norm
from torch import Tensor, nn

from snpgen.generator import dp, fitting
from snpgen.generator.calibration import resolve_target
from snpgen.generator.conditions import ConditionEncoding, fit_encoding
from snpgen.generator.diffusion import Denoiser
from snpgen.generator.dp import (
    BUDGET_SHARES,
    DPSGD,
    PerSampleGradients,
    PrivacyBudget,
    allocate_privacy_budget,
    dp_frequencies,
    draw_secret,
    frequency_sensitivity,
)
from snpgen.generator.fitting import fit_diffusion, fit_vae, make_dp_sgd
from snpgen.generator.frequencies import cross_products, training_frequencies
from snpgen.generator.parents import PADDING, preceding_parents
from snpgen.generator.target import Target
from snpgen.generator.training import make_fabric
from snpgen.io.plink import MISSING

TRAINING = {"vae": {"steps": 40, "batch_size": 500}, "diffusion": {"steps": 60, "batch_size": 500}}
CHROMOSOMES = ["1"] * 12 + ["2"] * 8


def gaussian_delta(mu: float, epsilon: float) -> float:
    """Delta of one Gaussian mechanism whose sensitivity is `mu` standard deviations (Balle & Wang 2018)."""
    return norm.cdf(mu / 2 - epsilon / mu) - math.exp(epsilon) * norm.cdf(-mu / 2 - epsilon / mu)


@pytest.mark.parametrize("epsilon", [0.5, 2.0, 8.0])
def test_three_gaussian_mechanisms_compose_to_one_with_their_sum_of_squares(epsilon):
    # With batches of 500 every individual is in every step.
    budget = allocate_privacy_budget(epsilon, 1e-5, 500, TRAINING)
    runs = {"frequencies": 1} | {name: own["steps"] for name, own in TRAINING.items()}
    parts = {name: steps / budget.noise[name] ** 2 for name, steps in runs.items()}
    mu = math.sqrt(sum(parts.values()))
    assert gaussian_delta(mu, epsilon) <= 1e-5 < gaussian_delta(mu, epsilon - 0.03)
    for name, share in BUDGET_SHARES.items():
        assert parts[name] == pytest.approx(share * mu**2)


def test_subsampling_spends_the_central_limit():
    """The central limit theorem of Dong et al. 2019."""
    training = TRAINING | {"vae": {"steps": 2_000, "batch_size": 400}}
    noise = allocate_privacy_budget(1.0, 1e-5, 20_000, training).noise
    squares = 1 / noise["frequencies"] ** 2
    for name, rate, steps in (("vae", 0.02, 2_000), ("diffusion", 0.025, 60)):
        squares += rate**2 * steps * math.expm1(1 / noise[name] ** 2)
    assert abs(math.log(gaussian_delta(math.sqrt(squares), 1.0) / 1e-5)) < 0.5


def test_the_default_delta_is_below_one_over_n():
    assert allocate_privacy_budget(1.0, None, 500, TRAINING).delta == pytest.approx(500**-1.1)


def vae_inputs(n: int = 7) -> tuple[Tensor, ...]:
    """Inputs of the autoencoder `random_vae` for n individuals and 9 variants."""
    rng = np.random.default_rng(3)
    haplotypes = torch.from_numpy(rng.integers(0, 2, (n, 2, 9)))
    called = torch.from_numpy(rng.random((n, 9)) < 0.9)
    conditions = torch.from_numpy(one_hot(rng.integers(0, 2, n)))
    noise = torch.from_numpy(rng.normal(size=(n, 3)).astype(np.float32))
    return haplotypes.sum(dim=1), called, haplotypes, conditions, noise


def vae_loss(model, inputs: tuple[Tensor, ...], own: slice) -> dict[str, Tensor]:
    parts = model(*(values[own] for values in inputs))
    return {"reconstruction": parts.reconstruction.mean(), "kl": 0.3 * parts.kl.mean()}


def denoiser_inputs(n: int = 7) -> tuple[Tensor, ...]:
    """Inputs of the denoiser `make_denoiser` for n individuals."""
    conditions = torch.from_numpy(one_hot(np.arange(n) % 2))
    return torch.randn(n, 3), conditions, torch.rand(n), torch.randn(n, 3), torch.rand(n)


def denoiser_loss(model, inputs: tuple[Tensor, ...], own: slice) -> dict[str, Tensor]:
    return {"denoising": model(*(values[own] for values in inputs)).mean()}


def gradients_one_by_one(
    model: nn.Module, loss, inputs: tuple[Tensor, ...]
) -> list[dict[str, Tensor]]:
    """The gradient of the loss of each individual, computed one after the other."""
    found = []
    for sample in range(len(inputs[0])):
        model.zero_grad()
        sum(loss(model, inputs, slice(sample, sample + 1)).values()).backward()
        found.append({name: value.grad.clone() for name, value in model.named_parameters()})
    return found


@pytest.mark.parametrize("which", ["vae", "denoiser"])
def test_per_sample_gradients_equal_those_computed_one_by_one(which):
    if which == "vae":
        model, inputs, loss = random_vae(["1"] * 5 + ["2"] * 4), vae_inputs(), vae_loss
    else:
        model, inputs, loss = make_denoiser(3, scale=0.5), denoiser_inputs(), denoiser_loss
    alone = gradients_one_by_one(model, loss, inputs)
    single = PerSampleGradients(model)
    total = 7 * sum(loss(single, inputs, slice(None)).values())
    found = torch.autograd.grad(total, list(single.weights.values()))
    for (name, _), gradient in zip(single.weights.items(), found, strict=True):
        expected = torch.stack([gradients[name] for gradients in alone])
        error = (gradient - expected).abs().max()
        assert error < 1e-5 * (1 + expected.abs().max()), name


@pytest.mark.parametrize("at_once", [2**26, 1])
def test_a_step_sums_normalised_gradients(monkeypatch, at_once):
    monkeypatch.setattr(dp, "_MAX_ELEMENTS", {"cpu": at_once})
    model, inputs = make_denoiser(3, scale=0.5), denoiser_inputs()
    expected = {name: torch.zeros_like(value) for name, value in model.named_parameters()}
    for gradients in gradients_one_by_one(model, denoiser_loss, inputs):
        size = math.sqrt(sum(float(value.square().sum()) for value in gradients.values()))
        for name, value in gradients.items():
            expected[name] += value / (size + 0.01)
    steps = DPSGD(0.0, 1, b"secret", "vae")
    parts = steps.backward(model, lambda net, own: denoiser_loss(net, inputs, own), 0, 7, 10)
    whole = denoiser_loss(model, inputs, slice(None))["denoising"]
    assert float(parts["denoising"]) == pytest.approx(whole.item(), rel=1e-5)
    for name, value in model.named_parameters():
        assert torch.allclose(value.grad, expected[name] / 10, rtol=1e-4, atol=1e-6), name


def test_a_step_with_an_empty_sample_is_noise_of_the_given_standard_deviation():
    model = nn.Linear(200, 300)
    steps = DPSGD(3.0, 1, b"secret", "vae")
    for step in (0, 1):
        assert steps.backward(model, lambda net, own: {}, step, 0, 60) == {}
        assert float(model.weight.grad.std()) == pytest.approx(3 / 60, rel=0.02)
        assert abs(float(model.weight.grad.mean())) < 4 * 3 / 60 / math.sqrt(60_000)
        if step == 0:
            first = model.weight.grad.clone()
    assert abs(float((first * model.weight.grad).mean())) < 4 * 0.05**2 / math.sqrt(60_000)
    other = nn.Linear(200, 300)
    DPSGD(3.0, 1, b"another", "vae").backward(other, lambda net, own: {}, 0, 0, 60)
    assert not torch.equal(first, other.weight.grad)


def test_noise_depends_on_all_bits_of_the_seed_on_the_network_and_on_the_data():
    budget = PrivacyBudget(1.0, 1e-5, {"vae": 3.0, "diffusion": 3.0})
    dosages, seed = np.zeros((3, 2), np.int8), 2**61 + 1
    steps = make_dp_sgd(budget, "vae", seed, dosages)
    assert make_dp_sgd(None, "vae", seed, dosages) is None
    assert steps.seed == seed  # not a hash of fewer bits
    rows = {
        tuple(steps.rows(0, 200, 100).tolist())
        for steps in (
            steps,
            make_dp_sgd(budget, "diffusion", seed, dosages),
            make_dp_sgd(budget, "vae", seed + 2**40, dosages),
            make_dp_sgd(budget, "vae", seed, dosages + 1),
        )
    }
    assert len(rows) == 4


def test_batches_are_poisson_samples():
    steps = DPSGD(1.0, 1, b"secret", "vae")
    rows = np.zeros((400, 1_000), bool)
    for step in range(400):
        rows[step, steps.rows(step, 1_000, 250)] = True
    sizes = rows.sum(axis=1)
    assert sizes.mean() == pytest.approx(250, abs=4 * math.sqrt(187.5 / 400))
    assert sizes.var() == pytest.approx(187.5, rel=0.3)  # a batch of fixed size has none
    assert rows.mean(axis=0).std() == pytest.approx(math.sqrt(0.1875 / 400), rel=0.1)
    assert (steps.rows(3, 1_000, 250) == steps.rows(3, 1_000, 250)).all()


def test_frequencies_without_noise_are_those_of_training():
    panel = linked_panel(600, 20)
    encoding = fit_encoding(panel, False, False)
    train = panel.of("train")[0]
    exact = training_frequencies(train, encoding.encode_split(panel, "train"))
    assert dp_frequencies(panel, encoding, 0.0, 1) == pytest.approx(exact)
    panel.dosages[np.random.default_rng(1).random(panel.dosages.shape) < 0.02] = MISSING
    found = dp_frequencies(panel, encoding, 0.0, 1)
    assert found == pytest.approx(exact, abs=0.02) and (found != exact).any()


def test_frequencies_have_noise_of_the_given_multiplier():
    n, m = 3_000, 2_000
    labels = (np.arange(n) // 6) % 3 == 0
    panel = small_panel(independent(n, np.full(m, 0.5), 1), labels.astype(int))
    encoding = fit_encoding(panel, False, False)
    exact = dp_frequencies(panel, encoding, 0.0, 1)
    noise = dp_frequencies(panel, encoding, 2.0, 1) - exact
    members = np.bincount(panel.samples("train").label.astype(int))
    assert noise.std(axis=1) == pytest.approx(2 * math.sqrt(m) / members / 2, rel=0.06)


def test_one_individual_changes_the_sums_by_at_most_the_sensitivity():
    rng = np.random.default_rng(5)
    n = 300
    groups = np.array(["a", "b", "c"])[rng.integers(0, 3, n)]
    more = {"sex": rng.integers(1, 3, n).astype(np.int8), "group": groups}
    panel = small_panel(rng.integers(0, 3, (n, 15)), (np.arange(n) // 6) % 3 == 0, **more)
    encoding = fit_encoding(panel, True, True)
    assert encoding.n_conditions == 6
    conditions = encoding.encode_split(panel, "train")
    extreme = np.where(rng.random((len(conditions), 15)) < 0.5, 0, 2).astype(np.int8)
    sizes = [
        np.linalg.norm(cross_products(one[None] - 1, row[None]))
        for one, row in zip(extreme, conditions, strict=True)
    ]
    limit = frequency_sensitivity(encoding, 15)
    assert 0.5 * limit < max(sizes) <= limit
    knots = ConditionEncoding(5, (0.0, 1.0, 2.0, 3.0, 4.0), False, (), ())
    row = knots.encode([1.5], [0], [""])
    size = np.linalg.norm(cross_products(extreme[:1] - 1, row))
    assert size <= frequency_sensitivity(knots, 15)


@cache
def allocate(epsilon: float, steps: int) -> PrivacyBudget:
    """The privacy budget of `fit_with_dp`; the accountant takes seconds."""
    length = {"steps": steps, "batch_size": 100}
    return allocate_privacy_budget(epsilon, None, 400, {"vae": length, "diffusion": length})


def fit_with_dp(folder: Path, epsilon: float, seed: int = 1, steps: int = 15):
    """Bytes of both models, table of losses and target frequencies."""
    panel = linked_panel(600, 20)
    encoding = fit_encoding(panel, False, False)
    length = {"steps": steps, "batch_size": 100, "learning_rate": 0.03, "weight_decay": 0.0}
    budget = allocate(epsilon, steps)
    folder.mkdir()
    fabric = make_fabric(single=True)
    settings = length | {"block_size": 4, "latents": 2, "hidden": 4}
    place = folder / "vae"
    places = CHROMOSOMES, list(range(20))
    vae, training = fit_vae(panel, encoding, settings, *places, seed, place, fabric, budget)
    assert vae.inbreeding is None
    settings = length | {"width": 8, "layers": 1, "label_dropout": 0.1}
    place = folder / "denoiser"
    denoiser, _ = fit_diffusion(vae, panel, encoding, settings, seed, place, fabric, budget)
    real = Target(np.empty((2, 20)), np.empty((2, 20)))
    target = resolve_target(panel, encoding, real, seed, budget).frequencies
    weights = [*vae.state_dict().values(), *denoiser.state_dict().values()]
    return b"".join(value.numpy().tobytes() for value in weights), training, target


def test_nothing_else_reads_the_training_individuals(tmp_path, monkeypatch):
    def refuse(*_args: object, **_named: object) -> None:
        raise AssertionError("training individuals are read outside the privacy accounting")

    for module, name in (
        (fitting, "choose_parents"),
        (Denoiser, "fit_standardisation"),
    ):
        monkeypatch.setattr(module, name, refuse)
    weights, training, target = fit_with_dp(tmp_path / "one", 8.0)
    again, *_ = fit_with_dp(tmp_path / "two", 8.0)
    other, *_ = fit_with_dp(tmp_path / "three", 8.0, seed=2)
    assert weights == again != other
    assert set(training.split) == {"train", "validation"}
    assert np.isfinite(target).all()


def test_the_networks_learn_where_epsilon_allows_it(tmp_path):
    def validation(epsilon: float) -> float:
        _, training, *_ = fit_with_dp(tmp_path / str(epsilon), epsilon, steps=60)
        rows = training[(training.split == "validation") & (training.part == "reconstruction")]
        return float(rows.value.iloc[-1])

    assert validation(20.0) < validation(0.5) - 1


def test_moments_of_the_prior_are_those_of_samples_from_it():
    vae = random_vae(["1"] * 5)
    rng = np.random.default_rng(6)
    weight = vae.prior_logit.detach().softmax(dim=0).double().numpy()
    component = rng.choice(len(weight), 400_000, p=weight / weight.sum())
    spread = np.exp(vae.prior_log_variance.detach().numpy() / 2)
    sampled = vae.prior_mean.detach().numpy()[component]
    sampled = sampled + spread[component] * rng.standard_normal(sampled.shape)
    mean, covariance = (moment.numpy() for moment in vae.prior_moments())
    assert mean == pytest.approx(sampled.mean(axis=0), abs=0.02)
    assert covariance == pytest.approx(np.cov(sampled.T), abs=0.03)


def test_a_single_variant_has_no_preceding_parents():
    assert (preceding_parents(np.array([0.3]), np.array(["1"])).parents == PADDING).all()


def test_preceding_parents_are_on_the_same_chromosome():
    p = frequencies(11)
    start = preceding_parents(p, np.repeat(["1", "2"], [8, 3]))
    assert start.parents[7].tolist() == [6, 5, 4, 3, 2, 1]
    assert start.parents[9].tolist() == [8] + [PADDING] * 5
    assert (start.parents[[0, 8]] == PADDING).all()
    odds = 1 / (1 + np.exp(-start.log_odds))
    assert odds == pytest.approx(np.stack([p, p], axis=1), rel=1e-5)


def test_secret_numbers_need_both_the_seed_and_the_data():
    data = np.arange(6)
    first, again = (draw_secret(1, same, "a").random() for same in (data, data.copy()))
    others = {draw_secret(2, data, "a"), draw_secret(1, data + 1, "a"), draw_secret(1, data, "b")}
    assert first == again and len({first, *(other.random() for other in others)}) == 4
