"""The tidy table that every evaluation domain writes, and the warning for every NA in it."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from snpgen.baselines.registry import NEGATIVE_CONTROL, REAL, REPLICATES
from snpgen.evaluation.intervals import Estimate, Estimates
from snpgen.evaluation.metrics import DOMAINS
from snpgen.io.samples import for_file
from snpgen.job import log
from snpgen.messages import Code, InputError

_KEY = ["phenotype", "domain", "metric", "subject", "stratum"]
_NUMBERS = ["value", "ci_low", "ci_high", "ceiling", "floor"]
COLUMNS = [*_KEY, *_NUMBERS, "n"]
# The columns that identify a variant; the ID alone does not, because it can be repeated.
VARIANT = ["variant_id", "chromosome", "position", "effect_allele", "other_allele"]
FLOOR = "floor"  # the permuted or shuffled reference: a column, never a row


class Metrics:
    """Estimates of one phenotype and domain, collected by subject, metric and stratum."""

    def __init__(self, phenotype: str, domain: str) -> None:
        self.phenotype, self.domain = phenotype, domain
        self.estimates: dict[tuple[str, str, str], tuple[Estimate, int]] = {}

    def add(self, subject: str, estimates: Estimates, n: int | Mapping[str, int]) -> None:
        """Add estimates with the number of individuals `n`; a NaN is logged with possible causes.

        `n` may differ by stratum; strata that it does not name have the number of `all`.
        """
        for (metric, stratum), estimate in estimates.items():
            if not np.isfinite(estimate.value):
                name = f"{self.domain} {metric} of {subject} ({stratum})"
                log.warning(
                    "warning: %s is NA. Possible causes: %s", name, DOMAINS[self.domain].missing
                )
                estimate = Estimate(np.nan)
            size = n if isinstance(n, int) else n.get(stratum, n["all"])
            self.estimates[subject, metric, stratum] = estimate, size

    def table(self) -> pd.DataFrame:
        """All estimates with `COLUMNS`; the subject `real` has the ceilings."""

        rows = []
        missing = Estimate(np.nan), 0
        for (subject, metric, stratum), (estimate, n) in self.estimates.items():
            ceiling, floor = (
                self.estimates.get((reference, metric, stratum), missing)[0].value
                for reference in (REAL, FLOOR)
            )
            if subject != FLOOR:
                place = (self.phenotype, self.domain, metric, subject, stratum)
                rows.append((*place, *estimate, ceiling, floor, n))
        kinds = dict.fromkeys(_NUMBERS, np.float64) | {"n": np.int64}  # also for an empty table
        return pd.DataFrame(rows, columns=COLUMNS).astype(kinds)


def bound_by_negative_control(table: pd.DataFrame) -> pd.DataFrame:
    """The table of the privacy domain with the estimates of the negative control as ceilings.

    The negative control has no members. An estimate above this ceiling therefore shows that the attack
    identifies members.
    """
    key = ["metric", "stratum"]
    control = table[table.subject == NEGATIVE_CONTROL].set_index(key).value
    return table.assign(ceiling=control.reindex(pd.MultiIndex.from_frame(table[key])).to_numpy())


def write_table(table: pd.DataFrame, path: str) -> None:
    """Write a tab-separated table, NA for missing, with six significant digits."""
    table.to_csv(path, sep="\t", index=False, na_rep="NA", float_format="%.6g")


def write_restricted(table: pd.DataFrame, path: str) -> None:
    """Write scores of individuals with ten significant digits, readable by the owner only."""
    Path(path).parent.chmod(0o700)
    Path(path).touch(0o600)
    for_file(table).to_csv(path, sep="\t", index=False, na_rep="NA", float_format="%.10g")


def concatenate(paths: Iterable[str]) -> pd.DataFrame:
    """Concatenate the tables of all domains; raises `InputError` if a table has other columns."""
    tables = []
    for path in paths:
        table = pd.read_csv(
            path,
            sep="\t",
            dtype=dict.fromkeys(_KEY, str),
            keep_default_na=False,
            na_values=["NA"],
        )
        if list(table.columns) != COLUMNS:
            raise InputError(
                Code.OUTDATED_RESULT,
                f"the columns are not {', '.join(COLUMNS)}",
                "Delete the file and run again",
                file=path,
            )
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def is_replicate(subject: str) -> bool:
    """Whether a subject is a replicate, a further run of the generator such as `snpgen.2`."""
    return re.fullmatch(r"snpgen\.\d+", subject) is not None


def replicate_rows(table: pd.DataFrame, subject: str) -> pd.DataFrame:
    """Mean of each estimate over the runs of the generator, with lowest and highest as the interval.

    `table` has `COLUMNS`; the runs are `subject` and its replicates. They differ only in the seed of the
    generator, so the range shows the variation due to training and sampling. Confidence intervals over
    individuals do not include this variation. The result is empty for a single run.
    """
    runs = table[(table.subject == subject) | table.subject.map(is_replicate)]
    if runs.subject.nunique() < 2:
        return table.iloc[:0]
    key = ["domain", "metric", "stratum"]
    groups = runs.groupby(key, sort=False).value
    first = runs[runs.subject == subject].set_index(key)
    complete = groups.count().eq(runs.subject.nunique()).reindex(first.index).to_numpy()
    for column, values in groups.agg(value="mean", ci_low="min", ci_high="max").items():
        first[column] = values.reindex(first.index).where(complete)
    return first.reset_index().assign(subject=REPLICATES)[COLUMNS]


def cost_rows(
    phenotype: str, subject: str, benchmarks: Iterable[str], genotypes: int
) -> pd.DataFrame:
    """Rows of the domain cost from Snakemake's benchmark files, `benchmarks/{rule}/{job}.tsv`.

    Seconds are summed over the jobs of a rule (chromosomes, cohorts); memory is the maximum over the jobs.
    `genotypes` is the number of genotypes that the job of rule sample_cohort generated for this phenotype
    and subject; its time includes start-up. The rule is the last directory of a path, so that the workflow
    can be used as a module.
    """
    jobs = []
    for path in map(Path, benchmarks):
        row = pd.read_csv(path, sep="\t", na_values=["-"]).iloc[-1]
        jobs.append((path.parent.name, path.stem, row["s"], row["cpu_time"], row["max_rss"]))
    table = pd.DataFrame(jobs, columns=["rule", "job", "wall", "cpu", "rss"])
    metrics = Metrics(phenotype, "cost")
    for rule, group in table.groupby("rule", sort=False):
        n = len(group)
        costs = {
            "wall_seconds": group.wall.sum(min_count=n),
            "cpu_seconds": group.cpu.sum(min_count=n),
            "peak_rss_mb": group.rss.max(),
        }
        estimates = {(name, str(rule)): Estimate(float(cost)) for name, cost in costs.items()}
        metrics.add(subject, estimates, n)
    sampling = (table.rule == "sample_cohort") & (table.job == f"{phenotype}.{subject}")
    seconds = table.wall[sampling]
    if len(seconds):
        speed = Estimate(genotypes / float(seconds.iloc[0]))
        metrics.add(subject, {("genotypes_per_second", "sample_cohort"): speed}, genotypes)
    return metrics.table()
