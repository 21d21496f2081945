"""Classifier two-sample test: can a model tell synthetic from real people (Lopez-Paz 2017)."""

from collections.abc import Callable
from functools import partial

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from xgboost import XGBClassifier

from snpgen.evaluation.intervals import Draws, Estimate, Estimates, bootstrap
from snpgen.evaluation.roc import Ranking, roc_auc

UNLESS = "fewer people than folds, or genotypes that do not vary"


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


MODELS: dict[str, Callable] = {"c2st_xgboost": _xgboost, "c2st_logistic": _logistic}


def two_sample_test(
    synthetic: np.ndarray,
    real: np.ndarray,
    folds: int,
    count: int,
    seed: int,
    threads: int = 1,
) -> Estimates:
    """Cross-validated ROC-AUC (mean over folds) of each of `MODELS`; 0.5 is perfect.

    Both are dosages int8 (n, m) without missing calls: a filled fraction would give real people
    away. The bootstrap draws people within the folds and refits nothing.
    """
    labels = np.repeat([1, 0], [len(synthetic), len(real)])
    if min(len(synthetic), len(real)) < folds:
        return {(name, "all"): Estimate(np.nan) for name in MODELS}
    dosages = np.concatenate([synthetic, real]).astype(np.float32)
    splits = list(StratifiedKFold(folds, shuffle=True, random_state=seed).split(dosages, labels))
    out: Estimates = {}
    for name, make_model in MODELS.items():
        rankings = []
        for train, test in splits:
            model = make_model(seed, threads).fit(dosages[train], labels[train])
            rankings.append((test, Ranking(labels[test], model.predict_proba(dosages[test])[:, 1])))

        out |= bootstrap(
            partial(_mean_auc, name, rankings), [(len(labels), seed)], count, {name: (0.0, 1.0)}
        )
    return out


def _mean_auc(name: str, rankings: list[tuple[np.ndarray, Ranking]], weights: np.ndarray) -> Draws:
    areas = [roc_auc(*ranking.split(weights[:, samples])) for samples, ranking in rankings]
    return {(name, "all"): np.mean(areas, axis=0)}
