"""Cohorts from models with a known distribution."""

import numpy as np
import pytest
import torch
from example_generator import allele_logits, make_denoiser, one_hot, random_vae

from snpgen.generator import sampler
from snpgen.generator.decoding import BATCH
from snpgen.generator.diffusion import Denoiser
from snpgen.generator.sampler import reconstruct, sample_genotypes, sample_latents


def white_denoiser() -> Denoiser:
    """An untrained denoiser, for which standardised latents are N(0, 1) under all conditions."""
    model = make_denoiser(3)
    model.mean.copy_(torch.tensor([[0.0, 1, 2], [3, -1, 0]]))
    model.factor.copy_(torch.tensor([[2.0, 0, 0], [1, 1, 0], [0, 0.5, 0.2]]))
    return model


@pytest.mark.parametrize("steps", [0, 15])
def test_latents_have_the_moments_of_their_class(steps):
    model, n = white_denoiser(), 40_000
    labels = np.arange(n) % 2
    conditions = torch.from_numpy(one_hot(labels))
    generated = sample_latents(model, conditions, steps, 1.0, torch.Generator().manual_seed(1))
    for label in (0, 1):
        own = generated[labels == label]
        assert (own.mean(dim=0) - model.mean[label]).abs().max() < 1e-4  # not of a sample
        assert (torch.cov(own.T) - model.factor @ model.factor.T).abs().max() < 0.15


def test_a_cohort_depends_on_its_seed():
    vae, denoiser = random_vae(["1"] * 5 + ["2"]), white_denoiser()
    conditions = one_hot(np.arange(BATCH + 3) % 2)
    first, again, other = (
        sample_genotypes(vae, denoiser, conditions, 2, 1.5, True, seed) for seed in (1, 1, 2)
    )
    assert first.shape == (BATCH + 3, 6) and first.dtype == np.int8
    assert set(np.unique(first)) == {0, 1, 2}
    assert first.tobytes() == again.tobytes() != other.tobytes()


@pytest.mark.parametrize(("limit", "expected"), [("_MAX_GENOTYPES", 20), ("_MAX_UNITS", 5)])
def test_batches_are_smaller_for_large_panels_and_networks(limit, expected, monkeypatch):
    vae, denoiser = random_vae(["1"] * 5 + ["2"]), white_denoiser()
    hidden = vae.architecture["hidden"]
    monkeypatch.setattr(sampler, "_MIN_BATCH", 2)
    monkeypatch.setattr(sampler, limit, 20 * 6 if limit == "_MAX_GENOTYPES" else 5 * 2 * 2 * hidden)
    sizes = []

    def decode(vae, latents, conditions, choose):
        sizes.append(len(latents))
        return torch.zeros(len(latents), 2, 6, dtype=torch.int8)

    monkeypatch.setattr(sampler, "decode", decode)
    sample_genotypes(vae, denoiser, one_hot(np.arange(45) % 2), 0, 1.0, False, 1)
    assert sizes == [expected] * (45 // expected) + [45 % expected] * (45 % expected > 0)


def test_systematic_cohorts_have_the_expected_allele_counts():
    vae, denoiser = random_vae(["1", "2", "3"]), white_denoiser()
    vae.decoder.latents.weight.data.zero_()
    vae.latent_effect.data.zero_()  # all individuals have the frequencies of their class
    labels = np.arange(1_000) % 2
    haplotypes = torch.zeros(2, 2, 3, dtype=torch.int64)
    odds = allele_logits(vae, torch.zeros(2, 3), haplotypes, torch.eye(2))
    expected = 1_000 * odds.sigmoid()[:, 0].numpy()
    generated = sample_genotypes(vae, denoiser, one_hot(labels), 0, 1.0, True, 3)
    counts = np.stack([generated[labels == label].sum(axis=0) for label in (0, 1)])
    assert np.abs(counts - expected).max() < 2  # one per haplotype


def test_reconstruction_with_an_uninformative_posterior_is_generation():
    vae, denoiser = random_vae(["1"] * 5), white_denoiser()
    denoiser.mean.zero_()
    denoiser.factor.copy_(torch.eye(3))
    vae.encoder_out.weight.data.zero_()
    vae.encoder_out.bias.data.zero_()  # the posterior is N(0, 1), as is the prior
    n = 20_000
    dosages, conditions = np.ones((n, 5), np.int8), one_hot(np.arange(n) % 2)
    found = reconstruct(vae, dosages, conditions, 1)
    generated = sample_genotypes(vae, denoiser, conditions, 0, 1.0, False, 2)
    assert found.shape == dosages.shape and found.dtype == np.int8
    assert found.mean(axis=0) == pytest.approx(generated.mean(axis=0), abs=0.03)
    assert np.corrcoef(found.T) == pytest.approx(np.corrcoef(generated.T), abs=0.05)


def test_individuals_are_reconstructed_from_their_own_latents():
    vae = random_vae(["1"])
    vae.encoder_in.weight.data.zero_()
    vae.encoder_in.weight.data[0, 0] = 1.0  # the genotype of the variant
    vae.encoder_sum.weight.data.fill_(0.1)
    vae.encoder_out.weight.data[:3], vae.encoder_out.weight.data[3:] = 0.2, 0.0
    vae.encoder_out.bias.data[:3] = 0.0
    vae.encoder_out.bias.data[3:] = -8.0  # almost without noise
    dosages = np.repeat([0, 2], 2_000).astype(np.int8)[:, None]
    conditions = one_hot(np.zeros(4_000, int))
    found = reconstruct(vae, dosages, conditions, 1)[:, 0]
    mean, _ = vae.encode(torch.from_numpy(dosages))
    blank = torch.zeros(4_000, 2, 1, dtype=torch.int64)
    odds = allele_logits(vae, mean, blank, torch.from_numpy(conditions))
    expected = 2 * odds.sigmoid()[[0, -1], 0, 0].numpy()
    assert abs(expected[1] - expected[0]) > 0.2
    assert [found[:2_000].mean(), found[2_000:].mean()] == pytest.approx(expected, abs=0.08)
