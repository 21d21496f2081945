"""Imputation quality (INFO or R2) of variants, from tables of imputation servers, biobanks or users."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from snpgen.io.cells import MINUS_NINE, to_numbers
from snpgen.io.headers import Layout
from snpgen.io.plink_tables import NO_ID, allele_keys, parse_keys, plain_chromosomes
from snpgen.io.tables import describe_columns, mask_missing, read_strings
from snpgen.job import log
from snpgen.messages import Code, InputError

MAX_INFO = 1.1  # estimates may slightly exceed 1
# ukb_mfi_chrN_v3.txt of UK Biobank, which has no header. The alternate ID begins with chromosome and position.
UKB_MFI = Layout(
    ("alternate_id", "rsid", "position", "ref", "alt", "maf", "minor_allele", "info"),
    ("position", "maf", "info"),
)

_PLACE = r"^(?:[cC][hH][rR])?(\w+):(\d+)$"  # an ID without alleles, as minimac3 writes them

_NAMES = {  # possible names of each column, in small letters
    "info": ("info", "r2", "rsq", "dr2"),
    "variant_id": ("variant_id", "id", "snp", "rsid"),
    "alternate_id": ("alternate_id", "alternate_ids"),
    "chromosome": ("chromosome", "chrom", "chr"),
    "position": ("position", "pos", "bp", "base_pair_location"),
    "effect_allele": ("effect_allele", "alt", "alt(1)", "a1", "allele1"),
    "other_allele": ("other_allele", "ref", "ref(0)", "a2", "allele0", "allele2"),
}


@dataclass(frozen=True)
class Info:
    """Imputation quality from tables.

    `quality` is float64, NaN if it is missing. Its index holds variant IDs, and the names of `allele_keys`
    where alleles and position are known. `names` has the columns variant_id and alleles (these names), NaN if
    unknown, with one row per row of the tables.
    """

    quality: pd.Series
    names: pd.DataFrame


def read_info(paths: Sequence[str]) -> Info:
    """Read the imputation quality of variants.

    The tables need columns of IDs, or of chromosome, position and alleles, and one of INFO or R2; UK Biobank's
    files without a header are known. Alleles and positions are read from columns, or from IDs such as
    1:1000:A:G, or 1:1000 if the table has columns of alleles. If a variant occurs several times, the minimum
    is used, and variants with different values are logged. Raises `InputError` if a column is missing or a
    table has no rows, on a value that is not a number from 0 to `MAX_INFO`, and on a variant without an ID
    whose alleles and position are not known.
    """
    rows = pd.concat([_read_table(path) for path in paths], ignore_index=True)
    values = rows["info"].groupby(rows.alleles.fillna(rows.variant_id)).agg(["min", "max"])
    different = values.index[values["min"] < values["max"]]
    if len(different):
        log.warning(
            "warning: %s: %d variants have several rows with different imputation quality (such as %s); the "
            "smallest is used",
            ", ".join(paths),
            len(different),
            ", ".join(different[:3]),
        )
    quality = pd.concat([rows["info"].set_axis(rows[name]) for name in ("variant_id", "alleles")])
    quality = quality[quality.index.notna()].groupby(level=0).min()
    return Info(quality, rows[["variant_id", "alleles"]])


def _read_table(path: str) -> pd.DataFrame:
    """The columns variant_id, alleles and info of a table (`Info`)."""
    table = read_strings(path, layouts=[UKB_MFI])
    lower = {name.lower(): name for name in table.columns}
    found = {
        ours: next(lower[name] for name in names if name in lower)
        for ours, names in _NAMES.items()
        if any(name in lower for name in names)
    }
    alleles = {"chromosome", "position", "effect_allele", "other_allele"}
    if "info" not in found or not ("variant_id" in found or alleles <= found.keys()):
        raise InputError(
            Code.MISSING_COLUMN,
            "the table has no column of variant IDs or of imputation quality; "
            f"{describe_columns(table.columns.tolist())}",
            "Name the column of variant IDs variant_id, ID or SNP, and the column of imputation "
            "quality INFO or R2",
            file=path,
        )
    if table.empty:
        raise InputError(
            Code.EMPTY_FILE,
            "the table has no rows",
            "Give the imputation quality of all variants",
            file=path,
        )
    several = [lower[name] for name in _NAMES["info"] if name in lower]
    if len(several) > 1:
        used, *others = several
        others_named = ", ".join(others)
        log.warning("warning: %s: the column %s is used, not %s", path, used, others_named)
    text = table[found["info"]]
    quality = to_numbers(text)
    wrong = mask_missing(text[~(quality <= MAX_INFO)]).dropna().index
    if len(wrong):
        line = wrong[0]
        variant = table[found.get("variant_id", found["info"])][line]
        raise InputError(
            Code.INVALID_VALUE,
            f"{found['info']} of variant {variant} is {text[line]}, not a number from 0 to 1",
            "Correct the value, or write NA",
            file=path,
            line=line,
            variant=variant,
        )
    names = table.rename(columns={theirs: ours for ours, theirs in found.items()})
    names = names[[name for name in found if name != "info"]].apply(lambda cells: cells.str.strip())
    keys = pd.Series(np.nan, names.index, dtype=str)
    if alleles <= found.keys():
        names["chromosome"] = plain_chromosomes(names.chromosome)
        keys = allele_keys(names)
    for name in ("alternate_id", "variant_id"):
        if name in names:
            keys = keys.fillna(parse_keys(names[name]))
    if {"variant_id", "effect_allele", "other_allele"} <= found.keys():
        place = names.variant_id.str.extract(_PLACE)
        written = names.variant_id.where(place.notna().all(axis=1))
        written = written + ":" + names.other_allele + ":" + names.effect_allele
        keys = keys.fillna(parse_keys(written.dropna()).reindex(names.index))
    ids = names.get("variant_id", pd.Series("", names.index))
    ids = ids.mask(ids.isin([*NO_ID, ""]))
    unknown = ids.isna() & keys.isna()
    if unknown.any():
        raise InputError(
            Code.UNKNOWN_VARIANT,
            f"{unknown.sum()} variants have no ID, and the table has no columns of chromosome, position and "
            "alleles that identify them",
            "Add the columns CHROM, POS, REF and ALT, or give all variants an ID in this table and in the "
            "genotype files (plink2 --set-missing-var-ids)",
            file=path,
            line=names.index[unknown][0],
        )
    quality = quality.mask(quality == MINUS_NINE)
    return pd.DataFrame({"variant_id": ids, "alleles": keys, "info": quality})


def find_info(info: Info, variants: pd.DataFrame) -> np.ndarray:
    """Imputation quality of `variants` (`VARIANT_COLUMNS`), float64 (m,), NaN if missing or not in `info`.

    Position and alleles have priority over the ID, because the variants
    of a multiallelic site can have the same ID.
    """
    by_alleles = allele_keys(variants).map(info.quality)
    return by_alleles.fillna(variants.variant_id.map(info.quality)).to_numpy(np.float64)
