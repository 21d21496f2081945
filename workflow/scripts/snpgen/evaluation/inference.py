"""Phenotype inference: are phenotypes of members predicted better than phenotypes of non-members?"""

from collections.abc import Iterable, Sequence

import numpy as np

from snpgen.evaluation.cohorts import Cohort, fill_rounded, score_in_parts
from snpgen.evaluation.effects import marginal_effects
from snpgen.evaluation.intervals import Estimates, Resamples, bootstrap
from snpgen.evaluation.roc import RocCurve, roc_auc


def score_phenotypes(
    sides: Iterable[np.ndarray], release: Cohort, frequency: np.ndarray
) -> list[np.ndarray]:
    """Polygenic scores (n,) with the log odds ratios of the release as weights, of each of `sides`.

    `sides` are dosages int8 (n, m); missing calls are filled with the frequencies `frequency` (m,) by `fill_rounded`.
    All variants are used without model selection. Every effect then contains information on members.
    Variants without an effect estimate contribute 0.
    """
    beta = np.nan_to_num(marginal_effects(release).beta)
    return [
        score_in_parts(lambda part: fill_rounded(part, frequency) @ beta, side) for side in sides
    ]


def inference_estimates(
    labels: Sequence[np.ndarray],
    scores: Sequence[np.ndarray],
    stratum: str,
    count: int,
    seed: int,
) -> Estimates:
    """`phenotype_inference`: ROC-AUC of a predicted phenotype among members minus that among non-members.

    `labels` (int8, 0 or 1) and `scores` (higher for a likely case) each hold an array (n,) of the members,
    then an array (k,) of the non-members. The ideal value is 0: phenotypes of members and non-members are
    predicted equally well.
    """
    curves = [RocCurve(label, score) for label, score in zip(labels, scores, strict=True)]

    def statistic(*weights: np.ndarray) -> Resamples:
        aucs = [roc_auc(*curve.counts(some)) for curve, some in zip(curves, weights, strict=True)]
        return {("phenotype_inference", stratum): aucs[0] - aucs[1]}

    samples = [(len(label), seed + i) for i, label in enumerate(labels)]
    return bootstrap(statistic, samples, count)
