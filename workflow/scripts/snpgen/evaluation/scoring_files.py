"""Published scores in the format of the PGS Catalog (Lambert et al. 2021).

The columns follow format 2.0. Positions are harmonised (hm_chr, hm_pos) or as reported by the authors.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from snpgen.baselines.registry import SUBJECTS
from snpgen.evaluation.metrics import is_missing_word
from snpgen.genetics.builds import refuse_other_build
from snpgen.genetics.harmonisation import (
    EffectRange,
    check_positions,
    explain_unmatched,
    pair_without_frequencies,
)
from snpgen.io.files import GZIP, ZSTANDARD, check_file, check_uncompressed
from snpgen.io.headers import Header, read_header
from snpgen.io.plink_tables import mask_placeholders, plain_chromosomes
from snpgen.io.tables import mask_missing, parse_numbers, read_rows, refuse_damage
from snpgen.job import log
from snpgen.messages import Code, InputError

BUILDS = {"hg19": "GRCh37", "grch37": "GRCh37", "hg38": "GRCh38", "grch38": "GRCh38"}
POSITIONS = (  # build, chromosome, position
    ("HmPOS_build", "hm_chr", "hm_pos"),
    ("genome_build", "chr_name", "chr_position"),
)
NOT_ADDITIVE = ("is_dominant", "is_recessive", "is_haplotype", "is_diplotype", "is_interaction")
_RATIO_TYPES = {"or", "hr", "rr", "oddsratio", "hazardratio", "relativerisk", "riskratio"}
_REMEDY = "Give a complete scoring file of the PGS Catalog with additive weights"
OPTIONAL = ("other_allele", "hm_inferOtherAllele", "allelefrequency_effect", "rsID", *NOT_ADDITIVE)


@dataclass(frozen=True)
class ScoringFile:
    """A published score.

    `table` has chromosome, position, effect_allele, other_allele (upper case), frequency (of the
    effect allele, NaN if not in the file) and weight; `n_rows` is the number of rows of the file.
    """

    name: str
    path: str
    table: pd.DataFrame
    n_rows: int


def read_entries(path: str) -> tuple[dict[str, str], Header]:
    """The entries `#key=value` above the header, and the header."""
    check_file(path, "Correct 'scoring_files'")
    check_uncompressed(path, (GZIP, ZSTANDARD))
    header = read_header(path)
    if not header.names:
        raise InputError(Code.EMPTY_FILE, "the file is empty", _REMEDY, file=path)
    pairs = [line.strip("# ").partition("=") for line in header.comments]
    return {key.strip(): value.strip() for key, _, value in pairs}, header


def choose_positions(
    path: str, entries: dict[str, str], columns: list[str], build: str
) -> tuple[str, str]:
    """The columns of chromosome and position on `build`.

    If the file does not name its build, it is assumed to be `build`. Raises `InputError` if the file has no
    positions, or only positions of another build.
    """
    found = {
        (chromosome, position): BUILDS.get(named.lower(), named)
        for key, chromosome, position in POSITIONS
        for named in [entries.get(key, "NR")]
        if {chromosome, position} <= set(columns)
    }
    if not found:
        raise InputError(
            Code.MISSING_COLUMN,
            "the file has neither the columns hm_chr and hm_pos nor chr_name and chr_position",
            "Download the harmonised file of the PGS Catalog",
            file=path,
        )
    for names, its_build in found.items():
        if build in ("other", its_build):
            return names
    for names, its_build in found.items():
        if its_build in ("NR", ""):
            log.info("the header of %s does not name the genome build; %s is assumed", path, build)
            return names
    raise InputError(
        Code.SCORE_BUILD,
        f"the positions are on {' and '.join(sorted(set(found.values())))}, not on {build}",
        f"Download the file of the PGS Catalog that is harmonised to {build}",
        file=path,
    )


def read_scoring_file(path: str, build: str, markers: pd.DataFrame) -> ScoringFile:
    """Read a scoring file, gzipped or not, at its positions on the `build` of the cohort.

    `markers` is the table of `builds.detect_build`. Rows without position, effect allele, other allele
    (reported, or inferred by the PGS Catalog) or weight, and rows that are not additive, are dropped,
    counted and logged. Raises `InputError` if the file is not a scoring file, if no row is left, if a
    weight is not a number, if the weights are odds ratios, and if the positions are on another build.
    """
    with refuse_damage(path, "Download or copy it again"):
        entries, header = read_entries(path)
        columns = header.names
        for name in ("effect_allele", "effect_weight"):
            if name not in columns:
                raise InputError(
                    Code.MISSING_COLUMN, f"the file has no column {name}", _REMEDY, file=path
                )
        chromosome, position = choose_positions(path, entries, columns, build)
        needed = [chromosome, position, "effect_allele", "effect_weight"]
        (text,) = read_rows(
            path,
            header,
            [name for name in columns if name in needed or name in OPTIONAL],
        )
    text = text.replace("NR", "")  # "not reported" in the PGS Catalog
    text = text[(text != "").any(axis=1)]
    if text.empty:
        raise InputError(Code.EMPTY_FILE, "the file has no rows", _REMEDY, file=path)
    text = text.reindex(columns=[*needed, *OPTIONAL], fill_value="")
    numbers = {
        name: parse_numbers(path, column, text[column], low, high)
        for name, column, low, high in (
            ("position", position, 0, 1e10),
            ("frequency", "allelefrequency_effect", 0, 1),
            ("weight", "effect_weight", -np.inf, np.inf),
        )
    }
    alleles = {
        name: mask_placeholders(mask_missing(text[name]).str.upper())
        for name in ("effect_allele", "other_allele", "hm_inferOtherAllele")
    }
    table = pd.DataFrame(
        {
            "chromosome": plain_chromosomes(mask_missing(text[chromosome])),
            "effect_allele": alleles["effect_allele"],
            "other_allele": alleles["other_allele"].fillna(alleles["hm_inferOtherAllele"]),
            "variant_id": text.rsID,
            **numbers,
        }
    )
    refuse_other_build(
        table.dropna(subset=["chromosome", "position"]),
        markers,
        build,
        "the file is",
        Code.SCORE_BUILD,
        f"Download the file of the PGS Catalog that is harmonised to {build}",
        path,
    )
    _check_odds_ratios(path, entries.get("weight_type", ""), table.weight)
    flags = text[list(NOT_ADDITIVE)].apply(lambda column: column.str.strip().str.lower() == "true")
    table = _keep_complete(path, table, flags.any(axis=1))
    name = entries.get("pgs_id") or Path(path).name.split(".")[0]
    name = re.sub(r"[^\w-]", "_", name)  # the name is a subject of metrics.tsv
    return ScoringFile(name, path, table.drop(columns="variant_id"), len(text))


def read_scoring_files(
    paths: Sequence[str], build: str, markers: pd.DataFrame
) -> list[ScoringFile]:
    """Read all scoring files; raises `InputError` if a name is not unique or reserved."""
    files = [read_scoring_file(path, build, markers) for path in paths]
    paths_by_name: dict[str, str] = {}
    for file in files:
        what = ""
        if file.name in SUBJECTS or is_missing_word(file.name):
            what = f"the score name {file.name} is reserved by SNPgen"
        elif file.name in paths_by_name:
            what = f"{paths_by_name[file.name]} has the same score name, {file.name}"
        if what:
            remedy = "Rename the file, or correct pgs_id in its header"
            raise InputError(Code.DUPLICATE_SCORE, what, remedy, file=file.path)
        paths_by_name[file.name] = file.path
    return files


def check_scoring_overlap(files: Sequence[ScoringFile], variants: pd.DataFrame) -> None:
    """Raise `InputError` unless rows of a file are at the positions of `variants` beyond chance.

    At least one row must have the alleles of a variant. `variants` has `VARIANT_COLUMNS`.
    """
    places = pd.MultiIndex.from_frame(variants[["chromosome", "position"]])
    for file in files:
        own = pd.MultiIndex.from_frame(file.table[["chromosome", "position"]])
        remedy = "Check 'cohort.build' and the names of the chromosomes, or remove the file"
        matched = int(own.isin(places).sum())
        check_positions(
            file.path, file.table, variants, len(own), matched, Code.SCORE_OVERLAP, remedy
        )
        paired = pair_without_frequencies(file.table, variants).row
        if paired.empty:
            numbers, remedy = explain_unmatched(file.table, variants, paired, paired)
            raise InputError(
                Code.SCORE_OVERLAP,
                f"none of the {len(own):,} complete rows matches a variant of the cohort: {numbers}",
                remedy,
                file=file.path,
            )


def _keep_complete(path: str, table: pd.DataFrame, other_model: pd.Series) -> pd.DataFrame:
    """Keep the rows that can be scored; log the number of dropped rows by reason."""
    several = table.other_allele.str.contains("/", na=True)  # several candidate alleles, or none
    reasons = {
        "no position": table.chromosome.isna() | table.position.isna(),
        "no effect allele": table.effect_allele.isna(),
        "no other allele": several,
        "no finite weight": ~np.isfinite(table.weight),
        "not additive": other_model,
    }
    left, parts = pd.Series(True, table.index), []
    for reason, wrong in reasons.items():
        dropped = int((left & wrong).sum())
        left &= ~wrong
        if dropped:
            log.warning("warning: %s: %d rows excluded: %s", path, dropped, reason)
            parts.append(f"{reason} ({dropped:,} rows)")
    if not left.any():
        raise InputError(
            Code.SCORE_OVERLAP,
            f"none of the {len(table):,} rows can be used: {', '.join(parts)}",
            "Download the harmonised file of the PGS Catalog, or complete the columns",
            file=path,
        )
    table = table[left].reset_index(drop=True)
    return table.assign(position=table.position.astype(np.int64))


def _check_odds_ratios(path: str, weight_type: str, weights: pd.Series) -> None:
    """Raise `InputError` if the weights are odds ratios: declared so, or by their values.

    If the header declares another `weight_type`, values that look like odds ratios are only logged.
    """
    declared = re.sub(r"[^a-z]", "", weight_type.lower())
    if declared in _RATIO_TYPES:
        what = f"the header declares weight_type={weight_type}"
    elif not EffectRange.of(weights).are_odds_ratios:
        return
    else:
        what = "all weights are positive and most are near 1, like odds ratios"
        if declared not in ("", "nr"):
            log.warning("warning: %s: %s, but weight_type is %s", path, what, weight_type)
            return
    raise InputError(
        Code.SCORE_SCALE,
        f"{what}, but a score is a sum of log odds ratios",
        "Replace the weights by their logarithm. If they are log odds ratios already, write "
        "#weight_type=beta in the header",
        file=path,
    )
