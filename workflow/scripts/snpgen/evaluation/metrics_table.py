"""The one tidy table that every domain fills, and the warning that goes with every NA."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from snpgen.baselines.registry import NEGATIVE_CONTROL, REAL, REPLICATES
from snpgen.evaluation.intervals import Estimate, Estimates
from snpgen.job import log
from snpgen.messages import InputError

COLUMNS = [
    "phenotype",
    "domain",
    "metric",
    "subject",
    "stratum",
    "value",
    "ci_low",
    "ci_high",
    "ceiling",
    "floor",
    "n",
]
VARIANT = ["variant_id", "chromosome", "position", "effect_allele", "other_allele"]  # ids repeat
FLOOR = "floor"  # what a useless generator gives: a column, never a row


class Metrics:
    """Figures of one phenotype and domain, collected by subject, metric and stratum."""

    def __init__(self, phenotype: str, domain: str) -> None:
        self.phenotype, self.domain = phenotype, domain
        self.figures: dict[tuple[str, str, str], tuple[Estimate, int]] = {}

    def add(
        self, subject: str, figures: Estimates, n: int | Mapping[str, int], unless: str
    ) -> None:
        """Add figures with the people they rest on; NaN is logged with `unless`, its causes.

        `n` may differ by stratum; one that it does not name has as many as `all`.
        """
        for (metric, stratum), estimate in figures.items():
            if not np.isfinite(estimate.value):
                name = f"{self.domain} {metric} of {subject} ({stratum})"
                log.warning("warning: %s is NA: %s", name, unless)
                estimate = Estimate(np.nan)
            size = n if isinstance(n, int) else n.get(stratum, n["all"])
            self.figures[subject, metric, stratum] = estimate, size

    def table(self) -> pd.DataFrame:
        """All figures with `COLUMNS`; the subject `real` holds the ceilings."""

        def value(subject: str, metric: str, stratum: str) -> float:
            estimate, _ = self.figures.get((subject, metric, stratum), (Estimate(np.nan), 0))
            return estimate.value

        rows = [
            (self.phenotype, self.domain, metric, subject, stratum, *estimate)
            + (value(REAL, metric, stratum), value(FLOOR, metric, stratum), n)
            for (subject, metric, stratum), (estimate, n) in self.figures.items()
            if subject != FLOOR
        ]
        kinds = dict.fromkeys(COLUMNS[5:-1], np.float64) | {"n": np.int64}  # also of no rows
        return pd.DataFrame(rows, columns=COLUMNS).astype(kinds)


def bound_by_negative_control(table: pd.DataFrame) -> pd.DataFrame:
    """The table of the privacy domain with the figures of the control `null` as ceilings.

    Nobody who was released is attacked there: an attack that finds more finds members.
    """
    key = ["metric", "stratum"]
    null = table[table.subject == NEGATIVE_CONTROL].set_index(key).value
    return table.assign(ceiling=null.reindex(pd.MultiIndex.from_frame(table[key])).to_numpy())


def write_table(table: pd.DataFrame, path: str) -> None:
    """Write tab-separated, missing as NA, six significant digits."""
    table.to_csv(path, sep="\t", index=False, na_rep="NA", float_format="%.6g")


def write_restricted(table: pd.DataFrame, path: str) -> None:
    """Write scores of single people, ten significant digits, for the owner's eyes alone."""
    Path(path).parent.chmod(0o700)
    Path(path).touch(0o600)
    table.to_csv(path, sep="\t", index=False, na_rep="NA", float_format="%.10g")


def concatenate(paths: Iterable[str]) -> pd.DataFrame:
    """The tables of all axes in one; raises `InputError` on other columns."""
    tables = []
    for path in paths:
        table = pd.read_csv(  # `null` is the name of a control
            path,
            sep="\t",
            dtype=dict.fromkeys(COLUMNS[:5], str),
            keep_default_na=False,
            na_values=["NA"],
        )
        if list(table.columns) != COLUMNS:
            raise InputError(f"{path} has columns other than {', '.join(COLUMNS)}: make it again")
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def is_replicate(subject: str) -> bool:
    """Whether a cohort is that of a further run of the generator, such as `snpgen.2`."""
    return re.fullmatch(r"snpgen\.\d+", subject) is not None


def replicate_rows(table: pd.DataFrame, subject: str) -> pd.DataFrame:
    """Each figure over all runs of the generator: its mean, and the lowest and highest as interval.

    `table` has `COLUMNS`; the runs are `subject` and its replicates. They differ in the generator's
    seed alone, so the range tells what training and sampling add to the interval over people. Empty
    for a single run.
    """
    runs = table[(table.subject == subject) | table.subject.map(is_replicate)]
    if runs.subject.nunique() < 2:
        return table.iloc[:0]
    key = ["domain", "metric", "stratum"]
    groups = runs.groupby(key, sort=False).value
    first = runs[runs.subject == subject].set_index(key)
    complete = groups.count().eq(runs.subject.nunique()).reindex(first.index).to_numpy()
    for column, values in (
        ("value", groups.mean()),
        ("ci_low", groups.min()),
        ("ci_high", groups.max()),
    ):
        first[column] = values.reindex(first.index).where(complete)
    return first.reset_index().assign(subject=REPLICATES)[COLUMNS]


def cost_rows(
    phenotype: str, subject: str, benchmarks: Iterable[str], genotypes: int
) -> pd.DataFrame:
    """Rows of the domain cost from Snakemake's benchmark files, `benchmarks/{rule}/{job}.tsv`.

    Seconds are summed over the jobs of a rule (chromosomes, cohorts), memory is the largest.
    `genotypes` were sampled by the job of rule sample_cohort for this phenotype and subject; start-up
    counts. The files may lie anywhere, as they do in a workflow that uses this one as a module.
    """
    jobs = []
    for path in benchmarks:
        row = pd.read_csv(path, sep="\t", na_values=["-"]).iloc[-1]
        maker, job = Path(path).parent.name, Path(path).stem
        jobs.append((maker, job, row["s"], row["cpu_time"], row["max_rss"]))
    table = pd.DataFrame(jobs, columns=["rule", "job", "wall", "cpu", "rss"])
    metrics = Metrics(phenotype, "cost")
    unless = "Snakemake could not measure so short a job"
    for rule, group in table.groupby("rule", sort=False):
        n = len(group)
        costs = {
            "wall_seconds": group.wall.sum(min_count=n),
            "cpu_seconds": group.cpu.sum(min_count=n),
            "peak_rss_mb": group.rss.max(),
        }
        figures = {(name, str(rule)): Estimate(float(cost)) for name, cost in costs.items()}
        metrics.add(subject, figures, n, unless)
    sampling = (table.rule == "sample_cohort") & (table.job == f"{phenotype}.{subject}")
    seconds = table.wall[sampling]
    if len(seconds):
        speed = Estimate(genotypes / float(seconds.iloc[0]))
        metrics.add(subject, {("genotypes_per_second", "sample_cohort"): speed}, genotypes, unless)
    return metrics.table()
