"""Baseline without diffusion: the conditional VAE with a normal prior."""

import numpy as np

from snpgen.generator.calibration import compute_shift
from snpgen.generator.diffusion import Denoiser
from snpgen.generator.sampler import sample_genotypes
from snpgen.generator.vae import VAE


def sample_cvae(
    vae: VAE,
    denoiser: Denoiser,
    training: np.ndarray,
    synthetic: np.ndarray,
    frequencies: np.ndarray,
    systematic: bool,
    seed: int,
) -> np.ndarray:
    """Decode latents sampled from the normal prior of each class; the denoiser only provides this prior.

    `training` (n, c) and `synthetic` (k, c) are float32 conditions. The biases of the uncalibrated `vae` are
    shifted in place so that the synthetic individuals have the `frequencies` (c, m) by condition.
    `systematic` as in `sample_genotypes`. Returns int8 (k, m).
    """
    vae.shift_bias(compute_shift(vae, denoiser, training, frequencies, 1.0, 0, seed))
    return sample_genotypes(vae, denoiser, synthetic, 0, 1.0, systematic, seed)
