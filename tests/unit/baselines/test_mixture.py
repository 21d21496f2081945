"""Mixtures of latents against known distributions."""

from pathlib import Path

import numpy as np
import pytest
import torch
from example_generator import fit, linked_panel, make_denoiser, one_hot

from snpgen.baselines.mixture import LatentMixture, fit_mixture, sample_mixture
from snpgen.generator.frequencies import training_frequencies
from snpgen.generator.target import Target
from snpgen.genetics.imputation import impute_genotypes


def from_mixture(
    weights: list[float], means: np.ndarray, scale: float, n: int, seed: int
) -> np.ndarray:
    """Latents (n, d) from a mixture of spherical Gaussians with standard deviation `scale`."""
    rng = np.random.default_rng(seed)
    return means[rng.choice(len(weights), n, p=weights)] + scale * rng.normal(
        size=(n, means.shape[1])
    )


def test_mixture_is_recovered() -> None:
    weights, means = [0.5, 0.3, 0.15, 0.05], np.array([[0, 0], [2, 1], [-2, 1], [0, -3.0]])
    mixture = fit_mixture(from_mixture(weights, means, 0.4, 6000, 1), seed=1)
    assert len(mixture.weight) == 4
    order = mixture.weight.argsort(descending=True)
    assert mixture.weight[order].numpy() == pytest.approx(weights, abs=0.02)
    assert mixture.mean[order].numpy() == pytest.approx(means, abs=0.08)
    covariances = mixture.factor @ mixture.factor.transpose(1, 2)
    expected = np.tile(0.16 * np.eye(2), (4, 1, 1))
    assert covariances.numpy() == pytest.approx(expected, abs=0.03)


@pytest.mark.parametrize("n", [25, 5000])
def test_a_normal_distribution_has_one_component(n: int) -> None:
    assert len(fit_mixture(np.random.default_rng(2).normal(size=(n, 2)), seed=1).weight) == 1


def fitted(
    latents: np.ndarray, conditions: np.ndarray, first_group: int = 2, seed: int = 1
) -> LatentMixture:
    plain = make_denoiser(latents.shape[1], conditions.shape[1])
    prior = LatentMixture(**plain.architecture)
    z, x = (torch.from_numpy(array).float() for array in (latents, conditions))
    prior.fit_standardisation(z, torch.zeros_like(z), x)
    prior.fit(z, x, first_group, seed)
    return prior


def sample(prior: LatentMixture, conditions: np.ndarray, seed: int) -> np.ndarray:
    x = torch.from_numpy(conditions)
    generator = torch.Generator().manual_seed(seed)
    return prior.restore(prior.sample_prior(x, generator), x).detach().numpy()


def test_each_class_and_group_has_its_own_distribution() -> None:
    n = 12_000
    rng = np.random.default_rng(3)
    label, group = rng.integers(0, 2, n), rng.integers(0, 2, n)
    sign = np.where(label == 1, 1, -1) * (1 + 2 * group)
    component = rng.random(n) < 0.2
    latents = np.column_stack([rng.normal(size=n), np.where(component, 4, -1) * sign])
    latents += 0.3 * rng.normal(size=latents.shape)
    centred = np.column_stack([group - group.mean(), group.mean() - group])
    conditions = np.column_stack([one_hot(label), centred]).astype(np.float32)
    found = sample(fitted(latents, conditions), conditions, 5)
    for one in (0, 1):
        for other in (0, 1):
            own = (label == one) & (group == other)
            quantiles = np.linspace(0.02, 0.98, 25)
            expected, actual = (np.quantile(z[own], quantiles, axis=0) for z in (latents, found))
            spread = latents[own].std(axis=0)
            jump = (quantiles > 0.76) & (quantiles < 0.84) | (quantiles > 0.16) & (quantiles < 0.24)
            assert np.abs((expected - actual)[~jump] / spread).max() < 0.2


def test_small_strata_have_the_mixture_of_their_class_or_a_normal_distribution() -> None:
    label = np.repeat([0, 1], [2000, 8])
    group = (np.arange(2008) < 8).astype(float)
    latents = from_mixture([0.5, 0.5], np.array([[-1.0], [1.0]]), 0.1, 2008, 4)
    conditions = np.column_stack([one_hot(label), group, -group]).astype(np.float32)
    prior = fitted(latents, conditions)
    prior.mean[2:] = 0  # in a group of eight individuals, the mean is imprecise
    prior.fit(torch.from_numpy(latents).float(), torch.from_numpy(conditions), 2, 1)
    many = np.repeat(conditions[[0, 2007]], 4000, axis=0)
    own, normal = np.split(sample(prior, many, 1)[:, 0], 2)
    assert (np.abs(np.abs(own) - 1) < 0.5).mean() > 0.99
    assert 0.2 < (np.abs(normal) < 0.5).mean()


def test_cohort_has_the_target_frequencies_and_depends_on_the_seed(tmp_path: Path) -> None:
    panel = linked_panel(1200, 12)
    vae, denoiser, encoding = fit(panel, ["1"] * 12, tmp_path)
    training = encoding.encode_split(panel, "train")
    dosages, _ = impute_genotypes(panel, "train", 1)
    frequencies = training_frequencies(dosages, training)
    frequencies[1] = 0.5 * (frequencies[1] + frequencies[0])
    target = Target(frequencies, frequencies)
    weights = {name: value.clone() for name, value in vae.state_dict().items()}
    cohorts = []
    for seed in (1, 1, 2):
        vae.load_state_dict(weights)
        synthetic = np.tile(training, (5, 1))
        cohorts.append(
            sample_mixture(vae, denoiser, panel, encoding, synthetic, target, True, seed)
        )
    first, again, other = cohorts
    assert first.shape == (len(synthetic), 12) and first.dtype == np.int8
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    found = training_frequencies(first, synthetic)
    assert found == pytest.approx(frequencies, abs=0.015)
