"""Sampling: latents by DPM-Solver++ (2M) with classifier-free guidance, then genotypes by decoding.

Sources: Lu et al. 2022 (arXiv 2211.01095, algorithm 2); Ho & Salimans 2022 (arXiv 2207.12598).
"""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from snpgen.generator.decoder import PLOIDY
from snpgen.generator.decoding import (
    BATCH,
    AlleleSampler,
    decode,
    sample_independently,
    sample_systematically,
)
from snpgen.generator.diffusion import Denoiser
from snpgen.generator.threads import compute_batches
from snpgen.generator.vae import VAE
from snpgen.job import derive_seed
from snpgen.progress import Meter

SIGMA_MIN, SIGMA_MAX = 0.02, 10.0
# Genotypes, and hidden units of the blocks decoded together, that a thread holds at once. This limits the number of
# individuals if the panel or the network is large; each thread uses about 0.3 GB of memory.
_MAX_GENOTYPES = _MAX_UNITS = 2**23
_MIN_BATCH = 1024  # individuals; systematic sampling needs many


def noise_levels(steps: int) -> np.ndarray:
    """Descending noise levels, equidistant in ln sigma, and a final 0, float64 (steps + 1,).

    With 10 steps, this spacing inflates the variance of a Gaussian by 2 %; the spacing of Karras et al.
    2022 inflates it by 14 %.
    """
    return np.append(np.geomspace(SIGMA_MAX, SIGMA_MIN, steps), 0.0)


def guide(denoiser: Denoiser, x: Tensor, sigma: Tensor, conditions: Tensor, scale: float) -> Tensor:
    """Denoise with guidance: D_masked + scale (D_label - D_masked); a scale of 1 means no guidance."""
    none = torch.zeros(len(x), dtype=torch.bool, device=x.device)
    labelled = denoiser.denoise(x, sigma, denoiser.mask_label(conditions, none))
    if scale == 1.0:
        return labelled
    masked = denoiser.denoise(x, sigma, denoiser.mask_label(conditions, ~none))
    return masked + scale * (labelled - masked)


def solve(
    denoiser: Denoiser, noise: Tensor, conditions: Tensor, steps: int, scale: float
) -> Tensor:
    """Standardised latents from standard normal `noise` (n, latents), by `steps` solver steps.

    DPM-Solver++ (2M) with alpha = 1, so that lambda = -ln sigma.
    """
    sigmas = noise_levels(steps)
    x = noise * float(sigmas[0])
    previous, h_previous = None, 0.0
    for sigma, next_sigma in pairwise(sigmas):
        level = torch.full((len(x),), float(sigma), device=x.device)
        clean = guide(denoiser, x, level, conditions, scale)
        if next_sigma == 0:
            return clean
        h = float(np.log(sigma / next_sigma))
        direction = clean
        if previous is not None:
            ratio = h / (2 * h_previous)
            direction = (1 + ratio) * clean - ratio * previous
        x = float(next_sigma / sigma) * x - float(np.expm1(-h)) * direction
        previous, h_previous = clean, h
    return x


@torch.no_grad()
def sample_latents(
    denoiser: Denoiser, conditions: Tensor, steps: int, scale: float, generator: torch.Generator
) -> Tensor:
    """Latents (n, n_latents) of the autoencoder for individuals with these conditions (n, c).

    With 0 `steps`, the latents are from the prior of the denoiser: Gaussian given the conditions, as in a
    conditional VAE without diffusion model (the baseline cvae). The mean latents under each condition equal those
    of the training individuals: a chance difference between classes would change the allele frequencies of both at
    all variants.
    """
    clean = denoiser.sample_prior(conditions, generator)
    if steps:

        def solve_batch(rows: slice) -> Tensor:
            return solve(denoiser, clean[rows], conditions[rows], steps, scale)

        clean = torch.cat(compute_batches(solve_batch, clean, BATCH))
    return denoiser.restore(_centre(clean, conditions), conditions)


def _centre(latents: Tensor, conditions: Tensor) -> Tensor:
    """Residuals (n, latents) of the regression of `latents` on the conditions (n, c)."""
    x, y = conditions.double(), latents.double()
    return (y - x @ (torch.linalg.pinv(x.T @ x) @ (x.T @ y))).to(latents.dtype)


def sample_genotypes(
    vae: VAE,
    denoiser: Denoiser,
    conditions: np.ndarray,
    steps: int,
    scale: float,
    systematic: bool,
    seed: int,
) -> np.ndarray:
    """Dosages int8 (n, m) of synthetic individuals with these conditions float32 (n, c).

    Alleles are sampled, because choosing the most probable alleles would remove rare alleles. With
    `systematic` sampling, the allele counts of each class equal their expectation under the model.
    """
    effects = vae.allele_effects(denoiser.classes)
    own = torch.from_numpy(conditions).to(vae.bias.device)
    generator = torch.Generator(own.device).manual_seed(seed)
    latents = sample_latents(denoiser, own, steps, scale, generator)

    def start(rows: slice, generator: torch.Generator) -> tuple[Tensor, AlleleSampler]:
        copied = vae.sample_copied(latents[rows], generator)
        if not systematic:
            return latents[rows], sample_independently(copied, generator)
        strata = own[rows, : denoiser.classes].argmax(dim=1)
        return latents[rows], sample_systematically(strata, effects, copied, generator)

    return _decode_in_batches(vae, own, start, seed)


def reconstruct(vae: VAE, dosages: np.ndarray, conditions: np.ndarray, seed: int) -> np.ndarray:
    """Reconstructions int8 (n, m) of real dosages: a posterior sample of the latents, decoded."""

    def start(rows: slice, generator: torch.Generator) -> tuple[Tensor, AlleleSampler]:
        genotypes = torch.from_numpy(dosages[rows]).to(vae.bias.device)
        shape = len(genotypes), vae.n_latents
        noise = torch.randn(shape, generator=generator, device=genotypes.device)
        latents = vae.sample_posterior(genotypes, noise)
        copied = vae.sample_copied(latents, generator)
        return latents, sample_independently(copied, generator)

    return _decode_in_batches(vae, torch.from_numpy(conditions).to(vae.bias.device), start, seed)


def _decode_in_batches(
    vae: VAE,
    conditions: Tensor,
    start: Callable[[slice, torch.Generator], tuple[Tensor, AlleleSampler]],
    seed: int,
) -> np.ndarray:
    """Decode dosages int8 (n, m); `start` returns latents and allele sampler of a batch, given its random generator."""
    meter = Meter(len(conditions), "samples")
    units = PLOIDY * vae.encoder_in.weight.shape[2] * max(map(len, vae.blocks_by_rank))
    most = min(_MAX_GENOTYPES // vae.n_variants, _MAX_UNITS // units)
    size = min(BATCH, max(_MIN_BATCH, most))

    dosages = np.empty((len(conditions), vae.n_variants), np.int8)

    def decode_batch(rows: slice) -> None:
        own = derive_seed(seed, "batch", str(rows.start // size))
        generator = torch.Generator(conditions.device).manual_seed(own)
        latents, choose = start(rows, generator)
        haplotypes = decode(vae, latents, conditions[rows], choose)
        dosages[rows] = haplotypes.sum(dim=1, dtype=torch.int8).cpu().numpy()
        meter.add(len(latents))

    with torch.no_grad():
        compute_batches(decode_batch, conditions, size)
    return dosages
