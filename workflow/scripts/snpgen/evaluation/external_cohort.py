"""A synthetic cohort made elsewhere, brought to the variants and alleles of ours."""

from dataclasses import replace

import numpy as np
import pandas as pd

from snpgen.io.plink import MISSING, Fileset, open_fileset
from snpgen.io.plink_tables import VARIANT_COLUMNS
from snpgen.io.tables import FUNNEL_COLUMNS
from snpgen.messages import InputError

ALLELES = ["effect_allele", "other_allele"]
MIN_MATCHED = 10  # variants

_CHUNK = 100  # variants read at a time


def open_external_cohort(bed: str) -> Fileset:
    """The fileset of that cohort; sex is 0, unknown, where it is neither 1 nor 2.

    Raises `InputError` where somebody's phenotype is neither 1 nor 2.
    """
    given = open_fileset(bed, [])
    labelled = given.samples.phenotype.isin(["1", "2"])
    if not labelled.all():
        sample = int(np.argmin(labelled))
        raise InputError(
            f"{given.beds[0].with_suffix('.fam')}, line {sample + 1}: phenotype "
            f"{given.samples.phenotype[sample]} where a control has 1 and a case 2: write the label "
            "of every synthetic person there"
        )
    samples = given.samples.assign(
        sex=given.samples.sex.where(given.samples.sex.isin(["1", "2"]), "0")
    )
    return replace(given, samples=samples)


def match_variants(
    theirs: pd.DataFrame, ours: pd.DataFrame, path: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Which of `theirs` are `ours`, by chromosome, position and both alleles; and the funnel.

    Both have `VARIANT_COLUMNS`. The first result has those of ours, `row` (of theirs) and `swapped`,
    whether theirs counts the other allele. A strand is not turned: the cohort was made from people
    genotyped as ours. Raises `InputError` that names `path` with fewer than `MIN_MATCHED`.
    """
    theirs = theirs.assign(row=np.arange(len(theirs)))
    pairs = ours.merge(theirs, on=["chromosome", "position"], suffixes=("", "_given"))
    mine, given = (
        pairs[[f"{name}{suffix}" for name in ALLELES]].to_numpy() for suffix in ("", "_given")
    )
    same, swapped = (mine == given).all(axis=1), (mine == given[:, ::-1]).all(axis=1)
    matched = pairs.assign(swapped=swapped)[same | swapped].drop_duplicates("row")
    matched = matched.drop_duplicates(VARIANT_COLUMNS)
    if len(matched) < MIN_MATCHED:
        raise InputError(
            f"{path}: only {len(matched)} of its {len(theirs)} variants are in the cohort with the "
            "same position and alleles: check that both are on one genome build and strand"
        )
    n, placed = len(theirs), pairs.row.nunique()
    funnel = [
        ("in the cohort given", "variants", n, 0, ""),
        ("position", "variants", placed, n - placed, "no variant of ours there"),
        ("alleles", "variants", len(matched), placed - len(matched), "other alleles, or repeated"),
    ]
    columns = [*VARIANT_COLUMNS, "row", "swapped"]
    return matched[columns].reset_index(drop=True), pd.DataFrame(funnel, columns=FUNNEL_COLUMNS)


def align_cohort(given: Fileset, matched: pd.DataFrame, variants: pd.DataFrame) -> np.ndarray:
    """Dosages int8 (n, m) of the effect alleles of `variants`, all of them among the `matched`."""
    all_samples = np.arange(len(given.samples))
    found = variants[VARIANT_COLUMNS].merge(matched, on=VARIANT_COLUMNS, how="left")
    rows, swapped = found.row.to_numpy(int), found.swapped.to_numpy(bool)
    dosages = np.empty((len(all_samples), len(rows)), np.int8, order="F")
    for places in np.array_split(np.argsort(rows), len(rows) // _CHUNK + 1):
        part = given.read(rows[places], all_samples)
        turned = swapped[places] & (part != MISSING)
        dosages[:, places] = np.subtract(2, part, out=part, where=turned)
    return dosages
