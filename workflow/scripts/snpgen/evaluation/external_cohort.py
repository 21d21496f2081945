"""An external cohort: a synthetic cohort of another tool, aligned with the variants of the panel."""

from dataclasses import replace

import numpy as np
import pandas as pd

from snpgen.genetics.harmonisation import explain_unmatched
from snpgen.io.plink import MISSING, Fileset, open_fileset
from snpgen.io.plink_tables import VARIANT_COLUMNS
from snpgen.io.tables import make_funnel
from snpgen.messages import Code, InputError

ALLELES = ["effect_allele", "other_allele"]
MIN_MATCHED = 10  # variants

_CHUNK = 100  # variants read at a time


def open_external_cohort(bed: str) -> Fileset:
    """Open the fileset of the external cohort; sex other than 1 and 2 becomes 0, unknown.

    Raises `InputError` if a phenotype is neither 1 nor 2.
    """
    fileset = open_fileset(bed, [])
    samples = fileset.samples
    labelled = samples.phenotype.isin(["1", "2"])
    if not labelled.all():
        row = int(np.argmin(labelled))
        raise InputError(
            Code.EXTERNAL_PHENOTYPE,
            f"the phenotype is {samples.phenotype[row]}, but must be 1 (control) or 2 (case)",
            "Write the phenotype of each synthetic individual",
            file=fileset.beds[0].with_suffix(".fam"),
            line=row + 1,
            sample=samples.IID[row],
        )
    samples = samples.assign(sex=samples.sex.where(samples.sex.isin(["1", "2"]), "0"))
    return replace(fileset, samples=samples)


def match_variants(
    theirs: pd.DataFrame, ours: pd.DataFrame, path: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Match the variants of the external cohort (`theirs`) to the cohort (`ours`); also return the funnel.

    Both tables have `VARIANT_COLUMNS`. Variants match if chromosome, position and both alleles agree. The
    first result has the `VARIANT_COLUMNS` of `ours`, `row` (in `theirs`) and `swapped` (true if the
    external cohort counts the other allele). Strands are not flipped, because the external cohort was
    generated from the same genotypes. Raises `InputError` that names `path` if fewer than `MIN_MATCHED`
    variants match.
    """
    theirs = theirs.assign(row=np.arange(len(theirs)))
    pairs = ours.merge(theirs, on=["chromosome", "position"], suffixes=("", "_external"))
    mine, external = (
        pairs[[f"{name}{suffix}" for name in ALLELES]].to_numpy() for suffix in ("", "_external")
    )
    same, swapped = (mine == external).all(axis=1), (mine == external[:, ::-1]).all(axis=1)
    matched = pairs.assign(swapped=swapped)[same | swapped].drop_duplicates("row")
    matched = matched.drop_duplicates(VARIANT_COLUMNS)
    if len(matched) < MIN_MATCHED:
        found = pairs.row[same | swapped]
        numbers, remedy = explain_unmatched(theirs, ours, found, found)
        raise InputError(
            Code.EXTERNAL_OVERLAP,
            f"only {len(matched)} of the {len(theirs)} variants of the external cohort match the "
            f"cohort in position and alleles. Of the others, {numbers or 'all are duplicates'}",
            remedy or f"Give at least {MIN_MATCHED} variants",
            file=path,
        )
    steps = [
        ("in the external cohort", len(theirs), ""),
        ("position", pairs.row.nunique(), "no variant of the cohort at this position"),
        (
            "alleles",
            len(matched),
            "alleles differ from those of the cohort, or duplicate of a variant",
        ),
    ]
    columns = [*VARIANT_COLUMNS, "row", "swapped"]
    return matched[columns].reset_index(drop=True), make_funnel(steps)


def align_cohort(external: Fileset, matched: pd.DataFrame, variants: pd.DataFrame) -> np.ndarray:
    """Dosages int8 (n, m) of the effect alleles of `variants`; all must be in `matched`."""
    rows_of_samples = np.arange(len(external.samples))
    found = variants[VARIANT_COLUMNS].merge(matched, on=VARIANT_COLUMNS, how="left")
    rows, swapped = found.row.to_numpy(int), found.swapped.to_numpy(bool)
    dosages = np.empty((len(rows_of_samples), len(rows)), np.int8, order="F")
    for places in np.array_split(np.argsort(rows), len(rows) // _CHUNK + 1):
        part = external.read(rows[places], rows_of_samples)
        swap = swapped[places] & (part != MISSING)
        dosages[:, places] = np.subtract(2, part, out=part, where=swap)
    return dosages
