"""Quality control of the fileset and of tables that refer to it: chromosomes, build, IDs, call rates."""

import numpy as np
import pandas as pd

from snpgen.genetics.builds import check_build, check_positions, name_bim
from snpgen.io.plink import MISSING, Fileset
from snpgen.io.plink_tables import allele_keys
from snpgen.io.sample_tables import no_matching_sample
from snpgen.io.tables import make_funnel
from snpgen.messages import Code, InputError

_CHUNK = 1_024
_MIN_VARIANTS = 100  # with fewer variants, a sample may be homozygous for A1 at all of them


def rows_on(fileset: Fileset, chromosomes: list[str]) -> np.ndarray:
    """Rows of the variants on `chromosomes`, ascending.

    Raises `InputError` if a chromosome has no variants.
    """
    found = fileset.variants.chromosome.unique()
    absent = [name for name in chromosomes if name not in found]
    if absent:
        shown = ", ".join(found[:3]) + (", ..." if len(found) > 3 else "")
        raise InputError(
            Code.MISSING_CHROMOSOME,
            f"no variant is on chromosome {absent[0]}; the file has chromosomes {shown}",
            "Correct 'cohort.chromosomes', or give the files of that chromosome",
            file=name_bim(fileset),
        )
    return np.flatnonzero(fileset.variants.chromosome.isin(chromosomes))


def check_variants(
    fileset: Fileset, chromosomes: list[str], markers: pd.DataFrame, build: str
) -> np.ndarray:
    """Return `rows_on` the chromosomes, after the checks of build and positions of these variants."""
    variants = rows_on(fileset, chromosomes)
    check_build(fileset.variants.iloc[variants], markers, build)
    check_positions(fileset, variants, build)
    return variants


def check_kinship(pairs: pd.DataFrame, samples: pd.DataFrame, path: str) -> None:
    """Raise `InputError` if no sample of a kinship table is in the genotype files.

    `pairs` has IID1 and IID2, `samples` IID. A table without pairs is accepted; it means that no individuals
    are related.
    """
    if len(pairs) and not (pairs.IID1.isin(samples.IID) | pairs.IID2.isin(samples.IID)).any():
        remedy = (
            "Use the IIDs of the .fam, or give only the header if there are no related individuals"
        )
        raise no_matching_sample(path, pairs.IID1, samples.IID, remedy)


def check_info(info: pd.Series, variants: pd.DataFrame, path: str) -> None:
    """Raise `InputError` if `info`, the result of `read_info`, holds none of `variants`."""
    known = variants.variant_id.isin(info.index) | allele_keys(variants).isin(info.index)
    if not known.any():
        raise InputError(
            Code.UNKNOWN_VARIANT,
            f"none of the variant IDs (such as {', '.join(info.index[:3])}) is in the genotype "
            f"files (such as {', '.join(variants.variant_id[:3])})",
            "Use the variant IDs of the .bim, or add the columns CHROM, POS, REF and ALT",
            file=path,
        )


def sample_call_rates(fileset: Fileset, variants: np.ndarray, threads: int) -> np.ndarray:
    """Call rate of each sample at `variants` (rows), float64 (n_samples,).

    Raises `InputError` if a sample has two copies of A1 at every variant. This happens if the .fam lists
    samples that are missing from the .bed, and the .bed is padded with zeros to its expected size.
    """
    all_samples = np.arange(len(fileset.samples))
    missing, homozygous = np.zeros((2, len(all_samples)), dtype=np.int64)
    for _, dosages in fileset.chunks(variants, all_samples, _CHUNK, threads):
        missing += np.count_nonzero(dosages == MISSING, axis=1)
        homozygous += np.count_nonzero(dosages == 2, axis=1)
    padded = np.flatnonzero(homozygous == len(variants))
    if len(padded) and len(variants) >= _MIN_VARIANTS:
        iid = fileset.samples.IID[padded[0]]
        raise InputError(
            Code.FILESET_MISMATCH,
            f"sample {iid} is homozygous for A1 at every variant, which usually means that the .fam lists "
            "samples missing from the .bed",
            "Copy the .bed, .bim and .fam files again, all three from the same source",
            file=fileset.beds[0],
            sample=iid,
        )
    return 1 - missing / len(variants)


def check_samples(
    fileset: Fileset,
    variants: np.ndarray,
    min_call_rate: float,
    threads: int,
    n_multiallelic: int = 0,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Samples with a call rate of at least `min_call_rate` (FID, IID, sex, call_rate), and the funnel.

    Samples are sorted by IID, so that results do not depend on the order of the .fam. `n_multiallelic` is the number of variants that the conversion from
    PLINK 2 removed. Raises `InputError` if no sample is left.
    """
    rates = sample_call_rates(fileset, variants, threads)
    individuals = fileset.samples[["FID", "IID", "sex"]].assign(call_rate=rates.round(6))
    kept = individuals[rates >= min_call_rate].sort_values(["IID", "FID"])
    if kept.empty:
        raise InputError(
            Code.LOW_CALL_RATE,
            f"no individual has a call rate of at least {min_call_rate}; the highest is "
            f"{rates.max():.3f}",
            "Check the genotypes, or lower 'cohort.min_sample_call_rate'",
            file=fileset.beds[0].with_suffix(".fam"),
        )
    n_variants = len(fileset.variants)
    steps = [("in the fileset", n_variants + n_multiallelic, "")]
    if n_multiallelic:
        steps.append(("biallelic", n_variants, "more than two alleles"))
    steps.append(("on the configured chromosomes", len(variants), "on another chromosome"))
    reason = f"call rate below {min_call_rate}"
    of_samples = [("in the fileset", len(individuals), ""), ("call rate", len(kept), reason)]
    funnels = [make_funnel(of_samples, "samples"), make_funnel(steps)]
    return kept, pd.concat(funnels, ignore_index=True)
