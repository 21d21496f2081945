"""External summary statistics (from another study), read at the positions of the cohort's variants."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from snpgen.association.null_model import neg_log_10_p
from snpgen.genetics.builds import detect_build
from snpgen.genetics.harmonisation import check_positions, exceeds_chance
from snpgen.io.plink_tables import mask_placeholders, plain_chromosomes
from snpgen.io.sumstats_formats import find_columns, read_sumstats_header
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
_N_PREVIEW = 10_000  # rows
_MANY_TIMES_CHANCE = (
    30  # if so many times more of the first rows match than by chance, the rest is not read
)
_MIN_VALUES = 200  # needed in a column to check its scale
_RATIOS = (0.5, 2)  # range of most odds ratios


@dataclass(frozen=True)
class ExternalSumstats:
    """Rows of a file of external summary statistics at the positions of the cohort's variants.

    `table` has `COLUMNS`: chromosomes without "chr", alleles in capitals, frequency and beta (log
    odds ratio) of the effect allele and its standard error, NaN if missing. `n_rows` is the number of rows of the additive
    test in the whole file, `n_complete` the number of these rows with position, alleles and p-value.
    `build_variants` (chromosome, position, variant_id) are variants that can identify the build.
    """

    path: str
    format: str
    table: pd.DataFrame
    n_rows: int
    n_complete: int
    build_variants: pd.DataFrame


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


def check_columns(path: str, table: pd.DataFrame, names: dict[str, str]) -> None:
    """Raise `InputError` if values of beta look like odds ratios, or values of -log10 p like p-values.

    All odds ratios are positive and most are near 1, unlike log odds ratios. About one in ten values of
    -log10 p exceeds 1, unlike p-values. `table` has the results of `_column_ranges` for each chunk of the
    file.
    """
    total = table.sum()
    all_positive = total.n_beta >= _MIN_VALUES and table.min_beta.min() > 0
    if "ratio" not in names and all_positive and total.n_ratio > total.n_beta / 2:
        raise InputError(
            Code.SUMSTATS_SCALE,
            f"all values of {names['beta']} are positive and most are near 1, like odds ratios",
            "If they are odds ratios, give the column the name that the format uses for odds "
            "ratios, or convert them to log odds ratios",
            file=path,
        )
    none_above_1 = total.n_p >= _MIN_VALUES and table.max_neg_log_10_p.max() <= 1
    if "p" not in names and none_above_1:
        raise InputError(
            Code.SUMSTATS_SCALE,
            f"no value of {names['neg_log_10_p_value']} exceeds 1, so the values appear to be "
            "p-values, not -log10(p)",
            "Give the column the name that the format uses for p-values, or convert the values "
            "to -log10(p)",
            file=path,
        )


def _column_ranges(chunk: pd.DataFrame) -> dict[str, float]:
    """Counts and ranges of a chunk's effects and p-values, for `check_columns`."""
    return {
        "n_beta": chunk.beta.count(),
        "min_beta": chunk.beta.min(),
        "n_ratio": chunk.beta.between(*_RATIOS).sum(),
        "n_p": chunk.neg_log_10_p_value.count(),
        "max_neg_log_10_p": chunk.neg_log_10_p_value.max(),
    }


def preview_external_sumstats(path: str, markers: pd.DataFrame) -> ExternalSumstats:
    """Read only the first rows of a file, without matching variants, to detect errors early."""
    no_variants = pd.DataFrame(
        {"chromosome": pd.Series(dtype=str), "position": pd.Series(dtype=int)}
    )
    return read_external_sumstats(path, no_variants, markers, _N_PREVIEW)


def check_external_overlap(path: str, variants: pd.DataFrame, markers: pd.DataFrame) -> None:
    """Raise `InputError` if the rows of the file are not at the positions of `variants` beyond chance.

    If the first rows are not, all rows are read.
    """
    for n_rows in (_N_PREVIEW, None):
        external = read_external_sumstats(path, variants, markers, n_rows)
        matched = len(external.table)
        if exceeds_chance(matched, external.n_complete, variants, _MANY_TIMES_CHANCE):
            return
    check_positions(
        path,
        external.build_variants,
        variants,
        external.n_complete,
        matched,
        Code.SUMSTATS_OVERLAP,
        "Check 'panel.sumstats_build' and the names of the chromosomes, and give the file of the whole study",
    )


def read_external_sumstats(
    path: str, gwas: pd.DataFrame, markers: pd.DataFrame, n_rows_read: int | None = None
) -> ExternalSumstats:
    """Read summary statistics in one of `FORMATS`, gzipped or not, at the positions of `gwas`.

    `gwas` has chromosome and position; `markers` is the table of markers in `detect_build`. The file is read
    in chunks. Only rows at positions of `gwas` are kept, so that memory is proportional to the size of
    `gwas`. If `n_rows_read` is None, all rows are read. Raises `InputError` on an unknown format and on
    values that are not valid numbers.
    """
    positions = pd.MultiIndex.from_frame(gwas[["chromosome", "position"]].drop_duplicates())
    kept: list[pd.DataFrame] = []
    build_variants: list[pd.DataFrame] = []
    ranges: list[dict[str, float]] = []
    n_rows, n_complete = 0, 0
    with refuse_damage(path, "Write or copy the file again"):
        header = read_sumstats_header(path)
        file_format, names = find_columns(path, header.names)
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
            ranges.append(_column_ranges(chunk))
            n_rows += len(chunk)
            chunk = chunk.dropna(subset=[*COLUMNS[:4], "neg_log_10_p_value"])
            n_complete += len(chunk)
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
    if n_rows_read is None:  # in a preview, all rows may have small p-values
        check_columns(path, pd.DataFrame(ranges), names)
    table = pd.concat(kept, ignore_index=True)
    return ExternalSumstats(
        path, file_format, table, n_rows, n_complete, pd.concat(build_variants, ignore_index=True)
    )


def check_external_build(external: ExternalSumstats, markers: pd.DataFrame, build: str) -> None:
    """Raise `InputError` if positions in the file contradict the declared `build`.

    The build is detected from marker variants, matched by ID, and from positions beyond the end of a
    chromosome. Build `other` is not checked.
    """
    if build == "other":
        return
    found, proof = detect_build(external.build_variants, markers)
    if found and found != build:
        row = external.build_variants[external.build_variants.variant_id == proof].iloc[0]
        raise InputError(
            Code.SUMSTATS_BUILD,
            f"variant {proof} at {row.chromosome}:{row.position} shows that the file is on {found}, "
            f"not {build}",
            "Lift the file over to the build of the cohort",
            file=external.path,
            variant=proof,
        )
    if found:
        log.info("genome build %s, identified from variant %s", found, proof)
    else:
        log.info("the genome build of %s cannot be detected; %s is assumed", external.path, build)
