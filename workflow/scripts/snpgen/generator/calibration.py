"""Calibration on training individuals: guidance scale and allele frequencies of the decoder.

The guidance scale can inflate or shrink the differences between classes, and a network whose training is
stopped early shrinks them. Calibration has two steps:

1. The guidance scale is chosen so that allele effects in synthetic individuals are as large as allele
   effects in training individuals (slope 1).
2. The decoder's biases are shifted so that the synthetic allele frequencies under each condition equal the
   target frequencies: those of the training individuals, without the chance contribution of distant variants
   (`joint_effects`), and with noise that is chosen.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from snpgen.association.frequency_attack import (
    LARGE_NOISE,
    noise_for_auc,
    selection_factor,
    variants_for_auc,
)
from snpgen.generator.conditions import ConditionEncoding
from snpgen.generator.decoding import decode, sample_systematically
from snpgen.generator.diffusion import Denoiser
from snpgen.generator.dp import PrivacyBudget, dp_frequencies
from snpgen.generator.fitting import posterior
from snpgen.generator.frequencies import (
    allele_effects,
    label_effects,
    overall_frequency,
    training_frequencies,
)
from snpgen.generator.joint_effects import remove_distant_effects
from snpgen.generator.sampler import sample_genotypes, sample_latents
from snpgen.generator.vae import PLOIDY, VAE
from snpgen.genetics.ld import effective_variants
from snpgen.io.panel import Panel, thin
from snpgen.job import derive_seed, log
from snpgen.progress import Meter

MIN_SAMPLES, MAX_SAMPLES = 8_000, 20_000  # synthetic individuals generated for calibration
TOLERANCE = 0.05  # for |effect slope - 1|; the shift of the biases corrects the rest
_NEWTON_STEPS, _MAX_NEWTON_STEP = 8, 2.0
# Weight of the ridge penalty that keeps the shift finite for alleles that were not observed.
_PSEUDO_HAPLOTYPES = 1.0


class Calibration(NamedTuple):
    """Guidance `scale`, `shift` float32 (c, m) of the decoder's biases, and `effect_slope`.

    `effect_slope` is the slope of synthetic on training allele effects with guidance, before the shift.
    """

    scale: float
    shift: np.ndarray
    effect_slope: float


def calibrate(
    vae: VAE,
    denoiser: Denoiser,
    effects: np.ndarray,
    conditions: np.ndarray,
    frequencies: np.ndarray,
    scales: Sequence[float],
    steps: int,
    seed: int,
) -> tuple[Calibration, pd.DataFrame]:
    """Choose the guidance scale, then shift the decoder's biases to the target `frequencies` (c, m).

    `effects` (classes - 1, m) are the allele effects and `conditions` float32 (n, c) the conditions of the
    training individuals; `steps` is the number of solver steps. The first of `scales` with an effect slope
    within `TOLERANCE` of 1 is chosen. If there is none, the scale with the slope nearest to 1 is chosen.
    Also returns the measured slopes (columns scale, effect_slope).
    """
    rows = calibration_rows(len(conditions))
    squares = float(np.square(effects).sum())
    curve = []
    for scale in scales:
        dosages = sample_genotypes(
            vae, denoiser, conditions[rows], steps, scale, True, derive_seed(seed, "guidance")
        )
        synthetic = label_effects(dosages, conditions[rows], denoiser.classes)
        slope = float((synthetic * effects).sum()) / squares if squares else 1.0
        curve.append((scale, slope))
        log.info(
            "guidance scale %.2f: slope of synthetic effects %.3f before frequency matching",
            scale,
            slope,
        )
        if abs(slope - 1) <= TOLERANCE:
            break
    table = pd.DataFrame(curve, columns=["scale", "effect_slope"])
    best = table.iloc[int((table.effect_slope - 1).abs().argmin())]
    shift = compute_shift(vae, denoiser, conditions, frequencies, best.scale, steps, seed)
    log.info("shift of the decoder's biases: root mean square %.3f", np.sqrt(np.mean(shift**2)))
    return Calibration(float(best.scale), shift, float(best.effect_slope)), table


def compute_shift(
    vae: VAE,
    denoiser: Denoiser,
    conditions: np.ndarray,
    frequencies: np.ndarray,
    scale: float,
    steps: int,
    seed: int,
) -> np.ndarray:
    """Compute the shift float32 (c, m) of the biases that gives synthetic individuals the `frequencies`.

    Arguments are the same as in `calibrate`; `scale` is the guidance scale.
    """
    rows = calibration_rows(len(conditions))
    own = torch.from_numpy(conditions[rows]).to(vae.bias.device)
    generator = torch.Generator(vae.bias.device).manual_seed(derive_seed(seed, "match"))
    latents = sample_latents(denoiser, own, steps, scale, generator)
    strata = own[:, : denoiser.classes].argmax(dim=1)
    return match_frequencies(vae, latents, own, strata, frequencies, generator).cpu().numpy()


def target_frequencies(
    panel: Panel,
    dosages: np.ndarray,
    vae: VAE,
    encoding: ConditionEncoding,
    positions: np.ndarray,
    seed: int,
    budget: PrivacyBudget | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Target allele frequencies (c, m), before noise, and allele effects (classes - 1, m).

    With a privacy `budget`, these are `dp_frequencies` and the effects computed from them. Without a budget,
    both are computed from the imputed training `dosages` int8 (n, m), and the chance contribution of distant
    variants is subtracted from the frequencies (`remove_distant_effects`). `positions` int (m,) are in bp.
    """
    conditions, classes = encoding.encode_split(panel, "train"), encoding.n_classes
    if budget:
        frequencies = dp_frequencies(panel, encoding, budget.noise["frequencies"], seed)
        p = overall_frequency(frequencies, conditions)
        return frequencies, allele_effects(frequencies, 2 * p * (1 - p), classes)
    frequencies = training_frequencies(dosages, conditions)
    latents = posterior(vae, torch.from_numpy(dosages).to(vae.bias.device))[0].cpu().numpy()
    where = vae.chromosomes, positions
    return (
        remove_distant_effects(frequencies, dosages, conditions, classes, latents, *where, seed),
        label_effects(dosages, conditions, classes),
    )


def epsilon(
    dosages: np.ndarray, conditions: np.ndarray, classes: int, noise: float, delta: float
) -> float:
    """Differential privacy of the noisy class frequencies alone: epsilon at `delta`; inf without noise.

    One individual more or less moves the frequencies of one class, of n_k individuals, by at most 1 / n_k each,
    which is sqrt(2 / (n_k p (1 - p))) in standard errors; over the m variants the Gaussian mechanism
    then has rho = sum of squares / (2 noise^2) (Bun & Steinke 2016, propositions 1.3 and 1.6). The
    result is for the smallest class, which has the largest epsilon. It does not cover the weights of the
    networks or `remove_distant_effects`.
    """
    if noise == 0:
        return math.inf
    p = np.clip(dosages.mean(axis=0, dtype=np.float64) / 2, 1e-9, 1 - 1e-9)
    smallest = conditions[:, :classes].sum(axis=0, dtype=np.float64).min()
    rho = float((2 / (smallest * p * (1 - p))).sum()) / (2 * noise**2)
    return rho + 2 * math.sqrt(rho * math.log(1 / delta))


def choose_noise(
    dosages: np.ndarray, labels: np.ndarray, validation: tuple[np.ndarray, np.ndarray], limit: float
) -> float:
    """The smallest noise at which the expected AUC of the attack on each class is at most `limit`.

    `dosages` int8 (n, m) and class `labels` (n,) of training individuals; `validation` the same of
    validation individuals, which shows how much the choice of the panel favours the training individuals.
    """
    snps = effective_variants(dosages)
    noises, affordable = [0.0], snps
    for label in np.unique(labels):
        members, others = dosages[labels == label], validation[0][validation[1] == label]
        selection = selection_factor(members, others) if len(others) else 1.0
        noises.append(noise_for_auc(limit, snps, len(members), selection))
        few = variants_for_auc(limit, LARGE_NOISE, len(members), selection)
        affordable = min(affordable, few)
        log.info(
            "class %d: %d individuals, %.0f effective variants, selection %.2f: noise %.2f",
            *(label, len(members), snps, selection, noises[-1]),
        )
    if max(noises) > LARGE_NOISE:
        log.warning(
            "warning: this cohort is too small for its panel: noise of %.1f standard errors is needed to "
            "keep the AUC of the frequency attack at %g, and exceeds most effects. Reduce panel.size to "
            "about %d, or raise calibration.max_forecast_auc if you accept the risk",
            max(noises),
            limit,
            max(1, round(dosages.shape[1] * affordable / snps, -1)),
        )
    return max(noises)


def match_frequencies(
    vae: VAE,
    latents: Tensor,
    conditions: Tensor,
    strata: Tensor,
    frequencies: np.ndarray,
    generator: torch.Generator,
) -> Tensor:
    """Compute the shift (c, m) of `vae.bias` that gives individuals decoded from `latents` the `frequencies`.

    One pass of sequential decoding. At each variant, the mean over individuals of allele probability times
    condition (n, c) must equal its target. These are the score equations of a logistic regression; they are
    solved by Newton's method with a ridge penalty. The alleles of the variant are then sampled
    systematically within `strata` (n,). `latents` (n, n_latents).
    """
    x = conditions.double()
    target = x.T @ (x @ torch.from_numpy(frequencies).to(x.device)).clamp(0, 1) / len(x)
    shift = torch.zeros(x.shape[1], vae.n_variants, dtype=torch.float64, device=x.device)
    effects = vae.allele_effects(int(strata.max()) + 1)
    sample = sample_systematically(strata, effects, generator)
    penalty = _PSEUDO_HAPLOTYPES / (PLOIDY * len(x))
    meter = Meter(vae.n_variants, "variants matched")
    outer = (x.unsqueeze(2) * x.unsqueeze(1)).flatten(1)

    def choose(logits: Tensor, variants: Tensor) -> Tensor:
        own = torch.zeros(len(variants), x.shape[1], dtype=torch.float64, device=x.device)
        for _ in range(_NEWTON_STEPS):
            probability = (logits.double() + (own @ x.T).unsqueeze(2)).sigmoid()
            gradient = probability.mean(dim=2) @ x / len(x) - target[:, variants].T + penalty * own
            weight = (probability * (1 - probability)).mean(dim=2)
            hessian = (weight @ outer / len(x)).unflatten(1, (x.shape[1], -1))
            hessian = hessian + penalty * torch.eye(x.shape[1], dtype=x.dtype, device=x.device)
            change = torch.linalg.solve(hessian, gradient)
            own -= change.clamp(-_MAX_NEWTON_STEP, _MAX_NEWTON_STEP)
        shift[:, variants] = own.T
        meter.add(len(variants))
        return sample((logits.double() + (own @ x.T).unsqueeze(2)).float(), variants)

    decode(vae, latents, conditions, choose)
    return shift.float()


def calibration_rows(n: int) -> np.ndarray:
    """Rows int64 of `n` training individuals, repeated evenly to at least `MIN_SAMPLES` rows.

    More than `MAX_SAMPLES` rows are thinned evenly.
    """
    repeated = np.sort(np.tile(np.arange(n), -(-MIN_SAMPLES // n)))
    return thin(repeated, MAX_SAMPLES)
