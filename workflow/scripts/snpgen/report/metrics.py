"""The metrics table as the report and the model card show it: names, order, digits, main figures."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from snpgen.evaluation.attacks import RATES
from snpgen.evaluation.augmentation import SHARES
from snpgen.evaluation.controls import PLANTED_SHARE
from snpgen.evaluation.metrics_table import REAL, is_replicate
from snpgen.report.style import CONTROLS, order


@dataclass(frozen=True)
class Metric:
    """What a metric is called and means, its digits after the point, and its main stratum."""

    label: str
    meaning: str
    digits: int
    stratum: str = "all"


@dataclass(frozen=True)
class Domain:
    """The question that an domain answers and the metrics that answer it on the first screen."""

    question: str
    main: tuple[str, ...]


MODELS = {"prs": "PRS", "ridge": "ridge", "xgboost": "XGBoost"}
ATTACKS = {
    "distance": "Distance",
    "frequency": "Frequency",
    "density": "Density",
    "loss": "Loss",
    "shadow": "Shadow",
}

METRICS = {
    "af_pearson": Metric("Allele frequency r", "correlation with the real frequencies", 4),
    "af_rmse": Metric("Allele frequency RMSE", "typical error of a frequency", 4),
    "af_slope": Metric("Allele frequency slope", "1 is right", 3),
    "rare_af_ratio": Metric(
        "Rare allele ratio", "frequency kept where MAF < 0.05; 1 is right", 3, "maf<0.05"
    ),
    "n_lost": Metric("SNPs lost", "SNPs that vary in real people only", 0),
    "inbreeding_f": Metric("Inbreeding F", "deficit of heterozygotes", 4),
    "inbreeding_pearson": Metric("Inbreeding F, r", "correlation with that of real people", 3),
    "hwe_below_1e-6": Metric("Off Hardy-Weinberg", "share of SNPs with p below 1e-6", 3),
    "ld_pearson": Metric("LD r", "correlation with the real LD, to 1 Mb", 3),
    "ld_slope": Metric("LD slope", "1 is right, less is LD lost", 3),
    "ld_rmse": Metric("LD RMSE", "typical error of a correlation of two SNPs", 4),
    "ld_far_rmse": Metric("LD across chromosomes", "structure that is not there", 4),
    "pc_wasserstein": Metric("Components, distance", "SD of training people, mean of 4", 3),
    "pc_outside": Metric("Components, outside", "share beyond the real 1-99 %; 0.02 is right", 3),
    "precision": Metric("Precision", "share that lies among real people", 3),
    "recall": Metric("Recall", "share of real people who lie among them", 3),
    "diversity": Metric("Diversity", "mean distance of two people over the real one", 3),
    "c2st_xgboost": Metric("C2ST, XGBoost", "AUC of telling synthetic from real; 0.5 is right", 3),
    "c2st_logistic": Metric(
        "C2ST, logistic", "AUC of telling synthetic from real; 0.5 is right", 3
    ),
    "effect_slope": Metric(
        "Effect slope", "synthetic on real log odds ratios; as real is right", 3
    ),
    "effect_pearson": Metric("Effect r", "correlation of the log odds ratios", 3),
    "effect_sign": Metric("Effect sign", "right among the 50 strongest real SNPs", 3, "top50"),
    "hits_overlap": Metric("Hits found again", "of the 50 strongest real SNPs", 3, "top50"),
    "lambda_gc": Metric(
        "Median chi-square on the panel", "over that of no effect; the SNPs were chosen for it", 3
    ),
    "causal_found": Metric("Causal SNPs found", "of the panel's, with p < 5e-8", 3, "p<5e-8"),
    "causal_slope": Metric("Causal slope", "estimated on true effects", 3),
    **{
        f"{metric}_{model}": Metric(f"{label}, {name}", meaning, 3)
        for metric, label, meaning in (
            ("auc", "AUC", "trained on the cohort, tested on real people"),
            ("retention", "Retention", "share of the real AUC's excess over 0.5"),
            ("pr_auc", "PR-AUC", "area under precision and recall"),
            ("brier", "Brier score", "squared error of the risk; less is better"),
            ("top_decile_or", "Top tenth, odds ratio", "of the tenth with the highest risk"),
        )
        for model, name in MODELS.items()
    },
    **{
        f"auc_ridge_added_to_{share}": Metric(
            f"AUC, ridge, added to {share} %",
            f"of the training people; the floor is {share} % alone",
            3,
        )
        for share in SHARES
    },
    "auc_gain_ridge": Metric(
        "AUC gain, ridge, added to 20 %", "over 20 % of the training people alone", 3, "added_to_20"
    ),
    "n_snps": Metric("SNPs", "that the models or the score use", 0),
    "p_threshold": Metric("p-value threshold", "chosen on validation people", 8),
    "match_rate": Metric("Match rate", "share of the scoring file's rows that were used", 3),
    "exact_matches": Metric("Exact matches", "share that equals a training person", 4),
    "dcr_ratio": Metric("DCR ratio", "distance to training over that of test people", 3),
    "nndr_ratio": Metric("NNDR ratio", "nearest over second distance, over that of test people", 3),
    "nnaa_train": Metric("NNAA, training people", "0.5 is right, less is copying", 3),
    "nnaa_test": Metric("NNAA, test people", "0.5 is right", 3),
    "privacy_loss": Metric("Privacy loss", "NNAA of test less training people; 0 is right", 3),
    "max_kinship": Metric("Largest kinship", "with a training person; 0.5 is a copy", 3),
    "phenotype_inference": Metric(
        "Phenotype inference", "AUC on training less test people; 0 is right", 3
    ),
    **{
        f"mia_{attack}_auc": Metric(f"{name} attack, AUC", "0.5 is chance", 3)
        for attack, name in ATTACKS.items()
    },
    **{
        f"mia_{attack}_tpr_{rate}": Metric(
            f"{name} attack, TPR at FPR {100 * rate:g} %", f"{rate:g} is chance", 4
        )
        for attack, name in ATTACKS.items()
        for rate in RATES
    },
    "forecast_auc": Metric(
        "Frequency attack, forecast", "from the numbers of SNPs and people alone", 3
    ),
    "wall_seconds": Metric("Wall time, s", "of GWAS and generator", 0),
    "cpu_seconds": Metric("CPU time, s", "of GWAS and generator", 0),
    "peak_rss_mb": Metric("Peak memory, MB", "of the largest step", 0),
    "genotypes_per_second": Metric("Genotypes a second", "drawn by the sampler", 0),
}

DOMAINS = {
    "fidelity": Domain(
        "Do the synthetic genotypes look real?",
        ("af_pearson", "af_rmse", "ld_slope", "c2st_xgboost"),
    ),
    "association": Domain(
        "Do the SNPs have the effects they have in real people?",
        ("effect_slope", "effect_pearson", "causal_slope"),
    ),
    "utility": Domain(
        "Do models trained on them work on real people?",
        ("auc_prs", "auc_ridge", "auc_xgboost", "retention_ridge"),
    ),
    "privacy": Domain(
        "Do they give away who was in training?",
        ("exact_matches", "mia_distance_auc", "mia_frequency_auc", "mia_loss_auc"),
    ),
    "cost": Domain("What did it take?", ("wall_seconds", "peak_rss_mb", "genotypes_per_second")),
}


def read_metrics(path: str) -> pd.DataFrame:
    """Read `metrics.tsv`; only NA is missing, since `null` is the name of a control."""
    text = ["phenotype", "domain", "metric", "subject", "stratum"]
    return pd.read_csv(
        path, sep="\t", dtype=dict.fromkeys(text, str), keep_default_na=False, na_values=["NA"]
    )


def describe(metric: str) -> Metric:
    """The name, meaning and digits of a metric; those of an unknown one are made of its name."""
    return METRICS.get(metric, Metric(metric, "", 3))


def show(value: float, digits: int) -> str:
    """A number as the report writes it; NA where there is none."""
    if not np.isfinite(value):
        return "NA"
    text = f"{value:,.{digits}f}"
    return text.rstrip("0") if digits > 4 else text  # a p-value is 0.01, not 0.01000000


def main_estimates(metrics: pd.DataFrame, domain: str, subject: str) -> list[dict[str, str]]:
    """The main metrics of an domain that were measured of a cohort: label, meaning, value, interval, ceiling.

    A cost has a row a step; times are added up and the largest memory is taken.
    """
    figures = []
    for name in DOMAINS[domain].main:
        rows = metrics[metrics.metric == name] if domain == "cost" else main_rows(metrics, name)
        rows = rows[rows.subject == subject]
        if rows.empty:
            continue
        metric, row = describe(name), rows.iloc[0]
        value = rows.value.sum() if name.endswith("seconds") else rows.value.max()
        figures.append(
            {
                "label": metric.label,
                "meaning": metric.meaning,
                "value": show(value, metric.digits),
                "interval": interval(row, metric.digits),
                "ceiling": show(row.ceiling, metric.digits) if np.isfinite(row.ceiling) else "",
            }
        )
    return figures


def main_rows(metrics: pd.DataFrame, name: str) -> pd.DataFrame:
    """The rows of a metric in its main stratum, one a subject (and phenotype)."""
    return metrics[(metrics.metric == name) & (metrics.stratum == describe(name).stratum)]


def interval(row: pd.Series, digits: int) -> str:
    """The 95 % interval of a row, or nothing where it has none."""
    if not np.isfinite([row.ci_low, row.ci_high]).all():
        return ""
    return f"{show(row.ci_low, digits)} to {show(row.ci_high, digits)}"


def main_table(metrics: pd.DataFrame) -> dict[str, Any]:
    """Each metric, in its main stratum, with a column a subject, between ceiling and floor.

    `subjects` are the columns; `rows` have domain, label, meaning, floor, `ceiling` and `cells`, one
    a subject; a cell has value and interval, and is None where nothing was measured.
    """
    main_stratum = metrics.metric.map(lambda name: describe(name).stratum)
    whole = metrics[(metrics.stratum == main_stratum) & (metrics.domain != "cost")]
    hidden = {*CONTROLS, REAL, *filter(is_replicate, whole.subject)}
    subjects = [name for name in order(whole.subject) if name not in hidden]
    places = {name: i for i, name in enumerate([*DOMAINS, *METRICS])}
    groups = {
        (str(domain), str(name)): group
        for (domain, name), group in whole.groupby(["domain", "metric"])
    }
    rows = []
    for domain, name in sorted(groups, key=lambda key: [places.get(part, 999) for part in key]):
        group, metric = groups[domain, name], describe(name)
        by_subject = {row.subject: row for _, row in group.iterrows()}
        cells = {
            subject: {
                "value": show(row.value, metric.digits),
                "interval": interval(row, metric.digits),
            }
            for subject, row in by_subject.items()
        }
        if not any(name in cells for name in subjects):  # of real people alone
            continue
        ceiling = {"value": show(group.ceiling.iloc[0], metric.digits), "interval": ""}
        rows.append(
            {
                "domain": domain,
                "label": metric.label,
                "meaning": metric.meaning,
                "ceiling": cells.get("real", ceiling),
                "floor": show(group.floor.iloc[0], metric.digits),
                "cells": [cells.get(subject) for subject in subjects],
            }
        )
    return {"subjects": subjects, "rows": rows}


def copied_share(metrics: pd.DataFrame, subject: str) -> tuple[float, float]:
    """Share of synthetic people who equal a training person, and that of test people who do.

    NaN where they were not counted.
    """
    rows = metrics[(metrics.metric == "exact_matches") & (metrics.stratum == "all")]
    share = rows.set_index("subject").value
    return float(share.get(subject, np.nan)), float(share.get(REAL, np.nan))


def holds_copies(metrics: pd.DataFrame, subject: str) -> bool:
    """Whether more synthetic people equal a training person than test people do."""
    copied, by_chance = copied_share(metrics, subject)
    return bool(copied > np.nan_to_num(by_chance))


def audit_faults(metrics: pd.DataFrame, subject: str) -> list[str]:
    """What is wrong with the privacy audit, by its controls; nothing where both hold.

    Some attack must do better on the cohort with planted copies than on the same cohort without
    (its interval lies above), unless that holds as many copies itself; and none may find anything in
    the null (its interval holds chance, widened for the number of attacks).
    """
    attacks = metrics[metrics.metric.str.startswith("mia_") & (metrics.stratum == "all")]
    faults = []
    planted = attacks[attacks.subject == "positive_control"].set_index("metric").ci_low
    without = attacks[attacks.subject == subject].set_index("metric").value
    found = (planted > without.reindex(planted.index)).any()
    if len(planted) and not found and copied_share(metrics, subject)[0] < PLANTED_SHARE:
        faults.append("no attack found the training people that were planted in a synthetic cohort")
    null = attacks[(attacks.subject == "negative_control") & attacks.metric.str.endswith("_auc")]
    if len(null):
        wider = norm.isf(0.025 / len(null)) / norm.isf(0.025)
        low = null.value - wider * (null.value - null.ci_low)
        high = null.value + wider * (null.ci_high - null.value)
        if ((low > 0.5) | (high < 0.5)).any():
            faults.append(
                "an attack tells apart people of whom none was in training, as happens by chance in one "
                "audit of 20"
            )
    return faults
