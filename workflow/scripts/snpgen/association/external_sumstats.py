"""Summary statistics of another study, read at the positions of our variants."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from snpgen.association.null_model import neg_log_10_p
from snpgen.genetics.builds import detect_build
from snpgen.io.plink_tables import plain_chromosomes
from snpgen.io.sumstats_formats import find_columns, read_sumstats_header
from snpgen.io.tables import parse_numbers, read_rows, refuse_damage
from snpgen.job import log
from snpgen.messages import InputError

SMALLEST_P = 5e-324  # stands in for a p of 0 without beta and standard error
COLUMNS = [
    "chromosome",
    "position",
    "effect_allele",
    "other_allele",
    "frequency",
    "beta",
    "neg_log_10_p_value",
]

_CHUNK = 250_000  # rows read at a time
_PEEK = 10_000  # rows of a first look
_ENOUGH = 200  # rows, for anything to be said of a column
_RATIOS = (0.5, 2)  # where most odds ratios lie
_MISSING = ["", "NA", "#NA", ".", "nan", "NaN", "-nan", "NAN"]


@dataclass(frozen=True)
class ExternalSumstats:
    """The rows of another study's summary statistics that stand at positions of our variants.

    `table` has `COLUMNS`: chromosomes without "chr", alleles in capitals, frequency and beta (log
    odds ratio) of the effect allele, NaN where the file has none. `n_rows` and `n_complete` count
    the rows of the additive test in the whole file, and those with position, alleles and p.
    `witnesses` (chromosome, position, variant_id) are rows that can tell the genome build.
    """

    path: str
    format: str
    table: pd.DataFrame
    n_rows: int
    n_complete: int
    witnesses: pd.DataFrame


def read_evidence(path: str, chunk: pd.DataFrame, names: dict[str, str]) -> np.ndarray:
    """-log10 p of each row, float64, NaN where missing.

    As given, or else of p, which may be too small for a float64 ("3e-400"). A p of 0 is taken from
    beta and standard error, and without these is `SMALLEST_P`.
    """
    values, lost = np.full(len(chunk), np.nan), np.zeros(len(chunk), dtype=bool)
    if "p" in chunk:
        p = parse_numbers(path, names["p"], chunk.p, 0, 1)
        with np.errstate(divide="ignore"):
            values = np.abs(np.log10(p))
        for row in np.flatnonzero(p < np.finfo(np.float64).tiny):
            mantissa, _, exponent = chunk.p.iloc[row].lower().partition("e")
            lost[row] = float(mantissa) == 0
            if not lost[row]:
                values[row] = -np.log10(float(mantissa)) - int(exponent or 0)
    if "neg_log_10_p_value" in chunk:
        text = chunk.neg_log_10_p_value
        given = parse_numbers(path, names["neg_log_10_p_value"], text, 0, np.inf)
        values = np.where(np.isnan(given), values, given)
        lost = np.where(np.isnan(given), lost, np.isinf(given))
    if lost.any():
        with np.errstate(divide="ignore", invalid="ignore"):
            z = chunk.beta.to_numpy()[lost] / chunk.standard_error.to_numpy()[lost]
        values[lost] = np.where(np.isfinite(z), neg_log_10_p(z), -np.log10(SMALLEST_P))
    return values


def clean_chunk(path: str, chunk: pd.DataFrame, names: dict[str, str]) -> pd.DataFrame:
    """Rows of the additive test with `COLUMNS` and variant_id; NaN where the file has none.

    `chunk` has our names of columns and strings; its index holds the lines of the file.
    """
    if "test" in chunk:
        chunk = chunk[chunk.test == "ADD"]
    chunk = chunk.assign(
        position=parse_numbers(path, names["position"], chunk.position, 0, 1e10),
        chromosome=plain_chromosomes(chunk.chromosome),
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
    chunk["neg_log_10_p_value"] = read_evidence(path, chunk, names)
    chunk["beta"] = chunk.beta.where(np.isfinite(chunk.beta))
    if "alternate" in chunk:
        reference = chunk.other_allele == chunk.effect_allele
        chunk["other_allele"] = chunk.other_allele.where(~reference, chunk.alternate)
    if "variant_id" not in chunk:
        chunk["variant_id"] = "."
    return chunk


def check_columns(path: str, table: pd.DataFrame, names: dict[str, str]) -> None:
    """Raise `InputError` where a column looks as if it held something else.

    Odds ratios are all above 0 and most of them near 1; the effects of a scan are neither. Of -log10 p
    one in ten is above 1; no p is. `table` has, of each chunk of the file, n_beta, min_beta and
    n_ratio (of `_RATIOS`), and n_evidence and max_evidence.
    """
    total = table.sum()
    all_above = total.n_beta >= _ENOUGH and table.min_beta.min() > 0
    if "ratio" not in names and all_above and total.n_ratio > total.n_beta / 2:
        raise InputError(
            f"{path}: all of {names['beta']} are above 0 and most of them near 1, as odds ratios are: "
            "name the column as the format names those, or take their logarithms"
        )
    none_above = total.n_evidence >= _ENOUGH and table.max_evidence.max() <= 1
    if "p" not in names and none_above:
        raise InputError(
            f"{path}: none of {names['neg_log_10_p_value']} is above 1, as p-values are, and not their "
            "negative logarithms: take these, or name the column as the format names p"
        )


def _look_at(chunk: pd.DataFrame) -> dict[str, float]:
    """What `check_columns` wants to know of a chunk."""
    return {
        "n_beta": chunk.beta.count(),
        "min_beta": chunk.beta.min(),
        "n_ratio": chunk.beta.between(*_RATIOS).sum(),
        "n_evidence": chunk.neg_log_10_p_value.count(),
        "max_evidence": chunk.neg_log_10_p_value.max(),
    }


def peek_external_sumstats(path: str, markers: pd.DataFrame) -> ExternalSumstats:
    """`read_outside` of the first rows, without variants: what is wrong with them is told early."""
    nothing = pd.DataFrame({"chromosome": pd.Series(dtype=str), "position": pd.Series(dtype=int)})
    return read_external_sumstats(path, nothing, markers, _PEEK)


def read_external_sumstats(
    path: str, gwas: pd.DataFrame, markers: pd.DataFrame, n_rows_read: int | None = None
) -> ExternalSumstats:
    """Summary statistics in one of `formats.FORMATS`, gzipped or not, at the positions of `gwas`.

    `gwas` has chromosome and position, `markers` is the table of `check.detect_build`. The file is
    read in chunks of rows and only the rows at our positions are kept, so memory goes with the size
    of `gwas`; `n_rows_read` None reads all. Raises `InputError` on an unknown format and on anything
    that is not a number where one is needed.
    """
    ours = pd.MultiIndex.from_frame(gwas[["chromosome", "position"]].drop_duplicates())
    kept: list[pd.DataFrame] = []
    witnesses: list[pd.DataFrame] = []
    seen: list[dict[str, float]] = []
    n_rows, n_complete = 0, 0
    with refuse_damage(path, "Write or copy it again"):
        header = read_sumstats_header(path)
        file_format, names = find_columns(path, header.names)
        log.info("%s has the columns of %s", path, file_format)
        for chunk in read_rows(
            path,
            header,
            list(names.values()),
            missing=_MISSING,
            truncate=True,
            chunk_size=_CHUNK,
            n_rows=n_rows_read,
        ):
            chunk = chunk.rename(columns={theirs: ours for ours, theirs in names.items()})
            chunk = clean_chunk(path, chunk, names)
            seen.append(_look_at(chunk))
            n_rows += len(chunk)
            chunk = chunk.dropna(subset=[*COLUMNS[:4], "neg_log_10_p_value"])
            n_complete += len(chunk)
            chunk["position"] = chunk.position.astype(np.int64)
            last = chunk.groupby("chromosome").position.idxmax()
            telling = chunk.variant_id.isin(markers.variant_id) | chunk.index.isin(last)
            witnesses.append(chunk.loc[telling, ["chromosome", "position", "variant_id"]])
            there = ours.get_indexer(pd.MultiIndex.from_frame(chunk[["chromosome", "position"]]))
            kept.append(chunk.loc[there >= 0, COLUMNS])
    if not n_rows:
        rest = " of the additive test (TEST is ADD)" if "test" in names else ""
        raise InputError(f"{path} has no row{rest}: give the whole scan")
    if n_rows_read is None:  # the first rows are no sample, as where a file is sorted by p
        check_columns(path, pd.DataFrame(seen), names)
    table = pd.concat(kept, ignore_index=True)
    for name in ("effect_allele", "other_allele"):
        table[name] = table[name].str.upper()
    return ExternalSumstats(
        path, file_format, table, n_rows, n_complete, pd.concat(witnesses, ignore_index=True)
    )


def check_external_build(external: ExternalSumstats, markers: pd.DataFrame, build: str) -> None:
    """Raise `InputError` when the positions in the file contradict the declared `build`.

    Told by well-known variants, found by id, and by positions beyond the end of a chromosome. Build
    `other` is not checked.
    """
    if build == "other":
        return
    found, proof = detect_build(external.witnesses, markers)
    if found and found != build:
        row = external.witnesses[external.witnesses.variant_id == proof].iloc[0]
        raise InputError(
            f"{external.path}: variant {proof} at {row.chromosome}:{row.position} shows that it is "
            f"on {found}, not {build}: lift it over to the build of the cohort"
        )
    if found:
        log.info("build %s, shown by variant %s", found, proof)
    else:
        log.info("no marker tells the build of %s: %s is taken on trust", external.path, build)
