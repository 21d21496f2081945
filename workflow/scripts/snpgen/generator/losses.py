"""What an attacker with the models in hand computes: their losses on a person."""

from dataclasses import replace

import numpy as np
import torch

from snpgen.generator.conditions import Conditions
from snpgen.generator.diffusion import Denoiser
from snpgen.generator.fitting import denoising_losses, measure, posterior
from snpgen.generator.vae import VAE
from snpgen.job import derive_seed
from snpgen.panel import Panel
from snpgen.plink import allele_frequency, draw_missing

DRAWS = 4  # of phases, latents and noise


def person_losses(
    vae: VAE, denoiser: Denoiser, dosages: np.ndarray, conditions: np.ndarray, seed: int
) -> dict[str, np.ndarray]:
    """Losses float64 (n,) of each person: `vae` in nats, `denoiser`, a mean over noise levels.

    `dosages` int8 (n, m) without missing calls, `conditions` float32 (n, c).
    """
    device = denoiser.factor.device
    described = torch.from_numpy(conditions).to(device)
    mean, variance = posterior(vae, torch.from_numpy(dosages).to(device))
    denoising = torch.zeros(len(dosages), dtype=torch.float64, device=device)
    for own in _seeds(seed):
        denoising += denoising_losses(denoiser, mean, variance, described, own)
    return {
        "vae": vae_losses(vae, dosages, conditions, seed),
        "denoiser": (denoising / DRAWS).cpu().numpy(),
    }


def vae_losses(vae: VAE, dosages: np.ndarray, conditions: np.ndarray, seed: int) -> np.ndarray:
    """Loss float64 (n,) of the autoencoder on each person, nats; the people as in `person_losses`."""
    device = vae.frequency.device
    people, described = (torch.from_numpy(array).to(device) for array in (dosages, conditions))
    called = torch.ones_like(people, dtype=torch.bool)
    nats = torch.zeros(len(people), dtype=torch.float64, device=device)
    for own in _seeds(seed):
        reconstruction, kl = measure(vae, [people, called, described], own)
        nats += reconstruction + kl
    return (nats / DRAWS).cpu().numpy()


def _seeds(seed: int) -> list[int]:
    return [derive_seed(seed, "losses", str(number)) for number in range(DRAWS)]


def everybody(panel: Panel, conditions: Conditions, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Dosages int8 (n, m), missing calls drawn by training frequencies, and conditions (n, c) of all."""
    frequency = np.nan_to_num(allele_frequency(panel.of("train")[0]))
    dosages = draw_missing(panel.dosages, frequency, derive_seed(seed, "losses"))
    return dosages, conditions.encode(panel.label, panel.sex, panel.group)


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
