"""Baseline without diffusion: the conditional VAE with a normal prior."""

import numpy as np

from snpgen.generator.calibration import compute_shift
from snpgen.generator.conditions import ConditionEncoding
from snpgen.generator.diffusion import Denoiser
from snpgen.generator.sampler import sample_genotypes
from snpgen.generator.target import Target
from snpgen.generator.vae import VAE
from snpgen.io.panel import Panel


def sample_cvae(
    vae: VAE,
    denoiser: Denoiser,
    panel: Panel,
    encoding: ConditionEncoding,
    synthetic: np.ndarray,
    target: Target,
    systematic: bool,
    seed: int,
) -> np.ndarray:
    """Decode latents sampled from the normal prior of each class; the denoiser only provides this prior.

    `synthetic` float32 (k, c) are the conditions of the synthetic individuals. The biases of the uncalibrated
    `vae` are shifted in place so that the synthetic individuals have the `target`. `systematic` as in
    `sample_genotypes`. Returns int8 (k, m).
    """
    training = encoding.encode_split(panel, "train")
    vae.shift_bias(compute_shift(vae, denoiser, training, target, 1.0, 0, seed))
    return sample_genotypes(vae, denoiser, synthetic, 0, 1.0, systematic, seed)
