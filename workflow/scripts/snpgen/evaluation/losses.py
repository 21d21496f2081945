"""Losses of the trained networks on individuals, which a white-box attacker can compute."""

from dataclasses import replace

import numpy as np
import torch

from snpgen.generator.conditions import ConditionEncoding
from snpgen.generator.diffusion import Denoiser
from snpgen.generator.fitting import BATCH, denoising_losses, posterior
from snpgen.generator.phasing import phase
from snpgen.generator.threads import compute_batches
from snpgen.generator.vae import VAE
from snpgen.io.panel import Panel
from snpgen.io.plink import allele_frequency, draw_missing
from snpgen.job import derive_seed
from snpgen.progress import Meter

REPEATS = 4  # samples of latents and noise


def sample_losses(
    vae: VAE, denoiser: Denoiser, dosages: np.ndarray, conditions: np.ndarray, seed: int
) -> dict[str, np.ndarray]:
    """Losses float64 (n,) of each individual: `vae` in nats, and `denoiser`, a mean over noise levels.

    `dosages` int8 (n, m) have no missing calls; `conditions` are float32 (n, c).
    """
    device = denoiser.factor.device
    encoded = torch.from_numpy(conditions).to(device)
    mean, variance = posterior(vae, torch.from_numpy(dosages).to(device))
    denoising = torch.zeros(len(dosages), dtype=torch.float64, device=device)
    for number in range(REPEATS):
        own = derive_seed(seed, "losses", str(number))
        denoising += denoising_losses(denoiser, mean, variance, encoded, own)
    return {
        "vae": vae_losses(vae, dosages, conditions, seed),
        "denoiser": (denoising / REPEATS).cpu().numpy(),
    }


@torch.no_grad()
def vae_losses(vae: VAE, dosages: np.ndarray, conditions: np.ndarray, seed: int) -> np.ndarray:
    """Loss float64 (n,) of the VAE on each individual in nats, for one sampled phase and several latents.

    Arguments are the same as in `sample_losses`.
    """
    device, meter = vae.frequency.device, Meter(len(dosages), "samples")
    encoded = torch.from_numpy(conditions).to(device)

    def measure(rows: slice) -> np.ndarray:
        own = derive_seed(seed, "losses", "vae", str(rows.start // BATCH))
        generator = torch.Generator(device).manual_seed(own)
        samples = torch.from_numpy(dosages[rows]).to(device)
        called = torch.ones_like(samples, dtype=torch.bool)
        haplotypes = phase(vae, samples, encoded[rows], generator)
        nats = torch.zeros(len(samples), dtype=torch.float64, device=device)
        for _ in range(REPEATS):
            noise = torch.randn(len(samples), vae.n_latents, generator=generator, device=device)
            parts = vae(samples, called, haplotypes, encoded[rows], noise)
            nats += parts.reconstruction + parts.kl
        meter.add(len(samples))
        found: np.ndarray = (nats / REPEATS).cpu().numpy()
        return found

    return np.concatenate([np.empty(0), *compute_batches(measure, encoded, BATCH)])


def all_samples(
    panel: Panel, encoding: ConditionEncoding, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Dosages int8 (n, m), with missing calls sampled by training frequencies, and conditions (n, c)."""
    frequency = np.nan_to_num(allele_frequency(panel.of("train")[0]))
    dosages = draw_missing(panel.dosages, frequency, derive_seed(seed, "losses"))
    return dosages, encoding.encode(panel.label, panel.sex, panel.group)


def shadow_panel(panel: Panel, number: int, seed: int) -> Panel:
    """The panel of shadow model `number` (from 1), trained on a random half of the training and test sets.

    The other half becomes the test set; the validation set is unchanged. Models 1 and 2, 3 and 4, and so on
    are trained on complementary halves. Each individual is therefore in the training set of one model of each pair.
    """
    targets = np.flatnonzero(panel.split != "validation")
    pair, second = divmod(number - 1, 2)
    order = np.random.default_rng(derive_seed(seed, "shadow", str(pair))).permutation(targets)
    first_half = np.zeros(len(panel.split), bool)
    first_half[order[: len(order) // 2]] = True
    split = np.where(first_half != bool(second), "train", "test")
    return replace(panel, split=np.where(panel.split == "validation", "validation", split))
