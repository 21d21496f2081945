"""What synthetic people add to few real ones: models trained on both, tested on held-out people.

A share of the training people stands for somebody whose own cohort is that small. The synthetic
cohort, made from all of them, is added to it whole.
"""

from collections.abc import Mapping

import numpy as np

from snpgen.evaluation.cohorts import Cohort
from snpgen.evaluation.intervals import Draws, Estimates, bootstrap
from snpgen.evaluation.metrics import SHARES
from snpgen.evaluation.roc import Ranking, roc_auc
from snpgen.evaluation.utility import predict_risks

MODEL = "ridge"
UNLESS = "a class is empty in the share or the test people, or the risk is constant"

Risks = dict[int, np.ndarray]  # risk of each test person (k,), by share


def draw_shares(phenotype: np.ndarray, seed: int) -> dict[int, np.ndarray]:
    """Rows of `SHARES` of the people, by share: as many of each class, at random.

    `phenotype` (n,). A smaller share is part of every larger one, so that along the curve people
    are added and none is exchanged.
    """
    rng = np.random.default_rng(seed)
    classes = [rng.permutation(np.flatnonzero(phenotype == label)) for label in (0, 1)]
    return {
        share: np.sort(np.concatenate([rows[: round(len(rows) * share / 100)] for rows in classes]))
        for share in SHARES
    }


def join(one: Cohort, other: Cohort) -> Cohort:
    """The people of both."""
    return Cohort(
        np.concatenate([one.dosages, other.dosages]),
        np.concatenate([one.phenotype, other.phenotype]),
    )


def predict_added(
    train: Cohort,
    shares: Mapping[int, np.ndarray],
    source: Cohort | None,
    tested: np.ndarray,
    training: np.ndarray,
    seed: int,
    threads: int,
) -> Risks:
    """Risks of the people of `tested` by ridge regression on each share with `source` added.

    `shares` hold rows of `train` (`draw_shares`). `source` None adds nobody; else as `utility.predict_risks`.
    """
    risks = {}
    for share, rows in shares.items():
        samples = join(train.take(rows), source) if source else train.take(rows)
        fitted = predict_risks(samples, tested, training, seed, threads, [MODEL])
        risks[share] = fitted[MODEL]
    return risks


def compare_added(
    phenotype: np.ndarray, alone: Risks, added: Risks, count: int, seed: int
) -> Estimates:
    """AUC on the test people of each share with a cohort added, and its gain over the share alone.

    `phenotype` (k,). Both are measured on the same resamples of the test people, so the gain,
    AUC of `added` - AUC of `alone`, is paired.
    """
    rankings = {
        share: (Ranking(phenotype, alone[share]), Ranking(phenotype, added[share]))
        for share in added
    }

    def statistic(weights: np.ndarray) -> Draws:
        figures: Draws = {}
        for share, pair in rankings.items():
            before, after = (roc_auc(*ranking.split(weights)) for ranking in pair)
            figures[f"auc_{MODEL}_added_to_{share}", "all"] = after
            figures[f"auc_gain_{MODEL}", f"added_to_{share}"] = after - before
        return figures

    limits = {f"auc_{MODEL}_added_to_{share}": (0.0, 1.0) for share in added}
    return bootstrap(statistic, [(len(phenotype), seed)], count, limits)
