"""Conversion of PLINK 2 filesets (`.pgen`, `.pvar`, `.psam`) to PLINK 1: hard calls only.

ALT is A1, the allele that a dosage counts, and REF is A2, as in `plink2 --make-bed`.
"""

import csv
from itertools import islice
from pathlib import Path
from typing import TextIO

import numpy as np
import pandas as pd
import zstandard
from pgenlib import PgenReader

from snpgen.genetics.packed import pack
from snpgen.io.files import check_file, check_text, name_compression
from snpgen.io.plink import BED_HEADER
from snpgen.io.plink_tables import SAMPLE_COLUMNS, VARIANT_COLUMNS, check_iids, parse_variants
from snpgen.messages import InputError

_ADVICE = ".pgen, .pvar and .psam must stand together"
_MAKE_PGEN = "write the fileset again with plink2 --make-pgen"
_TOGETHER = "copy .pgen, .pvar and .psam again together"
_MAGIC = b"\x6c\x1b"
_BED_MODE, _LAST_MODE = 0x01, 0x11  # third byte of a .bed; of a .pgen that holds its own index
_CALLED_BY = {"CHROM": "chromosome", "ID": "variant_id", "POS": "position"}
_CALLED_BY |= {"ALT": "effect_allele", "REF": "other_allele"}
_SEXES = {"1": "1", "M": "1", "m": "1", "2": "2", "F": "2", "f": "2"}  # all others are unknown
_PSAM_COLUMNS = {"FID", "IID", "SID", "PAT", "MAT", "SEX"}  # what stands beside is a phenotype
_NO_PHENOTYPE = ["NA", "nan", "NaN", "none", "NONE"]
_BLOCK = 1 << 26  # genotypes held at once, a byte each


def read_psam(path: Path) -> pd.DataFrame:
    """People of a `.psam` as a `.fam` has them: columns `SAMPLE_COLUMNS`, strings, in file order.

    The phenotype is the first there is, -9 where there is none. Raises `InputError` on a missing
    header, a wrong number of columns or an IID that stands twice.
    """
    check_text(path, _ADVICE)
    table = _read_table(path, ["FID", "IID"], None)
    check_iids(path, table)
    nobody = pd.Series("0", index=table.index)
    samples = pd.DataFrame({"FID": table.get("FID", nobody), "IID": table.IID})
    samples["father"], samples["mother"] = table.get("PAT", nobody), table.get("MAT", nobody)
    samples["sex"] = table.get("SEX", nobody).map(_SEXES).fillna("0")
    traits = table.drop(columns=_PSAM_COLUMNS & set(table))
    samples["phenotype"] = (
        traits.iloc[:, 0].replace(_NO_PHENOTYPE, "-9") if len(traits.columns) else "-9"
    )
    return samples[SAMPLE_COLUMNS].reset_index(drop=True)


def read_pvar(path: Path) -> pd.DataFrame:
    """Variants of a `.pvar` or `.pvar.zst`: columns `VARIANT_COLUMNS`, in file order, position as int64.

    Where a variant has several ALT alleles, `effect_allele` holds all, with commas between. Raises
    `InputError` as `read_bim` does, and on a missing header or column.
    """
    if path.suffix != ".zst":
        check_text(path, _ADVICE)
    table = _read_table(path, ["CHROM"], list(_CALLED_BY)).rename(columns=_CALLED_BY)
    return parse_variants(path, table[VARIANT_COLUMNS]).reset_index(drop=True)


def _read_table(path: Path, first: list[str], wanted: list[str] | None) -> pd.DataFrame:
    """A whitespace-separated table below `##` lines, all as strings; the index counts lines.

    Its header is "#" and one of `first`, and so on; `wanted` names the columns to keep, None for all.
    """
    try:
        with _open_text(path) as file:
            n_above, head = next(
                ((n, line) for n, line in enumerate(file) if not line.startswith("##")), (0, "")
            )
            names = _read_names(path, n_above + 1, head, first, wanted or ["IID"])
            table = pd.read_csv(
                file,
                sep=r"\s+",
                header=None,
                names=names if wanted else [*names, "beyond"],
                usecols=wanted,
                index_col=False,
                dtype=str,
                na_filter=False,
                quoting=csv.QUOTE_NONE,
                skip_blank_lines=False,
            )
    except (OSError, UnicodeDecodeError, pd.errors.ParserError, zstandard.ZstdError) as error:
        raise InputError(f"{path} cannot be read ({str(error).strip()}): {_MAKE_PGEN}") from error
    table.index += n_above + 2
    table = table[table[names[0]] != ""]
    if table.empty:
        raise InputError(f"{path} has no line below its header: {_TOGETHER}")
    beyond = "" if wanted else table.pop("beyond")
    wrong = table.index[(table == "").any(axis=1) | (beyond != "")]
    if len(wrong):
        with _open_text(path) as file:
            n_fields = len(next(islice(file, wrong[0] - 1, None)).split())
        raise InputError(
            f"{path}, line {wrong[0]}: {n_fields} columns where the header has {len(names)}: {_MAKE_PGEN}"
        )
    return table


def _open_text(path: Path) -> TextIO:
    opener = zstandard.open if path.suffix == ".zst" else open
    return opener(path, "rt", encoding="utf-8-sig")


def _read_names(path: Path, line: int, head: str, first: list[str], wanted: list[str]) -> list[str]:
    """Names of the columns in the header `head`, without its "#"."""
    names = head.split()
    if not names or names[0] not in [f"#{name}" for name in first]:
        begin = " or ".join(f"#{name}" for name in first)
        raise InputError(f"{path}, line {line}: no header that begins with {begin}: {_MAKE_PGEN}")
    names[0] = names[0].removeprefix("#")
    absent = [name for name in wanted if name not in names]
    if absent:
        raise InputError(f"{path}, line {line}: no column {absent[0]}: {_MAKE_PGEN}")
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise InputError(f"{path}, line {line}: two columns are named {twice[0]}: {_MAKE_PGEN}")
    return names


def check_pgen(path: Path, n_samples: int, n_variants: int) -> None:
    """Raise `InputError` unless `path` is a `.pgen` that says to hold this many samples and variants."""
    check_file(path, _ADVICE)
    packed = name_compression(path)
    if packed:
        raise InputError(f"{path} is {packed}")
    with path.open("rb") as file:
        head = file.read(11)
    if head[:2] != _MAGIC or len(head) < 11 or head[2] > _LAST_MODE:
        raise InputError(f"{path} is not a .pgen file, or has its index apart: {_MAKE_PGEN}")
    if head[2] <= _BED_MODE:
        raise InputError(f"{path} is a PLINK 1 .bed file: name it so, or {_MAKE_PGEN}")
    found_variants, found_samples = (int(n) for n in np.frombuffer(head[3:], "<u4"))
    if (found_samples, found_variants) != (n_samples, n_variants):
        raise InputError(
            f"{path} holds {found_samples} samples and {found_variants} variants where its .psam lists "
            f"{n_samples} and its .pvar {n_variants}: {_TOGETHER}"
        )


def convert_pgen(pgen: Path, variants: pd.DataFrame, samples: pd.DataFrame, bed: Path) -> pd.Series:
    """Write the hard calls of `pgen` to `bed`, with its .bim and .fam, as `plink2 --make-bed` does.

    `variants` and `samples` are as `read_pvar` and `read_psam` give them. Phases and dosages are left
    behind, and so are variants of more than two alleles, whose ids are returned: the format cannot
    hold them. A block of variants is in memory at a time. Raises `InputError` on a broken `.pgen`.
    """
    check_pgen(pgen, len(samples), len(variants))
    n_alleles = variants.effect_allele.str.count(",") + 2
    biallelic = (n_alleles == 2).to_numpy()
    offsets = np.cumsum(np.append(0, n_alleles)).astype(np.uintp)
    rows = max(1, _BLOCK // len(samples))
    dosages = np.empty((rows, len(samples)), dtype=np.int8)
    try:
        with (
            PgenReader(bytes(pgen), allele_idx_offsets=offsets) as reader,
            bed.open("wb") as file,
        ):
            file.write(BED_HEADER)
            for start in range(0, len(variants), rows):
                stop = min(start + rows, len(variants))
                reader.read_range(start, stop, dosages[: stop - start])
                file.write(pack(dosages[: stop - start][biallelic[start:stop]]).tobytes())
    except RuntimeError as error:
        told = error.args[0]  # bytes, or text
        reason = (told.decode() if isinstance(told, bytes) else told).strip().rstrip(".")
        raise InputError(f"{pgen} cannot be read ({reason}): {_TOGETHER}") from error
    bim = variants[biallelic]
    bim.insert(2, "cm", "0")
    for table, ending in ((bim, ".bim"), (samples, ".fam")):
        table.to_csv(
            bed.with_suffix(ending), sep="\t", header=False, index=False, quoting=csv.QUOTE_NONE
        )
    return variants.variant_id[~biallelic]
