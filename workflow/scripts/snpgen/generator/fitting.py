"""What each model is trained on: people of the panel for the autoencoder, latents for diffusion."""

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from snpgen.generator.diffusion import Denoiser, draw_sigma
from snpgen.generator.sampler import draw_latents
from snpgen.generator.training import Schedule, train
from snpgen.generator.vae import VAE, log_genotype_frequency
from snpgen.job import derive_seed
from snpgen.panel import Panel
from snpgen.plink import MISSING, allele_frequency, draw_missing

KL_WARM_UP = 0.1  # share of the steps over which the KL weight rises from 0
VALIDATION_PEOPLE = 8192  # enough to tell two evaluations apart
SCALE_FLOOR = 1e-3  # a latent dimension that never varies is not blown up


def people(panel: Panel, split: str, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Dosages int8 without missing calls, the mask of those called, and labels int64 of a split.

    Missing calls are drawn Binomial(2, p) with p the frequency in training people.
    """
    frequency = np.nan_to_num(allele_frequency(panel.of("train")[0]))
    dosages, labels = panel.of(split)
    filled = draw_missing(dosages, frequency, derive_seed(seed, "missing", split))
    return filled, dosages != MISSING, labels.astype(np.int64)


def identity(*parts: object) -> str:
    """A digest of arrays and settings, to tell whether a checkpoint belongs to this run."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.tobytes() if isinstance(part, np.ndarray) else repr(part).encode())
    return digest.hexdigest()


def fit_vae(
    panel: Panel, settings: dict, architecture: dict, seed: int, checkpoint: Path, fabric: Fabric
) -> tuple[VAE, pd.DataFrame]:
    """Train the autoencoder on the training people; validation people choose its best step.

    `architecture` holds the arguments of `VAE`, `settings` the section `vae` of the config.
    """
    torch.manual_seed(derive_seed(seed, "vae weights"))
    dosages, called, labels = people(panel, "train", seed)
    start = log_genotype_frequency(*panel.of("train"), architecture["classes"])
    vae = VAE(**architecture, log_frequency=start)
    share = np.bincount(labels, minlength=architecture["classes"]) / len(labels)
    vae.class_share.copy_(torch.from_numpy(share))
    held_out = [torch.from_numpy(a).to(fabric.device) for a in _validation(panel, seed)]
    data = [torch.from_numpy(a).to(fabric.device) for a in (dosages, called, labels)]

    def parts(
        model: nn.Module, batch: list[Tensor], generator: torch.Generator, kl_weight: float
    ) -> dict:
        noise = torch.randn(
            len(batch[0]), *vae.latent_shape, generator=generator, device=fabric.device
        )
        loss = model(batch[0].long(), batch[1], batch[2], noise)
        return {"reconstruction": loss.reconstruction, "kl": kl_weight * loss.kl}

    def loss(model: nn.Module, rows: Tensor, generator: torch.Generator, progress: float) -> dict:
        weight = settings["kl_weight"] * min(1.0, progress / KL_WARM_UP)
        return parts(model, [array[rows] for array in data], generator, weight)

    def validation(model: nn.Module) -> dict[str, float]:
        generator = torch.Generator(fabric.device).manual_seed(derive_seed(seed, "vae validation"))
        values = parts(model, held_out, generator, settings["kl_weight"])
        return {name: float(value) for name, value in values.items()}

    schedule = Schedule(
        settings["steps"], settings["batch_size"], settings["learning_rate"], ema=0.995
    )
    training = train(
        vae,
        loss,
        len(labels),
        validation,
        schedule,
        derive_seed(seed, "vae"),
        checkpoint,
        identity(dosages, called, labels, settings, architecture, seed),
        fabric,
    )
    return vae, training


def fit_diffusion(
    vae: VAE,
    panel: Panel,
    settings: dict,
    architecture: dict,
    seed: int,
    checkpoint: Path,
    fabric: Fabric,
) -> tuple[Denoiser, pd.DataFrame]:
    """Train the denoiser on posterior draws of the training people's latents.

    `architecture` holds the arguments of `Denoiser`, `settings` the section `diffusion`.
    """
    torch.manual_seed(derive_seed(seed, "diffusion weights"))
    denoiser = Denoiser(**architecture).to(fabric.device)
    dosages, _, labels = people(panel, "train", seed)
    classes = torch.from_numpy(labels).to(fabric.device)
    with torch.no_grad():
        mean, log_variance = _posterior(vae, dosages, fabric)
        deviation = (log_variance / 2).exp()
        for label in range(denoiser.classes):
            denoiser.class_mean[label] = mean[classes == label].mean(dim=0)
            denoiser.class_share[label] = (classes == label).float().mean()
        centred = mean - denoiser.class_mean[classes]
        variance = centred.square().mean(dim=0) + deviation.square().mean(dim=0)
        denoiser.scale.copy_(variance.sqrt().clamp(min=SCALE_FLOOR))
        held_out = _held_out(vae, denoiser, panel, seed, fabric)

    def loss(model: nn.Module, rows: Tensor, generator: torch.Generator, progress: float) -> dict:
        noise = torch.randn(
            2, len(rows), *vae.latent_shape, generator=generator, device=fabric.device
        )
        clean = denoiser.standardise(mean[rows] + deviation[rows] * noise[0], classes[rows])
        normal = torch.randn(len(rows), generator=generator, device=fabric.device)
        keep = torch.rand(len(rows), generator=generator, device=fabric.device)
        return {"denoising": model(clean, classes[rows], draw_sigma(normal), noise[1], keep)}

    def validation(model: nn.Module) -> dict[str, float]:
        return {"denoising": float(model(*held_out))}

    schedule = Schedule(
        settings["steps"], settings["batch_size"], settings["learning_rate"], ema=0.998
    )
    training = train(
        denoiser,
        loss,
        len(labels),
        validation,
        schedule,
        derive_seed(seed, "diffusion"),
        checkpoint,
        identity(mean.cpu().numpy(), labels, settings, architecture, seed),
        fabric,
    )
    return denoiser, training


def _validation(panel: Panel, seed: int) -> list[np.ndarray]:
    """What `people` gives, of at most `VALIDATION_PEOPLE`, taken evenly."""
    arrays = people(panel, "validation", seed)
    every = -(-len(arrays[2]) // VALIDATION_PEOPLE)
    return [array[::every] for array in arrays]


def _posterior(vae: VAE, dosages: np.ndarray, fabric: Fabric) -> tuple[Tensor, Tensor]:
    batches = [
        vae.encode(vae.tokens(torch.from_numpy(part).long().to(fabric.device)))
        for part in np.array_split(dosages, max(1, len(dosages) // 4096))
    ]
    return torch.cat([mean for mean, _ in batches]), torch.cat([var for _, var in batches])


def _held_out(
    vae: VAE, denoiser: Denoiser, panel: Panel, seed: int, fabric: Fabric
) -> list[Tensor]:
    """Validation latents with noise levels spread evenly over their law, so that steps compare."""
    dosages, _, labels = _validation(panel, seed)
    generator = torch.Generator(fabric.device).manual_seed(
        derive_seed(seed, "diffusion validation")
    )
    classes = torch.from_numpy(labels).to(fabric.device)
    latents = draw_latents(vae, torch.from_numpy(dosages).long().to(fabric.device), generator)
    clean = denoiser.standardise(latents, classes)
    quantile = (torch.arange(len(labels), device=fabric.device) + 0.5) / len(labels)
    sigma = draw_sigma(torch.special.ndtri(quantile))
    noise = torch.randn(clean.shape, generator=generator, device=fabric.device)
    return [clean, classes, sigma, noise, torch.ones(len(labels), device=fabric.device)]
