"""Membership inference attacks: their scores and estimates."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp

from snpgen.evaluation.distances import all_distances, thermometer_bits
from snpgen.evaluation.intervals import Estimates, Resamples, bootstrap
from snpgen.evaluation.metrics import RATES
from snpgen.evaluation.roc import RocCurve, roc_auc, tpr_at
from snpgen.io.panel import thin
from snpgen.io.plink import MISSING

CURVE_RATES = 10.0 ** (np.arange(-24, 1) / 8)  # false-positive rates of a ROC curve, 0.001 to 1
_CHUNK = 10_000  # individuals converted to floats at once
_KERNEL_SAMPLES = 1_000  # reference individuals that determine the bandwidth
_MAX_EXPONENT = 600.0  # larger exponents overflow or underflow


def frequency_scores(samples: np.ndarray, release: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Log likelihood ratio (n,) of each individual under released against reference frequencies.

    This is the most powerful test on the frequencies of independent variants (Homer 2008; Sankararaman
    2009, eq. 1), with two alleles per genotype. Missing calls in `samples` int8 (n, m) contribute 0. Both
    frequencies (m,) are strictly between 0 and 1 (`smoothed_frequency`).
    """
    effect, other = np.log(release / reference), np.log((1 - release) / (1 - reference))
    scores = np.empty(len(samples))
    for start in range(0, len(samples), _CHUNK):
        chunk = samples[start : start + _CHUNK]
        called = chunk != MISSING
        scores[start : start + _CHUNK] = (chunk * called) @ (effect - other) + called @ (2 * other)
    return scores


def choose_kernel(reference: np.ndarray) -> np.ndarray | None:
    """Kernel by distance, float64 (2m + 1,), with the bandwidth that fits reference individuals best.

    The kernel of Aitchison & Aitken (1976, Biometrika 63:413) on the bits of dosages int8 (n, m) without
    missing calls. It is proportional to (a / (1 - a))^distance, where a in (0, 1/2) maximises the
    leave-one-out likelihood of the reference individuals; no other individuals are used. The kernel is
    scaled to 1 at the median nearest distance of the reference individuals and clipped to finite numbers.
    None if there are fewer than two reference individuals.
    """
    bits = thermometer_bits(thin(reference, _KERNEL_SAMPLES)).astype(np.float32)
    if len(bits) < 2:
        return None
    distance = all_distances(bits, bits).astype(np.float64)
    np.fill_diagonal(distance, np.inf)
    n_bits = bits.shape[1]

    def negative_log_likelihood(steepness: float) -> float:
        inside = -n_bits * np.log1p(np.exp(-steepness))  # log(1 - a), summed over bits
        return -float(np.mean(inside + logsumexp(-steepness * distance, axis=1)))

    steepness = minimize_scalar(negative_log_likelihood, bounds=(1e-3, 10.0), method="bounded").x
    middle = float(np.median(distance.min(axis=1)))
    exponent = -steepness * (np.arange(n_bits + 1) - middle)
    return np.exp(np.clip(exponent, -_MAX_EXPONENT, _MAX_EXPONENT))


def shadow_scores(target: np.ndarray, shadows: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Log likelihood ratio (n,) of an individual's loss under models trained with and without it.

    LiRA (Carlini 2022, algorithm 1) with one variance for all individuals, as recommended for few
    models. `target` (n,) holds the losses of the attacked model, `shadows` float64 (k, n) the losses of
    the shadow models. `inside` bool (k, n) is True if the model was trained on the individual. NaN if
    there are too few models to estimate the variance.
    """
    likelihood = []
    for seen in (inside, ~inside):
        losses = np.where(seen, shadows, np.nan)
        models = seen.sum(axis=0)
        mean = np.where(models, np.nansum(losses, axis=0), np.nan) / np.maximum(models, 1)
        freedom = np.maximum(models - 1, 0).sum()
        spread = np.nansum((losses - mean) ** 2)
        deviation = np.sqrt(spread / freedom) if freedom and spread else np.nan
        likelihood.append(-(((target - mean) / deviation) ** 2) / 2 - np.log(deviation))
    return likelihood[0] - likelihood[1]


def attack_estimates(
    name: str, members: np.ndarray, non_members: np.ndarray, stratum: str, count: int, seed: int
) -> Estimates:
    """ROC-AUC, and TPR at each FPR in `RATES`, of scores that are higher for likely members."""
    labels = np.repeat([1, 0], [len(members), len(non_members)])
    curve = RocCurve(labels, np.concatenate([members, non_members]))

    def statistic(weights: np.ndarray) -> Resamples:
        counts = curve.counts(weights)
        estimates = {(f"mia_{name}_auc", stratum): roc_auc(*counts)}
        for rate in RATES:
            estimates[f"mia_{name}_tpr_{rate}", stratum] = tpr_at(*counts, rate)
        return estimates

    return bootstrap(statistic, [(len(labels), seed)], count)


def roc_table(subject: str, scores: Mapping[str, np.ndarray], members: int) -> pd.DataFrame:
    """ROC curve of each attack on a cohort: columns subject, attack, fpr and tpr.

    `scores` has an array (n,) for each attack: first the scores of the members, whose number is
    `members`, then the scores of the non-members. The curve has a point for each rate in `CURVE_RATES`
    that corresponds to at least one false positive; lower rates cannot be resolved with this sample.
    """
    tables = []
    for attack, values in scores.items():
        labels = (np.arange(len(values)) < members).astype(np.int8)
        counts = RocCurve(labels, values).counts()
        rates = CURVE_RATES[(len(values) - members) * CURVE_RATES >= 1 - 1e-9]
        found = [float(tpr_at(*counts, rate)[0]) for rate in rates]
        columns = {"subject": subject, "attack": attack, "fpr": rates, "tpr": found}
        tables.append(pd.DataFrame(columns))
    return pd.concat(tables, ignore_index=True)
