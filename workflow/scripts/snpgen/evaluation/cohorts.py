"""The cohorts of an evaluation: real individuals by split, and synthetic filesets."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import pandas as pd

from snpgen.baselines.permutation import shuffle_chromosomes
from snpgen.baselines.registry import SHUFFLED
from snpgen.generator.synthetic import class_column
from snpgen.io.panel import Panel, load_panel, read_variants
from snpgen.io.plink import MISSING, allele_frequency, open_fileset
from snpgen.io.plink_tables import read_fam
from snpgen.io.tables import read_own_table
from snpgen.job import derive_seed, log
from snpgen.messages import Code, InputError

STRATA = ("all", "case", "control")
_VARIANTS = 256  # read at once
_ROWS = 10_000  # individuals whose scores are computed at once
MIN_GROUP = 10  # individuals; estimates of smaller groups are suppressed


@dataclass(frozen=True)
class Cohort:
    """Dosages int8 (n, m), `MISSING` where not called, and phenotype int8 (n,), 1 for a case."""

    dosages: np.ndarray
    phenotype: np.ndarray

    def __len__(self) -> int:
        return len(self.phenotype)

    @property
    def sizes(self) -> dict[str, int]:
        """Number of individuals by stratum."""
        cases = int(self.phenotype.sum())
        return {"all": len(self), "case": cases, "control": len(self) - cases}

    def take(self, rows: np.ndarray) -> "Cohort":
        """The individuals of these rows (integers or mask)."""
        return Cohort(self.dosages[rows], self.phenotype[rows])

    def stratum(self, name: str) -> "Cohort":
        """All individuals (`all`), the cases (`case`) or the controls (`control`)."""
        return self if name == "all" else self.take(self.phenotype == (name == "case"))


@dataclass(frozen=True)
class RealData:
    """The panel, its variants, and the real individuals by split.

    `group` str (n,) is the ancestry group of each individual of the panel, "" if there are no groups.
    """

    panel: Panel
    variants: pd.DataFrame
    train: Cohort
    validation: Cohort
    test: Cohort
    group: np.ndarray

    def groups(self, split: str) -> np.ndarray:
        """Group of each individual of a split, in the order of its cohort."""
        return self.group[self.panel.split == split]

    @cached_property
    def frequency(self) -> np.ndarray:
        """Training frequencies (m,) of the effect alleles."""
        return allele_frequency(self.train.dosages)

    def shuffled(self, seed: int) -> Cohort:
        """The permuted reference; every rule that passes the `seed` of the configuration gets the same."""
        seed = derive_seed(seed, SHUFFLED)
        return shuffled_cohort(self.train, self.panel, self.variants, self.groups("train"), seed)


def load_real(panel: str, variants: str, groups: str | None = None) -> RealData:
    """Read the panel of genotypes, its table of variants and, if given, the table of `groups`."""
    loaded = load_panel(panel)
    cohorts = {name: Cohort(*loaded.of(name)) for name in ("train", "validation", "test")}
    for name, cohort in cohorts.items():
        _warn_constant(name, cohort)
    group = np.full(len(loaded.iid), "")
    if groups:
        group = read_own_table(groups, str, missing=()).group.to_numpy(np.str_)
    mapped = load_panel(
        panel
    )  # again, so that what was read of the first mapping leaves the memory
    return RealData(mapped, read_variants(variants), **cohorts, group=group)


def read_cohort(bed: str, subject: str, variants: pd.DataFrame) -> Cohort:
    """Read the synthetic cohort `subject` from its .bed.

    Raises `InputError` if the variants, their alleles or their order differ from the panel, or if a
    phenotype is neither 1 nor 2.
    """
    fileset = open_fileset(bed, [])
    faults = [
        f"the {column} column of the .bim differs from the panel"
        for column in ("variant_id", "effect_allele", "other_allele")
        if list(fileset.variants[column]) != list(variants[column])
    ]
    if not fileset.samples.phenotype.isin(["1", "2"]).all():
        faults.append("the .fam has phenotypes other than 1 and 2")
    if faults:
        remedy = "Delete the cohort and run again"
        raise InputError(Code.OUTDATED_RESULT, faults[0], remedy, file=bed)
    all_samples = np.arange(len(fileset.samples))
    dosages = np.empty((len(all_samples), len(variants)), np.int8)
    for columns, part in fileset.chunks(np.arange(len(variants)), all_samples, _VARIANTS):
        dosages[:, columns] = part
    cohort = Cohort(dosages, _phenotype(fileset.samples))
    _warn_constant(subject, cohort)
    return cohort


def cohort_readers(
    beds: Sequence[str], subjects: Sequence[str], variants: pd.DataFrame
) -> dict[str, Callable[[], Cohort]]:
    """Functions that read synthetic cohorts (`read_cohort`) by subject, so that one is read at a time."""
    return {
        subject: partial(read_cohort, bed, subject, variants)
        for subject, bed in zip(subjects, beds, strict=True)
    }


def read_phenotypes(beds: Iterable[str]) -> list[np.ndarray]:
    """Phenotype int8 (n,), 1 for a case, of each synthetic cohort, from its .fam."""
    tables = (read_fam(Path(bed).with_suffix(".fam")) for bed in beds)
    return [_phenotype(table) for table in tables]


def _phenotype(fam: pd.DataFrame) -> np.ndarray:
    """Phenotype int8 (n,), 1 for a case, from the table of a .fam."""
    return (fam.phenotype == "2").to_numpy(np.int8)


def _warn_constant(name: str, cohort: Cohort) -> None:
    frequency = allele_frequency(cohort.dosages)
    constant = int((~((frequency > 0) & (frequency < 1))).sum())
    if constant:
        log.warning(
            "warning: %d variants are monomorphic in the cohort %s and excluded from estimates "
            "of LD and effects",
            constant,
            name,
        )


def match_sizes(cohort: Cohort, reference: Cohort, seed: int) -> tuple[Cohort, Cohort]:
    """Reduce both cohorts to equal numbers of cases and equal numbers of controls.

    In each class, a random subset of the larger cohort is kept. The order of the individuals in each cohort
    does not change.
    """
    first, second = _matching_rows(cohort.phenotype, reference.phenotype, seed)
    return cohort.take(first), reference.take(second)


def _matching_rows(first: np.ndarray, second: np.ndarray, seed: int) -> list[np.ndarray]:
    """Rows kept by `match_sizes` of cohorts with phenotypes `first` (n,) and `second` (k,)."""
    rng = np.random.default_rng(seed)
    keep: list[list[np.ndarray]] = [[], []]
    for label in (0, 1):
        rows = [np.flatnonzero(phenotype == label) for phenotype in (first, second)]
        size = min(map(len, rows))
        for chosen, candidates in zip(keep, rows, strict=True):
            keep_all = len(candidates) == size
            chosen.append(candidates if keep_all else rng.permutation(candidates)[:size])
    return [np.sort(np.concatenate(chosen)) for chosen in keep]


def limit_sizes(cohort: Cohort, others: Iterable[np.ndarray], seed: int) -> Cohort:
    """Reduce `cohort` to at most the numbers of cases and of controls of the smallest of `others`.

    `others` are the phenotypes (n,) of other cohorts. A class that one of them lacks is not reduced, because this
    cohort cannot be compared in it.
    """
    for phenotype in others:
        if 0 < phenotype.sum() < len(phenotype):
            cohort = cohort.take(_matching_rows(cohort.phenotype, phenotype, seed)[0])
    return cohort


def limit_size(cohort: Cohort, most: int, seed: int) -> Cohort:
    """At most `most` individuals of `cohort`, a random subset in their order."""
    if len(cohort) <= most:
        return cohort
    return cohort.take(np.sort(np.random.default_rng(seed).permutation(len(cohort))[:most]))


def has_equal_power(cohort: Cohort, reference: Cohort) -> bool:
    """Whether a GWAS has the same power in both cohorts: effective sample sizes that differ by at most 5 %.

    The effective sample size is 4 / (1 / cases + 1 / controls).
    """
    sizes = [
        side.phenotype.mean() * (1 - side.phenotype.mean()) * len(side)
        for side in (cohort, reference)
    ]
    return bool(abs(sizes[0] - sizes[1]) <= 0.05 * sizes[1])


def shuffle_labels(cohort: Cohort, seed: int) -> Cohort:
    """The cohort with permuted phenotypes, which removes all associations."""
    return Cohort(cohort.dosages, np.random.default_rng(seed).permutation(cohort.phenotype))


def shuffle_columns(cohort: Cohort, seed: int, groups: np.ndarray | None = None) -> Cohort:
    """The cohort with each variant permuted among individuals, which removes LD and associations.

    If `groups` (n,) are given, variants are permuted within groups.
    """
    rng = np.random.default_rng(seed)
    if groups is None:
        return Cohort(rng.permuted(cohort.dosages, axis=0), cohort.phenotype)
    dosages = cohort.dosages.copy()
    for name in np.unique(groups):
        rows = groups == name
        dosages[rows] = rng.permuted(dosages[rows], axis=0)
    return Cohort(dosages, cohort.phenotype)


def shuffled_cohort(
    train: Cohort, panel: Panel, variants: pd.DataFrame, groups: np.ndarray, seed: int
) -> Cohort:
    """The permuted reference: the training individuals `train` after `shuffle_chromosomes` by class and group.

    `groups` str (n,) are those of the training individuals.
    """
    strata = panel.samples("train")[class_column(panel)].to_numpy(), groups
    chromosomes = variants.chromosome.to_numpy()
    return Cohort(shuffle_chromosomes(train.dosages, *strata, chromosomes, seed), train.phenotype)


def score_in_parts(score: Callable[[np.ndarray], np.ndarray], dosages: np.ndarray) -> np.ndarray:
    """Scores float64 (n,), from the function `score` of `_ROWS` rows of `dosages` (n, m) at a time."""
    rows = range(0, len(dosages), _ROWS)
    return np.concatenate([np.empty(0), *(score(dosages[i : i + _ROWS]) for i in rows)])


def fill_rounded(dosages: np.ndarray, frequency: np.ndarray) -> np.ndarray:
    """Dosages int8 (0, 1, 2) for distances: missing calls are set to 2p, rounded; `frequency` p (m,).

    Returns `dosages` itself if no call is missing.
    """
    if dosages.min(initial=0) >= 0:
        return dosages
    expected = np.rint(2 * np.nan_to_num(frequency)).astype(np.int8)
    return np.where(dosages == MISSING, expected, dosages)
