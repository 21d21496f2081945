"""Membership inference: scores of the attacks and their figures."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp
from scipy.stats import norm

from snpgen.evaluation.distances import all_distances, thermometer_bits
from snpgen.evaluation.intervals import Draws, Estimates, bootstrap
from snpgen.evaluation.metrics import RATES
from snpgen.evaluation.roc import Ranking, roc_auc, tpr_at
from snpgen.io.panel import thin
from snpgen.io.plink import MISSING

CURVE_RATES = 10.0 ** (np.arange(-24, 1) / 8)  # false-positive rates of a ROC curve, 0.001 to 1
_CHUNK = 10_000  # people held as floats at once
_KERNEL_SAMPLES = 1_000  # reference people that choose the bandwidth
_MOST = 600.0  # exponents beyond would leave no difference or no number
UNLESS = (
    "nobody in one of the groups compared, a score that is constant, no reference people or, for "
    "top_tenth_rare, no SNP with a MAF below 0.05"
)


def frequency_scores(samples: np.ndarray, release: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Log likelihood ratio (n,) of each person under the released and the reference frequencies.

    The most powerful test on frequencies of independent SNPs (Homer 2008; Sankararaman 2009,
    eq. 1), with g of 2 alleles a genotype. `people` int8 (n, m), a missing call says nothing;
    both frequencies (m,), within 0 and 1 (`smoothed_frequency`).
    """
    effect, other = np.log(release / reference), np.log((1 - release) / (1 - reference))
    scores = np.empty(len(samples))
    for start in range(0, len(samples), _CHUNK):
        some = samples[start : start + _CHUNK]
        called = some != MISSING
        scores[start : start + _CHUNK] = (some * called) @ (effect - other) + called @ (2 * other)
    return scores


def choose_kernel(reference: np.ndarray) -> np.ndarray | None:
    """Kernel by distance, float64 (2m + 1,), with the bandwidth that fits reference people best.

    That of Aitchison & Aitken (1976, Biometrika 63:413) on the bits of dosages int8 (n, m) without
    missing calls: proportional to (a / (1 - a))^distance, where a in (0, 1/2) maximises their
    likelihood, each person left out of his own density. Nobody else is looked at. It is
    scaled to 1 at their median distance to the nearest, and cut where numbers would end. None for
    fewer than two people.
    """
    bits = thermometer_bits(thin(reference, _KERNEL_SAMPLES)).astype(np.float32)
    if len(bits) < 2:
        return None
    distance = all_distances(bits, bits).astype(np.float64)
    np.fill_diagonal(distance, np.inf)
    n_bits = bits.shape[1]

    def unlikeliness(steepness: float) -> float:
        inside = -n_bits * np.log1p(np.exp(-steepness))  # of 1 - a, for every bit
        return -float(np.mean(inside + logsumexp(-steepness * distance, axis=1)))

    steepness = minimize_scalar(unlikeliness, bounds=(1e-3, 10.0), method="bounded").x
    middle = float(np.median(distance.min(axis=1)))
    return np.exp(np.clip(-steepness * (np.arange(n_bits + 1) - middle), -_MOST, _MOST))


def shadow_scores(target: np.ndarray, shadows: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Log likelihood ratio (n,) of a person's loss under models that saw him and that did not.

    LiRA (Carlini 2022, algorithm 1), with one variance for all people in the place of one each, as
    they advise for few models. `target` (n,) holds the losses of the attacked model, `shadows`
    float64 (k, n) those of the shadow models, of which `inside` bool (k, n) had the person. NaN
    where too few models tell their spread.
    """
    likelihood = []
    for seen in (inside, ~inside):
        losses = np.where(seen, shadows, np.nan)
        models = seen.sum(axis=0)
        mean = np.where(models, np.nansum(losses, axis=0), np.nan) / np.maximum(models, 1)
        freedom = np.maximum(models - 1, 0).sum()
        spread = np.nansum((losses - mean) ** 2)
        deviation = np.sqrt(spread / freedom) if freedom and spread else np.nan
        likelihood.append(norm.logpdf(target, mean, deviation))
    return likelihood[0] - likelihood[1]


def attack_estimates(
    name: str, members: np.ndarray, others: np.ndarray, stratum: str, count: int, seed: int
) -> Estimates:
    """ROC-AUC and TPR at `RATES` of scores that are higher for those thought to be members."""
    labels = np.repeat([1, 0], [len(members), len(others)])
    ranking = Ranking(labels, np.concatenate([members, others]))

    def statistic(weights: np.ndarray) -> Draws:
        split = ranking.split(weights)
        figures = {(f"mia_{name}_auc", stratum): roc_auc(*split)}
        for rate in RATES:
            figures[f"mia_{name}_tpr_{rate}", stratum] = tpr_at(*split, rate)
        return figures

    metrics = [f"mia_{name}_auc", *(f"mia_{name}_tpr_{rate}" for rate in RATES)]
    return bootstrap(statistic, [(len(labels), seed)], count, dict.fromkeys(metrics, (0.0, 1.0)))


def roc_table(subject: str, scores: Mapping[str, np.ndarray], members: int) -> pd.DataFrame:
    """ROC curve of each attack on a cohort: subject, attack, fpr and tpr, a row a rate.

    `scores` (n,) by attack, of which the first `members` are members'. At those of `CURVE_RATES` that
    hold one person who is no member or more, so that the curve tells of nobody alone.
    """
    tables = []
    for attack, values in scores.items():
        labels = (np.arange(len(values)) < members).astype(np.int8)
        split = Ranking(labels, values).split(np.ones((1, len(values)), np.float32))
        rates = CURVE_RATES[(len(values) - members) * CURVE_RATES >= 1 - 1e-9]
        found = [float(tpr_at(*split, rate)[0]) for rate in rates]
        tables.append(pd.DataFrame({"attack": attack, "fpr": rates, "tpr": found}))
    table = pd.concat(tables, ignore_index=True)
    table.insert(0, "subject", subject)
    return table
