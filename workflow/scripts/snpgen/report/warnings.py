"""Warnings that the report shows before the estimates."""

from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from snpgen.baselines.registry import BASELINES, REAL
from snpgen.io.matching import matches_of
from snpgen.report.estimates import Estimates
from snpgen.report.results import Results
from snpgen.report.verdicts import NEAR, closeness

COMPONENT_SHIFT = 0.1  # standard deviations along a component
DISTINGUISHED, USED = "c2st_xgboost", "auc_ridge"
MIN_SAMPLES_PER_VARIANT = 10


@dataclass(frozen=True)
class ReportWarning:
    """A warning by its `kind`, with the numbers that its sentence mentions."""

    kind: str
    facts: dict[str, Any] = field(default_factory=dict)


def list_warnings(results: Results) -> list[ReportWarning]:
    """Warnings about the cohort that the report describes."""
    settings, estimates = results.settings, Estimates(results.metrics, results.subject)
    grouped = settings["external_cohort"] is not None or settings["conditions"]["group"] is not None
    found = [
        no_signal(results.shrinkage) if results.shrunken else None,
        better_baseline(estimates),
        None if grouped else shifted_components(estimates),
    ]
    return [warning for warning in found if warning]


def better_baseline(estimates: Estimates) -> ReportWarning | None:
    """A releasable baseline without a network that performs better than the cohort.

    The baseline must be harder to distinguish from real data than the cohort, with intervals that do not
    overlap, and a risk model trained on it must have at least the same AUC.
    """
    own, used = estimates.get(DISTINGUISHED), estimates.get(USED)
    for name, baseline in BASELINES.items():
        if baseline.needs_model or not baseline.releasable:
            continue
        other = estimates.get(DISTINGUISHED, subject=name)
        other_used = estimates.get(USED, subject=name)
        if other.ci_high < own.ci_low and other_used.value >= used.value:
            facts = {"baseline": name, "c2st": own.value, "baseline_c2st": other.value}
            facts |= {"auc": used.value, "baseline_auc": other_used.value}
            return ReportWarning("better_baseline", facts)
    return None


def shifted_components(estimates: Estimates) -> ReportWarning | None:
    """Synthetic individuals farther from test individuals along the components than training individuals."""
    row = estimates.get("pc_wasserstein")
    real = estimates.get("pc_wasserstein", subject=REAL)
    if closeness(row, real) < NEAR and row.ci_low > real.ci_high and row.value > COMPONENT_SHIFT:
        return ReportWarning("shifted_components", {"distance": row.value, "real": row.ceiling})
    return None


def no_signal(shrinkage: dict[str, float]) -> ReportWarning | None:
    """A cohort without associations: no class difference was kept, or all are close to zero."""
    if shrinkage["kept"] and shrinkage["signal"]:
        return None
    return ReportWarning("no_signal", shrinkage)


def few_matches(funnel: pd.DataFrame) -> list[ReportWarning]:
    """A warning for each table of which few IDs match the genotype files."""
    rows = matches_of(funnel)
    return [
        ReportWarning(
            "few_matches", {"table": row["step"], "matched": row["kept"], "others": row["dropped"]}
        )
        for row in rows[rows.few].to_dict("records")
    ]


def few_samples(n_train: int, n_variants: int) -> ReportWarning | None:
    """Fewer than `MIN_SAMPLES_PER_VARIANT` training individuals per variant of the panel."""
    if n_train >= MIN_SAMPLES_PER_VARIANT * n_variants:
        return None
    return ReportWarning(
        "few_samples", {"ratio": n_train / n_variants, "minimum": MIN_SAMPLES_PER_VARIANT}
    )
