"""Checks of a fileset before anything is computed: chromosomes, genome build, call rates."""

import numpy as np
import pandas as pd

from snpgen.genetics.builds import check_build, check_positions, name_bim
from snpgen.io.plink import MISSING, Fileset
from snpgen.io.tables import FUNNEL_COLUMNS
from snpgen.messages import InputError

_CHUNK = 1_024
_ENOUGH = 100  # variants, for anything to be said of a person


def rows_on(fileset: Fileset, chromosomes: list[str]) -> np.ndarray:
    """Rows of the variants on `chromosomes`, ascending.

    Raises `InputError` when one of them has none.
    """
    found = fileset.variants.chromosome.unique()
    absent = [name for name in chromosomes if name not in found]
    if absent:
        shown = ", ".join(found[:3]) + (", ..." if len(found) > 3 else "")
        raise InputError(
            f"{name_bim(fileset)}: no variant on chromosome {absent[0]}, but on {shown}: correct "
            "cohort.chromosomes, or give the files that hold it"
        )
    return np.flatnonzero(fileset.variants.chromosome.isin(chromosomes))


def check_variants(
    fileset: Fileset, chromosomes: list[str], markers: pd.DataFrame, build: str
) -> np.ndarray:
    """`rows_on` the chromosomes, after `check_build` and `check_positions` of what stands there."""
    variants = rows_on(fileset, chromosomes)
    check_build(fileset.variants.iloc[variants], markers, build)
    check_positions(fileset, variants, build)
    return variants


def check_kinship(pairs: pd.DataFrame, samples: pd.DataFrame, path: str) -> None:
    """Raise `InputError` when the pairs of a kinship table are of none of our people.

    `pairs` has IID1 and IID2, `samples` IID. A table without pairs is a cohort without relatives.
    """
    if len(pairs) and not (pairs.IID1.isin(samples.IID) | pairs.IID2.isin(samples.IID)).any():
        raise InputError(
            f"{path}: nobody of the kinship table ({', '.join(pairs.IID1[:3])}) is among the genotyped "
            f"people ({', '.join(samples.IID[:3])}): make the ids of both the same, or give the header "
            "alone where nobody is related"
        )


def check_info(info: pd.Series, variants: pd.DataFrame, path: str) -> None:
    """Raise `InputError` when `info`, by variant id, is of none of `variants`."""
    if not variants.variant_id.isin(info.index).any():
        raise InputError(
            f"{path}: none of its variants ({', '.join(info.index[:3])}) is in the genotype files "
            f"({', '.join(variants.variant_id[:3])}): make the ids of both the same"
        )


def sample_call_rates(fileset: Fileset, variants: np.ndarray, threads: int) -> np.ndarray:
    """Share of `variants` (rows) at which each person is called, float64 (n_samples,).

    Raises `InputError` on a person with two copies of A1 everywhere. So people look whom the .fam
    has and the .bed has not, where the .bed is as large as it should be.
    """
    all_samples = np.arange(len(fileset.samples))
    missing, twice = np.zeros((2, len(all_samples)), dtype=np.int64)
    for _, dosages in fileset.chunks(variants, all_samples, _CHUNK, threads):
        missing += np.count_nonzero(dosages == MISSING, axis=1)
        twice += np.count_nonzero(dosages == 2, axis=1)
    filled = np.flatnonzero(twice == len(variants))
    if len(filled) and len(variants) >= _ENOUGH:
        raise InputError(
            f"{fileset.beds[0]}: {fileset.samples.IID[filled[0]]} is homozygous for A1 at every "
            "variant, as people are whom the .bed does not hold: copy .bed, .bim and .fam again "
            "together"
        )
    return 1 - missing / len(variants)


def check_samples(
    fileset: Fileset,
    variants: np.ndarray,
    min_call_rate: float,
    threads: int,
    n_multiallelic: int = 0,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """People of the fileset with a call rate of at least `min_call_rate`, and the funnel.

    The people come as FID, IID, sex, call_rate in the order of the .fam. `n_multiallelic` variants were
    left out before. Raises `InputError` when nobody is left.
    """
    rates = sample_call_rates(fileset, variants, threads)
    individuals = fileset.samples[["FID", "IID", "sex"]].assign(call_rate=rates.round(6))
    kept = individuals[rates >= min_call_rate]
    if kept.empty:
        raise InputError(
            f"nobody in {fileset.beds[0].with_suffix('.fam')} has a call rate of {min_call_rate}; the "
            f"best has {rates.max():.3f}: lower cohort.min_sample_call_rate, or look at the genotypes"
        )
    n_samples, n_variants = len(individuals), len(fileset.variants)
    multiallelic = (
        "of two alleles",
        "variants",
        n_variants,
        n_multiallelic,
        "more than two alleles",
    )
    funnel = [
        ("in the fileset", "samples", n_samples, 0, ""),
        ("called", "samples", len(kept), n_samples - len(kept), f"call rate below {min_call_rate}"),
        ("in the fileset", "variants", n_variants + n_multiallelic, 0, ""),
        *([multiallelic] if n_multiallelic else []),
        (
            "on the configured chromosomes",
            "variants",
            len(variants),
            n_variants - len(variants),
            "on another chromosome",
        ),
    ]
    return kept, pd.DataFrame(funnel, columns=FUNNEL_COLUMNS)
