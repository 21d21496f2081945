"""Membership inference: scores of the attacks, their figures, and a forecast without a model."""

import numpy as np
from scipy.special import ndtr

from snpgen.evaluation.intervals import Draws, Figures, bootstrap
from snpgen.evaluation.ranking import Ranking, roc_auc, tpr_at
from snpgen.plink import MISSING

RATES = (0.001, 0.01, 0.1)
_CHUNK = 10_000  # people held as floats at once
UNLESS = "nobody in one of the groups compared, or a score that is constant"


def smoothed_frequency(dosages: np.ndarray) -> np.ndarray:
    """Frequency (m,) of the effect allele with half a copy of each allele added (Jeffreys).

    Keeps a log ratio finite where an allele was not seen. NaN for no people.
    """
    if not len(dosages):
        return np.full(dosages.shape[1], np.nan)
    called = dosages != MISSING
    return ((dosages * called).sum(axis=0, dtype=np.int64) + 0.5) / (2 * called.sum(axis=0) + 1)


def frequency_scores(people: np.ndarray, release: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Log likelihood ratio (n,) of each person under the released and the reference frequencies.

    The most powerful test on frequencies of independent SNPs (Homer 2008; Sankararaman 2009,
    eq. 1), with g of 2 alleles a genotype. `people` int8 (n, m), a missing call says nothing;
    both frequencies (m,), within 0 and 1 (`smoothed_frequency`).
    """
    effect, other = np.log(release / reference), np.log((1 - release) / (1 - reference))
    scores = np.empty(len(people))
    for start in range(0, len(people), _CHUNK):
        some = people[start : start + _CHUNK]
        called = some != MISSING
        scores[start : start + _CHUNK] = (some * called) @ (effect - other) + called @ (2 * other)
    return scores


def attack_figures(
    name: str, members: np.ndarray, others: np.ndarray, stratum: str, count: int, seed: int
) -> Figures:
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


def forecast_auc(
    snps: float, members: int, released: int, reference: int, selection: float = 1.0
) -> float:
    """ROC-AUC to expect of `frequency_scores`, from numbers alone.

    The score is about sum_j z_ij d_j, with z a person's standardised genotype and d the difference
    of the standardised mean genotypes of released and reference people, of variance
    k/n + 1/s + 1/r: n members, from whose frequencies s people are drawn, and r reference people.
    The mean of the members holds each of them, so their scores are on average m k/n higher than
    others', whose standard deviation is m sqrt((k/n + 1/s + 1/r) / m_e), with m_e the SNPs that
    LD leaves of m. Hence AUC = Phi(sqrt(m_e / 2) (k/n) / sqrt(k/n + 1/s + 1/r)): the law
    sqrt(SNPs / people) of Sankararaman (2009), with the noise of what is released and of the
    reference. `selection` is k, the factor by which choosing the SNPs by these very people has
    raised the variance of their mean (`class_selection`); 1 where they had no part in it.
    """
    if min(members, released, reference) == 0:
        return np.nan
    mean = selection / members
    return float(ndtr(np.sqrt(snps / 2) * mean / np.sqrt(mean + 1 / released + 1 / reference)))


def class_selection(members: np.ndarray, reference: np.ndarray) -> float:
    """Factor `selection` of `forecast_auc` for one class, from dosages int8 (n, m) and (r, m).

    SNPs chosen because cases and controls differ have class means that lie further from others of
    that class than chance alone puts them. The mean squared difference of the standardised mean
    genotypes is k/n + 1/r; hence k, at least 1. NaN where either is empty.
    """
    if not (len(members) and len(reference)):
        return np.nan
    p, q = smoothed_frequency(members), smoothed_frequency(reference)
    middle = smoothed_frequency(np.concatenate([members, reference]))
    square = 2 * (p - q) ** 2 / (middle * (1 - middle))
    return max(1.0, float(len(members) * (square.mean() - 1 / len(reference))))
