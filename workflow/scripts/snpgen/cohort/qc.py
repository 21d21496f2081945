"""Quality control of the fileset and of tables that refer to it: chromosomes, build, IDs, call rates."""

import numpy as np
import pandas as pd

from snpgen.genetics.builds import check_build, check_positions, name_bim
from snpgen.io.imputation_quality import Info
from snpgen.io.matching import Match, match_samples, match_variants
from snpgen.io.plink import MISSING, Fileset
from snpgen.io.plink_tables import allele_keys
from snpgen.io.sample_tables import read_sample_list
from snpgen.io.samples import are_joined
from snpgen.io.tables import make_funnel
from snpgen.messages import Code, InputError

PAIR = ("IID1", "IID2")

_CHUNK = 1_024
_MIN_ONE_SIDED = 20  # IDs that match in one column of a kinship table only; by chance, this is rare
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


def check_kinship(pairs: pd.DataFrame, samples: pd.DataFrame, path: str) -> list[Match]:
    """Match the sample IDs of a kinship table with the genotype files (`match_samples`).

    `pairs` has IID1 and IID2, and its index holds line numbers; `samples` has FID and IID. A table without
    pairs is accepted, and has no match; it means that no individuals are related. If many IDs match in one
    column, but none in the other, all pairs would be lost, so this raises `InputError`.
    """
    if pairs.empty:
        return []
    match = match_samples(path, "kinship table", pd.concat([pairs.IID1, pairs.IID2]), samples)
    counts = {name: pairs[name][pairs[name].isin(samples.IID)].nunique() for name in PAIR}
    for name, other in (PAIR, PAIR[::-1]):
        if counts[name] == 0 and counts[other] >= _MIN_ONE_SIDED:
            raise InputError(
                Code.NO_MATCHING_SAMPLE,
                f"{counts[other]:,} sample IDs in the column of {other} match the genotype files, but "
                f"none in the column of {name} (such as {', '.join(pairs[name][:3])})",
                "Correct the IDs: use the IIDs of the .fam in both columns",
                file=path,
            )
    return [match]


def exclude_samples(samples: pd.DataFrame, path: str) -> tuple[pd.DataFrame, Match | None]:
    """The `samples` (FID, IID) that are not in the list `path` (`read_sample_list`), and the match.

    Rows keep their index. Without a `path`, all samples are returned. Raises `InputError` if all samples are
    in the list, or if its IDs do not match (`match_samples`).
    """
    if not path:
        return samples, None
    excluded = read_sample_list(path, are_joined(samples.IID))
    match = match_samples(path, "list of excluded samples", excluded, samples, expected=0)
    kept = samples[~samples.IID.isin(excluded)]
    if kept.empty:
        raise InputError(
            Code.TOO_FEW_SAMPLES,
            "all individuals are in the list of excluded samples",
            "Correct 'cohort.exclude_samples'",
            file=path,
        )
    return kept, match


def check_info(info: Info, variants: pd.DataFrame, path: str) -> Match:
    """Match the rows of a table of `info` with `variants` (`match_variants`), by ID or position and alleles.

    All `variants` should be in the table, because the GWAS excludes variants without `info`.
    """
    ids, keys = variants.variant_id, allele_keys(variants)
    theirs, alleles = info.names.variant_id, info.names.alleles
    ours = ids.where(ids.isin(theirs), keys)
    by_alleles = theirs.isna() | (alleles.isin(keys) & ~theirs.isin(ids))
    listed = theirs.where(~by_alleles, alleles)
    return match_variants(path, "INFO table", listed, ours, expected=ours.nunique())


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
    present: np.ndarray | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Samples with a call rate of at least `min_call_rate` (FID, IID, sex, call_rate), and the funnel.

    Samples are sorted by IID, so that results do not depend on the order of the .fam. `n_multiallelic` is the
    number of variants that the conversion from PLINK 2 removed; `present` are the rows of the samples that are
    not excluded (None: all). Raises `InputError` if no sample is left.
    """
    rates = sample_call_rates(fileset, variants, threads)
    n_samples = len(fileset.samples)
    rows = np.arange(n_samples) if present is None else present
    rates = rates[rows]
    individuals = fileset.samples.loc[rows, ["FID", "IID", "sex"]]
    individuals = individuals.assign(call_rate=rates.round(6))
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
    of_samples = [("in the fileset", n_samples, "")]
    if present is not None:
        of_samples.append(("not excluded", len(individuals), "in cohort.exclude_samples"))
    of_samples.append(("call rate", len(kept), reason))
    funnels = [make_funnel(of_samples, "samples"), make_funnel(steps)]
    return kept, pd.concat(funnels, ignore_index=True)
