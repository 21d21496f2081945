"""Calibration: the guidance and class shift at which synthetic effects are as large as real ones.

A fixed guidance inflates or shrinks the differences between cases and controls. So the slope of the
synthetic effect sizes on those of the training people is measured over a grid, and set to 1.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd

from snpgen.generator.diffusion import Denoiser
from snpgen.generator.sampler import Guidance, sample_genotypes
from snpgen.generator.vae import VAE
from snpgen.job import derive_seed, log

MIN_PEOPLE, MAX_PEOPLE = 5_000, 20_000  # drawn at each point of the grid


def allelic_effects(dosages: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Case minus control mean dosage over its variance, float64 (n_variants,).

    The one-step (score) estimate of the per-allele log odds ratio; 0 where a variant does not vary.
    `dosages` int8 (n, n_variants) without missing calls, `labels` (n,) of 0 and 1.
    """
    case = labels == 1
    difference = dosages[case].mean(axis=0) - dosages[~case].mean(axis=0)
    variance = dosages.var(axis=0)
    return np.divide(difference, variance, out=np.zeros(len(variance)), where=variance > 0)


def calibration_labels(labels: np.ndarray) -> np.ndarray:
    """Training labels, repeated or thinned evenly to a number of people that gives a steady slope."""
    repeated = np.sort(np.tile(labels, -(-MIN_PEOPLE // len(labels))))
    return repeated[:: -(-len(repeated) // MAX_PEOPLE)]


def calibrate(
    vae: VAE,
    denoiser: Denoiser,
    dosages: np.ndarray,
    labels: np.ndarray,
    scales: list[float],
    class_shifts: list[float],
    steps: int,
    seed: int,
) -> tuple[Guidance, pd.DataFrame]:
    """Search the grid of guidance scales and class shifts for an effect slope of 1.

    `dosages` int8 (n, n_variants) without missing calls and `labels` int64 (n,) of the training
    people. Returns the choice and the curve as `search` does.
    """
    effects = allelic_effects(dosages, labels)
    synthetic_labels = calibration_labels(labels)

    def measure(scale: float, class_shift: float) -> tuple[float, float]:
        guidance = Guidance(scale, class_shift)
        draw_seed = derive_seed(seed, "calibration", str(scale), str(class_shift))
        drawn = sample_genotypes(vae, denoiser, synthetic_labels, steps, guidance, draw_seed)
        synthetic = allelic_effects(drawn, synthetic_labels)
        slope = float(synthetic @ effects / (effects @ effects))
        return slope, float(np.corrcoef(synthetic, effects)[0, 1])

    return search(measure, scales, class_shifts)


def search(
    measure: Callable[[float, float], tuple[float, float]],
    scales: list[float],
    class_shifts: list[float],
) -> tuple[Guidance, pd.DataFrame]:
    """The smallest guidance scale at which some class shift gives a slope of 1, and that shift.

    `measure(scale, class_shift)` gives slope and correlation of synthetic on training effects. The
    shift is interpolated between the points of the grid around a slope of 1; where no scale
    reaches 1, the nearest point is taken. Returns the points measured too, in order: scale,
    class_shift, effect_slope, effect_pearson.
    """
    points: list[tuple[float, float, float, float]] = []

    def slope_at(scale: float, class_shift: float) -> float:
        slope, pearson = measure(scale, class_shift)
        log.info("guidance %.2f, class shift %.2f: effect slope %.3f", scale, class_shift, slope)
        points.append((scale, class_shift, slope, pearson))
        return slope

    for scale in scales:
        slopes = [slope_at(scale, shift) for shift in class_shifts]
        crossing = np.flatnonzero(np.diff(np.sign(np.array(slopes) - 1)))
        if len(crossing):
            pair = slice(crossing[0], crossing[0] + 2)
            share = (1 - slopes[pair][0]) / (slopes[pair][1] - slopes[pair][0])
            slope_at(scale, class_shifts[pair][0] + share * np.diff(class_shifts[pair])[0])
            break
    curve = pd.DataFrame(points, columns=["scale", "class_shift", "effect_slope", "effect_pearson"])
    best = curve.iloc[int((curve.effect_slope - 1).abs().argmin())]
    return Guidance(float(best.scale), float(best.class_shift)), curve
