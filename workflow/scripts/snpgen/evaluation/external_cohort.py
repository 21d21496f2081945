"""An external cohort: a synthetic cohort of another tool, aligned with the variants of the panel."""

from dataclasses import replace

import numpy as np
import pandas as pd

from snpgen.genetics.harmonisation import align, explain_unmatched, show_alleles
from snpgen.io.cells import interpret, read_fam_sex
from snpgen.io.plink import MISSING, Fileset, open_fileset
from snpgen.io.plink_tables import VARIANT_COLUMNS
from snpgen.io.tables import make_funnel
from snpgen.messages import Code, InputError

ALLELES = ["effect_allele", "other_allele"]
MIN_MATCHED = 10  # variants
_MAX_OTHER_STRAND = 0.05  # largest share of variants with the alleles of the other strand

_CHUNK = 100  # variants read at a time


def open_external_cohort(bed: str) -> Fileset:
    """Open the fileset of the external cohort; sex other than 1 and 2 becomes 0, unknown.

    Raises `InputError` if a phenotype is neither 1 nor 2, and if there are no cases or no controls.
    """
    fileset = open_fileset(bed, [])
    samples = fileset.samples
    samples = samples.assign(
        sex=read_fam_sex(samples.sex).fillna("0"),
        phenotype=interpret(samples.phenotype, "phenotype"),
    )
    labelled = samples.phenotype.isin(["1", "2"])
    if not labelled.all():
        row = int(np.argmin(labelled))
        raise InputError(
            Code.EXTERNAL_PHENOTYPE,
            f"the phenotype is {fileset.samples.phenotype[row]}, but must be 1 (control) or 2 (case)",
            "Write the phenotype of each synthetic individual",
            file=fileset.beds[0].with_suffix(".fam"),
            line=row + 1,
            sample=samples.IID[row],
        )
    if samples.phenotype.nunique() == 1:
        raise InputError(
            Code.EXTERNAL_PHENOTYPE,
            f"the phenotype of all {len(samples):,} individuals is {samples.phenotype[0]}, but the evaluation "
            "needs controls (1) and cases (2)",
            "Write the phenotype of each synthetic individual, and generate both classes",
            file=fileset.beds[0].with_suffix(".fam"),
        )
    return replace(fileset, samples=samples)


def match_variants(
    theirs: pd.DataFrame, ours: pd.DataFrame, path: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Match the variants of the external cohort (`theirs`) to the cohort (`ours`); also return the funnel.

    Both tables have `VARIANT_COLUMNS`. Variants match if chromosome, position and both alleles agree. A
    monomorphic variant of the external cohort, with 0 or . in place of an allele (`plink --make-bed` writes
    it so), matches by its other allele if no variant matches by both. It is in the external cohort with a
    frequency of 0 or 1. The first result has the `VARIANT_COLUMNS` of `ours`, `row` (in `theirs`) and
    `swapped` (true if the external cohort counts the other allele). Strands are not flipped, because the
    external cohort was generated from the same genotypes. Raises `InputError` that names `path` if fewer than
    `MIN_MATCHED` variants match, or if variants have the alleles of the other strand. A/T and C/G variants
    would then match, but count the other allele.
    """
    theirs = theirs.assign(row=np.arange(len(theirs)))
    ours = ours.assign(our_row=np.arange(len(ours)))
    pairs = ours.merge(theirs, on=["chromosome", "position"], suffixes=("", "_external"))
    mine, external = (
        pairs[[f"{name}{suffix}" for name in ALLELES]]
        .apply(lambda cells: cells.str.upper())
        .to_numpy()
        for suffix in ("", "_external")
    )
    unknown = np.isin(external, ["0", "."])
    same = ((mine == external) | unknown).all(axis=1)
    swapped = ((mine == external[:, ::-1]) | unknown[:, ::-1]).all(axis=1) & ~same
    fits = pairs.assign(swapped=swapped, other_id=pairs.variant_id != pairs.variant_id_external)
    fits = fits[(same | swapped) & ~unknown.all(axis=1)].sort_values("other_id", kind="stable")
    others = pairs[~(same | swapped | unknown.any(axis=1))]
    _check_strand(others[~others.row.isin(fits.row)], pairs.row.nunique(), path)
    is_monomorphic = pd.Series(unknown.any(axis=1)).loc[fits.index]
    matched = fits.iloc[:0]
    for group in (fits[~is_monomorphic], fits[is_monomorphic]):
        group = group[~group.row.isin(matched.row) & ~group.our_row.isin(matched.our_row)]
        matched = pd.concat([matched, group.drop_duplicates("row").drop_duplicates("our_row")])
    matched = matched.drop_duplicates(VARIANT_COLUMNS).sort_values("our_row")
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


def _check_strand(others: pd.DataFrame, n_shared: int, path: str) -> None:
    """Raise `InputError` if most of the variants with other alleles match on the other strand.

    `others` are pairs of variants with other alleles, of `n_shared` variants of the external cohort at the
    position of a variant. A few pairs may match by chance.
    """
    theirs = [f"{name}_external" for name in ALLELES]
    pairs = pd.DataFrame(
        {
            **{name: others[f"{name}_external"].str.upper() for name in ALLELES},
            **{f"our_{name}": others[name].str.upper() for name in ALLELES},
            "frequency": np.nan,
            "our_frequency": np.nan,
        }
    )
    flipped = others[align(pairs).other_strand.to_numpy(bool)]
    number = flipped.row.nunique()
    if number <= max(others.row.nunique() / 2, _MAX_OTHER_STRAND * n_shared):
        return
    example = flipped.iloc[[0]]
    place = ["chromosome", "position"]
    shown = show_alleles(
        example[[*place, *ALLELES]],
        example[[*place, *theirs]].set_axis([*place, *ALLELES], axis=1),
    )
    raise InputError(
        Code.EXTERNAL_OVERLAP,
        f"{number:,} of the {n_shared:,} variants of the external cohort at a position of the cohort have "
        f"the alleles of the other strand{shown}, so the strand of A/T and C/G variants is unknown",
        "Write the alleles of the strand of the cohort (plink --flip)",
        file=path,
    )


def align_cohort(
    external: Fileset, matched: pd.DataFrame, variants: pd.DataFrame, samples: np.ndarray
) -> np.ndarray:
    """Dosages int8 (n, m) of the effect alleles of `variants`; all must be in `matched`.

    `samples` (n,) are rows of `external.samples`.
    """
    found = variants[VARIANT_COLUMNS].merge(matched, on=VARIANT_COLUMNS, how="left")
    rows, swapped = found.row.to_numpy(int), found.swapped.to_numpy(bool)
    dosages = np.empty((len(samples), len(rows)), np.int8, order="F")
    for places in np.array_split(np.argsort(rows), len(rows) // _CHUNK + 1):
        part = external.read(rows[places], samples)
        swap = swapped[places] & (part != MISSING)
        dosages[:, places] = np.subtract(2, part, out=part, where=swap)
    return dosages
