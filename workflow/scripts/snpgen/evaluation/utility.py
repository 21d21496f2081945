"""Models trained on a cohort and tested on the held-out real people."""

from collections.abc import Callable, Mapping

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold, train_test_split
from xgboost import XGBClassifier

from snpgen.evaluation.cohorts import OTHER_PREVALENCE, Cohort
from snpgen.evaluation.effects import marginal_effects
from snpgen.evaluation.intervals import Draws, Figures, bootstrap
from snpgen.evaluation.ranking import (
    Ranking,
    average_precision,
    roc_auc,
    top_decile_odds_ratio,
)
from snpgen.evaluation.table import REAL
from snpgen.plink import fill_missing

UNLESS = "a class is empty in the source or the test people, or the score is constant"
PENALTIES = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1)  # 1 / lambda: the variance of a standardised effect
FOLDS = 3
TREES, PATIENCE = 400, 20


def prs(
    source: Cohort, dosages: np.ndarray, tested: np.ndarray, seed: int, threads: int
) -> np.ndarray:
    """Univariate score, the sum of marginal log odds ratio times dosage, made a risk on the source.

    As all models here: `dosages` float32 (n, m) are those of `source` without missing calls,
    `tested` (k, m) those of the people to score; returns their risks (k,).
    """
    weights = np.nan_to_num(marginal_effects(source).beta)
    score, mine = dosages @ weights, tested @ weights
    spread = score.std()
    if spread == 0:
        return np.full(len(tested), np.nan)
    scale = LogisticRegression(C=np.inf).fit(
        ((score - score.mean()) / spread)[:, None], source.phenotype
    )
    return scale.predict_proba(((mine - score.mean()) / spread)[:, None])[:, 1]


def ridge(
    source: Cohort, dosages: np.ndarray, tested: np.ndarray, seed: int, threads: int
) -> np.ndarray:
    """Ridge logistic regression; the penalty has the least log loss in folds of the source."""
    mean, spread = dosages.mean(axis=0), dosages.std(axis=0)
    x, tested = ((part - mean) / np.where(spread > 0, spread, 1) for part in (dosages, tested))
    y = source.phenotype
    losses = np.zeros(len(PENALTIES))
    for train, held in StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(x, y):
        model = LogisticRegression(max_iter=500, tol=1e-3, warm_start=True)
        for i, penalty in enumerate(PENALTIES):
            model.set_params(C=penalty).fit(x[train], y[train])
            losses[i] += log_loss(y[held], model.predict_proba(x[held])[:, 1])
    best = PENALTIES[int(losses.argmin())]
    model = LogisticRegression(C=best, max_iter=1000).fit(x, y)
    return model.predict_proba(tested)[:, 1].astype(np.float64)


def xgboost(
    source: Cohort, dosages: np.ndarray, tested: np.ndarray, seed: int, threads: int
) -> np.ndarray:
    """Gradient-boosted trees, stopped early on a fifth of the source."""
    y = source.phenotype
    train, held = train_test_split(np.arange(len(y)), test_size=0.2, stratify=y, random_state=seed)
    model = XGBClassifier(
        n_estimators=TREES,
        early_stopping_rounds=PATIENCE,
        eval_metric="logloss",
        max_depth=3,
        learning_rate=0.1,
        subsample=0.8,
        colsample_bytree=0.5,
        tree_method="hist",
        max_bin=8,
        n_jobs=threads,
        random_state=seed,
    )
    model.fit(dosages[train], y[train], eval_set=[(dosages[held], y[held])], verbose=False)
    return model.predict_proba(tested)[:, 1].astype(np.float64)


Model = Callable[[Cohort, np.ndarray, np.ndarray, int, int], np.ndarray]
MODELS: dict[str, Model] = {"prs": prs, "ridge": ridge, "xgboost": xgboost}


def predict_risks(
    source: Cohort, tested: np.ndarray, training: np.ndarray, seed: int, threads: int
) -> dict[str, np.ndarray]:
    """Risks of the people of `tested`, int8 (k, m), by model, each fitted on `source` alone.

    Missing calls on both sides take the expectation 2p of the training frequencies `training`
    (m,). NaN where the source has too few people of one class.
    """
    if min(np.bincount(source.phenotype, minlength=2)) < max(FOLDS, 5):
        return {name: np.full(len(tested), np.nan) for name in MODELS}
    training = np.nan_to_num(training)
    mine, others = fill_missing(source.dosages, training), fill_missing(tested, training)
    return {name: model(source, mine, others, seed, threads) for name, model in MODELS.items()}


def compare_risks(
    phenotype: np.ndarray, risks: Mapping[str, np.ndarray], model: str, count: int, seed: int
) -> dict[str, Figures]:
    """Figures of one model on the test people, by training source.

    `phenotype` (k,); `risks` (k,) by source, among them `REAL`. All sources see the same
    resamples of the test people, so the excess retention (AUC - 0.5) / (AUC of real - 0.5) is
    paired. No Brier score for a source of another prevalence: its risks are not meant for these
    people.
    """
    real = Ranking(phenotype, risks[REAL])
    return {
        subject: bootstrap(
            _Comparison(phenotype, risk, real, model, subject not in OTHER_PREVALENCE),
            [(len(phenotype), seed)],
            count,
            {
                f"auc_{model}": (0, 1),
                f"pr_auc_{model}": (0, 1),
                f"top_decile_or_{model}": (0, np.inf),
            },
        )
        for subject, risk in risks.items()
    }


class _Comparison:
    """The figures of one source under weights of the test people."""

    def __init__(
        self, phenotype: np.ndarray, risk: np.ndarray, real: Ranking, model: str, brier: bool
    ) -> None:
        self.mine, self.real, self.model = Ranking(phenotype, risk), real, model
        self.error = np.square(risk - phenotype) if brier else None

    def __call__(self, weights: np.ndarray) -> Draws:
        split = self.mine.split(weights)
        auc, best = roc_auc(*split), roc_auc(*self.real.split(weights))
        figures = {
            "auc": auc,
            "pr_auc": average_precision(*split),
            "top_decile_or": top_decile_odds_ratio(*split),
            "retention": (auc - 0.5) / np.where(best > 0.5, best - 0.5, np.nan),
        }
        if self.error is not None:
            figures["brier"] = weights @ self.error / weights.sum(axis=1)
        return {(f"{name}_{self.model}", "all"): values for name, values in figures.items()}
