"""What an attacker with the models in hand computes: their losses on a person."""

from dataclasses import replace

import numpy as np
import torch

from snpgen.generator.conditions import ConditionEncoding
from snpgen.generator.decoding import BATCH
from snpgen.generator.diffusion import Denoiser
from snpgen.generator.fitting import denoising_losses, posterior
from snpgen.generator.phasing import phase
from snpgen.generator.vae import VAE
from snpgen.io.panel import Panel
from snpgen.io.plink import allele_frequency, draw_missing
from snpgen.job import derive_seed
from snpgen.progress import Meter

DRAWS = 4  # of latents and noise


def sample_losses(
    vae: VAE, denoiser: Denoiser, dosages: np.ndarray, conditions: np.ndarray, seed: int
) -> dict[str, np.ndarray]:
    """Losses float64 (n,) of each person: `vae` in nats, `denoiser`, a mean over noise levels.

    `dosages` int8 (n, m) without missing calls, `conditions` float32 (n, c).
    """
    device = denoiser.factor.device
    described = torch.from_numpy(conditions).to(device)
    mean, variance = posterior(vae, torch.from_numpy(dosages).to(device))
    denoising = torch.zeros(len(dosages), dtype=torch.float64, device=device)
    for number in range(DRAWS):
        own = derive_seed(seed, "losses", str(number))
        denoising += denoising_losses(denoiser, mean, variance, described, own)
    return {
        "vae": vae_losses(vae, dosages, conditions, seed),
        "denoiser": (denoising / DRAWS).cpu().numpy(),
    }


@torch.no_grad()
def vae_losses(vae: VAE, dosages: np.ndarray, conditions: np.ndarray, seed: int) -> np.ndarray:
    """Loss float64 (n,) of the autoencoder on each person, nats; the people as in `person_losses`.

    One phase is drawn for each person, and several latents.
    """
    device, losses = vae.frequency.device, []
    generator = torch.Generator(device).manual_seed(derive_seed(seed, "losses"))
    meter = Meter(len(dosages), "samples")
    for start in range(0, len(dosages), BATCH):
        samples, described = (
            torch.from_numpy(array[start : start + BATCH]).to(device)
            for array in (dosages, conditions)
        )
        called = torch.ones_like(samples, dtype=torch.bool)
        haplotypes = phase(vae, samples, described, generator)  # far dearer than the loss itself
        nats = torch.zeros(len(samples), dtype=torch.float64, device=device)
        for _ in range(DRAWS):
            noise = torch.randn(len(samples), vae.n_latents, generator=generator, device=device)
            parts = vae(samples, called, haplotypes, described, noise)
            nats += parts.reconstruction + parts.kl
        losses.append((nats / DRAWS).cpu().numpy())
        meter.add(len(samples))
    return np.concatenate([np.empty(0), *losses])


def all_samples(
    panel: Panel, encoding: ConditionEncoding, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Dosages int8 (n, m), missing calls drawn by training frequencies, and conditions (n, c) of all."""
    frequency = np.nan_to_num(allele_frequency(panel.of("train")[0]))
    dosages = draw_missing(panel.dosages, frequency, derive_seed(seed, "losses"))
    return dosages, encoding.encode(panel.label, panel.sex, panel.group)


def shadow_panel(panel: Panel, number: int, seed: int) -> Panel:
    """The panel as the shadow model `number` (from 1) sees it: a random half of all who are attacked trains.

    Those are training and test people; the other half is in the split test, and validation people
    stay. Numbers 1 and 2, 3 and 4 and so on have opposite halves, so that each person is in as many
    models as not.
    """
    attacked = np.flatnonzero(panel.split != "validation")
    pair, second = divmod(number - 1, 2)
    order = np.random.default_rng(derive_seed(seed, "shadow", str(pair))).permutation(attacked)
    first_half = np.zeros(len(panel.split), bool)
    first_half[order[: len(order) // 2]] = True
    split = np.where(first_half != bool(second), "train", "test")
    return replace(panel, split=np.where(panel.split == "validation", "validation", split))
