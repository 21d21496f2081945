"""Differential privacy: the account against closed forms, each person's gradient, noise, and no leak."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from example_cohorts import frequencies, independent
from example_generator import linked_panel, one_hot, random_vae, small_panel
from scipy.stats import norm
from torch import Tensor, nn

from snpgen.generator import calibration, fitting
from snpgen.generator import dp as private
from snpgen.generator.calibration import wanted_frequencies
from snpgen.generator.conditions import Conditions, encode, make_conditions
from snpgen.generator.diffusion import Denoiser
from snpgen.generator.dp import (
    SHARES,
    DPSteps,
    PerSampleGradients,
    PrivacyBudget,
    dp_frequencies,
    largest_change,
    spend,
)
from snpgen.generator.fitting import dp_steps, fit_diffusion, fit_vae
from snpgen.generator.frequencies import add_up, training_frequencies
from snpgen.generator.linkage import PADDING, nearest_parents
from snpgen.generator.training import make_fabric
from snpgen.io.plink import MISSING
from snpgen.job import draw_secret

RECIPES = {"vae": {"steps": 40, "batch_size": 500}, "diffusion": {"steps": 60, "batch_size": 500}}
CHROMOSOMES = ["1"] * 12 + ["2"] * 8


def gaussian_delta(mu: float, epsilon: float) -> float:
    """Delta of one Gaussian mechanism whose sensitivity is `mu` standard deviations (Balle & Wang 2018)."""
    return norm.cdf(mu / 2 - epsilon / mu) - math.exp(epsilon) * norm.cdf(-mu / 2 - epsilon / mu)


@pytest.mark.parametrize("epsilon", [0.5, 2.0, 8.0])
def test_three_gaussian_mechanisms_spend_what_one_with_their_sum_of_squares_does(epsilon):
    budget = spend(epsilon, 1e-5, 500, RECIPES)  # everybody is in every step
    runs = {"frequencies": 1} | {name: recipe["steps"] for name, recipe in RECIPES.items()}
    parts = {name: steps / budget.noise[name] ** 2 for name, steps in runs.items()}
    mu = math.sqrt(sum(parts.values()))
    assert gaussian_delta(mu, epsilon) <= 1e-5 < gaussian_delta(mu, epsilon - 0.03)
    for name, share in SHARES.items():
        assert parts[name] == pytest.approx(share * mu**2)


def test_sampling_people_spends_what_the_central_limit_says():
    budget = spend(1.0, 1e-5, 20_000, RECIPES | {"vae": {"steps": 2_000, "batch_size": 400}})
    squares = [1 / budget.noise["frequencies"] ** 2]
    for name, rate, steps in (("vae", 0.02, 2_000), ("diffusion", 0.025, 60)):
        squares.append(
            rate**2 * steps * math.expm1(1 / budget.noise[name] ** 2)
        )  # Dong et al. 2019
    assert math.log(gaussian_delta(math.sqrt(sum(squares)), 1.0) / 1e-5) == pytest.approx(
        0, abs=0.5
    )


def test_delta_is_by_default_below_one_persons_share():
    assert spend(1.0, None, 500, RECIPES).delta == pytest.approx(500**-1.1)


def people_of(n: int = 7) -> tuple[Tensor, ...]:
    """Inputs of the autoencoder `random_vae` for n people of 9 variants."""
    rng = np.random.default_rng(3)
    haplotypes = torch.from_numpy(rng.integers(0, 2, (n, 2, 9)))
    called = torch.from_numpy(rng.random((n, 9)) < 0.9)
    described = torch.from_numpy(one_hot(rng.integers(0, 2, n)))
    noise = torch.from_numpy(rng.normal(size=(n, 3)).astype(np.float32))
    return haplotypes.sum(dim=1), called, haplotypes, described, noise


def vae_loss(model, inputs: tuple[Tensor, ...], own: slice) -> dict[str, Tensor]:
    parts = model(*(values[own] for values in inputs))
    return {"reconstruction": parts.reconstruction.mean(), "kl": 0.3 * parts.kl.mean()}


def denoiser_of() -> tuple[nn.Module, tuple[Tensor, ...]]:
    torch.manual_seed(4)
    denoiser = Denoiser(latents=3, classes=2, conditions=2, width=8, layers=2, label_dropout=0.3)
    for value in denoiser.parameters():
        value.data.normal_(0, 0.5)
    described = torch.from_numpy(one_hot(np.arange(7) % 2))
    return denoiser, (torch.randn(7, 3), described, torch.rand(7), torch.randn(7, 3), torch.rand(7))


def denoiser_loss(model, inputs: tuple[Tensor, ...], own: slice) -> dict[str, Tensor]:
    return {"denoising": model(*(values[own] for values in inputs)).mean()}


def each_alone(model: nn.Module, loss, inputs: tuple[Tensor, ...]) -> list[dict[str, Tensor]]:
    """The gradient of each person's loss, by differentiating one after the other."""
    found = []
    for sample in range(len(inputs[0])):
        model.zero_grad()
        sum(loss(model, inputs, slice(sample, sample + 1)).values()).backward()
        found.append({name: value.grad.clone() for name, value in model.named_parameters()})
    return found


@pytest.mark.parametrize("which", ["vae", "denoiser"])
def test_gradients_are_those_of_each_person_alone(which):
    if which == "vae":
        model, inputs, loss = random_vae(["1"] * 5 + ["2"] * 4), people_of(), vae_loss
    else:
        (model, inputs), loss = denoiser_of(), denoiser_loss
    alone = each_alone(model, loss, inputs)
    single = PerSampleGradients(model)
    total = 7 * sum(loss(single, inputs, slice(None)).values())
    found = torch.autograd.grad(total, list(single.weights.values()))
    for (name, _), gradient in zip(single.weights.items(), found, strict=True):
        expected = torch.stack([gradients[name] for gradients in alone])
        assert torch.allclose(gradient, expected, rtol=1e-4, atol=1e-5), name


@pytest.mark.parametrize("at_once", [2**26, 1])
def test_a_step_sums_gradients_of_norm_one_at_most(monkeypatch, at_once):
    monkeypatch.setattr(private, "_GRADIENTS", {"cpu": at_once})
    model, inputs = denoiser_of()
    expected = {name: torch.zeros_like(value) for name, value in model.named_parameters()}
    for gradients in each_alone(model, denoiser_loss, inputs):
        size = math.sqrt(sum(float(value.square().sum()) for value in gradients.values()))
        for name, value in gradients.items():
            expected[name] += value / (size + 0.01)
    steps = DPSteps(0.0, 1, b"secret", "vae")
    parts = steps.backward(model, lambda net, own: denoiser_loss(net, inputs, own), 0, 7, 10)
    whole = denoiser_loss(model, inputs, slice(None))["denoising"]
    assert float(parts["denoising"]) == pytest.approx(whole.item(), rel=1e-5)
    for name, value in model.named_parameters():
        assert torch.allclose(value.grad, expected[name] / 10, rtol=1e-4, atol=1e-6), name


def test_a_step_that_draws_nobody_is_noise_of_the_size_it_says():
    model = nn.Linear(200, 300)
    steps = DPSteps(3.0, 1, b"secret", "vae")
    for step in (0, 1):
        assert steps.backward(model, lambda net, own: {}, step, 0, 60) == {}
        assert float(model.weight.grad.std()) == pytest.approx(3 / 60, rel=0.02)
        assert abs(float(model.weight.grad.mean())) < 4 * 3 / 60 / math.sqrt(60_000)
        if step == 0:
            first = model.weight.grad.clone()
    assert abs(float((first * model.weight.grad).mean())) < 4 * 0.05**2 / math.sqrt(60_000)
    other = nn.Linear(200, 300)
    DPSteps(3.0, 1, b"another", "vae").backward(other, lambda net, own: {}, 0, 0, 60)
    assert not torch.equal(first, other.weight.grad)


def test_noise_of_a_network_hangs_on_every_bit_of_the_seed_and_on_the_network():
    budget, dosages = (
        PrivacyBudget(1.0, 1e-5, {"vae": 3.0, "diffusion": 3.0}),
        np.zeros((3, 2), np.int8),
    )
    seed = 2**61 + 1
    steps = dp_steps(budget, "vae", seed, dosages)
    assert dp_steps(None, "vae", seed, dosages) is None
    assert steps.seed == seed  # not a digest of fewer bits
    drawn = {
        tuple(steps.rows(0, 200, 100).tolist())
        for steps in (
            steps,
            dp_steps(budget, "diffusion", seed, dosages),
            dp_steps(budget, "vae", seed + 2**40, dosages),
            dp_steps(budget, "vae", seed, dosages + 1),
        )
    }
    assert len(drawn) == 4


def test_people_are_drawn_each_by_itself():
    steps = DPSteps(1.0, 1, b"secret", "vae")
    drawn = np.zeros((400, 1_000), bool)
    for step in range(400):
        drawn[step, steps.rows(step, 1_000, 250)] = True
    sizes = drawn.sum(axis=1)
    assert sizes.mean() == pytest.approx(250, abs=4 * math.sqrt(187.5 / 400))
    assert sizes.var() == pytest.approx(187.5, rel=0.3)  # a batch of fixed size has none
    assert drawn.mean(axis=0).std() == pytest.approx(math.sqrt(0.1875 / 400), rel=0.1)
    assert (steps.rows(3, 1_000, 250) == steps.rows(3, 1_000, 250)).all()


def test_frequencies_without_noise_are_the_training_sampless():
    panel = linked_panel(600, 20)
    conditions = make_conditions(panel, False, False)
    train = panel.of("train")[0]
    exact = training_frequencies(train, encode(panel, "train", conditions))
    assert dp_frequencies(panel, conditions, 0.0, 1) == pytest.approx(exact)
    panel.dosages[np.random.default_rng(1).random(panel.dosages.shape) < 0.02] = MISSING
    found = dp_frequencies(panel, conditions, 0.0, 1)
    assert found == pytest.approx(exact, abs=0.02) and (found != exact).any()


def test_frequencies_have_the_noise_they_say():
    n, m = 3_000, 2_000
    labels = (np.arange(n) // 6) % 3 == 0
    panel = small_panel(independent(n, np.full(m, 0.5), 1), labels.astype(int))
    conditions = make_conditions(panel, False, False)
    exact = dp_frequencies(panel, conditions, 0.0, 1)
    noise = dp_frequencies(panel, conditions, 2.0, 1) - exact
    members = np.bincount(panel.samples("train").label.astype(int))
    assert noise.std(axis=1) == pytest.approx(2 * math.sqrt(m) / members / 2, rel=0.06)


def test_nobody_changes_the_sums_by_more_than_the_bound():
    rng = np.random.default_rng(5)
    n = 300
    groups = np.array(["a", "b", "c"])[rng.integers(0, 3, n)]
    more = {"sex": rng.integers(1, 3, n).astype(np.int8), "group": groups}
    panel = small_panel(rng.integers(0, 3, (n, 15)), (np.arange(n) // 6) % 3 == 0, **more)
    conditions = make_conditions(panel, True, True)
    assert conditions.n_conditions == 6
    described = encode(panel, "train", conditions)
    extreme = np.where(rng.random((len(described), 15)) < 0.5, 0, 2).astype(np.int8)
    sizes = [
        np.linalg.norm(add_up(one[None] - 1, row[None]))
        for one, row in zip(extreme, described, strict=True)
    ]
    assert 0.5 * largest_change(conditions, 15) < max(sizes) <= largest_change(conditions, 15)
    knots = Conditions(5, (0.0, 1.0, 2.0, 3.0, 4.0), False, (), ())
    row = knots.encode([1.5], [0], [""])
    size = np.linalg.norm(add_up(extreme[:1] - 1, row))
    assert size <= largest_change(knots, 15)


def fit_privately(folder: Path, epsilon: float, seed: int = 1, steps: int = 15):
    """Both models, what calibration takes for the training people's, and the budget."""
    panel = linked_panel(600, 20)
    conditions = make_conditions(panel, False, False)
    recipe = {"steps": steps, "batch_size": 100, "learning_rate": 0.03, "weight_decay": 0.0}
    budget = spend(epsilon, None, 400, {"vae": recipe, "diffusion": recipe})
    network = {
        "chromosomes": CHROMOSOMES,
        "conditions": conditions.n_conditions,
        "block_size": 4,
        "latents": 2,
        "hidden": 4,
    }
    folder.mkdir()
    fabric = make_fabric(single=True)
    vae, training = fit_vae(
        panel, conditions, recipe, network, seed, folder / "vae", fabric, budget
    )
    network = {
        "latents": 2,
        "classes": conditions.n_classes,
        "conditions": conditions.n_conditions,
        "width": 8,
        "layers": 1,
        "label_dropout": 0.1,
    }
    denoiser, _ = fit_diffusion(
        vae, panel, conditions, recipe, network, seed, folder / "denoiser", fabric, budget
    )
    wanted, _ = wanted_frequencies(panel, vae, conditions, np.arange(20), seed, budget)
    weights = [*vae.state_dict().values(), *denoiser.state_dict().values()]
    return b"".join(value.numpy().tobytes() for value in weights), training, wanted, budget


def test_nothing_that_is_not_accounted_for_sees_the_people(tmp_path, monkeypatch):
    def refuse(*_args: object, **_named: object) -> None:
        raise AssertionError("this looks at training people beside the account")

    for module, name in (
        (fitting, "choose_parents"),
        (Denoiser, "fit_scale"),
        (calibration, "joint_frequencies"),
        (calibration, "label_effects"),
    ):
        monkeypatch.setattr(module, name, refuse)
    weights, training, wanted, budget = fit_privately(tmp_path / "one", 8.0)
    again, *_ = fit_privately(tmp_path / "two", 8.0)
    other, *_ = fit_privately(tmp_path / "three", 8.0, seed=2)
    assert weights == again != other
    assert set(training.split) == {"train", "validation"}
    assert PrivacyBudget(**budget.as_dict()) == budget
    assert np.isfinite(wanted).all()


def test_the_networks_learn_where_epsilon_allows_it(tmp_path):
    def validation(epsilon: float) -> float:
        _, training, *_ = fit_privately(tmp_path / str(epsilon), epsilon, steps=60)
        rows = training[(training.split == "validation") & (training.part == "reconstruction")]
        return float(rows.value.iloc[-1])

    assert validation(20.0) < validation(0.5) - 1


def test_moments_of_the_prior_are_those_of_draws_from_it():
    vae = random_vae(["1"] * 5)
    rng = np.random.default_rng(6)
    weight = vae.prior_weight.detach().softmax(dim=0).double().numpy()
    component = rng.choice(len(weight), 400_000, p=weight / weight.sum())
    spread = np.exp(vae.prior_log_variance.detach().numpy() / 2)
    drawn = vae.prior_mean.detach().numpy()[component]
    drawn = drawn + spread[component] * rng.standard_normal(drawn.shape)
    mean, covariance = (moment.numpy() for moment in vae.prior_moments())
    assert mean == pytest.approx(drawn.mean(axis=0), abs=0.02)
    assert covariance == pytest.approx(np.cov(drawn.T), abs=0.03)


def test_nearest_parents_are_the_variants_before_on_the_chromosome():
    p = frequencies(11)
    start = nearest_parents(p, np.repeat(["1", "2"], [8, 3]))
    assert start.parents[7].tolist() == [6, 5, 4, 3, 2, 1]
    assert start.parents[9].tolist() == [8] + [PADDING] * 5
    assert (start.parents[[0, 8]] == PADDING).all()
    odds = 1 / (1 + np.exp(-start.log_odds))
    assert odds == pytest.approx(np.stack([p, p], axis=1), rel=1e-5)


def test_secret_numbers_need_both_the_seed_and_the_data():
    data = np.arange(6)
    first, again, seed, other, purpose = (
        draw_secret(*how).random()
        for how in (
            (1, data, "a"),
            (1, data.copy(), "a"),
            (2, data, "a"),
            (1, data + 1, "a"),
            (1, data, "b"),
        )
    )
    assert first == again and len({first, seed, other, purpose}) == 4
