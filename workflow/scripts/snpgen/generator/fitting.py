"""Data and losses of the two networks: genotypes for the autoencoder, its latents for the diffusion model."""

import hashlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from snpgen.generator.blocks import make_blocks
from snpgen.generator.conditions import ConditionEncoding
from snpgen.generator.diffusion import Denoiser, training_sigma
from snpgen.generator.dp import DPSGD, PrivacyBudget, dp_frequencies
from snpgen.generator.frequencies import overall_frequency
from snpgen.generator.parents import choose_parents, preceding_parents
from snpgen.generator.phasing import phase, phase_in_parts
from snpgen.generator.threads import compute_batches
from snpgen.generator.training import Schedule, train
from snpgen.generator.vae import VAE, VAELoss
from snpgen.genetics.imputation import impute_genotypes
from snpgen.io.panel import Panel, thin
from snpgen.job import derive_seed, log

if TYPE_CHECKING:  # the import takes seconds, and only training jobs need it
    from lightning_fabric import Fabric

KL_WARM_UP = 0.1  # share of the steps over which the weight of the KL divergence rises from 0 to 1
VALIDATION_SAMPLES = 8192  # enough to compare evaluations
COLLAPSE_NATS = 0.1  # per individual; below it, the latents are taken to carry no information
BATCH = 512  # individuals whose loss or posterior a thread computes at once
NOISE_LEVELS = 8  # at which the denoising loss of each individual is measured


def identity(*parts: object) -> str:
    """Digest of arrays and settings, which identifies the run that a checkpoint belongs to."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.tobytes() if isinstance(part, np.ndarray) else repr(part).encode())
    return digest.hexdigest()


def fit_vae(
    panel: Panel,
    encoding: ConditionEncoding,
    settings: dict,
    chromosomes: list[str],
    positions: list[int] | None,
    seed: int,
    checkpoint: Path,
    fabric: "Fabric",
    budget: PrivacyBudget | None = None,
) -> tuple[VAE, pd.DataFrame]:
    """Train the autoencoder on the training individuals; keep the weights with the lowest validation loss.

    `settings` is the section `vae` of the configuration; `chromosomes` (m,) and `positions` (m,) in bp are those
    of the variants. With a privacy `budget`, the autoencoder is trained by DP-SGD, the last weights are kept, and
    homozygosity by descent is not modelled (`positions` are not used), because the noise would make up inbreeding.
    Returns the model and the table of losses that `train` returns.
    """
    torch.manual_seed(derive_seed(seed, "vae weights"))
    names, size = np.asarray(chromosomes), settings["block_size"]
    frequency = overall_dp_frequency(panel, encoding, budget, seed) if budget else None
    arrays = [
        *impute_genotypes(panel, "train", seed, frequency),
        encoding.encode_split(panel, "train"),
    ]
    if frequency is None:
        start = choose_parents(arrays[0], make_blocks(names, size), names)
    else:
        start = preceding_parents(frequency, names)
    vae = VAE(
        chromosomes,
        encoding.n_conditions,
        size,
        settings["latents"],
        settings["hidden"],
        start,
        positions=None if budget else positions,
    )
    data = [torch.from_numpy(array).to(fabric.device) for array in arrays]
    validation_data = validation_arrays(panel, encoding, seed, fabric)
    first_haplotypes = torch.empty_like(data[0])  # the second ones are the rest of the dosages

    def update_phase(model: VAE, rows: Tensor) -> Iterator[int]:
        generator = torch.Generator(fabric.device).manual_seed(derive_seed(seed, "phase"))
        done = 0
        for part in phase_in_parts(model, data[0][rows], data[2][rows], generator):
            first_haplotypes[rows[done : done + len(part)]] = part[:, 0]
            done += len(part)
            yield len(part)

    def loss(
        model: nn.Module, rows: Tensor, own: slice, generator: torch.Generator, progress: float
    ) -> dict:
        noise = torch.randn(len(rows), vae.n_latents, generator=generator, device=fabric.device)
        rows = rows[own]
        dosages, called, own_conditions = (array[rows] for array in data)
        first = first_haplotypes[rows]
        haplotypes = torch.stack([first, dosages - first], dim=1)
        parts = model(dosages, called, haplotypes, own_conditions, noise[own])
        weight = min(1.0, progress / KL_WARM_UP)
        return {"reconstruction": parts.reconstruction.mean(), "kl": weight * parts.kl.mean()}

    def validation(model: VAE) -> dict[str, float]:
        parts = measure_elbo(model, validation_data, derive_seed(seed, "vae validation"))
        return {"reconstruction": float(parts[0].mean()), "kl": float(parts[1].mean())}

    is_cpu = fabric.device.type == "cpu"
    schedule = Schedule(
        settings["steps"],
        settings["batch_size"],
        settings["learning_rate"],
        ema=0.995,
        weight_decay=settings["weight_decay"],
    )
    losses = train(
        vae,
        "vae",
        loss,
        len(data[0]),
        validation,
        schedule,
        derive_seed(seed, "vae"),
        checkpoint,
        identity(*arrays, settings, vae.architecture, seed, budget),
        fabric,
        update_phase,
        make_dp_sgd(budget, "vae", seed, arrays[0]),
        chunk=vae.cached_samples() if is_cpu and fabric.world_size == 1 else None,
    )
    return vae, losses


def make_dp_sgd(
    budget: PrivacyBudget | None, network: str, seed: int, dosages: np.ndarray
) -> DPSGD | None:
    """DP-SGD for a network within its share of the privacy budget; None without a budget."""
    if budget is None:
        return None
    secret = hashlib.sha256(dosages.tobytes()).digest()
    return DPSGD(budget.noise[network], seed, secret, network)


def overall_dp_frequency(
    panel: Panel, encoding: ConditionEncoding, budget: PrivacyBudget, seed: int
) -> np.ndarray:
    """Overall allele frequencies float64 (m,) of the training individuals, from `dp_frequencies`."""
    frequencies = dp_frequencies(panel, encoding, budget.noise["frequencies"], seed)
    return overall_frequency(frequencies, encoding.encode_split(panel, "train"))


def validation_arrays(
    panel: Panel, encoding: ConditionEncoding, seed: int, fabric: "Fabric"
) -> list[Tensor]:
    """Dosages, mask of called genotypes and conditions of at most `VALIDATION_SAMPLES` individuals."""
    conditions = encoding.encode_split(panel, "validation")
    arrays = [*impute_genotypes(panel, "validation", seed), conditions]
    return [torch.from_numpy(thin(array, VALIDATION_SAMPLES)).to(fabric.device) for array in arrays]


@torch.no_grad()
def measure_elbo(
    vae: VAE, arrays: list[Tensor], seed: int, swap: bool = False
) -> tuple[Tensor, Tensor]:
    """Reconstruction loss and KL divergence of each individual (n,), nats, for one sampled phase.

    `arrays` holds dosages, mask of called genotypes and conditions. With `swap`, each individual is decoded
    with the latents of another individual, which shows how much information the latents carry.
    """
    dosages, called, conditions = arrays
    generator = torch.Generator(dosages.device).manual_seed(seed)
    haplotypes = phase(vae, dosages, conditions, generator)
    noise = torch.randn(len(dosages), vae.n_latents, generator=generator, device=dosages.device)

    def measure(rows: slice) -> VAELoss:
        inputs = (dosages, called, haplotypes, conditions, noise)
        found: VAELoss = vae(*(array[rows] for array in inputs), swap=swap)
        return found

    losses = compute_batches(measure, dosages, BATCH)
    return torch.cat([part[0] for part in losses]), torch.cat([part[1] for part in losses])


def measure_latents(vae: VAE, arrays: list[Tensor], seed: int) -> dict[str, float]:
    """Measure and log the information in the latents, nats per individual, on validation individuals.

    Returns `kl`, the KL divergence; `log_likelihood_gain`, the difference in log likelihood of the
    genotypes between the individual's own latents and the latents of another individual; and
    `reconstruction`, the negative log likelihood. Logs a warning in case of posterior collapse. `arrays`
    is the result of `validation_arrays`.
    """
    own, kl = measure_elbo(vae, arrays, seed)
    others, _ = measure_elbo(vae, arrays, seed, swap=True)
    nats = {
        "kl": float(kl.mean()),
        "log_likelihood_gain": float((others - own).mean()),
        "reconstruction": float(own.mean()),
    }
    log.info(
        "nats per individual: KL divergence of the latents %.2f, gain in log likelihood by the "
        "latents %.2f, reconstruction loss %.2f",
        *nats.values(),
    )
    if is_collapsed(nats):
        log.warning(
            "warning: posterior collapse: the latents carry no information, and the decoder alone models "
            "the genotypes. This is expected without population structure, or if ancestry is a condition"
        )
    return nats


def is_collapsed(nats: dict[str, float]) -> bool:
    """Whether the result of `measure_latents` shows posterior collapse."""
    return min(nats["kl"], nats["log_likelihood_gain"]) < COLLAPSE_NATS


def fit_diffusion(
    vae: VAE,
    panel: Panel,
    encoding: ConditionEncoding,
    settings: dict,
    seed: int,
    checkpoint: Path,
    fabric: "Fabric",
    budget: PrivacyBudget | None = None,
) -> tuple[Denoiser, pd.DataFrame]:
    """Train the denoiser on posterior samples of the training individuals' latents.

    `settings` is the section `diffusion` of the configuration; `budget` and results as in `fit_vae`.
    """
    torch.manual_seed(derive_seed(seed, "diffusion weights"))
    network = {name: settings[name] for name in ("width", "layers", "label_dropout")}
    denoiser = Denoiser(vae.n_latents, encoding.n_classes, encoding.n_conditions, **network)
    denoiser.to(fabric.device)
    conditions = torch.from_numpy(encoding.encode_split(panel, "train")).to(fabric.device)
    frequency = overall_dp_frequency(panel, encoding, budget, seed) if budget else None
    imputed = impute_genotypes(panel, "train", seed, frequency)[0]
    dosages = torch.from_numpy(imputed).to(fabric.device)
    mean, variance = posterior(vae, dosages)
    if budget is None:
        denoiser.fit_standardisation(mean, variance, conditions)
    else:
        denoiser.set_standardisation(*vae.prior_moments())

    def loss(
        model: nn.Module, rows: Tensor, own: slice, generator: torch.Generator, progress: float
    ) -> dict:
        noise = torch.randn(2, len(rows), vae.n_latents, generator=generator, device=fabric.device)
        sigma = training_sigma(torch.randn(len(rows), generator=generator, device=fabric.device))
        uniform = torch.rand(len(rows), generator=generator, device=fabric.device)
        rows, noise, sigma, uniform = rows[own], noise[:, own], sigma[own], uniform[own]
        latents = mean[rows] + variance[rows].sqrt() * noise[0]
        clean = denoiser.standardise(latents, conditions[rows])
        return {"denoising": model(clean, conditions[rows], sigma, noise[1], uniform).mean()}

    validation_dosages, _, validation_conditions = validation_arrays(panel, encoding, seed, fabric)
    validation_posterior = posterior(vae, validation_dosages)

    def validation(model: Denoiser) -> dict[str, float]:
        own = derive_seed(seed, "diffusion validation")
        losses = denoising_losses(model, *validation_posterior, validation_conditions, own)
        return {"denoising": float(losses.mean())}

    schedule = Schedule(
        settings["steps"], settings["batch_size"], settings["learning_rate"], ema=0.998
    )
    losses = train(
        denoiser,
        "diffusion",
        loss,
        len(dosages),
        validation,
        schedule,
        derive_seed(seed, "diffusion"),
        checkpoint,
        identity(mean.cpu().numpy(), conditions.cpu().numpy(), settings, seed, budget),
        fabric,
        dp_sgd=make_dp_sgd(budget, "diffusion", seed, imputed),
    )
    return denoiser, losses


@torch.no_grad()
def posterior(vae: VAE, dosages: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance of q(z | x), (n, n_latents) each, for dosages int8 (n, m)."""
    # Allocated before the first batch: small results between large temporary arrays would fragment the memory.
    mean, variance = vae.frequency.new_empty(2, len(dosages), vae.n_latents)

    def encode_batch(rows: slice) -> None:
        mean[rows], log_variance = vae.encode(dosages[rows])
        variance[rows] = log_variance.exp()

    compute_batches(encode_batch, dosages, BATCH)
    return mean, variance


@torch.no_grad()
def denoising_losses(
    denoiser: Denoiser, mean: Tensor, variance: Tensor, conditions: Tensor, seed: int
) -> Tensor:
    """Denoising loss of each individual (n,), a mean over quantiles of the training noise levels.

    Latents are sampled once per noise level from the posterior with `mean` and `variance` (n, n_latents).
    """
    generator = torch.Generator(mean.device).manual_seed(seed)

    def measure(sigma: Tensor, noise: Tensor, rows: slice) -> Tensor:
        latents = mean[rows] + variance[rows].sqrt() * noise[0, rows]
        clean = denoiser.standardise(latents, conditions[rows])
        ones = torch.ones(len(clean), device=clean.device)
        found: Tensor = denoiser(clean, conditions[rows], sigma * ones, noise[1, rows], ones)
        return found

    quantiles = (torch.arange(NOISE_LEVELS, device=mean.device) + 0.5) / NOISE_LEVELS
    total = torch.zeros(len(mean), device=mean.device)
    for sigma in training_sigma(torch.special.ndtri(quantiles)):
        noise = torch.randn(2, *mean.shape, generator=generator, device=mean.device)
        found = compute_batches(partial(measure, sigma, noise), mean, BATCH)
        total += torch.cat([total[:0], *found])
    return total / NOISE_LEVELS
