"""The generator as published (arXiv 2603.10873), for comparison: convolutional latent diffusion.

A one-dimensional version of the autoencoder and the U-Net of latent diffusion (Rombach et al. 2022). It
ignores the positions of variants, pads the panel to a multiple of 64, uses a guidance scale of 5 for every
phenotype and decodes the most probable genotype. Details missing in the paper are those of latent diffusion.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from published_networks import Autoencoder, Discriminator, UNet
from torch import Tensor, nn

from snpgen.generator.training import average_weights, batch_rows
from snpgen.generator.weights import pick_device
from snpgen.job import derive_seed, log
from snpgen.progress import Meter

MULTIPLE = 64  # of the panel's length: 16 of the autoencoder times 4 of the U-Net
ADVERSARIAL_FROM, ADVERSARIAL_WEIGHT = 20_001, 0.5
LABEL_DROPOUT = 0.2
GUIDANCE = 5.0
VAE_EPOCHS, DIFFUSION_EPOCHS = 400, 500
EMA = 0.9999
_BETAS = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
ALPHA_BAR = torch.cumprod(1 - _BETAS, dim=0)
_CHUNK = 1024  # individuals at once without gradients


@dataclass(frozen=True)
class Hyperparameters:
    """Hyperparameters of training and sampling; the defaults are those of the paper.

    Steps that are None are computed from `VAE_EPOCHS` and `DIFFUSION_EPOCHS`. The published learning rate of
    the autoencoder is for 500,000 steps; with a few thousand steps only a larger one trains it.
    """

    vae_steps: int | None = None
    vae_batch: int = 256
    vae_rate: float = 4.5e-6
    diffusion_steps: int | None = None
    diffusion_batch: int = 1024
    diffusion_rate: float = 1e-4
    sampling_steps: int = 50


PUBLISHED = Hyperparameters()


def sample_published(
    dosages: np.ndarray,
    labels: np.ndarray,
    synthetic_labels: np.ndarray,
    seed: int,
    settings: Hyperparameters = PUBLISHED,
) -> np.ndarray:
    """Train, and generate dosages int8 (len(synthetic_labels), m).

    `dosages` int8 (n, m) without missing calls; `labels` int (n,), which include all `synthetic_labels`.
    In bf16, on a GPU if available.
    """
    device = pick_device()
    classes, index = np.unique(labels, return_inverse=True)
    length = -(-dosages.shape[1] // MULTIPLE) * MULTIPLE
    genotypes = torch.from_numpy(np.ascontiguousarray(dosages)).to(device)
    torch.manual_seed(derive_seed(seed, "published weights"))
    vae, unet = Autoencoder().to(device), UNet(len(classes)).to(device)
    fit_autoencoder(vae, genotypes, length, settings, derive_seed(seed, "published autoencoder"))
    latents = encode(vae, genotypes, length)
    known = torch.from_numpy(index).to(device)
    fit_unet(unet, latents, known, settings, derive_seed(seed, "published diffusion"))
    target = torch.from_numpy(np.searchsorted(classes, synthetic_labels)).to(device)
    generator = torch.Generator(device).manual_seed(derive_seed(seed, "published sample"))
    synthetic = []
    for part in target.split(_CHUNK):
        generated = sample_latents(unet, part, length // 16, settings.sampling_steps, generator)
        synthetic.append(decode(vae, generated, dosages.shape[1]))
    return torch.cat(synthetic).cpu().numpy()


def one_hot(dosages: Tensor, length: int) -> Tensor:
    """Genotypes int8 (n, n_variants) as float (n, 3, length), zero in the padding."""
    return F.pad(F.one_hot(dosages.long(), 3).float().mT, (0, length - dosages.shape[1]))


def _batches(
    model: nn.Module, n: int, batch: int, steps: int, seed: int
) -> Iterator[tuple[int, Tensor, torch.Generator]]:
    """Number, rows and random generator of each step; loads the averaged weights at the end."""
    device = next(model.parameters()).device
    averaged = average_weights(model, EMA)
    for step in range(steps):
        generator = torch.Generator(device).manual_seed(seed + step)
        yield step, batch_rows(step, n, batch, seed).to(device), generator
        averaged.update_parameters(model)
    model.load_state_dict(averaged.module.state_dict())
    model.eval()


def _half_precision(device: torch.device) -> torch.autocast:
    return torch.autocast(device.type, torch.bfloat16)


def fit_autoencoder(
    vae: Autoencoder, genotypes: Tensor, length: int, settings: Hyperparameters, seed: int
) -> None:
    """Train in place; the adversarial loss starts at step `ADVERSARIAL_FROM`."""
    discriminator = Discriminator().to(genotypes.device)
    optimizer, discriminator_optimizer = (
        torch.optim.Adam(model.parameters(), lr=settings.vae_rate, betas=(0.5, 0.9))
        for model in (vae, discriminator)
    )
    n, n_variants = genotypes.shape
    steps = settings.vae_steps or VAE_EPOCHS * max(1, n // settings.vae_batch)
    meter = Meter(steps, "steps of the autoencoder")
    for step, rows, generator in _batches(vae, n, settings.vae_batch, steps, seed):
        real = one_hot(genotypes[rows], length)
        with _half_precision(real.device):
            mean, log_variance = vae.encode(real)
            noise = torch.randn(mean.shape, generator=generator, device=real.device)
            logits = vae.decode(mean + noise * (log_variance / 2).exp())
        entropy = F.cross_entropy(
            logits[..., :n_variants].float(), genotypes[rows].long(), reduction="none"
        )
        fit = (entropy / vae.log_variance.exp() + vae.log_variance).sum() / len(rows)
        kl = (mean.square() + log_variance.exp() - 1 - log_variance).sum() / (2 * len(rows))
        loss = fit + kl
        adversarial = step + 1 >= ADVERSARIAL_FROM
        if adversarial:
            generated = logits.float().softmax(dim=1)
            adversarial_loss = -discriminator(generated).mean()
            weight = ADVERSARIAL_WEIGHT * balance(fit, adversarial_loss, vae.last.weight)
            loss = loss + weight * adversarial_loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if adversarial:
            real_loss = F.relu(1 - discriminator(real)).mean()
            fake_loss = F.relu(1 + discriminator(generated.detach())).mean()
            discriminator_optimizer.zero_grad()
            (0.5 * (real_loss + fake_loss)).backward()
            discriminator_optimizer.step()
        _report("autoencoder", step, steps, loss)
        meter.add()


def balance(fit: Tensor, adversarial_loss: Tensor, weights: Tensor) -> Tensor:
    """Adaptive weight that equalises the gradients of both losses (Esser et al. 2021, equation 7)."""
    norm, other = (
        torch.autograd.grad(loss, weights, retain_graph=True)[0].norm()
        for loss in (fit, adversarial_loss)
    )
    return (norm / (other + 1e-4)).clamp(0, 1e4)


def fit_unet(
    unet: UNet,
    latents: tuple[Tensor, Tensor],
    classes: Tensor,
    settings: Hyperparameters,
    seed: int,
) -> None:
    """Train in place to predict the noise in `latents`, mean and log variance from `encode`."""
    mean, deviation = latents[0], (latents[1] / 2).exp()
    epoch = max(1, len(mean) // settings.diffusion_batch)
    steps = settings.diffusion_steps or DIFFUSION_EPOCHS * epoch
    optimizer = torch.optim.AdamW(unet.parameters(), lr=settings.diffusion_rate)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(1, steps))
    alpha_bar = ALPHA_BAR.float().to(mean.device)
    meter = Meter(steps, "steps of the diffusion model")
    for step, rows, generator in _batches(unet, len(mean), settings.diffusion_batch, steps, seed):
        random: dict[str, Any] = {"generator": generator, "device": mean.device}
        noise = torch.randn(2, *mean[rows].shape, **random)
        clean = mean[rows] + deviation[rows] * noise[0]
        time = torch.randint(len(alpha_bar), (len(rows),), **random)
        keep = torch.rand(len(rows), **random) >= LABEL_DROPOUT
        share = alpha_bar[time][:, None, None]
        noisy = share.sqrt() * clean + (1 - share).sqrt() * noise[1]
        with _half_precision(mean.device):
            predicted = unet(noisy, time.float(), classes[rows], keep)
        loss = F.mse_loss(predicted.float(), noise[1])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        cosine.step()
        _report("diffusion", step, steps, loss)
        meter.add()


def _report(part: str, step: int, steps: int, loss: Tensor) -> None:
    if (step + 1) % max(1, steps // 20) == 0:
        log.info("published %s, step %d of %d: loss %.4f", part, step + 1, steps, loss.item())


@torch.no_grad()
def encode(vae: Autoencoder, genotypes: Tensor, length: int) -> tuple[Tensor, Tensor]:
    """Posterior mean and log variance of the latents, (n, 1, length / 16) each."""
    parts = [vae.encode(one_hot(part, length)) for part in genotypes.split(_CHUNK)]
    mean, log_variance = (torch.cat(side) for side in zip(*parts, strict=True))
    return mean, log_variance


@torch.no_grad()
def sample_latents(
    unet: Callable[..., Tensor],
    classes: Tensor,
    length: int,
    steps: int,
    generator: torch.Generator,
) -> Tensor:
    """Latents (n, 1, length) by Euler steps with guidance scale `GUIDANCE`."""
    device, n = classes.device, len(classes)
    time = np.linspace(len(ALPHA_BAR) - 1, 0, steps)
    levels = ((1 - ALPHA_BAR) / ALPHA_BAR).sqrt().numpy()
    sigma = np.append(np.interp(time, np.arange(len(levels)), levels), 0.0)
    noise = torch.randn(n, 1, length, generator=generator, device=device)
    latents = noise * float(np.sqrt(sigma[0] ** 2 + 1))
    keep = torch.arange(2 * n, device=device) < n
    for t, sigma_now, sigma_next in zip(time, sigma[:-1], sigma[1:], strict=True):
        seen = (latents / float(np.sqrt(sigma_now**2 + 1))).repeat(2, 1, 1)
        times = torch.full((2 * n,), float(t), device=device)
        with _half_precision(device):
            conditional, unconditional = unet(seen, times, classes.repeat(2), keep).float().chunk(2)
        slope = unconditional + GUIDANCE * (conditional - unconditional)
        latents = latents + slope * float(sigma_next - sigma_now)
    return latents


@torch.no_grad()
def decode(vae: Autoencoder, latents: Tensor, n_variants: int) -> Tensor:
    """The most probable genotypes given latents, int8 (n, n_variants)."""
    return vae.decode(latents)[..., :n_variants].argmax(dim=1).to(torch.int8)
