"""Broken PLINK 1 filesets are refused with a code and a place; unusual ones are read."""

from pathlib import Path

import pandas as pd
import pytest
from broken_input import (
    Change,
    bytes_of,
    cell,
    columns,
    empty,
    folder_of_that_name,
    gone,
    holds,
    see,
    text_of,
    zipped,
)

from snpgen.io.plink import Fileset, open_fileset
from snpgen.messages import InputError

MAKE_BED = "write the fileset again with plink --make-bed"
TOGETHER = "copy it again together with its .bim and .fam"


def open_set(folder: Path) -> Fileset:
    return open_fileset(str(folder / "set"), ["1", "2"])


BROKEN: dict[str, tuple[str, Change, str]] = {
    ".fam of five columns": (
        "set.fam",
        columns(5),
        f"set.fam, line 1: 5 columns where a .fam has 6: {MAKE_BED}",
    ),
    ".fam with a header": (
        "set.fam",
        text_of(lambda text: "FID\tIID\tPAT\tMAT\tSEX\tPHENO\n" + text),
        "set.fam, line 1: a header, which a .fam does not have: take it out",
    ),
    ".fam separated by commas": (
        "set.fam",
        text_of(lambda text: text.replace("\t", ",")),
        f"set.fam, line 1: 1 columns where a .fam has 6: {MAKE_BED}",
    ),
    "id with a space in the .fam": (
        "set.fam",
        cell(7, 2, "John Smith"),
        f"set.fam, line 7: 7 columns where a .fam has 6: {MAKE_BED}",
    ),
    "person twice in the .fam": (
        "set.fam",
        cell(9, 2, "0001"),
        (
            "set.fam, line 9: sample id 0001 stands twice: SNPgen matches people by IID, so make the "
            "IIDs unique"
        ),
    ),
    "empty .fam": (
        "set.fam",
        empty,
        "set.fam is empty: give the path of a PLINK fileset without .bed",
    ),
    ".fam of blank lines": (
        "set.fam",
        holds("\n\n"),
        "set.fam has no line: copy it again together with the rest of its fileset",
    ),
    "gzipped .fam": ("set.fam", zipped, "set.fam is gzipped: unpack it with gunzip"),
    ".fam in Latin 1": (
        "set.fam",
        bytes_of(lambda content: content.replace(b"0005", b"J\xfcrgen")),
        "set.fam, line 5: bytes that are not UTF-8 text: save the file as UTF-8",
    ),
    "zero bytes at the end of a .fam": (
        "set.fam",
        bytes_of(lambda content: content[:-4] + bytes(4)),
        "set.fam, line 121: a zero byte, which no text has: write or copy the file again",
    ),
    "no .fam": (
        "set.fam",
        gone,
        "set.fam does not exist: give the path of a PLINK fileset without .bed",
    ),
    ".fam of fewer people": (
        "set.fam",
        text_of(lambda text: "".join(text.splitlines(keepends=True)[:100])),
        f"set.bed is too long: 7753 bytes where 100 samples and 250 variants need 6253: {TOGETHER}",
    ),
    ".bed of three people more": (
        "set.bed",
        bytes_of(lambda content: content[:3] + bytes(byte | 0xFC for byte in content[3:])),
        f"set.bed is of more people than the 121 of its .fam: {TOGETHER}",
    ),
    ".bed of many people more": (
        "set.bed",
        bytes_of(lambda content: content + bytes(250)),
        f"set.bed is too long: 8003 bytes where 121 samples and 250 variants need 7753: {TOGETHER}",
    ),
    "truncated .bed": (
        "set.bed",
        bytes_of(lambda content: content[:-10]),
        f"set.bed is truncated: 7743 bytes where 121 samples and 250 variants need 7753: {TOGETHER}",
    ),
    ".bed in sample-major order": (
        "set.bed",
        bytes_of(lambda content: b"\x6c\x1b\x00" + content[3:]),
        "set.bed is in sample-major order, which PLINK gave up: write it again with plink --make-bed",
    ),
    ".pgen in place of the .bed": (
        "set.bed",
        bytes_of(lambda content: b"\x6c\x1b\x10" + content[3:]),
        "set.bed is not a PLINK 1 .bed file: write it with plink2 --make-bed",
    ),
    "text in place of the .bed": (
        "set.bed",
        holds("genotypes\n"),
        "set.bed is not a PLINK 1 .bed file: its first two bytes are not 6c 1b",
    ),
    "empty .bed": (
        "set.bed",
        empty,
        "set.bed is empty: .bed, .bim and .fam must stand together",
    ),
    "gzipped .bed": ("set.bed", zipped, "set.bed is gzipped: unpack it with gunzip"),
    "folder in place of the .bed": (
        "set.bed",
        folder_of_that_name,
        "set.bed is a folder, not a file: .bed, .bim and .fam must stand together",
    ),
    ".bim of five columns": (
        "set.bim",
        columns(5),
        f"set.bim, line 1: 5 columns where a .bim has 6: {MAKE_BED}",
    ),
    ".bim with a header": (
        "set.bim",
        text_of(lambda text: "CHR\tSNP\tCM\tBP\tA1\tA2\n" + text),
        (
            "set.bim, line 1: position BP is not a whole number of base pairs: correct it or leave the "
            "variant out"
        ),
    ),
    "blank line before a wrong position": (
        "set.bim",
        text_of(lambda text: "\n" + text.replace("\t3000\t", "\t3e3\t")),
        (
            "set.bim, line 4: position 3e3 is not a whole number of base pairs: correct it or leave the "
            "variant out"
        ),
    ),
    "position with a decimal point": (
        "set.bim",
        cell(2, 4, "2000.0"),
        (
            "set.bim, line 2: position 2000.0 is not a whole number of base pairs: correct it or leave "
            "the variant out"
        ),
    ),
    "same allele twice": (
        "set.bim",
        cell(12, 5, "G"),
        (
            "set.bim, line 12: both alleles of variant rs12 are G: correct the file or leave the "
            "variant out"
        ),
    ),
    "variant doubled in the .bim": (
        "set.bim",
        text_of(lambda text: text + text.splitlines()[0] + "\n"),
        f"set.bed is truncated: 7753 bytes where 121 samples and 251 variants need 7784: {TOGETHER}",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_fileset(name: str, folder: Path) -> None:
    file, change, sentence = BROKEN[name]
    change(folder / file)
    see(InputError, folder, sentence, lambda: open_set(folder))


UNUSUAL: dict[str, tuple[str, Change]] = {
    "Windows line ends in the .fam": ("set.fam", text_of(lambda text: text.replace("\n", "\r\n"))),
    "Windows line ends in the .bim": ("set.bim", text_of(lambda text: text.replace("\n", "\r\n"))),
    "byte order mark in the .fam": ("set.fam", bytes_of(lambda content: b"\xef\xbb\xbf" + content)),
    "byte order mark in the .bim": ("set.bim", bytes_of(lambda content: b"\xef\xbb\xbf" + content)),
    "spaces for tabs in the .bim": ("set.bim", text_of(lambda text: text.replace("\t", "  "))),
    "chr1": ("set.bim", text_of(lambda text: "\n".join("chr" + row for row in text.splitlines()))),
    "Chr01": (
        "set.bim",
        text_of(lambda text: "\n".join("Chr0" + row for row in text.splitlines())),
    ),
    "lower case alleles": ("set.bim", text_of(lambda text: text.replace("\tA\t", "\ta\t"))),
    "insertions and deletions as I and D": (
        "set.bim",
        text_of(lambda text: text.replace("\tA\tG\n", "\tI\tD\n")),
    ),
    "missing alleles": ("set.bim", cell(6, 5, "0")),
    "both alleles missing": ("set.bim", text_of(lambda text: text.replace("\tA\tG\n", "\t.\t.\n"))),
}


@pytest.mark.parametrize("name", UNUSUAL)
def test_unusual_fileset(name: str, valid: Path, folder: Path) -> None:
    file, change = UNUSUAL[name]
    change(folder / file)
    fileset, usual = open_set(folder), open_set(valid)
    pd.testing.assert_frame_equal(fileset.samples, usual.samples)
    same = ["chromosome", "variant_id", "position"]
    pd.testing.assert_frame_equal(fileset.variants[same], usual.variants[same])


@pytest.mark.parametrize(
    "change",
    [
        cell(3, 2, "rs2"),
        cell(3, 4, "2000"),
        text_of(lambda text: "\n".join(text.split("\n")[::-1])),
    ],
    ids=["duplicate ID", "duplicate position", "descending positions"],
)
def test_bim_is_read_in_its_own_order(change: Change, folder: Path) -> None:
    change(folder / "set.bim")
    rows = [row.split("\t") for row in (folder / "set.bim").read_text().splitlines() if row]
    variants = open_set(folder).variants
    assert variants.variant_id.tolist() == [row[1] for row in rows]
    assert variants.position.tolist() == [int(row[3]) for row in rows]
