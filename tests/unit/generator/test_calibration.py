"""Frequencies and guidance against known truth and cases computed by hand."""

import numpy as np
import pandas as pd
import pytest
import torch
from example_cohorts import frequencies, independent
from example_generator import allele_logits, make_denoiser, one_hot, outbred, random_vae
from scipy.optimize import brentq

from snpgen.generator import calibration
from snpgen.generator.calibration import (
    MAX_SAMPLES,
    MIN_SAMPLES,
    calibrate,
    calibration_rows,
    compute_shift,
    match_frequencies,
)
from snpgen.generator.conditions import ConditionEncoding
from snpgen.generator.decoding import decode, sample_independently
from snpgen.generator.frequencies import (
    adjusted_frequencies,
    deviations,
    label_effects,
    training_frequencies,
)
from snpgen.generator.sampler import sample_genotypes
from snpgen.generator.target import Target
from snpgen.genetics.ancestry import AncestryComponents, fit_ancestry


def example_conditions(kind: str, n: int) -> np.ndarray:
    """Conditions float32 (n, c): classes, classes and sex, or knots and sex."""
    rng = np.random.default_rng(1)
    label, sex = (rng.random(n) < 0.3).astype(float), rng.integers(1, 3, n)
    n_classes, knots, with_sex = 2, None, kind != "classes"
    if kind == "knots":
        n_classes, knots, label = 3, (-1.0, 0.0, 1.5), rng.normal(size=n)
    centres = ((sex == 1).mean(),) if with_sex else ()
    encoding = ConditionEncoding(n_classes, knots, with_sex, (), centres)
    return encoding.encode(label, sex, np.full(n, ""))


@pytest.mark.parametrize(
    ("kind", "inbred"),
    [("classes", False), ("classes", True), ("classes and sex", False), ("knots", False)],
)
def test_haplotypes_decoded_after_matching_have_the_target_frequencies(kind, inbred):
    n, m = 8_000, 12
    conditions = example_conditions(kind, n)
    vae = random_vae(["1"] * 8 + ["2"] * 4, conditions=conditions.shape[1], inbred=inbred)
    vae.bias.data.zero_()
    rng = np.random.default_rng(2)
    target = rng.uniform(0.2, 0.8, m) + rng.uniform(-0.1, 0.1, (conditions.shape[1], m))
    if conditions.shape[1] > len(set(kind.split()) & {"classes"}) + 1:
        target[-1] = rng.uniform(-0.1, 0.1, m)  # of sex
    tensor = torch.from_numpy(conditions)
    latents = torch.randn(n, 3, generator=torch.Generator().manual_seed(1))
    strata, generator = tensor[:, :2].argmax(dim=1), torch.Generator().manual_seed(2)
    shift, _ = match_frequencies(vae, latents, tensor, strata, target, generator)
    vae.bias.data += shift
    choose = sample_independently(
        vae.sample_copied(latents, generator), torch.Generator().manual_seed(3)
    )
    haplotypes = decode(vae, latents, tensor, choose)
    x = conditions.astype(np.float64)
    found = x.T @ haplotypes.numpy().mean(axis=1) / n
    expected = x.T @ (x @ target) / n
    error = np.sqrt((x**2).mean(axis=0) * 0.25 / (2 * n))
    assert (np.abs(found - expected) / error[:, None]).max() < 6  # sampled in matching and here


def test_matching_attains_extreme_frequencies_and_stays_finite():
    n = 2_000
    vae = random_vae(["1"] * 4)
    conditions = torch.from_numpy(one_hot(np.arange(n) % 2))
    target = np.array([[0.0, 1.0, 0.001, 0.5], [0.0, 1.0, 0.999, 0.02]])
    generator = torch.Generator().manual_seed(1)
    shift, _ = match_frequencies(
        vae, torch.randn(n, 3), conditions, torch.arange(n) % 2, target, generator
    )
    vae.bias.data += shift
    choose = sample_independently(outbred(4, n), generator)
    haplotypes = decode(vae, torch.randn(n, 3), conditions, choose)
    mean = haplotypes.float().mean(dim=1)
    found = np.stack([mean[label::2].mean(dim=0).numpy() for label in (0, 1)])
    assert torch.isfinite(shift).all()
    assert np.abs(found[:, :3] - target[:, :3]).max() < 0.01
    assert np.abs(found[:, 3] - target[:, 3]).max() < 0.06


def test_training_frequencies_of_classes_are_their_means():
    rng = np.random.default_rng(1)
    labels, dosages = rng.integers(0, 3, 500), independent(500, frequencies(9), 2)
    found = training_frequencies(dosages, one_hot(labels, 3))
    expected = [dosages[labels == k].mean(axis=0) / 2 for k in range(3)]
    assert found == pytest.approx(np.array(expected))


def test_effects_are_log_odds_ratios_when_they_are_small():
    rng = np.random.default_rng(0)
    dosages = rng.binomial(2, 0.3, (400_000, 2)).astype(np.int8)
    odds = np.exp(-1 + 0.1 * dosages[:, 0] - 0.05 * dosages[:, 1])
    labels = (rng.random(len(odds)) < odds / (1 + odds)).astype(np.int64)
    found = label_effects(dosages, one_hot(labels), 2)
    assert found == pytest.approx(np.array([[0.1, -0.05]]), abs=0.02)


def test_effects_of_monomorphic_variants_are_zero():
    found = label_effects(np.zeros((10, 1), np.int8), one_hot(np.arange(10) % 2), 2)
    assert found.tolist() == [[0.0]]


def random_genotypes(p: np.ndarray, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).binomial(2, p).astype(np.int8)


@pytest.mark.parametrize(
    ("scales", "chosen", "tried"), [([1, 2, 3], 2, 2), ([0.5, 1.0], 1.0, 2), ([2, 1], 2, 1)]
)
def test_the_first_scale_within_tolerance_is_chosen_or_else_the_nearest(
    monkeypatch, scales, chosen, tried
):
    n, m = 8_000, 60
    labels = np.arange(n) % 2
    gap = np.where(np.arange(m) % 2, 0.06, -0.06)
    target = 0.5 + np.outer([-0.5, 0.5], gap)

    def sample(vae, denoiser, conditions, steps, scale, systematic, seed):
        """Cohorts whose effects are half the scale."""
        return random_genotypes(0.5 + 0.5 * scale * np.outer(conditions[:, 1] - 0.5, gap), 2)

    monkeypatch.setattr(calibration, "sample_genotypes", sample)
    monkeypatch.setattr(calibration, "compute_shift", lambda *args: np.zeros((2, m), np.float32))
    denoiser = type("Denoiser", (), {"classes": 2})()
    found, curve = calibrate(None, denoiser, one_hot(labels), Target(target, target), scales, 5, 1)
    assert found.scale == chosen and len(curve) == tried
    assert curve.effect_slope.to_numpy() == pytest.approx(0.5 * curve.scale.to_numpy(), abs=0.05)


@pytest.mark.parametrize("n", [3, 300, 12_000, 500_000])
def test_calibration_uses_all_individuals_about_equally_often(n):
    rows = calibration_rows(n)
    assert MIN_SAMPLES <= len(rows) <= MAX_SAMPLES
    times = np.bincount(rows, minlength=n)
    assert times.max() - times.min() <= 1


def implied_frequencies(
    logits: list[torch.Tensor], share: np.ndarray, overall: float
) -> np.ndarray:
    """Frequency of each class with one shift of all logits, at which the mean is `overall`."""

    def by_class(shift: float) -> np.ndarray:
        return np.array([float((side + shift).sigmoid().mean()) for side in logits])

    return by_class(brentq(lambda shift: share @ by_class(shift) - overall, -20, 20))


@pytest.mark.parametrize("shrunken", [True, False])
def test_differences_that_latents_imply_are_added_to_a_shrunken_target(shrunken):
    """Expected frequencies by integration over the latents of each class, for independent variants."""
    vae = random_vae(["1", "2", "3"])
    denoiser = make_denoiser(3)
    vae.latent_effect.data.mul_(0.25)
    denoiser.mean.copy_(torch.tensor([[0.0, 0.5, 1], [1.5, -0.5, 0]]))
    training = one_hot((np.arange(4_000) % 4 == 0).astype(int))
    frequencies = np.array([[0.3, 0.5, 0.6], [0.3, 0.6, 0.4]])
    none = AncestryComponents(np.arange(3), np.full(3, 0.5), np.arange(3), np.zeros((3, 3, 0)))
    target = Target(frequencies, frequencies, none if shrunken else None)
    vae.shift_bias(compute_shift(vae, denoiser, training, target, 1.0, 0, 1))
    cohort = sample_genotypes(vae, denoiser, np.tile(training, (5, 1)), 0, 1.0, True, 2)
    case = np.tile(training[:, 1] == 1, 5)
    found = np.stack([cohort[case == label].mean(axis=0) / 2 for label in (False, True)])

    expected = frequencies.copy()
    if shrunken:
        plain = random_vae(["1", "2", "3"])
        plain.latent_effect.data.mul_(0.25)
        normal = torch.randn(20_000, 3, generator=torch.Generator().manual_seed(3))
        pooled = torch.tensor([[0.75, 0.25]]).expand(20_000, 2)
        none = torch.zeros(20_000, 2, 3, dtype=torch.int64)
        logits = [
            allele_logits(plain, normal + denoiser.mean[label], none, pooled)[:, 0]
            for label in (0, 1)
        ]
        share = np.array([0.75, 0.25])
        for variant in range(3):
            implied = implied_frequencies(
                [side[:, variant] for side in logits], share, float(share @ frequencies[:, variant])
            )
            expected[:, variant] += implied - share @ frequencies[:, variant]
        assert np.abs(expected - frequencies).max() > 0.05
    assert found == pytest.approx(expected, abs=0.02)


def test_differences_given_ancestry_are_those_of_a_shrunken_target():
    """Ancestry is one latent, which differs between classes, as do frequencies at every variant."""
    m, n = 80, 8_000
    names = np.repeat(["1", "2", "3", "4"], 20)
    table = pd.DataFrame({"chromosome": names, "position": np.tile(np.arange(20), 4) * 2_000_000})
    vae, denoiser = random_vae(names.tolist()), make_denoiser(3)
    vae.bias.data.zero_()
    denoiser.mean.copy_(torch.tensor([[0.0, 0, 0], [0.5, 0, 0]]))
    training = one_hot((np.arange(n) % 4 == 0).astype(int))
    plain = sample_genotypes(vae, denoiser, training, 0, 1.0, True, 3)
    ancestry = fit_ancestry(plain, training[:, 1], table)
    difference = np.where(np.arange(m) % 4 == 0, 0.05, 0)
    frequencies = plain.mean(axis=0) / 2 + np.outer([-0.25, 0.75], difference)
    vae.shift_bias(
        compute_shift(
            vae, denoiser, training, Target(frequencies, frequencies, ancestry), 1.0, 0, 1
        )
    )
    cohort = sample_genotypes(vae, denoiser, training, 0, 1.0, True, 2)
    raw = training_frequencies(cohort, training)
    given = adjusted_frequencies(cohort, training, ancestry.project(cohort))
    error, unadjusted = (np.diff(table, axis=0)[0] - difference for table in (given, raw))
    assert np.sqrt(np.mean(error**2)) < 0.015
    assert np.sqrt(np.mean(unadjusted**2)) > 0.03
    expected = np.outer([-0.25, 0.75], difference)
    assert deviations(given, training, 2) == pytest.approx(expected, abs=0.03)
