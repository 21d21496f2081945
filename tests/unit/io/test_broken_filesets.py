"""Broken PLINK 1 filesets are refused with a code and a place; unusual ones are read."""

from pathlib import Path

import pandas as pd
import pytest
from broken_input import (
    Change,
    bytes_of,
    cell,
    check_refusal,
    columns,
    empty,
    folder_of_that_name,
    gone,
    holds,
    prefixed,
    replaced,
    shortened,
    text_of,
    zipped,
)

from snpgen.io.plink import Fileset, open_fileset
from snpgen.messages import Code

MALFORMED = Code.MALFORMED_FILESET
MISMATCH = Code.FILESET_MISMATCH
INVALID = Code.INVALID_VARIANT


def open_set(folder: Path) -> Fileset:
    return open_fileset(str(folder / "set"), ["1", "2"])


BROKEN: dict[str, tuple[str, Change, Code, dict]] = {
    ".fam of five columns": ("set.fam", columns(5), MALFORMED, {"line": 1}),
    ".fam with a header": (
        "set.fam",
        prefixed("FID\tIID\tPAT\tMAT\tSEX\tPHENO\n"),
        MALFORMED,
        {"line": 1},
    ),
    ".fam separated by commas": ("set.fam", replaced("\t", ","), MALFORMED, {"line": 1}),
    "id with a space in the .fam": ("set.fam", cell(7, 2, "John Smith"), MALFORMED, {"line": 7}),
    "sample twice in the .fam": (
        "set.fam",
        cell(9, 2, "0001"),
        Code.DUPLICATE_SAMPLE,
        {"line": 9, "sample": "0001"},
    ),
    "short line in the .fam": ("set.fam", shortened(3), MALFORMED, {"line": 3}),
    "short line in the .bim": ("set.bim", shortened(3), MALFORMED, {"line": 3}),
    "empty .fam": ("set.fam", empty, Code.EMPTY_FILE, {}),
    ".fam of blank lines": ("set.fam", holds("\n\n"), Code.EMPTY_FILE, {}),
    "gzipped .fam": ("set.fam", zipped, Code.COMPRESSED_FILE, {}),
    ".fam in Latin 1": (
        "set.fam",
        bytes_of(lambda content: content.replace(b"0005", b"J\xfcrgen")),
        Code.NOT_UTF8,
        {"line": 5},
    ),
    "null bytes at the end of a .fam": (
        "set.fam",
        bytes_of(lambda content: content[:-4] + bytes(4)),
        Code.DAMAGED_FILE,
        {"line": 121},
    ),
    "missing .fam": ("set.fam", gone, Code.UNREADABLE_FILE, {}),
    ".fam of fewer samples": (
        "set.fam",
        text_of(lambda text: "".join(text.splitlines(keepends=True)[:100])),
        MISMATCH,
        {"file": "set.bed"},
    ),
    ".bed of three samples more": (
        "set.bed",
        bytes_of(lambda content: content[:3] + bytes(byte | 0xFC for byte in content[3:])),
        MISMATCH,
        {},
    ),
    ".bed of many samples more": (
        "set.bed",
        bytes_of(lambda content: content + bytes(250)),
        MISMATCH,
        {},
    ),
    "truncated .bed": ("set.bed", bytes_of(lambda content: content[:-10]), MISMATCH, {}),
    ".bed in sample-major format": (
        "set.bed",
        bytes_of(lambda content: b"\x6c\x1b\x00" + content[3:]),
        Code.SAMPLE_MAJOR,
        {},
    ),
    ".pgen in place of the .bed": (
        "set.bed",
        bytes_of(lambda content: b"\x6c\x1b\x10" + content[3:]),
        Code.NOT_PLINK,
        {},
    ),
    "text in place of the .bed": ("set.bed", holds("genotypes\n"), Code.NOT_PLINK, {}),
    "empty .bed": ("set.bed", empty, Code.EMPTY_FILE, {}),
    "gzipped .bed": ("set.bed", zipped, Code.COMPRESSED_FILE, {}),
    "folder in place of the .bed": ("set.bed", folder_of_that_name, Code.UNREADABLE_FILE, {}),
    ".bim of five columns": ("set.bim", columns(5), MALFORMED, {"line": 1}),
    ".bim with a header": ("set.bim", prefixed("CHR\tSNP\tCM\tBP\tA1\tA2\n"), INVALID, {"line": 1}),
    "blank line before a wrong position": (
        "set.bim",
        text_of(lambda text: "\n" + text.replace("\t3000\t", "\t3e3\t")),
        INVALID,
        {"line": 4, "variant": "rs3"},
    ),
    "position with a decimal point": (
        "set.bim",
        cell(2, 4, "2000.0"),
        INVALID,
        {"line": 2, "variant": "rs2"},
    ),
    "same allele twice": ("set.bim", cell(12, 5, "G"), INVALID, {"line": 12, "variant": "rs12"}),
    "variant twice in the .bim": (
        "set.bim",
        text_of(lambda text: text + text.splitlines()[0] + "\n"),
        MISMATCH,
        {"file": "set.bed"},
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_fileset(name: str, folder: Path) -> None:
    file, change, code, place = BROKEN[name]
    change(folder / file)
    check_refusal(lambda: open_set(folder), code, **{"file": file} | place)


UNUSUAL: dict[str, tuple[str, Change]] = {
    "Windows line ends in the .fam": ("set.fam", replaced("\n", "\r\n")),
    "Windows line ends in the .bim": ("set.bim", replaced("\n", "\r\n")),
    "byte order mark in the .fam": ("set.fam", prefixed("\ufeff")),
    "byte order mark in the .bim": ("set.bim", prefixed("\ufeff")),
    "spaces for tabs in the .bim": ("set.bim", replaced("\t", "  ")),
    "chr1": ("set.bim", text_of(lambda text: "\n".join("chr" + row for row in text.splitlines()))),
    "Chr01": (
        "set.bim",
        text_of(lambda text: "\n".join("Chr0" + row for row in text.splitlines())),
    ),
    "lower case alleles": ("set.bim", replaced("\tA\t", "\ta\t")),
    "insertions and deletions as I and D": ("set.bim", replaced("\tA\tG\n", "\tI\tD\n")),
    "missing alleles": ("set.bim", cell(6, 5, "0")),
    "both alleles missing": ("set.bim", replaced("\tA\tG\n", "\t.\t.\n")),
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
def test_variants_are_read_in_genomic_order(change: Change, folder: Path) -> None:
    change(folder / "set.bim")
    rows = [row.split("\t") for row in (folder / "set.bim").read_text().splitlines() if row]
    rows = sorted(rows, key=lambda row: (int(row[0]), int(row[3]), row[1]))
    variants = open_set(folder).variants
    assert variants.variant_id.tolist() == [row[1] for row in rows]
    assert variants.position.tolist() == [int(row[3]) for row in rows]
