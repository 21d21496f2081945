"""Phenotype inference: is the label of a member guessed better than that of a non-member."""

import numpy as np

from snpgen.evaluation.cohorts import Cohort
from snpgen.evaluation.effects import marginal_effects
from snpgen.evaluation.intervals import Draws, Estimates, bootstrap
from snpgen.evaluation.roc import Ranking, roc_auc

UNLESS = "a class is empty, or the guess is the same for everybody"
_CHUNK = 10_000  # people held as floats at once


def guess_labels(individuals: np.ndarray, release: Cohort) -> np.ndarray:
    """Polygenic score (n,) of people int8 (n, m) by the log odds ratios of the release.

    What learns most from a released cohort's labels with least to choose: a sum over all SNPs, in which
    members find their own share of each effect again. SNPs without an effect count nothing.
    """
    beta = np.nan_to_num(marginal_effects(release).beta)
    parts = [
        individuals[start : start + _CHUNK] @ beta for start in range(0, len(individuals), _CHUNK)
    ]
    return np.concatenate([np.empty(0), *parts])


def inference_estimates(
    labels: tuple[np.ndarray, np.ndarray],
    guesses: tuple[np.ndarray, np.ndarray],
    stratum: str,
    count: int,
    seed: int,
) -> Estimates:
    """`phenotype_inference`: ROC-AUC of a guess of the label among members less that among others.

    `labels` int8 of 0 and 1 and `guesses`, higher for a likely case, of members (n,) and of
    non-members (k,). 0: what a release tells of members it tells of everybody.
    """
    rankings = [Ranking(label, guess) for label, guess in zip(labels, guesses, strict=True)]

    def statistic(*weights: np.ndarray) -> Draws:
        aucs = [
            roc_auc(*ranking.split(some)) for ranking, some in zip(rankings, weights, strict=True)
        ]
        return {("phenotype_inference", stratum): aucs[0] - aucs[1]}

    samples = [(len(label), seed + i) for i, label in enumerate(labels)]
    return bootstrap(statistic, samples, count, {"phenotype_inference": (-1.0, 1.0)})
