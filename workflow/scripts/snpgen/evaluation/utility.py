"""Models trained on a cohort and tested on the held-out real people."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, train_test_split
from xgboost import XGBClassifier

from snpgen.baselines.registry import BALANCED, REAL
from snpgen.evaluation.cohorts import Cohort
from snpgen.evaluation.effects import marginal_effects
from snpgen.evaluation.intervals import Draws, Estimates, bootstrap
from snpgen.evaluation.roc import (
    Ranking,
    average_precision,
    roc_auc,
    top_decile_odds_ratio,
)
from snpgen.io.plink import fill_missing

UNLESS = "a class is empty in the source or the test people, or the score is constant"
PENALTIES = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1)  # 1 / lambda: the variance of a standardised effect
FOLDS = 3
TREES, PATIENCE = 400, 20
WATCHED = 0.2  # share of the source that tells boosting when to stop


@dataclass(frozen=True)
class Task:
    """What a model is given: people to fit and people to score, on the same scale.

    `x` float32 (n, m) holds the dosages of `source`, standardised by their means and `spread` (m,),
    `tested` (k, m) those of the people to score by the same. Models that stop early fit the first
    `n_fitted` people and watch the others. Nothing is copied, since n x m may fill the memory.
    """

    source: Cohort
    x: np.ndarray
    tested: np.ndarray
    spread: np.ndarray
    n_fitted: int
    seed: int
    threads: int


def make_task(
    source: Cohort, tested: np.ndarray, training: np.ndarray, seed: int, threads: int
) -> Task:
    """The task of `source`, whose people are put in another order, and of `tested`, int8 (k, m).

    Missing calls on both sides take the expectation 2p of the frequencies `training` (m,).
    """
    fitted, watched = train_test_split(
        np.arange(len(source)), test_size=WATCHED, stratify=source.phenotype, random_state=seed
    )
    source = source.take(np.concatenate([fitted, watched]))
    x, tested = (fill_missing(part, np.nan_to_num(training)) for part in (source.dosages, tested))
    mean = x.mean(axis=0, dtype=np.float64).astype(np.float32)
    x -= mean
    variance = np.einsum("ij,ij->j", x, x, dtype=np.float64) / len(x)
    spread = np.sqrt(np.where(variance > 1e-10, variance, 1)).astype(np.float32)
    x /= spread
    tested = (tested - mean) / spread
    return Task(source, x, tested, spread, len(fitted), seed, threads)


def prs(task: Task) -> np.ndarray:
    """Univariate score, the sum of marginal log odds ratio times dosage, made a risk on the source.

    As all models here it returns the risks of the people to score, float64 (k,).
    """
    weights = np.nan_to_num(marginal_effects(task.source).beta) * task.spread
    score, mine = (part @ weights.astype(np.float32) for part in (task.x, task.tested))
    spread = score.std()
    if spread == 0:
        return np.full(len(mine), np.nan)
    scale = LogisticRegression(C=np.inf).fit((score / spread)[:, None], task.source.phenotype)
    return scale.predict_proba((mine / spread)[:, None])[:, 1].astype(np.float64)


def ridge(task: Task) -> np.ndarray:
    """Ridge logistic regression; the penalty has the least log loss in folds of the source.

    Penalties are tried from the strongest on, each from the fit of the one before, until the loss
    rises: weak ones take most of the time.
    """
    x, y = task.x, task.source.phenotype
    splits = StratifiedKFold(FOLDS, shuffle=True, random_state=task.seed).split(y[:, None], y)
    folds = [held for _, held in splits]
    models = [LogisticRegression(max_iter=500, tol=1e-3, warm_start=True) for _ in folds]
    best, least = PENALTIES[0], np.inf
    for penalty in PENALTIES:
        loss = 0.0
        for model, held in zip(models, folds, strict=True):
            inside = np.ones(len(y), np.float32)
            inside[held] = 0  # a weight of 0 leaves out without a copy of the rest
            model.set_params(C=penalty).fit(x, y, sample_weight=inside)
            margin = x[held] @ model.coef_[0] + model.intercept_
            loss += np.logaddexp(0, np.where(y[held], -margin, margin)).sum()
        if loss > least:
            break
        best, least = penalty, loss
    model = LogisticRegression(C=best, max_iter=1000).fit(x, y)
    return model.predict_proba(task.tested)[:, 1].astype(np.float64)


def xgboost(task: Task) -> np.ndarray:
    """Gradient-boosted trees, stopped early on a fifth of the source."""
    x, y, n = task.x, task.source.phenotype, task.n_fitted
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
        n_jobs=task.threads,
        random_state=task.seed,
    )
    model.fit(x[:n], y[:n], eval_set=[(x[n:], y[n:])], verbose=False)
    return model.predict_proba(task.tested)[:, 1].astype(np.float64)


MODELS: dict[str, Callable[[Task], np.ndarray]] = {"prs": prs, "ridge": ridge, "xgboost": xgboost}


def predict_risks(
    source: Cohort,
    tested: np.ndarray,
    training: np.ndarray,
    seed: int,
    threads: int,
    models: Sequence[str] = tuple(MODELS),
) -> dict[str, np.ndarray]:
    """Risks of the people of `tested`, int8 (k, m), by model, each fitted on `source` alone.

    Missing calls take the expectation 2p of the training frequencies `training` (m,). NaN where the
    source has too few people of one class. Beside what it is given it needs about seven bytes a
    genotype of `source`, and four of `tested`.
    """
    if min(np.bincount(source.phenotype, minlength=2)) < max(FOLDS, 5):
        return {name: np.full(len(tested), np.nan) for name in models}
    task = make_task(source, tested, training, seed, threads)
    return {name: MODELS[name](task) for name in models}


def compare_risks(
    phenotype: np.ndarray, risks: Mapping[str, np.ndarray], model: str, count: int, seed: int
) -> dict[str, Estimates]:
    """Figures of one model on the test people, by training source.

    `phenotype` (k,); `risks` (k,) by source, among them `REAL`. All sources see the same
    resamples of the test people, so the excess retention (AUC - 0.5) / (AUC of real - 0.5) is
    paired. No Brier score for a source of another prevalence: its risks are not meant for these
    people.
    """
    real = Ranking(phenotype, risks[REAL])
    return {
        subject: bootstrap(
            _Comparison(phenotype, risk, model, real, subject != BALANCED),
            [(len(phenotype), seed)],
            count,
            _limits(model),
        )
        for subject, risk in risks.items()
    }


def judge_score(phenotype: np.ndarray, score: np.ndarray, count: int, seed: int) -> Estimates:
    """Figures of a score that was not trained on a cohort, on the test people.

    `phenotype` and `score` (k,). AUC, PR-AUC and the odds ratio of the top tenth, which need the
    order of people alone: such a score is no risk.
    """
    statistic = _Comparison(phenotype, score, "prs")
    return bootstrap(statistic, [(len(phenotype), seed)], count, _limits("prs"))


def _limits(model: str) -> dict[str, tuple[float, float]]:
    bounds = {"auc": (0, 1), "pr_auc": (0, 1), "top_decile_or": (0, np.inf)}
    return {f"{name}_{model}": limits for name, limits in bounds.items()}


class _Comparison:
    """The figures of one source, or score, under weights of the test people.

    Without `real` there is no retention, without `brier` no Brier score.
    """

    def __init__(
        self,
        phenotype: np.ndarray,
        risk: np.ndarray,
        model: str,
        real: Ranking | None = None,
        brier: bool = False,
    ) -> None:
        self.mine, self.real, self.model = Ranking(phenotype, risk), real, model
        self.error = np.square(risk - phenotype) if brier else None

    def __call__(self, weights: np.ndarray) -> Draws:
        split = self.mine.split(weights)
        figures = {
            "auc": roc_auc(*split),
            "pr_auc": average_precision(*split),
            "top_decile_or": top_decile_odds_ratio(*split),
        }
        if self.real is not None:
            excess = roc_auc(*self.real.split(weights)) - 0.5
            figures["retention"] = (figures["auc"] - 0.5) / np.where(excess > 0, excess, np.nan)
        if self.error is not None:
            figures["brier"] = weights @ self.error / weights.sum(axis=1)
        return {(f"{name}_{self.model}", "all"): values for name, values in figures.items()}
