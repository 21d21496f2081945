"""People and variants of a PLINK 1 fileset, as tables: its `.fam` and its `.bim`.

Column 5 of a `.bim` (A1) is the effect allele, column 6 (A2) the other one; see `plink`.
"""

import csv
import re
import warnings
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd

from snpgen.io.files import check_text
from snpgen.messages import InputError

SAMPLE_COLUMNS = ["FID", "IID", "father", "mother", "sex", "phenotype"]
BIM_COLUMNS = ["chromosome", "variant_id", "cm", "position", "effect_allele", "other_allele"]
VARIANT_COLUMNS = ["chromosome", "variant_id", "position", "effect_allele", "other_allele"]

_POSITION = r"-?[0-9]{1,10}"


def _read_columns(path: Path, names: list[str], what: str) -> pd.DataFrame:
    """The whitespace-separated columns of a `.fam` or `.bim`, all as strings; the index counts lines."""
    check_text(path, "give the path of a PLINK fileset without .bed")
    try:
        with warnings.catch_warnings(action="ignore", category=pd.errors.ParserWarning):
            table = pd.read_csv(
                path,
                sep=r"\s+",
                header=None,
                names=[*names, "beyond"],
                index_col=False,
                dtype=str,
                na_filter=False,
                quoting=csv.QUOTE_NONE,
                skip_blank_lines=False,
                encoding="utf-8-sig",
            )
    except pd.errors.ParserError as error:  # of a line with two columns too many
        raise _wrong_columns(path, int(re.findall(r"\d+", str(error))[-2]), names, what) from error
    table.index += 1
    table = table[table[names[0]] != ""]
    if table.empty:
        raise InputError(f"{path} has no line: copy it again together with the rest of its fileset")
    wrong = table.index[(table[names[-1]] == "") | (table.beyond != "")]
    if len(wrong):
        raise _wrong_columns(path, wrong[0], names, what)
    return table[names]


def _wrong_columns(path: Path, line: int, names: list[str], what: str) -> InputError:
    with path.open(encoding="utf-8-sig") as file:
        fields = next(islice(file, line - 1, None)).split()
    return InputError(
        f"{path}, line {line}: {len(fields)} columns where a {what} has {len(names)}: write the "
        "fileset again with plink --make-bed"
    )


def read_fam(path: Path) -> pd.DataFrame:
    """People of a `.fam`: columns `SAMPLE_COLUMNS`, strings, in file order.

    Raises `InputError` on a header, a wrong number of columns or a sample id (IID) that stands twice.
    """
    samples = _read_columns(path, SAMPLE_COLUMNS, ".fam")
    if samples.IID.iloc[0].upper() == "IID" or samples.FID.iloc[0].startswith("#"):
        raise InputError(
            f"{path}, line {samples.index[0]}: a header, which a .fam does not have: take it out"
        )
    check_iids(path, samples)
    return samples.reset_index(drop=True)


def check_iids(path: Path, samples: pd.DataFrame) -> None:
    """Raise `InputError` on an IID that stands twice; the index of `samples` counts lines of `path`."""
    repeated = samples.IID[samples.IID.duplicated()]
    if len(repeated):
        raise InputError(
            f"{path}, line {repeated.index[0]}: sample id {repeated.iloc[0]} stands twice: "
            "SNPgen matches people by IID, so make the IIDs unique"
        )


def read_bim(path: Path) -> pd.DataFrame:
    """Variants of a `.bim`: columns `VARIANT_COLUMNS`, in file order, position as int64 (bp).

    Chromosomes lose a leading "chr" and zeros. Raises `InputError` on a wrong number of columns, a
    position that is not a whole number, or two alleles that are the same (but missing: 0 or .).
    """
    variants = parse_variants(path, _read_columns(path, BIM_COLUMNS, ".bim").drop(columns="cm"))
    variants["chromosome"] = plain_chromosomes(variants.chromosome)
    return variants.reset_index(drop=True)


def parse_variants(path: Path, variants: pd.DataFrame) -> pd.DataFrame:
    """`variants`, strings of `VARIANT_COLUMNS` by line of `path`, with positions as int64.

    Raises `InputError` as `read_bim` does.
    """
    wrong = variants.position[~variants.position.str.fullmatch(_POSITION)]
    if len(wrong):
        raise InputError(
            f"{path}, line {wrong.index[0]}: position {wrong.iloc[0]} is not a whole number of base "
            "pairs: correct it or leave the variant out"
        )
    variants["position"] = variants.position.astype(np.int64)
    same = variants.effect_allele == variants.other_allele
    same &= ~variants.effect_allele.isin(["0", "."])
    if same.any():
        row = variants[same].iloc[0]
        raise InputError(
            f"{path}, line {row.name}: both alleles of variant {row.variant_id} are "
            f"{row.effect_allele}: correct the file or leave the variant out"
        )
    return variants


def plain_chromosomes(names: pd.Series) -> pd.Series:
    """Names, str, without a leading "chr" in any capitals and without zeros; a missing one stays."""
    plain = {name: _plain_chromosome(name) for name in names.dropna().unique()}
    return names.map(plain).astype(names.dtype)


def _plain_chromosome(name: str) -> str:
    name = name[3:] if name[:3].lower() == "chr" else name
    return name.lstrip("0") if name.isdecimal() and name.strip("0") else name
