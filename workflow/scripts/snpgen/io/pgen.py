"""Conversion of PLINK 2 filesets (`.pgen`, `.pvar`, `.psam`) to PLINK 1: hard calls only.

ALT is A1, the allele that a dosage counts, and REF is A2, as in `plink2 --make-bed`.
"""

import csv
from pathlib import Path

import numpy as np
import pandas as pd
from numba import njit
from pgenlib import PgenReader

from snpgen.io.files import check_file, check_text, check_uncompressed
from snpgen.io.headers import WHITESPACE, read_header
from snpgen.io.plink import BED_HEADER
from snpgen.io.plink_tables import (
    SAMPLE_COLUMNS,
    VARIANT_COLUMNS,
    check_iids,
    parse_variants,
    read_fields,
)
from snpgen.io.samples import identify, plain_iids
from snpgen.io.tables import refuse_damage
from snpgen.messages import Code, InputError

_ONE_FOLDER = "Keep .pgen, .pvar and .psam in one folder under one name"
_MAKE_PGEN = "Write the fileset again with plink2 --make-pgen"
_TOGETHER = "Copy the .pgen, .pvar and .psam files again, all three from the same source"
_MAGIC = b"\x6c\x1b"
_BED_MODE, _LAST_MODE = 0x01, 0x11  # third byte of a .bed; largest third byte of a .pgen
_VARIANT_NAMES = {"CHROM": "chromosome", "ID": "variant_id", "POS": "position"}
_VARIANT_NAMES |= {"ALT": "effect_allele", "REF": "other_allele"}
_SEXES = {"1": "1", "M": "1", "m": "1", "2": "2", "F": "2", "f": "2"}  # all others are unknown
_PSAM_COLUMNS = {"FID", "IID", "SID", "PAT", "MAT", "SEX"}  # all others are phenotypes
_NO_PHENOTYPE = ["NA", "nan", "NaN", "none", "NONE"]
_BLOCK = 1 << 26  # genotypes in memory at a time, one byte each


def read_psam(path: Path) -> pd.DataFrame:
    """Samples of a `.psam` as in a `.fam` (`read_fam`): columns `SAMPLE_COLUMNS`, strings, in file order.

    The phenotype is the first phenotype of the file, or -9 if there is none. Raises `InputError` on a missing
    header, a wrong number of columns or a repeated IID.
    """
    check_text(path, _ONE_FOLDER)
    table = _read_table(path, ["FID", "IID"], None)
    unknown = pd.Series("0", index=table.index)
    samples = pd.DataFrame({"FID": table.get("FID", unknown), "IID": table.IID})
    samples = identify(samples)
    check_iids(path, samples)
    samples["father"], samples["mother"] = table.get("PAT", unknown), table.get("MAT", unknown)
    samples["sex"] = table.get("SEX", unknown).map(_SEXES).fillna("0")
    traits = table.drop(columns=_PSAM_COLUMNS & set(table))
    samples["phenotype"] = (
        traits.iloc[:, 0].replace(_NO_PHENOTYPE, "-9") if len(traits.columns) else "-9"
    )
    return samples[SAMPLE_COLUMNS].reset_index(drop=True)


def read_pvar(path: Path) -> pd.DataFrame:
    """Variants of a `.pvar` or `.pvar.zst`: columns `VARIANT_COLUMNS`, in file order, position as int64.

    `effect_allele` contains all ALT alleles of a multiallelic variant, separated by commas. Raises
    `InputError` as `read_bim` does, and on a missing header or column.
    """
    if path.suffix == ".zst":
        check_file(path, _ONE_FOLDER)
    else:
        check_text(path, _ONE_FOLDER)
    table = _read_table(path, ["CHROM"], list(_VARIANT_NAMES)).rename(columns=_VARIANT_NAMES)
    return parse_variants(path, table[VARIANT_COLUMNS]).reset_index(drop=True)


def _read_table(path: Path, first: list[str], columns: list[str] | None) -> pd.DataFrame:
    """Read a whitespace-separated table; all values are strings, and the index holds line numbers.

    The header begins with "#" and one of `first`; lines above it begin with "##". `columns` names the columns
    to keep (None: all).
    """
    with refuse_damage(path, _MAKE_PGEN):
        header = read_header(path, [WHITESPACE], quoted=False)
        names = header.names
        if not names or names[0] not in [f"#{name}" for name in first]:
            begin = " or ".join(f"#{name}" for name in first)
            raise _wrong_header(path, header.line, f"the header does not begin with {begin}")
        names[0] = names[0].removeprefix("#")
        absent = [name for name in columns or ["IID"] if name not in names]
        if absent:
            raise _wrong_header(path, header.line, f"the header has no column {absent[0]}")
        table = read_fields(path, names, columns, header.line, _MAKE_PGEN)
    if table.empty:
        raise InputError(
            Code.EMPTY_FILE, "the file has no lines below its header", _TOGETHER, file=path
        )
    return table


def _wrong_header(path: Path, line: int, what: str) -> InputError:
    return InputError(Code.MALFORMED_FILESET, what, _MAKE_PGEN, file=path, line=line)


def check_pgen(path: Path, n_samples: int, n_variants: int) -> None:
    """Raise `InputError` unless `path` is a `.pgen` with these numbers of samples and variants."""
    check_file(path, _ONE_FOLDER)
    check_uncompressed(path)
    with path.open("rb") as file:
        head = file.read(11)
    if head[:2] != _MAGIC or len(head) < 11 or head[2] > _LAST_MODE:
        raise InputError(
            Code.NOT_PLINK,
            "the file is not a .pgen, or it keeps its index in a separate .pgi",
            _MAKE_PGEN,
            file=path,
        )
    if head[2] <= _BED_MODE:
        raise InputError(
            Code.NOT_PLINK,
            "the file is a PLINK 1 .bed, not a .pgen",
            "Rename it to .bed, or write the fileset again with plink2 --make-pgen",
            file=path,
        )
    found_variants, found_samples = (int(n) for n in np.frombuffer(head[3:], "<u4"))
    if (found_samples, found_variants) != (n_samples, n_variants):
        raise InputError(
            Code.FILESET_MISMATCH,
            f"the .pgen has {found_samples} samples and {found_variants} variants, but its .psam has "
            f"{n_samples} and its .pvar {n_variants}",
            _TOGETHER,
            file=path,
        )


@njit(nogil=True, cache=True)
def _pack(dosages: np.ndarray) -> np.ndarray:
    """Pack dosages int8 (n_variants, n_samples) as in a `.bed`, uint8 (n_variants, n_bytes).

    Negative numbers are missing calls. The padding of the last byte is zero.
    """
    packed = np.zeros((dosages.shape[0], (dosages.shape[1] + 3) // 4), dtype=np.uint8)
    for i in range(dosages.shape[0]):
        for j in range(dosages.shape[1]):
            dosage = dosages[i, j]
            code = 1 if dosage < 0 else (0 if dosage == 2 else 3 - dosage)
            packed[i, j >> 2] |= code << 2 * (j & 3)
    return packed


def convert_pgen(pgen: Path, variants: pd.DataFrame, samples: pd.DataFrame, bed: Path) -> pd.Series:
    """Write the hard calls of `pgen` to `bed`, with its .bim and .fam, as `plink2 --make-bed` does.

    `variants` and `samples` come from `read_pvar` and `read_psam`. Phase, dosages and multiallelic variants
    are dropped, because a `.bed` cannot store them. Returns the IDs of the multiallelic variants. One block
    of variants is in memory at a time. Raises `InputError` on a damaged `.pgen`.
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
                file.write(_pack(dosages[: stop - start][biallelic[start:stop]]).tobytes())
    except RuntimeError as error:
        text = error.args[0]  # bytes or str
        reason = (text.decode() if isinstance(text, bytes) else text).strip().rstrip(".")
        raise InputError(
            Code.DAMAGED_FILE, f"the genotypes cannot be read ({reason})", _TOGETHER, file=pgen
        ) from error
    bim = variants[biallelic]
    bim.insert(2, "cm", "0")
    fam = samples.assign(IID=plain_iids(samples.IID))
    for table, ending in ((bim, ".bim"), (fam, ".fam")):
        table.to_csv(
            bed.with_suffix(ending), sep="\t", header=False, index=False, quoting=csv.QUOTE_NONE
        )
    return variants.variant_id[~biallelic]
