"""Augmentation: risk models trained on real individuals plus a synthetic cohort.

A share of the training individuals represents a small cohort of another study. The synthetic cohort, which was
generated from all training individuals, is added to this share. Random subsets of large cohorts are used.
"""

from collections.abc import Mapping

import numpy as np

from snpgen.evaluation import utility
from snpgen.evaluation.cohorts import Cohort, limit_size
from snpgen.evaluation.intervals import Estimates, Resamples, bootstrap
from snpgen.evaluation.metrics import SHARES
from snpgen.evaluation.roc import RocCurve, roc_auc

MODEL = "ridge"
MAX_SAMPLES = utility.MAX_SAMPLES // 2  # training individuals, and individuals of the cohort

Risks = dict[int, np.ndarray]  # of the test individuals (k,), by share


def sample_shares(phenotype: np.ndarray, seed: int) -> dict[int, np.ndarray]:
    """Rows of each of `SHARES` of the individuals, sampled at random within classes, by share.

    `phenotype` (n,). A smaller share is a subset of every larger one.
    """
    rng = np.random.default_rng(seed)
    classes = [rng.permutation(np.flatnonzero(phenotype == label)) for label in (0, 1)]
    return {
        share: np.sort(np.concatenate([rows[: round(len(rows) * share / 100)] for rows in classes]))
        for share in SHARES
    }


def predict_added(
    train: Cohort,
    shares: Mapping[int, np.ndarray],
    source: Cohort | None,
    test_dosages: np.ndarray,
    training: np.ndarray,
    seed: int,
    threads: int,
) -> Risks:
    """Risks of the test individuals by ridge regression on each share with `source` added.

    `shares` holds rows of `train` (`sample_shares`). If `source` is None, nothing is added. At most `MAX_SAMPLES`
    random individuals of `source` are added. The other arguments are the same as in `utility.predict_risks`.
    """
    risks = {}
    source = limit_size(source, MAX_SAMPLES, seed) if source else None
    for share, rows in shares.items():
        part = train.take(rows)
        if source:
            part = Cohort(
                np.concatenate([part.dosages, source.dosages]),
                np.concatenate([part.phenotype, source.phenotype]),
            )
        found = utility.predict_risks(part, test_dosages, training, seed, threads, [MODEL])
        risks[share] = found[MODEL]
    return risks


def compare_added(
    phenotype: np.ndarray, alone: Risks, added: Risks, count: int, seed: int
) -> Estimates:
    """AUC in test individuals of each share with a cohort added, and its gain over the share alone.

    `phenotype` (k,). Both AUCs use the same resamples of the test individuals, so that their
    difference is paired.
    """
    curves = {
        share: (RocCurve(phenotype, alone[share]), RocCurve(phenotype, added[share]))
        for share in added
    }

    def statistic(weights: np.ndarray) -> Resamples:
        estimates: Resamples = {}
        for share, pair in curves.items():
            before, after = (roc_auc(*curve.counts(weights)) for curve in pair)
            estimates[f"auc_{MODEL}_added_to_{share}", "all"] = after
            estimates[f"auc_gain_{MODEL}", f"added_to_{share}"] = after - before
        return estimates

    return bootstrap(statistic, [(len(phenotype), seed)], count)
