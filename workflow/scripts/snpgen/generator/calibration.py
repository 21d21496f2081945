"""Calibration on training individuals: guidance scale and allele frequencies of the decoder.

With a fixed guidance scale, differences between classes are inflated or shrunk, and a network whose training
is stopped early shrinks them. Calibration has two steps:

1. The first guidance scale is chosen at which the slope of the allele effects of synthetic individuals on those
   of the target is at least 0.95.
2. The decoder's biases are shifted so that the synthetic allele frequencies under each condition equal the
   target (`target`).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from snpgen.generator.conditions import ConditionEncoding
from snpgen.generator.decoder import PLOIDY
from snpgen.generator.decoding import decode, sample_systematically
from snpgen.generator.diffusion import Denoiser
from snpgen.generator.dp import PrivacyBudget, dp_frequencies
from snpgen.generator.frequencies import (
    adjusted_frequencies,
    allele_effects,
    deviations,
    label_effects,
    overall_frequency,
    training_frequencies,
)
from snpgen.generator.inbreeding import copy_first
from snpgen.generator.sampler import sample_genotypes, sample_latents
from snpgen.generator.target import Target
from snpgen.generator.threads import one_thread
from snpgen.generator.vae import VAE
from snpgen.genetics.ancestry import AncestryComponents
from snpgen.io.panel import Panel, thin
from snpgen.job import derive_seed, log
from snpgen.progress import Meter

MIN_SAMPLES, MAX_SAMPLES = 8_000, 20_000  # synthetic individuals generated for calibration
TOLERANCE = 0.05  # by which the effect slope may be below 1; the shift corrects the rest
_NEWTON_STEPS, _MAX_NEWTON_STEP = 8, 2.0
_CONVERGED = 1e-6  # change of the log odds; the next step would change them by about its square
# Weight of the ridge penalty that keeps the shift finite for alleles that were not observed.
_PSEUDO_HAPLOTYPES = 1.0


class Calibration(NamedTuple):
    """Guidance `scale`, `shift` float32 (c, m) of the decoder's biases, and `effect_slope`.

    `effect_slope` is the slope of synthetic on target allele effects with guidance, before the shift.
    """

    scale: float
    shift: np.ndarray
    effect_slope: float


def calibrate(
    vae: VAE,
    denoiser: Denoiser,
    conditions: np.ndarray,
    target: Target,
    scales: Sequence[float],
    steps: int,
    seed: int,
) -> tuple[Calibration, pd.DataFrame]:
    """Choose the guidance scale, then shift the decoder's biases to the `target`.

    `conditions` float32 (n, c) are those of the training individuals; `steps` is the number of solver steps.
    The first of `scales` with an effect slope of at least 1 - `TOLERANCE` is chosen; effects that are too
    large are corrected by the shift. If there is none, the scale with the largest slope is chosen. Also
    returns the measured slopes (columns scale, effect_slope).
    """
    rows = calibration_rows(len(conditions))
    p = overall_frequency(target.frequencies, conditions)
    effects = allele_effects(target.frequencies, 2 * p * (1 - p), denoiser.classes)
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
        if slope >= 1 - TOLERANCE:
            break
    table = pd.DataFrame(curve, columns=["scale", "effect_slope"])
    best = table.iloc[int(table.effect_slope.argmax())]
    shift = compute_shift(vae, denoiser, conditions, target, best.scale, steps, seed)
    log.info("shift of the decoder's biases: root mean square %.3f", np.sqrt(np.mean(shift**2)))
    return Calibration(float(best.scale), shift, float(best.effect_slope)), table


def compute_shift(
    vae: VAE,
    denoiser: Denoiser,
    conditions: np.ndarray,
    target: Target,
    scale: float,
    steps: int,
    seed: int,
) -> np.ndarray:
    """Compute the shift float32 (c, m) of the biases that gives synthetic individuals the `target`.

    Arguments are the same as in `calibrate`; `scale` is the guidance scale. To a shrunken target, the
    differences between levels of the label are added that follow from ancestry, so that effects given
    ancestry are those of the target.
    """
    rows = calibration_rows(len(conditions))
    own = torch.from_numpy(conditions[rows]).to(vae.bias.device)
    generator = torch.Generator(vae.bias.device).manual_seed(derive_seed(seed, "match"))
    latents = sample_latents(denoiser, own, steps, scale, generator)
    strata = own[:, : denoiser.classes].argmax(dim=1)
    frequencies = target.frequencies
    if target.ancestry is not None:
        frequencies = _add_ancestry(
            vae, latents, own, strata, frequencies, target.ancestry, generator
        )
    shift, _ = match_frequencies(vae, latents, own, strata, frequencies, generator)
    return shift.cpu().numpy()


def _add_ancestry(
    vae: VAE,
    latents: Tensor,
    conditions: Tensor,
    strata: Tensor,
    target: np.ndarray,
    ancestry: AncestryComponents,
    generator: torch.Generator,
) -> np.ndarray:
    """Frequencies `target` float64 (c, m) with shrunken differences, with the differences that follow from ancestry.

    Individuals are first decoded with the overall frequencies and no effect of the label. Their frequencies
    then differ between levels of the label only because their latents do. The part of these deviations that is
    left given the components of ancestry would be an effect, and is subtracted. Effects also change the
    components of the individuals. Individuals are therefore decoded once more, and the remaining difference
    from the target, given the components, is subtracted.
    """
    x, frequencies = conditions.cpu().numpy(), target.copy()
    classes = int(strata.max()) + 1

    def decode_dosages(given: Tensor) -> np.ndarray:
        _, haplotypes = match_frequencies(vae, latents, given, strata, frequencies, generator)
        dosages: np.ndarray = haplotypes.sum(dim=1, dtype=torch.int8).cpu().numpy()
        return dosages

    def given_ancestry(dosages: np.ndarray) -> np.ndarray:
        return deviations(adjusted_frequencies(dosages, x, ancestry.project(dosages)), x, classes)

    pooled = conditions.clone()
    pooled[:, :classes] = conditions[:, :classes].mean(dim=0)
    dosages = decode_dosages(pooled)
    implied = deviations(training_frequencies(dosages, x), x, classes)
    if not ancestry.exist:
        frequencies[:classes] += implied
        return frequencies
    frequencies[:classes] += implied - given_ancestry(dosages)
    remaining = deviations(target, x, classes) - given_ancestry(decode_dosages(conditions))
    frequencies[:classes] += remaining
    return frequencies


def resolve_target(
    panel: Panel,
    encoding: ConditionEncoding,
    target: Target,
    seed: int,
    budget: PrivacyBudget | None,
) -> Target:
    """The `target`, or with a privacy `budget` the frequencies released by `dp_frequencies`."""
    if budget is None:
        return target
    noisy = dp_frequencies(panel, encoding, budget.noise["frequencies"], seed)
    return Target(noisy, noisy[: encoding.n_classes])


def match_frequencies(
    vae: VAE,
    latents: Tensor,
    conditions: Tensor,
    strata: Tensor,
    frequencies: np.ndarray,
    generator: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """Compute the shift (c, m) of `vae.bias` that gives individuals decoded from `latents` the `frequencies`.

    One pass of sequential decoding. At each variant, the mean over individuals of allele probability times
    condition (n, c) must equal its target; in segments that are homozygous by descent, the second haplotype has
    the allele probability of the first. These are the score equations of a logistic regression; they are
    solved by Newton's method with a ridge penalty. The alleles of the variant are then sampled
    systematically within `strata` (n,). `latents` (n, n_latents). Also returns the haplotypes that were
    sampled, int8 (n, 2, m).
    """
    x = conditions.double()
    target = x.T @ (x @ torch.from_numpy(frequencies).to(x.device)).clamp(0, 1) / len(x)
    shift = torch.zeros(x.shape[1], vae.n_variants, dtype=torch.float64, device=x.device)
    effects = vae.allele_effects(int(strata.max()) + 1)
    copied = vae.sample_copied(latents, generator)
    sample = sample_systematically(strata, effects, copied, generator)
    penalty = _PSEUDO_HAPLOTYPES / (PLOIDY * len(x))
    meter = Meter(vae.n_variants, "variants matched")
    outer = (x.unsqueeze(2) * x.unsqueeze(1)).flatten(1)

    def choose(logits: Tensor, variants: Tensor) -> Tensor:
        logits = copy_first(logits, copied[variants])
        own = torch.zeros(len(variants), x.shape[1], dtype=torch.float64, device=x.device)
        by_haplotype = logits.double().movedim(2, 0).contiguous()  # fast to sum over haplotypes
        for _ in range(_NEWTON_STEPS):
            probability = (by_haplotype + own @ x.T).sigmoid()
            gradient = probability.mean(dim=0) @ x / len(x) - target[:, variants].T + penalty * own
            weight = (probability * (1 - probability)).mean(dim=0)
            hessian = (weight @ outer / len(x)).unflatten(1, (x.shape[1], -1))
            hessian = hessian + penalty * torch.eye(x.shape[1], dtype=x.dtype, device=x.device)
            change = torch.linalg.solve(hessian, gradient)
            own -= change.clamp(-_MAX_NEWTON_STEP, _MAX_NEWTON_STEP)
            if change.abs().max() < _CONVERGED:
                break
        shift[:, variants] = own.T
        meter.add(len(variants))
        return sample((logits.double() + (own @ x.T).unsqueeze(2)).float(), variants)

    with one_thread():  # the bits of the shift would depend on the number of threads
        haplotypes = decode(vae, latents, conditions, choose)
    return shift.float(), haplotypes


def calibration_rows(n: int) -> np.ndarray:
    """Rows int64 of `n` training individuals, repeated evenly to at least `MIN_SAMPLES` rows.

    More than `MAX_SAMPLES` rows are thinned evenly.
    """
    repeated = np.sort(np.tile(np.arange(n), -(-MIN_SAMPLES // n)))
    return thin(repeated, MAX_SAMPLES)
