"""Membership inference: scores of the attacks and their figures."""

import numpy as np

from snpgen.evaluation.intervals import Draws, Figures, bootstrap
from snpgen.evaluation.ranking import Ranking, roc_auc, tpr_at
from snpgen.plink import MISSING

RATES = (0.001, 0.01, 0.1)
_CHUNK = 10_000  # people held as floats at once
UNLESS = "nobody in one of the groups compared, or a score that is constant"


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
