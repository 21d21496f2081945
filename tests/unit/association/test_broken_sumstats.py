"""Broken summary statistics and variant lists are refused with a code and a place."""

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from broken_input import (
    MARKERS,
    N_VARIANTS,
    Change,
    bytes_of,
    cell,
    check_refusal,
    column,
    empty,
    gone,
    holds,
    line,
    renamed,
    text_of,
    zipped,
)

from snpgen.association.external_ranking import harmonise
from snpgen.association.external_sumstats import (
    N_PREVIEW,
    check_external_build,
    read_external_sumstats,
)
from snpgen.association.variant_lists import read_ids, read_lists
from snpgen.io.plink import open_fileset
from snpgen.messages import Code

# What is broken: change, code, line and variant of the error.
LISTS: dict[str, tuple[Change, Code, int | None, str | None]] = {
    "ID of no variant": (holds("rs3\nrs999\n"), Code.UNKNOWN_VARIANT, 2, "rs999"),
    "header": (text_of(lambda text: "SNP\n" + text), Code.UNKNOWN_VARIANT, 1, "SNP"),
    "IDs on one line": (holds("rs3 rs5\n"), Code.UNKNOWN_VARIANT, 1, "rs3 rs5"),
    "blank line before": (holds("rs3\n\nrs5\nrs999\n"), Code.UNKNOWN_VARIANT, 4, "rs999"),
    "positions": (holds("1:3000\n"), Code.UNKNOWN_VARIANT, 1, "1:3000"),
    "capitals": (holds("rs3\n\nrs999\nRS5\n"), Code.UNKNOWN_VARIANT, 4, "RS5"),
    "empty list": (empty, Code.EMPTY_FILE, None, None),
}
MARKER = ("rs1\t1000", "rs6025\t169519049")  # its position on GRCh37
STUDY: dict[str, tuple[Change, Code, int | None]] = {
    "no p-value": (renamed("p_value", "pval"), Code.SUMSTATS_FORMAT, None),
    "no alleles": (
        renamed("effect_allele\tother_allele", "a1\ta2"),
        Code.SUMSTATS_FORMAT,
        None,
    ),
    "two columns of p-values": (renamed("standard_error", "p_value"), Code.DUPLICATE_COLUMN, None),
    "p-value above 1": (cell(4, 9, "1.5"), Code.INVALID_VALUE, 4),
    "negative p-value": (cell(4, 9, "-0.2"), Code.INVALID_VALUE, 4),
    "p-value as text": (cell(4, 9, "<1e-8"), Code.INVALID_VALUE, 4),
    "p-values in the column of -log10 p": (
        renamed("p_value", "neg_log_10_p_value"),
        Code.SUMSTATS_SCALE,
        None,
    ),
    "-log10 p in the column of p-values": (
        column("p_value", lambda value: f"{-np.log10(float(value)) + 1:.3f}"),
        Code.INVALID_VALUE,
        2,
    ),
    "odds ratios in the column of effects": (
        column("beta", lambda value: f"{np.exp(float(value)):.4f}"),
        Code.SUMSTATS_SCALE,
        None,
    ),
    "effects in the column of odds ratios": (renamed("beta", "odds_ratio"), Code.INVALID_VALUE, 3),
    "effect as text": (cell(7, 7, "big"), Code.INVALID_VALUE, 7),
    "negative standard error": (cell(3, 8, "-0.05"), Code.INVALID_VALUE, 3),
    "frequency in per cent": (cell(3, 6, "32.1"), Code.INVALID_VALUE, 3),
    "negative frequency": (cell(250, 6, "-0.1"), Code.INVALID_VALUE, 250),
    "position as text": (cell(3, 3, "1:2000"), Code.INVALID_VALUE, 3),
    "position as text after a blank line": (
        line(3, lambda text: "\n" + text.replace("2000", "x")),
        Code.INVALID_VALUE,
        4,
    ),
    "marker on the other build": (
        line(2, lambda text: text.replace(*MARKER)),
        Code.SUMSTATS_BUILD,
        None,
    ),
    "positions on the other build": (
        column("base_pair_location", lambda value: str(int(value) + 123)),
        Code.SUMSTATS_OVERLAP,
        None,
    ),
    "top hits only": (
        text_of(lambda text: "\n".join(text.splitlines()[:11])),
        Code.SUMSTATS_OVERLAP,
        None,
    ),
    "header only": (
        text_of(lambda text: text.partition("\n")[0] + "\n"),
        Code.EMPTY_FILE,
        None,
    ),
    "comments only": (holds("##fileformat\n"), Code.EMPTY_FILE, None),
    "empty file": (empty, Code.EMPTY_FILE, None),
    "no file": (gone, Code.UNREADABLE_FILE, None),
    "no text": (bytes_of(lambda content: bytes(range(128, 256))), Code.DAMAGED_FILE, None),
    "workbook": (bytes_of(lambda content: b"PK\x03\x04" + content), Code.COMPRESSED_FILE, None),
    "truncated gzip": (
        bytes_of(lambda content: gzip.compress(content)[:-500]),
        Code.DAMAGED_FILE,
        None,
    ),
}


LISTED = pd.DataFrame(
    {
        "chromosome": "1",
        "variant_id": ["rs1", "rs2", "rs2"],
        "position": [100, 200, 300],
        "effect_allele": "A",
        "other_allele": "G",
    }
)


def check_panel(folder: Path) -> None:
    """The checks of check_panel.py and harmonise_sumstats.py."""
    variants = open_fileset(str(folder / "set"), ["1"]).variants
    read_lists(str(folder / "include.txt"), str(folder / "exclude.txt"), variants)
    path = str(folder / "study.tsv")
    preview = read_external_sumstats(path, variants, MARKERS, n_rows_read=N_PREVIEW)
    check_external_build(preview, MARKERS, "GRCh38")
    harmonise(
        read_external_sumstats(path, variants, MARKERS),
        variants.assign(effect_allele_frequency=0.25, beta=0.0),
    )


@pytest.mark.parametrize("name", LISTS)
def test_broken_lists_are_refused(name: str, folder: Path) -> None:
    change, code, line, variant = LISTS[name]
    change(folder / "include.txt")
    check_refusal(lambda: check_panel(folder), code, "include.txt", line, variant=variant)


@pytest.mark.parametrize("name", STUDY)
def test_broken_summary_statistics_are_refused(name: str, folder: Path) -> None:
    change, code, line = STUDY[name]
    change(folder / "study.tsv")
    check_refusal(lambda: check_panel(folder), code, "study.tsv", line)


def test_id_in_both_lists_is_refused(folder: Path) -> None:
    (folder / "exclude.txt").write_text("rs7\nrs5\n")
    key = "panel.include"
    check_refusal(lambda: check_panel(folder), Code.PANEL_LISTS, key=key, variant="rs5")


@pytest.mark.parametrize(
    "change",
    [
        text_of(lambda text: text.replace("\n", "\r\n")),
        bytes_of(lambda content: b"\xef\xbb\xbf" + content),
        column("chromosome", lambda value: f"CHR0{value}"),
        zipped,
    ],
    ids=["Windows line ends", "byte order mark", "CHR01", "gzipped"],
)
def test_unusual_format_is_read_as_the_usual_one(change: Change, valid: Path, folder: Path) -> None:
    change(folder / "study.tsv")
    variants = open_fileset(str(valid / "set"), ["1"]).variants
    unusual, usual = (
        read_external_sumstats(str(place / "study.tsv"), variants, MARKERS)
        for place in (folder, valid)
    )
    pd.testing.assert_frame_equal(unusual.table, usual.table)
    assert len(usual.table) == N_VARIANTS


@pytest.mark.parametrize(
    ("names", "line", "word"),
    [
        (["1:100:A:G", "1_200_A_G"], 2, "1:200:A:G"),
        (["1_100_A_G", "1:200:A:G"], 1, "1:100:A:G"),
        (["chr1-100-A-G"], 1, "capitals or separators"),
        (["1:100"], 1, "only the IDs in the genotype files contain alleles"),
        (["1:100:A:G", "1:200"], 2, "1 of the 2 IDs"),
    ],
)
def test_other_notations_in_lists_are_named(
    names: list[str], line: int, word: str, tmp_path
) -> None:
    path = tmp_path / "list.txt"
    path.write_text("\n".join(names) + "\n")
    table = LISTED.assign(variant_id=["x", "1:100:A:G", "1:200:A:G"], chromosome="7")
    call = lambda: read_ids(str(path), table)
    name = names[line - 1]
    error = check_refusal(call, Code.UNKNOWN_VARIANT, "list.txt", line, variant=name)
    assert word in error.what and name in error.what


def test_an_id_of_several_variants_is_named(tmp_path, caplog) -> None:
    """The second variant is meant, but its ID is also that of the third."""
    path = tmp_path / "list.txt"
    path.write_text("rs1\n1:200:G:A\n")
    assert read_ids(str(path), LISTED) == ["rs1", "rs2"]
    assert "list.txt: 1 IDs belong to several variants (such as rs2)" in caplog.text
