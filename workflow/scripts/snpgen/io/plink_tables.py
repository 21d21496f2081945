"""Samples and variants of a PLINK 1 fileset: the tables `.fam` and `.bim`.

Column 5 of a `.bim` (A1) is the effect allele, column 6 (A2) the other allele; see `plink`.
"""

import csv
import re
import warnings
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd

from snpgen.io.files import check_text, open_text
from snpgen.io.headers import WHITESPACE
from snpgen.io.samples import BLANK, SampleIds, identify
from snpgen.messages import Code, InputError

SAMPLE_COLUMNS = ["FID", "IID", "father", "mother", "sex", "phenotype"]
BIM_COLUMNS = ["chromosome", "variant_id", "cm", "position", "effect_allele", "other_allele"]
VARIANT_COLUMNS = ["chromosome", "variant_id", "position", "effect_allele", "other_allele"]

_POSITION = r"-?[0-9]{1,10}"
NO_ID = [".", "NA", "-", "---"]  # in place of a variant ID
_NO_ALLELE = ["0", ".", "N", "*"]
_KEY = r"^(?:[cC][hH][rR])?(\w+):(\d+)[:_]([^:_]+)[:_]([^:_]+)$"
_MAKE_BED = "Write the fileset again with plink --make-bed"


def read_fields(
    path: Path, names: list[str], columns: list[str] | None, n_above: int, remedy: str
) -> pd.DataFrame:
    """Read whitespace-separated values below the first `n_above` lines, as strings.

    `names` are the names of all columns, `columns` the names to keep (None: all). Blank lines are omitted;
    the index holds line numbers (the first is 1). Raises `InputError` with `remedy` on a line with a wrong
    number of values. If `columns` is given, the error is raised only if one of these columns has no value.
    """
    kept = [*names, "beyond"] if columns is None else columns
    try:
        with (
            open_text(path) as file,
            warnings.catch_warnings(action="ignore", category=pd.errors.ParserWarning),
        ):
            for _ in islice(file, n_above):
                pass
            table = pd.read_csv(
                file,
                sep=WHITESPACE,
                header=None,
                names=kept if columns is None else names,
                usecols=columns,
                index_col=False,
                dtype=str,
                na_filter=False,
                quoting=csv.QUOTE_NONE,
                skip_blank_lines=False,
            )
    except pd.errors.EmptyDataError:
        table = pd.DataFrame(columns=kept, dtype=str)
    except pd.errors.ParserError as error:  # raised for a line with two extra values
        found = re.search(r"in line (\d+)", str(error))
        if not found:
            raise
        raise _wrong_columns(path, n_above + int(found[1]), names, remedy) from error
    table.index += n_above + 1
    table = table[table[names[0]] != ""]
    beyond = table.pop("beyond") if "beyond" in table else ""
    wrong = table.index[(table == "").any(axis=1) | (beyond != "")]
    if len(wrong):
        raise _wrong_columns(path, wrong[0], names, remedy)
    return table


def _wrong_columns(path: Path, line: int, names: list[str], remedy: str) -> InputError:
    with open_text(path) as file:
        fields = next(islice(file, line - 1, None)).split()
    return InputError(
        Code.MALFORMED_FILESET,
        f"the line has {len(fields)} columns instead of {len(names)}",
        remedy,
        file=path,
        line=line,
    )


def _read_columns(path: Path, names: list[str]) -> pd.DataFrame:
    """The columns of a `.fam` or `.bim`, all as strings; the index holds line numbers."""
    check_text(path, "Give the path of a PLINK fileset, without .bed")
    table = read_fields(path, names, None, 0, _MAKE_BED)
    if table.empty:
        raise InputError(
            Code.EMPTY_FILE, "the file has no lines", "Copy the whole fileset again", file=path
        )
    return table


def read_fam(path: Path) -> pd.DataFrame:
    """Samples of a `.fam`: columns `SAMPLE_COLUMNS`, strings, in file order; IID as in `identify`.

    Raises `InputError` on a header, a wrong number of columns or a repeated sample.
    """
    samples = _read_columns(path, SAMPLE_COLUMNS)
    if samples.IID.iloc[0].upper() == "IID" or samples.FID.iloc[0].startswith("#"):
        raise InputError(
            Code.MALFORMED_FILESET,
            "the line is a header, which a .fam does not have",
            "Delete the line",
            file=path,
            line=samples.index[0],
        )
    samples = identify(samples)
    check_iids(path, samples)
    return samples.reset_index(drop=True)


def check_iids(path: Path, samples: pd.DataFrame) -> None:
    """Raise `InputError` on a repeated ID; the index of `samples` holds line numbers of `path`."""
    repeated = SampleIds.of(samples).duplicates()
    if len(repeated):
        iid = samples.IID.iloc[repeated[0]]
        raise InputError(
            Code.DUPLICATE_SAMPLE,
            f"sample {iid} occurs twice",
            "Make the IIDs unique, or give samples with the same IID different FIDs",
            file=path,
            line=samples.index[repeated[0]],
            sample=iid.split(BLANK)[-1],
        )


def read_bim(path: Path) -> pd.DataFrame:
    """Variants of a `.bim`: columns `VARIANT_COLUMNS`, in file order, position as int64 (bp).

    A leading "chr" and leading zeros are removed from chromosome names. Raises `InputError` on a wrong number
    of columns, a position that is not a whole number, or two identical alleles; missing alleles (0 or .) may
    be identical.
    """
    variants = parse_variants(path, _read_columns(path, BIM_COLUMNS).drop(columns="cm"))
    variants["chromosome"] = plain_chromosomes(variants.chromosome)
    return variants.reset_index(drop=True)


def parse_variants(path: Path, variants: pd.DataFrame) -> pd.DataFrame:
    """Check positions and alleles of `variants`, and convert the positions to int64.

    `variants` has `VARIANT_COLUMNS` as strings, and its index holds the line numbers of `path`.

    A variant without an ID (`NO_ID`) is given the ID chromosome:position:other_allele:effect_allele, as
    plink2 --set-missing-var-ids @:#:$r:$a does. Raises `InputError` as `read_bim` does.
    """
    wrong = ~variants.position.str.fullmatch(_POSITION)
    if wrong.any():
        line = int(variants.index[wrong][0])
        row = variants.loc[line]
        raise InputError(
            Code.INVALID_VARIANT,
            f"the position of variant {row.variant_id} is {row.position}, not a whole number of base "
            "pairs",
            "Correct the position, or exclude the variant",
            file=path,
            line=line,
            variant=str(row.variant_id),
        )
    variants["position"] = variants.position.astype(np.int64)
    same = variants.effect_allele == variants.other_allele
    same &= ~variants.effect_allele.isin(["0", "."])
    if same.any():
        line = int(variants.index[same][0])
        row = variants.loc[line]
        raise InputError(
            Code.INVALID_VARIANT,
            f"both alleles of variant {row.variant_id} are {row.effect_allele}",
            "Correct the alleles, or exclude the variant",
            file=path,
            line=line,
            variant=str(row.variant_id),
        )
    nameless = variants.variant_id.isin(NO_ID)
    if nameless.any():
        rows = variants[nameless]
        place = plain_chromosomes(rows.chromosome) + ":" + rows.position.astype(str)
        names = place + ":" + rows.other_allele + ":" + rows.effect_allele
        variants["variant_id"] = names.reindex(variants.index).fillna(variants.variant_id)
    return variants


def genomic_order(variants: pd.DataFrame) -> np.ndarray:
    """Rows of `variants` (`VARIANT_COLUMNS`) by chromosome, position, ID and alleles, int64 (n,).

    Numbered chromosomes come first. Identical variants keep their order.
    """
    codes, names = pd.factorize(variants.chromosome, sort=True)
    numbers = np.array([float(name) if name.isdecimal() else np.inf for name in names])
    rank = np.argsort(np.argsort(numbers, kind="stable"))[codes]
    position = variants.position.to_numpy()
    # Sorting by text is slow, so it is restricted to variants at the same position.
    ties = np.flatnonzero(variants.duplicated(["chromosome", "position"], keep=False))
    tied = variants.iloc[ties].reset_index(drop=True)
    texts = ["variant_id", "effect_allele", "other_allele"]
    among_ties = np.zeros(len(variants), np.int64)
    among_ties[ties[tied.sort_values(texts, kind="stable").index]] = np.arange(len(ties))
    return np.lexsort((among_ties, position, rank))


def mask_placeholders(alleles: pd.Series) -> pd.Series:
    """The alleles of a file, NaN where the text does not state an allele.

    These are 0 and N (unknown), * (the allele is deleted with its surroundings) and symbols such as <DEL>.
    """
    return alleles.mask(alleles.isin(_NO_ALLELE) | alleles.str.startswith("<", na=False))


def allele_keys(variants: pd.DataFrame) -> pd.Series:
    """Names chromosome:position:allele:allele of `variants` (`VARIANT_COLUMNS`), with the alleles sorted."""
    first, second = variants.effect_allele.str.upper(), variants.other_allele.str.upper()
    ordered = first <= second
    low, high = first.where(ordered, second), second.where(ordered, first)
    place = variants.chromosome + ":" + variants.position.astype(str)
    return place + ":" + low + ":" + high


def parse_keys(names: pd.Series) -> pd.Series:
    """The names of `allele_keys` for IDs such as 1:1000:A:G, chr1:1000:G:A and 1:1000_A_G; NaN for others."""
    parts = names.str.extract(_KEY)
    known = parts.notna().all(axis=1)
    parts = parts[known].set_axis(
        ["chromosome", "position", "effect_allele", "other_allele"], axis=1
    )
    parts["chromosome"] = plain_chromosomes(parts.chromosome)
    return allele_keys(parts).reindex(names.index)


def plain_chromosomes(names: pd.Series) -> pd.Series:
    """Chromosome names, str, without a leading "chr" (in any case), leading zeros and ".0"; NaN stays NaN."""
    plain = {name: _plain_chromosome(name) for name in names.dropna().unique()}
    return names.map(plain).astype(names.dtype)


def _plain_chromosome(name: str) -> str:
    name = name[3:] if name[:3].lower() == "chr" else name
    name = re.sub(r"^([1-9]\d*)\.0$", r"\1", name)  # as pandas writes whole numbers next to NaN
    return name.lstrip("0") if name.isdecimal() and name.strip("0") else name
