"""The cohorts that are compared: real people of one split, or a synthetic fileset."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from snpgen.baselines.permutation import shuffle_chromosomes
from snpgen.generator.synthetic import class_column
from snpgen.io.panel import Panel
from snpgen.io.plink import MISSING, allele_frequency, open_fileset
from snpgen.job import log
from snpgen.messages import InputError

STRATA = ("all", "case", "control")


@dataclass(frozen=True)
class Cohort:
    """Dosages int8 (n, m), `MISSING` where not called, and phenotype int8 (n,), 1 for a case."""

    dosages: np.ndarray
    phenotype: np.ndarray

    def __len__(self) -> int:
        return len(self.phenotype)

    @property
    def sizes(self) -> dict[str, int]:
        """Number of people by stratum."""
        cases = int(self.phenotype.sum())
        return {"all": len(self), "case": cases, "control": len(self) - cases}

    def take(self, rows: np.ndarray) -> "Cohort":
        """The people of these rows (integers or mask)."""
        return Cohort(self.dosages[rows], self.phenotype[rows])

    def stratum(self, name: str) -> "Cohort":
        """Everybody (`all`), the cases (`case`) or the controls (`control`)."""
        return self if name == "all" else self.take(self.phenotype == (name == "case"))


def real_cohorts(panel: Panel) -> dict[str, Cohort]:
    """The real people by split: train, validation, test."""
    cohorts = {name: Cohort(*panel.of(name)) for name in ("train", "validation", "test")}
    for name, cohort in cohorts.items():
        _warn_constant(name, cohort)
    return cohorts


def read_cohort(bed: str, subject: str, variants: pd.DataFrame) -> Cohort:
    """The synthetic cohort `subject` from its `.bed` file.

    Raises `InputError` where the variants or their alleles are not the panel's, in its order, or
    where somebody's phenotype is neither 1 nor 2.
    """
    fileset = open_fileset(bed, [])
    for column in ("variant_id", "effect_allele", "other_allele"):
        if list(fileset.variants[column]) != list(variants[column]):
            raise InputError(
                f"{bed}: the {column} column of its .bim is not that of the panel: "
                "sample the cohort again"
            )
    if not fileset.samples.phenotype.isin(["1", "2"]).all():
        raise InputError(f"{bed}: its .fam has phenotypes other than 1 and 2: sample it again")
    all_samples = np.arange(len(fileset.samples))
    dosages = fileset.read(np.arange(len(variants)), all_samples)
    phenotype = (fileset.samples.phenotype == "2").to_numpy(np.int8)
    cohort = Cohort(np.ascontiguousarray(dosages), phenotype)
    _warn_constant(subject, cohort)
    return cohort


def read_cohorts(
    beds: Sequence[str], subjects: Sequence[str], variants: pd.DataFrame
) -> dict[str, Cohort]:
    """Synthetic cohorts by subject from their `.bed` files, as `read_cohort` does."""
    return {
        subject: read_cohort(bed, subject, variants)
        for subject, bed in zip(subjects, beds, strict=True)
    }


def read_groups(bed: str, n: int) -> np.ndarray:
    """Group (n,) str of the people of a synthetic cohort, from `.pheno.tsv` beside `bed`.

    "" where there are no groups, or no such table, as in a cohort made elsewhere.
    """
    path = Path(bed).with_suffix(".pheno.tsv")
    if path.exists():
        table = pd.read_csv(path, sep="\t", dtype=str, na_filter=False)
        if "group" in table:
            return table.group.to_numpy(np.str_)
    return np.full(n, "", np.str_)


def _warn_constant(name: str, cohort: Cohort) -> None:
    frequency = allele_frequency(cohort.dosages)
    constant = int((~((frequency > 0) & (frequency < 1))).sum())
    if constant:
        unable = "LD and effects leave them out"
        log.warning("warning: %d SNPs do not vary in %s: %s", constant, name, unable)


def match_sizes(cohort: Cohort, reference: Cohort, seed: int) -> tuple[Cohort, Cohort]:
    """Both with the same number of cases and of controls: the smaller number of the two.

    The people of the larger side are drawn at random; a side that loses nobody keeps its order.
    """
    rng = np.random.default_rng(seed)
    keep: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    for label in (0, 1):
        rows = [np.flatnonzero(side.phenotype == label) for side in (cohort, reference)]
        size = min(map(len, rows))
        for chosen, candidates in zip(keep, rows, strict=True):
            all_samples = len(candidates) == size
            chosen.append(candidates if all_samples else rng.permutation(candidates)[:size])
    first, second = (np.sort(np.concatenate(chosen)) for chosen in keep)
    return cohort.take(first), reference.take(second)


def shuffle_labels(cohort: Cohort, seed: int) -> Cohort:
    """The cohort with its phenotypes permuted: nothing can be learnt from it."""
    return Cohort(cohort.dosages, np.random.default_rng(seed).permutation(cohort.phenotype))


def shuffle_columns(cohort: Cohort, seed: int) -> Cohort:
    """The cohort with every SNP permuted over people: frequencies without LD or effects."""
    rng = np.random.default_rng(seed)
    return Cohort(rng.permuted(cohort.dosages, axis=0), cohort.phenotype)


def shuffled_cohort(panel: Panel, variants: pd.DataFrame, seed: int) -> Cohort:
    """Training people with whole chromosomes permuted among those of one class and group.

    It keeps all that a generator may keep which copies nobody. Missing calls move along.
    """
    dosages, phenotype = panel.of("train")
    individuals, chromosomes = panel.samples("train"), variants.chromosome.to_numpy()
    strata = individuals[class_column(panel)].to_numpy(), individuals.group.to_numpy()
    return Cohort(shuffle_chromosomes(dosages, *strata, chromosomes, seed), phenotype)


def fill_rounded(dosages: np.ndarray, frequency: np.ndarray) -> np.ndarray:
    """Dosages int8 with missing calls at 2p rounded, p (m,): for distances, which need 0, 1, 2."""
    expected = np.rint(2 * np.nan_to_num(frequency)).astype(np.int8)
    return np.where(dosages == MISSING, expected, dosages)
