"""What an attacker with the models in hand computes: their losses on a person."""

import numpy as np
import torch

from snpgen.generator.diffusion import Denoiser
from snpgen.generator.fitting import denoising_losses, measure, posterior
from snpgen.generator.vae import VAE
from snpgen.job import derive_seed

DRAWS = 4  # of phases, latents and noise


def person_losses(
    vae: VAE, denoiser: Denoiser, dosages: np.ndarray, conditions: np.ndarray, seed: int
) -> dict[str, np.ndarray]:
    """Losses float64 (n,) of each person: `vae` in nats, `denoiser`, a mean over noise levels.

    `dosages` int8 (n, m) without missing calls, `conditions` float32 (n, c).
    """
    device = denoiser.factor.device
    people = torch.from_numpy(dosages).to(device)
    described = torch.from_numpy(conditions).to(device)
    called = torch.ones_like(people, dtype=torch.bool)
    mean, variance = posterior(vae, people)
    nats = torch.zeros(len(people), dtype=torch.float64, device=device)
    denoising = torch.zeros_like(nats)
    for number in range(DRAWS):
        own = derive_seed(seed, "losses", str(number))
        reconstruction, kl = measure(vae, [people, called, described], own)
        nats += reconstruction + kl
        denoising += denoising_losses(denoiser, mean, variance, described, own)
    totals = {"vae": nats / DRAWS, "denoiser": denoising / DRAWS}
    return {name: value.cpu().numpy() for name, value in totals.items()}
