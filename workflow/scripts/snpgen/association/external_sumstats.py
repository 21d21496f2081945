"""External summary statistics (from another study), read at the positions of the cohort's variants."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from snpgen.association.null_model import neg_log_10_p
from snpgen.genetics.builds import refuse_other_build
from snpgen.genetics.harmonisation import (
    EffectRange,
    check_positions,
    exceeds_chance,
    pair_without_frequencies,
    show_alleles,
)
from snpgen.io.plink_tables import mask_placeholders, plain_chromosomes
from snpgen.io.sumstats_formats import HARMONISED_BUILD, find_columns, read_sumstats_header
from snpgen.io.tables import mask_missing, parse_numbers, read_rows, refuse_damage
from snpgen.job import log
from snpgen.messages import Code, InputError

SMALLEST_P = 5e-324  # used for a p-value of 0 without beta and standard error
COLUMNS = [
    "chromosome",
    "position",
    "effect_allele",
    "other_allele",
    "frequency",
    "beta",
    "standard_error",
    "neg_log_10_p_value",
]

_CHUNK = 250_000  # rows read at a time
N_PREVIEW = 10_000  # rows
# If so many times more of the first rows match than by chance, the rest is not read.
_MANY_TIMES_CHANCE = 30
_MIN_VALUES = 200  # needed in a column to check its scale
MIN_MATCHED = 0.1  # smallest share of the variants of the GWAS that match
_MIN_AT_POSITION = 20  # rows at positions of the cohort that are needed to check alleles


@dataclass(frozen=True)
class ExternalSumstats:
    """Rows of a file of external summary statistics at the positions of the cohort's variants.

    `table` has `COLUMNS`: chromosomes without "chr", alleles in capitals, frequency and beta (log odds ratio)
    of the effect allele and its standard error, NaN if missing. `n_rows` is the number of rows of the
    additive test in the whole file, `n_complete` the number of these rows with position, alleles and p-value;
    `missing` has the number of rows that lack a value, by column of the file, and `chromosomes` the
    chromosomes of the complete rows. `build_variants` (chromosome, position, variant_id) are variants that
    can identify the build.
    """

    path: str
    format: str
    table: pd.DataFrame
    n_rows: int
    n_complete: int
    build_variants: pd.DataFrame
    missing: dict[str, int] = field(default_factory=dict)
    chromosomes: tuple[str, ...] = ()

    def describe_missing(self) -> str:
        """The number of rows that lack a value, by column of the file, for messages."""
        return ", ".join(f"{number:,} lack {name}" for name, number in self.missing.items())


def parse_neg_log_10_p(path: str, chunk: pd.DataFrame, names: dict[str, str]) -> np.ndarray:
    """-log10 p of each row, float64, NaN if missing.

    The value is read from the column of -log10 p. If it is missing there, it is computed from the column of
    p, where values may be too small for float64 ("3e-400"). A p-value of 0 is recomputed from beta and
    standard error; if these are missing, it is set to `SMALLEST_P`.
    """
    values, underflow = np.full(len(chunk), np.nan), np.zeros(len(chunk), dtype=bool)
    if "p" in chunk:
        p = parse_numbers(path, names["p"], chunk.p, 0, 1)
        with np.errstate(divide="ignore"):
            values = np.abs(np.log10(p))
        for row in np.flatnonzero(p < np.finfo(np.float64).tiny):
            mantissa, _, exponent = chunk.p.iloc[row].lower().partition("e")
            underflow[row] = float(mantissa) == 0
            if not underflow[row]:
                values[row] = -np.log10(float(mantissa)) - int(exponent or 0)
    if "neg_log_10_p_value" in chunk:
        text = chunk.neg_log_10_p_value
        reported = parse_numbers(path, names["neg_log_10_p_value"], text, 0, np.inf)
        values = np.where(np.isnan(reported), values, reported)
        underflow = np.where(np.isnan(reported), underflow, np.isinf(reported))
    if underflow.any():
        with np.errstate(divide="ignore", invalid="ignore"):
            z = chunk.beta.to_numpy()[underflow] / chunk.standard_error.to_numpy()[underflow]
        values[underflow] = np.where(np.isfinite(z), neg_log_10_p(z), -np.log10(SMALLEST_P))
    return values


def clean_chunk(path: str, chunk: pd.DataFrame, names: dict[str, str]) -> pd.DataFrame:
    """Rows of the additive test with `COLUMNS` and variant_id; NaN if missing.

    `chunk` has SNPgen's column names and strings as values; its index holds line numbers. `names` maps
    SNPgen's column names to the names in the file.
    """
    if "test" in chunk:
        chunk = chunk[chunk.test.str.strip() == "ADD"]
    chunk = chunk.assign(
        position=parse_numbers(path, names["position"], chunk.position, 0, 1e10),
        chromosome=plain_chromosomes(mask_missing(chunk.chromosome)),
        **{
            name: mask_placeholders(mask_missing(chunk[name]).str.upper())
            for name in ("effect_allele", "other_allele", "alternate")
            if name in chunk
        },
    )
    for name in ("frequency", "beta", "ratio", "standard_error"):
        if name in chunk:
            text = chunk[name]
            high = 1 if name == "frequency" else np.inf
            low = -np.inf if name == "beta" else 0
            chunk[name] = parse_numbers(path, names[name], text, low, high)
        else:
            chunk[name] = np.nan
    with np.errstate(divide="ignore"):
        chunk["beta"] = chunk.beta.fillna(np.log(chunk.ratio))
    chunk["neg_log_10_p_value"] = parse_neg_log_10_p(path, chunk, names)
    chunk["beta"] = chunk.beta.where(np.isfinite(chunk.beta))
    if "alternate" in chunk:
        reference = chunk.other_allele == chunk.effect_allele
        chunk["other_allele"] = chunk.other_allele.where(~reference, chunk.alternate)
    if "variant_id" not in chunk:
        chunk["variant_id"] = "."
    return chunk


def check_columns(
    path: str, effects: Sequence[EffectRange], p_values: pd.DataFrame, names: dict[str, str]
) -> None:
    """Raise `InputError` if values of beta look like odds ratios, or values of -log10 p like p-values.

    `effects` are the ranges of beta in each chunk of the file. `p_values` has, for each chunk, the `number` of
    values of -log10 p and the `largest`. About one in ten values of -log10 p exceeds 1, unlike p-values.
    """
    if "ratio" not in names and EffectRange.combine(effects).are_odds_ratios:
        raise InputError(
            Code.SUMSTATS_SCALE,
            f"all values of {names['beta']} are positive and most are near 1, like odds ratios",
            "If they are odds ratios, give the column the name that the format uses for odds "
            "ratios, or convert them to log odds ratios",
            file=path,
        )
    none_above_1 = p_values.number.sum() >= _MIN_VALUES and p_values.largest.max() <= 1
    if "p" not in names and none_above_1:
        raise InputError(
            Code.SUMSTATS_SCALE,
            f"no value of {names['neg_log_10_p_value']} exceeds 1, so the values appear to be "
            "p-values, not -log10(p)",
            "Give the column the name that the format uses for p-values, or convert the values "
            "to -log10(p)",
            file=path,
        )


def check_external_sumstats(
    path: str, variants: pd.DataFrame, markers: pd.DataFrame, build: str
) -> None:
    """Raise `InputError` if a file is on another build, or does not have the rows of `variants` (`VARIANT_COLUMNS`).

    The first rows are read, and all rows if the positions of the first rows are not those of `variants`. A file
    is also refused if no row is complete, if it is short, or if its alleles differ from those of `variants`.
    """
    external = read_external_sumstats(path, variants, markers, build, N_PREVIEW)
    check_external_build(external, markers, build)
    if not _at_positions(external, variants):
        external = read_external_sumstats(path, variants, markers, build)
    if _at_positions(external, variants):
        _check_alleles(external, variants)
        _check_length(external, variants)
        return
    if not external.n_complete:
        raise InputError(
            Code.SUMSTATS_OVERLAP,
            f"none of the {external.n_rows:,} rows is complete: {external.describe_missing()}",
            "Fill in these columns",
            file=path,
        )
    check_positions(
        path,
        external.build_variants,
        variants,
        external.n_complete,
        len(external.table),
        Code.SUMSTATS_OVERLAP,
        "Check 'panel.sumstats_build' and the names of the chromosomes, and give the file of the whole study",
    )


def _at_positions(external: ExternalSumstats, variants: pd.DataFrame) -> bool:
    """Whether the rows that were read are at the positions of `variants`, many times more often than by chance."""
    return exceeds_chance(len(external.table), external.n_complete, variants, _MANY_TIMES_CHANCE)


def _check_alleles(external: ExternalSumstats, variants: pd.DataFrame) -> None:
    """Raise `InputError` if few rows at positions of `variants` have their alleles, on either strand."""
    n_rows = len(external.table)
    n_matched = pair_without_frequencies(external.table, variants).row.nunique()
    if n_rows >= _MIN_AT_POSITION and n_matched < MIN_MATCHED * n_rows:
        raise InputError(
            Code.SUMSTATS_OVERLAP,
            f"only {n_matched:,} of the first {n_rows:,} rows at positions of the cohort have the alleles of "
            f"the cohort{show_alleles(variants, external.table)}",
            "Write the alleles of both files as bases (A, C, G, T) of the same variants",
            file=external.path,
        )


def _check_length(external: ExternalSumstats, variants: pd.DataFrame) -> None:
    """Raise `InputError` if a whole file is too short to rank `variants`.

    Quality control reduces their number, so only half of `MIN_MATCHED` is required here.
    """
    is_whole = external.n_rows < N_PREVIEW
    if is_whole and external.n_complete < MIN_MATCHED / 2 * len(variants):
        raise InputError(
            Code.SUMSTATS_OVERLAP,
            f"the file has only {external.n_complete:,} complete rows for the {len(variants):,} variants of "
            "the cohort",
            "Give all variants of the study, not only those below a p-value threshold",
            file=external.path,
        )


def read_external_sumstats(
    path: str,
    gwas: pd.DataFrame,
    markers: pd.DataFrame,
    build: str = HARMONISED_BUILD,
    n_rows_read: int | None = None,
) -> ExternalSumstats:
    """Read summary statistics in one of `FORMATS`, gzipped or not, at the positions of `gwas`.

    `gwas` has chromosome and position; `markers` is the table of markers in `detect_build`; `build` is the
    declared build, which selects the columns of a harmonised file (`find_columns`). The file is read
    in chunks. Only rows at positions of `gwas` are kept, so that memory is proportional to the size of
    `gwas`. If `n_rows_read` is None, all rows are read. Raises `InputError` on an unknown format and on
    values that are not valid numbers.
    """
    positions = pd.MultiIndex.from_frame(gwas[["chromosome", "position"]].drop_duplicates())
    kept: list[pd.DataFrame] = []
    build_variants: list[pd.DataFrame] = []
    effects: list[EffectRange] = []
    p_values: list[tuple[int, float, float]] = []
    n_rows, n_complete, missing = 0, 0, pd.Series(dtype=int)
    chromosomes: set[str] = set()
    with refuse_damage(path, "Write or copy the file again"):
        header = read_sumstats_header(path)
        file_format, names = find_columns(path, header.names, build)
        log.info("%s has the columns of the format %s", path, file_format)
        for chunk in read_rows(
            path,
            header,
            list(names.values()),
            chunk_size=_CHUNK,
            n_rows=n_rows_read,
        ):
            chunk = chunk.rename(columns={theirs: ours for ours, theirs in names.items()})
            chunk = clean_chunk(path, chunk, names)
            effects.append(EffectRange.of(chunk.beta))
            values = chunk.neg_log_10_p_value
            p_values.append((values.count(), values.min(), values.max()))
            n_rows += len(chunk)
            lacking = chunk[[*COLUMNS[:4], "neg_log_10_p_value"]].isna()
            missing = missing.add(lacking.sum(), fill_value=0)
            chunk = chunk[~lacking.any(axis=1)]
            n_complete += len(chunk)
            chromosomes.update(chunk.chromosome.unique())
            chunk["position"] = chunk.position.astype(np.int64)
            last = chunk.groupby("chromosome").position.idxmax()
            informative = chunk.variant_id.isin(markers.variant_id) | chunk.index.isin(last)
            build_variants.append(chunk.loc[informative, ["chromosome", "position", "variant_id"]])
            row = positions.get_indexer(pd.MultiIndex.from_frame(chunk[["chromosome", "position"]]))
            kept.append(chunk.loc[row >= 0, COLUMNS])
    if not n_rows:
        rest = " for the additive test (TEST is ADD)" if "test" in names else ""
        raise InputError(
            Code.EMPTY_FILE,
            f"the file has no rows{rest}",
            "Give summary statistics of all variants",
            file=path,
        )
    ranges = pd.DataFrame(p_values, columns=["number", "smallest", "largest"])
    # In a preview, all rows may have small p-values, and large effects of one sign.
    if n_rows_read is None or ranges.smallest.min() < 1:
        check_columns(path, effects, ranges, names)
    table = pd.concat(kept, ignore_index=True)
    return ExternalSumstats(
        path,
        file_format,
        table,
        n_rows,
        n_complete,
        pd.concat(build_variants, ignore_index=True),
        {names.get(str(name), names.get("p", "")): int(n) for name, n in missing.items() if n},
        tuple(sorted(chromosomes)),
    )


def check_external_build(external: ExternalSumstats, markers: pd.DataFrame, build: str) -> None:
    """Raise `InputError` if positions in the file contradict the declared `build`.

    The build is detected from marker variants, matched by ID, and from positions beyond the end of a
    chromosome. Build `other` is not checked.
    """
    refuse_other_build(
        external.build_variants,
        markers,
        build,
        "the file is",
        Code.SUMSTATS_BUILD,
        "Lift the file over to the build of the cohort",
        external.path,
    )
