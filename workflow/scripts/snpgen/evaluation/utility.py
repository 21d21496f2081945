"""Utility: risk models trained on a cohort and evaluated in test individuals."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn import config_context
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, train_test_split
from xgboost import DMatrix, QuantileDMatrix, train

from snpgen.baselines.registry import BALANCED, REAL
from snpgen.evaluation.cohorts import Cohort, limit_size, score_in_parts
from snpgen.evaluation.effects import CohortEffects, marginal_effects
from snpgen.evaluation.intervals import Estimates, Resamples, bootstrap
from snpgen.evaluation.roc import RocCurve, average_precision, roc_auc, top_decile_odds_ratio
from snpgen.genetics.ancestry import AncestryComponents
from snpgen.io.plink import fill_missing

PENALTIES = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1)  # 1 / lambda: prior variance of an effect
PENALTY_FOLDS = 3
TREES, PATIENCE = 400, 20
_BINS = 8
MONITORED = 0.2  # share of the source for early stopping
MAX_SAMPLES = 100_000  # individuals of the source of ridge regression and trees


@dataclass(frozen=True)
class Task:
    """Training and test data of a model, on the same scale.

    `source` holds `MAX_SAMPLES` random individuals of `whole`, or all if there are fewer. `x` float32 (n, m)
    holds their dosages, standardised by their `mean` and standard deviation `spread` (m,), with missing calls
    set to 2p, where p is the `frequency` (m,). `predict` standardises the `test_dosages` int8 (k, m) in the
    same way. Models with early stopping are fitted to the first `n_fitted` individuals and monitored on the
    others. `x` is not copied, because it may use most of the memory.
    """

    whole: Cohort
    source: Cohort
    x: np.ndarray
    test_dosages: np.ndarray
    frequency: np.ndarray
    mean: np.ndarray
    spread: np.ndarray
    n_fitted: int
    seed: int
    threads: int

    def predict(self, risk: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """Risks float64 (k,) of the test individuals, from the function `risk` of standardised dosages float32."""

        def predict_rows(dosages: np.ndarray) -> np.ndarray:
            x = fill_missing(dosages, self.frequency)
            x -= self.mean
            x /= self.spread
            return risk(x)

        return score_in_parts(predict_rows, self.test_dosages)


def make_task(
    whole: Cohort,
    source: Cohort,
    test_dosages: np.ndarray,
    training: np.ndarray,
    seed: int,
    threads: int,
) -> Task:
    """Make the task for `source` of the cohort `whole`, with its individuals reordered, and `test_dosages` int8 (k, m).

    Missing calls are set to 2p, where p are the training frequencies `training` (m,).
    """
    fitted, monitored = train_test_split(
        np.arange(len(source)), test_size=MONITORED, stratify=source.phenotype, random_state=seed
    )
    source = source.take(np.concatenate([fitted, monitored]))
    frequency = np.nan_to_num(training)
    x = fill_missing(source.dosages, frequency)
    mean = x.mean(axis=0, dtype=np.float64).astype(np.float32)
    x -= mean
    variance = np.einsum("ij,ij->j", x, x, dtype=np.float64) / len(x)
    spread = np.sqrt(np.where(variance > 1e-10, variance, 1)).astype(np.float32)
    x /= spread
    return Task(whole, source, x, test_dosages, frequency, mean, spread, len(fitted), seed, threads)


def prs(task: Task) -> np.ndarray:
    """Polygenic score of log odds ratios in the whole cohort, converted to a risk by logistic regression in the source.

    Like all models of this module, it returns the risks of the test individuals, float64 (k,).
    """
    weights = np.nan_to_num(marginal_effects(task.whole).beta) * task.spread
    weights = weights.astype(np.float32)
    score = task.x @ weights
    spread = score.std()
    if spread == 0:
        return np.full(len(task.test_dosages), np.nan)
    scale = LogisticRegression(C=np.inf).fit((score / spread)[:, None], task.source.phenotype)
    return task.predict(lambda x: scale.predict_proba((x @ weights / spread)[:, None])[:, 1])


@config_context(assume_finite=True)  # otherwise each fit reads the genotypes once more
def ridge(task: Task) -> np.ndarray:
    """Ridge logistic regression; the penalty minimises the cross-validated log loss in the source.

    Penalties are tried from the strongest to the weakest until the loss increases, because fits with weak
    penalties are the slowest. Each fit starts from the previous one.
    """
    x, y = task.x, task.source.phenotype
    splits = StratifiedKFold(PENALTY_FOLDS, shuffle=True, random_state=task.seed).split(
        y[:, None], y
    )
    folds = [held for _, held in splits]
    models = [LogisticRegression(max_iter=500, tol=1e-3, warm_start=True) for _ in folds]
    best, least = PENALTIES[0], np.inf
    for penalty in PENALTIES:
        loss = 0.0
        for model, held in zip(models, folds, strict=True):
            inside = np.delete(np.arange(len(y)), held)
            model.set_params(C=penalty).fit(x[inside], y[inside])
            margin = x[held] @ model.coef_[0] + model.intercept_
            loss += np.logaddexp(0, np.where(y[held], -margin, margin)).sum()
        if loss > least:
            break
        best, least = penalty, loss
    model = LogisticRegression(C=best, max_iter=1000).fit(x, y)
    return task.predict(lambda x: model.predict_proba(x)[:, 1])


def xgboost(task: Task) -> np.ndarray:
    """Gradient-boosted trees with early stopping on a fifth of the source."""
    x, y, n = task.x, task.source.phenotype, task.n_fitted
    settings = {
        "objective": "binary:logistic",
        "eval_metric": "logloss",
        "max_depth": 3,
        "learning_rate": 0.1,
        "subsample": 0.8,
        "colsample_bytree": 0.5,
        "tree_method": "hist",
        "max_bin": _BINS,
        "nthread": task.threads,
        "seed": task.seed,
    }
    fitted = QuantileDMatrix(x[:n], y[:n], max_bin=_BINS, nthread=task.threads)
    # Prediction in a DMatrix takes half the time of that in a QuantileDMatrix, as in XGBClassifier.
    monitored = DMatrix(x[n:], y[n:], nthread=task.threads)
    model = train(
        settings,
        fitted,
        TREES,
        evals=[(monitored, "monitored")],
        early_stopping_rounds=PATIENCE,
        verbose_eval=False,
    )
    best = 0, model.best_iteration + 1
    return task.predict(lambda x: model.inplace_predict(x, iteration_range=best))


def prs_given_pcs(
    source: Cohort, test_dosages: np.ndarray, training: np.ndarray, ancestry: AncestryComponents
) -> np.ndarray:
    """Polygenic score (k,) of the test individuals with the log odds ratios given PCs in `source` as weights.

    As in practice, only the effects are adjusted for PCs, not the score. Frequencies of the synthetic
    cohort's cases and controls that differ by chance in ancestry would otherwise enter every effect. NaN if
    a class of the source is too small. Arguments as in `predict_risks`.
    """
    if not _has_classes(source):
        return np.full(len(test_dosages), np.nan)
    weights = np.nan_to_num(CohortEffects(source, ancestry, 0).estimates.beta)
    frequency = np.nan_to_num(training)
    return score_in_parts(lambda part: fill_missing(part, frequency) @ weights, test_dosages)


FITTERS: dict[str, Callable[[Task], np.ndarray]] = {"prs": prs, "ridge": ridge, "xgboost": xgboost}


def _has_classes(source: Cohort) -> bool:
    """Whether both classes have enough individuals to train a model."""
    return bool(min(np.bincount(source.phenotype, minlength=2)) >= max(PENALTY_FOLDS, 5))


def predict_risks(
    source: Cohort,
    test_dosages: np.ndarray,
    training: np.ndarray,
    seed: int,
    threads: int,
    models: Sequence[str] = tuple(FITTERS),
) -> dict[str, np.ndarray]:
    """Risks of the test individuals `test_dosages`, int8 (k, m), by model, fitted on `source` alone.

    Missing calls are set to 2p, where p are the training frequencies `training` (m,). NaN if a class of the
    source is too small. Additional memory: about ten bytes per genotype of at most `MAX_SAMPLES` individuals.
    """
    limited = limit_size(source, MAX_SAMPLES, seed)
    if not _has_classes(limited):
        return {name: np.full(len(test_dosages), np.nan) for name in models}
    task = make_task(source, limited, test_dosages, training, seed, threads)
    return {name: FITTERS[name](task) for name in models}


def compare_risks(
    phenotype: np.ndarray, risks: Mapping[str, np.ndarray], model: str, count: int, seed: int
) -> dict[str, Estimates]:
    """Estimates of one model in test individuals, by training source.

    `phenotype` (k,); `risks` (k,) by source, including `REAL`. All sources use the same resamples, so that
    the excess retention (AUC - 0.5) / (AUC of real - 0.5) is paired. The balanced cohort has no Brier
    score, because its prevalence differs from the prevalence in the test individuals.
    """
    real = RocCurve(phenotype, risks[REAL])
    return {
        subject: _evaluate(phenotype, risk, model, count, seed, real, brier=subject != BALANCED)
        for subject, risk in risks.items()
    }


def evaluate_score(phenotype: np.ndarray, score: np.ndarray, count: int, seed: int) -> Estimates:
    """Estimates in test individuals of a score that is not a risk: AUC, PR-AUC, top decile odds ratio.

    `phenotype` and `score` (k,).
    """
    return _evaluate(phenotype, score, "prs", count, seed)


def evaluate_adjusted_score(
    phenotype: np.ndarray, score: np.ndarray, count: int, seed: int
) -> Estimates:
    """`auc_prs_given_pcs`: AUC of `prs_given_pcs` in test individuals; `phenotype` and `score` (k,)."""
    curve = RocCurve(phenotype, score)
    return bootstrap(
        lambda weights: {("auc_prs_given_pcs", "all"): roc_auc(*curve.counts(weights))},
        [(len(phenotype), seed)],
        count,
    )


def _evaluate(
    phenotype: np.ndarray,
    risk: np.ndarray,
    model: str,
    count: int,
    seed: int,
    real: RocCurve | None = None,
    brier: bool = False,
) -> Estimates:
    """Estimates of a risk or score; retention only with `real`, and Brier score only with `brier`."""
    mine, error = RocCurve(phenotype, risk), np.square(risk - phenotype)

    def statistic(weights: np.ndarray) -> Resamples:
        counts = mine.counts(weights)
        estimates = {
            "auc": roc_auc(*counts),
            "pr_auc": average_precision(*counts),
            "top_decile_or": top_decile_odds_ratio(*counts),
        }
        if real is not None:
            excess = roc_auc(*real.counts(weights)) - 0.5
            estimates["retention"] = (estimates["auc"] - 0.5) / np.where(excess > 0, excess, np.nan)
        if brier:
            estimates["brier"] = weights @ error / weights.sum(axis=1)
        return {(f"{name}_{model}", "all"): values for name, values in estimates.items()}

    return bootstrap(statistic, [(len(phenotype), seed)], count)
