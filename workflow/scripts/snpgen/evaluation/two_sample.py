"""Classifier two-sample test: how well a model distinguishes synthetic from real individuals.

Source: Lopez-Paz & Oquab 2017.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from xgboost import XGBClassifier

from snpgen.evaluation.intervals import Estimate, Estimates, Resamples, bootstrap
from snpgen.evaluation.roc import RocCurve, roc_auc
from snpgen.io.panel import thin

MAX_SAMPLES = 20_000  # individuals of each cohort, which limits time and memory


def _xgboost(seed: int, threads: int) -> XGBClassifier:
    return XGBClassifier(
        n_estimators=150,
        max_depth=4,
        learning_rate=0.1,
        colsample_bytree=0.5,
        tree_method="hist",
        max_bin=4,
        n_jobs=threads,
        random_state=seed,
    )


def _logistic(seed: int, threads: int) -> LogisticRegression:
    return make_pipeline(StandardScaler(), LogisticRegression(C=1e-2, max_iter=200))


CLASSIFIERS: dict[str, Callable] = {"c2st_xgboost": _xgboost, "c2st_logistic": _logistic}


def two_sample_test(
    synthetic: np.ndarray,
    real: np.ndarray,
    settings: Mapping[str, int],
    seed: int,
    threads: int = 1,
    classifiers: Sequence[str] = tuple(CLASSIFIERS),
) -> Estimates:
    """Cross-validated ROC-AUC (mean over folds) of each of `classifiers`; 0.5 is ideal.

    Both cohorts are dosages int8 (n, m) without missing calls, because fractional imputed dosages would
    identify real individuals. At most `MAX_SAMPLES` individuals of each cohort are used, evenly thinned.
    The bootstrap resamples individuals within folds without refitting. `settings` is the section `evaluation` of the
    configuration (`folds`, `bootstraps`).
    """
    folds = settings["folds"]
    synthetic, real = (thin(side, MAX_SAMPLES) for side in (synthetic, real))
    labels = np.repeat([1, 0], [len(synthetic), len(real)])
    if min(len(synthetic), len(real)) < folds:
        return {(name, "all"): Estimate(np.nan) for name in classifiers}
    dosages = np.concatenate([synthetic, real]).astype(np.float32)
    splits = list(StratifiedKFold(folds, shuffle=True, random_state=seed).split(dosages, labels))

    def mean_auc(name: str, curves: list, weights: np.ndarray) -> Resamples:
        areas = [roc_auc(*curve.counts(weights[:, samples])) for samples, curve in curves]
        return {(name, "all"): np.mean(areas, axis=0)}

    out: Estimates = {}
    for name in classifiers:
        curves = []
        for train, test in splits:
            model = CLASSIFIERS[name](seed, threads).fit(dosages[train], labels[train])
            curves.append((test, RocCurve(labels[test], model.predict_proba(dosages[test])[:, 1])))
        out |= bootstrap(
            partial(mean_auc, name, curves), [(len(labels), seed)], settings["bootstraps"]
        )
    return out
