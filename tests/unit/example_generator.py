"""Small autoencoders with random weights, small panels, and short training."""

from pathlib import Path

import numpy as np
import torch
from example_cohorts import frequencies, linked
from torch import Tensor

from snpgen.generator.blocks import PADDING
from snpgen.generator.conditions import ConditionEncoding, fit_encoding
from snpgen.generator.diffusion import Denoiser
from snpgen.generator.fitting import fit_diffusion, fit_vae
from snpgen.generator.parents import MAX_PARENTS, Parents
from snpgen.generator.training import make_fabric
from snpgen.generator.vae import VAE
from snpgen.io.panel import Panel


def random_vae(
    chromosomes: list[str], block_size: int = 4, conditions: int = 2, inbred: bool = False
) -> VAE:
    """Random weights; the parents of a variant are the first, second and fourth before it.

    Without `inbred`, the model has no homozygosity by descent. Variants are 2 cM apart.
    """
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    m = len(chromosomes)
    names = np.array(chromosomes)
    parents = np.full((m, MAX_PARENTS), PADDING)
    for place, back in enumerate((1, 2, 4)):
        parents[back:, place] = np.where(
            names[back:] == names[:-back], np.arange(m - back), PADDING
        )
    starts = parents[:, 0] == PADDING
    log_odds = rng.normal(0, 1, (m, 2)).astype(np.float32)
    log_odds[starts, 1] = log_odds[starts, 0]
    frequency = rng.uniform(0.1, 0.9, m).astype(np.float32)
    start = Parents(parents, log_odds, frequency)
    positions = list(range(0, 2_000_000 * m, 2_000_000)) if inbred else None
    vae = VAE(
        chromosomes, conditions, block_size, latents=3, hidden=12, start=start, positions=positions
    )
    for value in vae.parameters():
        value.data.normal_(0, 0.7)
    if vae.inbreeding is not None:
        vae.inbreeding.effect.data.mul_(0.2)
        vae.inbreeding.bias.data.fill_(-0.1)
        vae.inbreeding.leaving.data.fill_(0.2)
    return vae.eval()


def make_denoiser(latents: int, conditions: int = 2, scale: float | None = None) -> Denoiser:
    """An untrained denoiser for two classes, or one with random weights of this standard deviation."""
    torch.manual_seed(0)
    model = Denoiser(latents, 2, conditions, width=8, layers=2, label_dropout=0.1)
    for value in model.parameters() if scale else ():
        value.data.normal_(0, scale)
    return model


def outbred(m: int, n: int) -> Tensor:
    """Second haplotypes that are nowhere copies of the first, bool (m, n)."""
    return torch.zeros(m, n, dtype=torch.bool)


def one_hot(labels: np.ndarray, classes: int = 2) -> np.ndarray:
    """Conditions float32 (n, classes) of labels (n,)."""
    return np.eye(classes, dtype=np.float32)[labels]


def allele_logits(vae: VAE, latents: Tensor, haplotypes: Tensor, conditions: Tensor) -> Tensor:
    """Log odds (n, 2, m) of the decoder, given all earlier alleles."""
    odds = vae.allele_logits(latents, haplotypes, conditions).detach()
    return odds[vae.slots].permute(2, 1, 0)


def log_likelihood(vae: VAE, latents: Tensor, haplotypes: Tensor, conditions: Tensor) -> Tensor:
    """Log likelihood of each haplotype (n, 2)."""
    odds = allele_logits(vae, latents, haplotypes, conditions)
    return torch.distributions.Bernoulli(logits=odds).log_prob(haplotypes.float()).sum(dim=2)


def small_panel(dosages: np.ndarray, labels: np.ndarray, **more: np.ndarray) -> Panel:
    """Two thirds of the individuals for training, a sixth each for validation and test."""
    split = np.array(["train", "train", "validation", "train", "train", "test"])
    n = len(dosages)
    return Panel(
        dosages.astype(np.int8),
        np.array([f"P{i}" for i in range(n)]),
        split[np.arange(n) % 6],
        np.minimum(labels, 1).astype(np.int8),
        label=labels.astype(np.float64),
        classes=tuple(f"class{k}" for k in range(int(labels.max()) + 1)),
        **more,
    )


def linked_panel(n: int, m: int, seed: int = 1) -> Panel:
    """Linked genotypes, a third of the individuals are cases."""
    return small_panel(linked(n, frequencies(m), seed), (np.arange(n) // 6) % 3 == 0)


def fit(
    panel: Panel,
    chromosomes: list[str],
    folder: Path,
    seed: int = 1,
    block_size: int = 16,
    steps: int = 6,
    batch_size: int = 64,
    hidden: int = 16,
    spacing: int = 2_000_000,
) -> tuple[VAE, Denoiser, ConditionEncoding]:
    """Train both models for a few steps; variants are `spacing` bp apart."""
    places = chromosomes, (spacing * np.arange(len(chromosomes))).tolist()
    encoding, fabric = fit_encoding(panel, True, True), make_fabric()
    training = {"steps": steps, "batch_size": batch_size}
    settings = training | {"block_size": block_size, "latents": 4, "hidden": hidden}
    settings |= {"learning_rate": 0.01, "weight_decay": 1.0}
    vae, _ = fit_vae(panel, encoding, settings, *places, seed, folder / "vae", fabric)
    settings = training | {"width": 16, "layers": 1, "label_dropout": 0.1, "learning_rate": 0.003}
    place = folder / "diffusion"
    denoiser, _ = fit_diffusion(vae, panel, encoding, settings, seed, place, fabric)
    return vae, denoiser, encoding
