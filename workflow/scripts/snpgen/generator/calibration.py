"""Calibration on training people: the guidance, and the frequencies of the decoder.

A fixed guidance inflates or shrinks the differences between classes, and a network that is stopped
early has them too small. So the guidance is the scale at which synthetic effects are as large as
training ones, and then the decoder's biases are shifted until the synthetic allele frequency under
each condition is what it should be: the training people's, without what variants far away add to it
by chance (`background`), and with noise that is chosen.
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
from snpgen.generator.background import leave_out_background
from snpgen.generator.conditions import Conditions, encode
from snpgen.generator.diffusion import Denoiser
from snpgen.generator.dp import PrivacyBudget, dp_frequencies
from snpgen.generator.fitting import posterior, samples
from snpgen.generator.frequencies import (
    effects_of,
    label_effects,
    overall_frequency,
    training_frequencies,
)
from snpgen.generator.haplotypes import draw_systematically, pass_along
from snpgen.generator.sampler import sample_genotypes, sample_latents
from snpgen.generator.vae import STRANDS, VAE
from snpgen.genetics.ld import effective_variants
from snpgen.io.panel import Panel, thin
from snpgen.job import derive_seed, log
from snpgen.progress import Meter

MIN_SAMPLES, MAX_SAMPLES = 8_000, 20_000  # drawn to calibrate
TOLERANCE = 0.05  # of the effect slope: matching the frequencies does the rest
_NEWTON_STEPS, _LARGEST_STEP = 8, 2.0
_PRIOR_HAPLOTYPES = 1.0  # pulls the shift to 0 where an allele was not seen


class Calibration(NamedTuple):
    """What was chosen: `scale` of guidance, and `shift` float32 (c, m) of the decoder's biases.

    `effect_slope` of synthetic on training effects by guidance alone, before the shift.
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
    """Choose the guidance on training people, then shift the decoder's biases to `frequencies`.

    `effects` (classes - 1, m) as `label_effects` gives them and `conditions` float32 (n, c) of training
    people; `frequencies` (c, m) are those wanted. The first of `scales` at which effects
    have a slope of 1 within `TOLERANCE` is taken, else the one that comes nearest; `steps` of the
    sampler. Returns the slopes measured too: scale, effect_slope.
    """
    rows = calibration_rows(len(conditions))
    squares = float(np.square(effects).sum())
    curve = []
    for scale in scales:
        drawn = sample_genotypes(
            vae, denoiser, conditions[rows], steps, scale, True, derive_seed(seed, "guidance")
        )
        synthetic = label_effects(drawn, conditions[rows], denoiser.classes)
        slope = float((synthetic * effects).sum()) / squares if squares else 1.0  # none to miss
        curve.append((scale, slope))
        log.info(
            "guidance %.2f: effect slope %.3f before the frequencies are matched", scale, slope
        )
        if abs(slope - 1) <= TOLERANCE:
            break
    table = pd.DataFrame(curve, columns=["scale", "effect_slope"])
    best = table.iloc[int((table.effect_slope - 1).abs().argmin())]
    shift = match(vae, denoiser, conditions, frequencies, best.scale, steps, seed)
    log.info("biases shifted by %.3f on average (root mean square)", np.sqrt(np.mean(shift**2)))
    return Calibration(float(best.scale), shift, float(best.effect_slope)), table


def match(
    vae: VAE,
    denoiser: Denoiser,
    conditions: np.ndarray,
    frequencies: np.ndarray,
    scale: float,
    steps: int,
    seed: int,
) -> np.ndarray:
    """Shift float32 (c, m) of the biases that gives synthetic people these `frequencies` (c, m).

    Arguments as of `calibrate`, `scale` of guidance.
    """
    described = torch.from_numpy(conditions[calibration_rows(len(conditions))]).to(vae.bias.device)
    generator = torch.Generator(vae.bias.device).manual_seed(derive_seed(seed, "match"))
    latents = sample_latents(denoiser, described, steps, scale, generator)
    strata = described[:, : denoiser.classes].argmax(dim=1)
    shift = match_frequencies(vae, latents, described, strata, frequencies, generator)
    return shift.cpu().numpy()


def wanted_frequencies(
    panel: Panel,
    vae: VAE,
    conditions: Conditions,
    positions: np.ndarray,
    seed: int,
    budget: PrivacyBudget | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies (c, m) that synthetic people are to have but for noise, and effects (classes - 1, m).

    `joint_frequencies` and `label_effects` of the training people; with a `budget` of differential
    privacy `private_frequencies` and what they say of effects. `positions` int (m,), bp.
    """
    described, classes = encode(panel, "train", conditions), conditions.n_classes
    if budget is None:
        dosages, _ = samples(panel, "train", seed)
        joint = joint_frequencies(vae, dosages, described, classes, positions, seed)
        return joint, label_effects(dosages, described, classes)
    frequencies = dp_frequencies(panel, conditions, budget.noise["frequencies"], seed)
    p = overall_frequency(frequencies, described)
    return frequencies, effects_of(frequencies, 2 * p * (1 - p), classes)


def joint_frequencies(
    vae: VAE,
    dosages: np.ndarray,
    conditions: np.ndarray,
    classes: int,
    positions: np.ndarray,
    seed: int,
) -> np.ndarray:
    """`training_frequencies` without what variants far away add by chance, float64 (c, m).

    The first `classes` of the conditions are the label; `positions` int (m,) of the variants, bp. What
    the latents tell of people, such as ancestry, is no chance. See `background`.
    """
    frequencies = training_frequencies(dosages, conditions)
    latents, _ = posterior(vae, torch.from_numpy(dosages).to(vae.bias.device))
    return leave_out_background(
        frequencies,
        dosages,
        conditions,
        classes,
        latents.cpu().numpy(),
        vae.chromosomes,
        positions,
        seed,
    )


def epsilon(
    dosages: np.ndarray, conditions: np.ndarray, classes: int, noise: float, delta: float
) -> float:
    """Differential privacy of the noisy class frequencies alone: epsilon at `delta`; inf without noise.

    One person more or less moves the frequencies of one class, of n_k people, by at most 1 / n_k each,
    which is sqrt(2 / (n_k p (1 - p))) in standard errors; over the m variants the Gaussian mechanism
    then has rho = sum of squares / (2 noise^2) (Bun & Steinke 2016, propositions 1.3 and 1.6). The
    smallest class counts. Neither the networks' weights nor `joint_frequencies` are covered.
    """
    if noise == 0:
        return math.inf
    p = np.clip(dosages.mean(axis=0, dtype=np.float64) / 2, 1e-9, 1 - 1e-9)
    smallest = conditions[:, :classes].sum(axis=0, dtype=np.float64).min()
    rho = float((2 / (smallest * p * (1 - p))).sum()) / (2 * noise**2)
    return rho + 2 * math.sqrt(rho * math.log(1 / delta))


def choose_noise(
    dosages: np.ndarray, labels: np.ndarray, held_out: tuple[np.ndarray, np.ndarray], limit: float
) -> float:
    """The least noise at which the forecast attack on every class stays within `limit` (an AUC).

    `dosages` int8 (n, m) and class `labels` (n,) of training people; `held_out` the same of
    validation people, who show how much the choice of the panel favours the training people.
    """
    snps = effective_variants(dosages)
    noises, affordable = [0.0], snps
    for label in np.unique(labels):
        members, others = dosages[labels == label], held_out[0][held_out[1] == label]
        selection = selection_factor(members, others) if len(others) else 1.0
        noises.append(noise_for_auc(limit, snps, len(members), selection))
        few = variants_for_auc(limit, LARGE_NOISE, len(members), selection)
        affordable = min(affordable, few)
        log.info(
            "class %d: %d people, %.0f effective SNPs, selection %.2f: noise %.2f",
            *(label, len(members), snps, selection, noises[-1]),
        )
    if max(noises) > LARGE_NOISE:
        log.warning(
            "warning: this cohort is too small for its panel: noise of %.1f standard errors is needed to "
            "keep the frequency attack at %g, and effects drown in it; take a panel.size of about %d, or "
            "raise calibration.max_forecast_auc if you accept the risk",
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
    """Shift (c, m) of `vae.bias` at which people drawn have these `frequencies` (c, m).

    One pass along the panel: at each variant the mean over `latents` (n, n_latents) of the allele's
    probability times each condition (n, c) is set equal to what the frequencies say, by Newton's
    method (the score equations of a logistic regression), before the allele is drawn.
    """
    x = conditions.double()
    wanted = x.T @ (x @ torch.from_numpy(frequencies).to(x.device)).clamp(0, 1) / len(x)
    shift = torch.zeros(x.shape[1], vae.n_variants, dtype=torch.float64, device=x.device)
    draw = draw_systematically(strata, vae.allele_effects(int(strata.max()) + 1), generator)
    pull = _PRIOR_HAPLOTYPES / (STRANDS * len(x))
    meter = Meter(vae.n_variants, "variants matched")
    outer = (x.unsqueeze(2) * x.unsqueeze(1)).flatten(1)

    def choose(odds: Tensor, variants: Tensor) -> Tensor:
        step = torch.zeros(len(variants), x.shape[1], dtype=torch.float64, device=x.device)
        for _ in range(_NEWTON_STEPS):
            probability = (odds.double() + (step @ x.T).unsqueeze(2)).sigmoid()
            gradient = probability.mean(dim=2) @ x / len(x) - wanted[:, variants].T + pull * step
            weight = (probability * (1 - probability)).mean(dim=2)
            hessian = (weight @ outer / len(x)).unflatten(1, (x.shape[1], -1))
            hessian = hessian + pull * torch.eye(x.shape[1], dtype=x.dtype, device=x.device)
            change = torch.linalg.solve(hessian, gradient)
            step -= change.clamp(-_LARGEST_STEP, _LARGEST_STEP)
        shift[:, variants] = step.T
        meter.add(len(variants))
        return draw((odds.double() + (step @ x.T).unsqueeze(2)).float(), variants)

    pass_along(vae, latents, conditions, choose)
    return shift.float()


def calibration_rows(n: int) -> np.ndarray:
    """Rows int64 of `n` people, repeated or thinned evenly to a number that gives steady figures."""
    repeated = np.sort(np.tile(np.arange(n), -(-MIN_SAMPLES // n)))
    return thin(repeated, MAX_SAMPLES)
