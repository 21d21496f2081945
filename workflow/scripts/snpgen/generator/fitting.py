"""What each model is trained on: people of the panel for the autoencoder, latents for diffusion."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from snpgen.generator.blocks import make_blocks
from snpgen.generator.conditions import Conditions, encode
from snpgen.generator.diffusion import Denoiser, draw_sigma
from snpgen.generator.dp import DPSteps, PrivacyBudget, dp_frequencies
from snpgen.generator.frequencies import overall_frequency
from snpgen.generator.haplotypes import BATCH, phase, phase_in_parts
from snpgen.generator.linkage import choose_parents, nearest_parents
from snpgen.generator.training import Schedule, train
from snpgen.generator.vae import STRANDS, VAE
from snpgen.io.panel import Panel, thin
from snpgen.io.plink import MISSING, allele_frequency, draw_missing
from snpgen.job import derive_seed, log

if TYPE_CHECKING:  # loading it takes seconds, and jobs that do not train have no use for it
    from lightning_fabric import Fabric

KL_WARM_UP = 0.1  # share of the steps over which the KL weight rises from 0
VALIDATION_SAMPLES = 8192  # enough to tell two evaluations apart
COLLAPSED = 0.1  # nats a person; below, the latents carry nothing
NOISE_LEVELS = 8  # at which each person's denoising loss is measured


def samples(
    panel: Panel, split: str, seed: int, frequency: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Dosages int8 without missing calls and the mask of those called, of a split.

    Missing calls are drawn Binomial(2, p) with p the `frequency` (m,), that in training people if None.
    """
    if frequency is None:
        frequency = np.nan_to_num(allele_frequency(panel.of("train")[0]))
    dosages, _ = panel.of(split)
    return draw_missing(dosages, frequency, derive_seed(seed, "missing", split)), dosages != MISSING


def identity(*parts: object) -> str:
    """A digest of arrays and settings, to tell whether a checkpoint belongs to this run."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.tobytes() if isinstance(part, np.ndarray) else repr(part).encode())
    return digest.hexdigest()


def fit_vae(
    panel: Panel,
    conditions: Conditions,
    settings: dict,
    architecture: dict,
    seed: int,
    checkpoint: Path,
    fabric: "Fabric",
    budget: PrivacyBudget | None = None,
) -> tuple[VAE, pd.DataFrame]:
    """Train the autoencoder on the training people; validation people choose its best step.

    `architecture` holds the arguments of `VAE`, `settings` the section `vae` of the config. With a
    `budget` it is trained with differential privacy, and nobody chooses.
    """
    torch.manual_seed(derive_seed(seed, "vae weights"))
    chromosomes = np.asarray(architecture["chromosomes"])
    described = encode(panel, "train", conditions)
    if budget is None:
        arrays = [*samples(panel, "train", seed), described]
        blocks = make_blocks(chromosomes, architecture["block_size"])
        start = choose_parents(arrays[0], blocks, chromosomes)
    else:
        frequency = dp_frequency(panel, conditions, budget, seed)
        arrays = [*samples(panel, "train", seed, frequency), described]
        start = nearest_parents(frequency, chromosomes)
    vae = VAE(**architecture, start=start)
    data = [torch.from_numpy(array).to(fabric.device) for array in arrays]
    held_out = validation_samples(panel, conditions, seed, fabric)
    haplotypes = torch.empty(len(data[0]), STRANDS, vae.n_variants, dtype=torch.int8)
    haplotypes = haplotypes.to(fabric.device)

    def renew(model: nn.Module, rows: Tensor) -> Iterator[int]:
        generator = torch.Generator(fabric.device).manual_seed(derive_seed(seed, "phase"))
        done = 0
        for part in phase_in_parts(vae, data[0][rows], data[2][rows], generator):
            haplotypes[rows[done : done + len(part)]] = part
            done += len(part)
            yield len(part)

    def loss(
        model: nn.Module, rows: Tensor, own: slice, generator: torch.Generator, progress: float
    ) -> dict:
        noise = torch.randn(len(rows), vae.n_latents, generator=generator, device=fabric.device)
        rows = rows[own]
        dosages, called, described = (array[rows] for array in data)
        parts = model(dosages, called, haplotypes[rows], described, noise[own])
        weight = min(1.0, progress / KL_WARM_UP)
        return {"reconstruction": parts.reconstruction.mean(), "kl": weight * parts.kl.mean()}

    def validation(model: nn.Module) -> dict[str, float]:
        parts = measure(vae, held_out, derive_seed(seed, "vae validation"))
        return {"reconstruction": float(parts[0].mean()), "kl": float(parts[1].mean())}

    schedule = Schedule(
        settings["steps"],
        settings["batch_size"],
        settings["learning_rate"],
        ema=0.995,
        weight_decay=settings["weight_decay"],
    )
    training = train(
        vae,
        "vae",
        loss,
        len(data[0]),
        validation,
        schedule,
        derive_seed(seed, "vae"),
        checkpoint,
        identity(*arrays, settings, architecture, seed, budget),
        fabric,
        renew,
        dp_steps(budget, "vae", seed, arrays[0]),
    )
    return vae, training


def dp_steps(
    budget: PrivacyBudget | None, network: str, seed: int, dosages: np.ndarray
) -> DPSteps | None:
    """The steps of DP-SGD that train a network within its part of the budget; None without one."""
    if budget is None:
        return None
    secret = hashlib.sha256(dosages.tobytes()).digest()
    return DPSteps(budget.noise[network], seed, secret, network)


def dp_frequency(
    panel: Panel, conditions: Conditions, budget: PrivacyBudget, seed: int
) -> np.ndarray:
    """Frequencies float64 (m,) of all training people, of those that `private_frequencies` gives."""
    frequencies = dp_frequencies(panel, conditions, budget.noise["frequencies"], seed)
    return overall_frequency(frequencies, encode(panel, "train", conditions))


def validation_samples(
    panel: Panel, conditions: Conditions, seed: int, fabric: "Fabric"
) -> list[Tensor]:
    """Dosages, mask of those called and conditions of at most `VALIDATION_PEOPLE`, taken evenly."""
    arrays = [*samples(panel, "validation", seed), encode(panel, "validation", conditions)]
    return [torch.from_numpy(thin(array, VALIDATION_SAMPLES)).to(fabric.device) for array in arrays]


@torch.no_grad()
def measure(vae: VAE, arrays: list[Tensor], seed: int, swap: bool = False) -> tuple[Tensor, Tensor]:
    """Reconstruction and KL of each person (n,), nats; phases and latents drawn by `seed`.

    `arrays`: dosages, mask of those called, conditions. `swap`: every person gets the latents of
    another, which shows what the latents tell.
    """
    losses = []
    generator = torch.Generator(arrays[0].device).manual_seed(seed)
    for start in range(0, len(arrays[0]), BATCH):
        dosages, called, described = (array[start : start + BATCH] for array in arrays)
        haplotypes = phase(vae, dosages, described, generator)
        noise = torch.randn(len(dosages), vae.n_latents, generator=generator, device=dosages.device)
        losses.append(vae(dosages, called, haplotypes, described, noise, swap=swap))
    return torch.cat([part[0] for part in losses]), torch.cat([part[1] for part in losses])


def report_information(vae: VAE, held_out: list[Tensor], seed: int) -> dict[str, float]:
    """Nats a person that the latents hold (KL) and that the genotypes gain by them, on validation people.

    The gain is how much likelier a person's genotypes are with the person's own latents than with
    another's. Logs both, and a warning where the latents carry next to nothing (posterior collapse).
    """
    own, kl = measure(vae, held_out, seed)
    others, _ = measure(vae, held_out, seed, swap=True)
    information = {
        "kl": float(kl.mean()),
        "explained": float((others - own).mean()),
        "reconstruction": float(own.mean()),
    }
    log.info(
        "the latents hold %.2f nats a person and explain %.2f of log-likelihood; %.2f are left",
        *information.values(),
    )
    if is_collapsed(information):
        log.warning(
            "warning: the latents carry nothing (posterior collapse): people of this cohort differ in "
            "nothing that spans their genomes, and the decoder alone makes the synthetic ones"
        )
    return information


def is_collapsed(information: dict[str, float]) -> bool:
    """Whether the latents hold or explain next to nothing, of what `report_information` gives."""
    return min(information["kl"], information["explained"]) < COLLAPSED


def fit_diffusion(
    vae: VAE,
    panel: Panel,
    conditions: Conditions,
    settings: dict,
    architecture: dict,
    seed: int,
    checkpoint: Path,
    fabric: "Fabric",
    budget: PrivacyBudget | None = None,
) -> tuple[Denoiser, pd.DataFrame]:
    """Train the denoiser on posterior draws of the training people's latents.

    `architecture` holds the arguments of `Denoiser`, `settings` the section `diffusion`; `budget` as in
    `fit_vae`.
    """
    torch.manual_seed(derive_seed(seed, "diffusion weights"))
    denoiser = Denoiser(**architecture).to(fabric.device)
    described = torch.from_numpy(encode(panel, "train", conditions)).to(fabric.device)
    frequency = dp_frequency(panel, conditions, budget, seed) if budget else None
    drawn, _ = samples(panel, "train", seed, frequency)
    dosages = torch.from_numpy(drawn).to(fabric.device)
    mean, variance = posterior(vae, dosages)
    if budget is None:
        denoiser.fit_scale(mean, variance, described)
    else:
        denoiser.take_scale(*vae.prior_moments())

    def loss(
        model: nn.Module, rows: Tensor, own: slice, generator: torch.Generator, progress: float
    ) -> dict:
        noise = torch.randn(2, len(rows), vae.n_latents, generator=generator, device=fabric.device)
        sigma = draw_sigma(torch.randn(len(rows), generator=generator, device=fabric.device))
        keep = torch.rand(len(rows), generator=generator, device=fabric.device)
        rows, noise, sigma, keep = rows[own], noise[:, own], sigma[own], keep[own]
        latents = mean[rows] + variance[rows].sqrt() * noise[0]
        clean = denoiser.standardise(latents, described[rows])
        return {"denoising": model(clean, described[rows], sigma, noise[1], keep).mean()}

    held_out = validation_samples(panel, conditions, seed, fabric)
    held_mean, held_variance = posterior(vae, held_out[0])

    def validation(model: nn.Module) -> dict[str, float]:
        losses = denoising_losses(
            denoiser,
            held_mean,
            held_variance,
            held_out[2],
            derive_seed(seed, "diffusion validation"),
        )
        return {"denoising": float(losses.mean())}

    schedule = Schedule(
        settings["steps"], settings["batch_size"], settings["learning_rate"], ema=0.998
    )
    training = train(
        denoiser,
        "diffusion",
        loss,
        len(dosages),
        validation,
        schedule,
        derive_seed(seed, "diffusion"),
        checkpoint,
        identity(mean.cpu().numpy(), described.cpu().numpy(), settings, architecture, seed, budget),
        fabric,
        private=dp_steps(budget, "diffusion", seed, drawn),
    )
    return denoiser, training


@torch.no_grad()
def posterior(vae: VAE, dosages: Tensor) -> tuple[Tensor, Tensor]:
    """Posterior mean and variance (n, n_latents) of people int8 (n, m)."""
    parts = [vae.encode(dosages[start : start + BATCH]) for start in range(0, len(dosages), BATCH)]
    return torch.cat([mean for mean, _ in parts]), torch.cat([spread.exp() for _, spread in parts])


@torch.no_grad()
def denoising_losses(
    denoiser: Denoiser, mean: Tensor, variance: Tensor, conditions: Tensor, seed: int
) -> Tensor:
    """Loss of each person (n,), a mean over noise levels spread evenly over their law.

    Posterior `mean` and `variance` (n, n_latents); one draw a noise level, the same for equal seeds.
    """
    generator = torch.Generator(mean.device).manual_seed(seed)
    quantiles = (torch.arange(NOISE_LEVELS, device=mean.device) + 0.5) / NOISE_LEVELS
    total = torch.zeros(len(mean), device=mean.device)
    for sigma in draw_sigma(torch.special.ndtri(quantiles)):
        noise = torch.randn(2, *mean.shape, generator=generator, device=mean.device)
        clean = denoiser.standardise(mean + variance.sqrt() * noise[0], conditions)
        all_samples = torch.ones(len(mean), device=mean.device)
        total += denoiser(clean, conditions, sigma * all_samples, noise[1], all_samples)
    return total / NOISE_LEVELS
