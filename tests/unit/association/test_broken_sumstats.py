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
    holds,
    line,
    renamed,
    text_of,
    zipped,
)

from snpgen.association.external_ranking import harmonise
from snpgen.association.external_sumstats import (
    check_external_build,
    preview_external_sumstats,
    read_external_sumstats,
)
from snpgen.association.selection import read_lists
from snpgen.io.plink import open_fileset
from snpgen.messages import Code

# What is broken: file, change, code, line, and the variant if the error has one.
BROKEN: dict[str, tuple[str, Change, Code, int | None, str | None]] = {
    "ID of no variant": ("include.txt", holds("rs3\nrs999\n"), Code.UNKNOWN_VARIANT, 2, "rs999"),
    "list with a header": (
        "include.txt",
        text_of(lambda text: "SNP\n" + text),
        Code.UNKNOWN_VARIANT,
        1,
        "SNP",
    ),
    "IDs on one line": ("include.txt", holds("rs3 rs5\n"), Code.UNKNOWN_VARIANT, 1, "rs3 rs5"),
    "list of positions": ("include.txt", holds("1:3000\n"), Code.UNKNOWN_VARIANT, 1, "1:3000"),
    "empty list": ("include.txt", empty, Code.EMPTY_FILE, None, None),
    "gzipped list": ("include.txt", zipped, Code.COMPRESSED_FILE, None, None),
    "no p-value": (
        "study.tsv",
        renamed("p_value", "pval"),
        Code.SUMSTATS_FORMAT,
        None,
        None,
    ),
    "no alleles": (
        "study.tsv",
        renamed("effect_allele\tother_allele", "a1\ta2"),
        Code.SUMSTATS_FORMAT,
        None,
        None,
    ),
    "two columns of p-values": (
        "study.tsv",
        renamed("standard_error", "p_value"),
        Code.DUPLICATE_COLUMN,
        None,
        None,
    ),
    "p-value above 1": ("study.tsv", cell(4, 9, "1.5"), Code.INVALID_VALUE, 4, None),
    "negative p-value": ("study.tsv", cell(4, 9, "-0.2"), Code.INVALID_VALUE, 4, None),
    "p-value as text": ("study.tsv", cell(4, 9, "<1e-8"), Code.INVALID_VALUE, 4, None),
    "p-values in the column of -log10 p": (
        "study.tsv",
        renamed("p_value", "neg_log_10_p_value"),
        Code.SUMSTATS_SCALE,
        None,
        None,
    ),
    "-log10 p in the column of p-values": (
        "study.tsv",
        column("p_value", lambda value: f"{-np.log10(float(value)) + 1:.3f}"),
        Code.INVALID_VALUE,
        2,
        None,
    ),
    "odds ratios in the column of effects": (
        "study.tsv",
        column("beta", lambda value: f"{np.exp(float(value)):.4f}"),
        Code.SUMSTATS_SCALE,
        None,
        None,
    ),
    "effects in the column of odds ratios": (
        "study.tsv",
        renamed("beta", "odds_ratio"),
        Code.INVALID_VALUE,
        3,
        None,
    ),
    "negative standard error": ("study.tsv", cell(3, 8, "-0.05"), Code.INVALID_VALUE, 3, None),
    "frequency in per cent": ("study.tsv", cell(3, 6, "32.1"), Code.INVALID_VALUE, 3, None),
    "position as text": ("study.tsv", cell(3, 3, "1:2000"), Code.INVALID_VALUE, 3, None),
    "marker on the other build": (
        "study.tsv",
        line(2, lambda text: text.replace("rs1\t1000", "rs6025\t169519049")),
        Code.SUMSTATS_BUILD,
        None,
        "rs6025",
    ),
    "positions on the other build": (
        "study.tsv",
        column("base_pair_location", lambda value: str(int(value) + 123)),
        Code.SUMSTATS_OVERLAP,
        None,
        None,
    ),
    "top hits only": (
        "study.tsv",
        text_of(lambda text: "\n".join(text.splitlines()[:11])),
        Code.SUMSTATS_OVERLAP,
        None,
        None,
    ),
    "header only": (
        "study.tsv",
        text_of(lambda text: text.partition("\n")[0] + "\n"),
        Code.EMPTY_FILE,
        None,
        None,
    ),
    "comments only": ("study.tsv", holds("##fileformat\n"), Code.EMPTY_FILE, None, None),
    "empty summary statistics": ("study.tsv", empty, Code.EMPTY_FILE, None, None),
    "workbook": (
        "study.tsv",
        bytes_of(lambda content: b"PK\x03\x04" + content),
        Code.COMPRESSED_FILE,
        None,
        None,
    ),
    "truncated gzip": (
        "study.tsv",
        bytes_of(lambda content: gzip.compress(content)[:-500]),
        Code.DAMAGED_FILE,
        None,
        None,
    ),
}


def check_panel(folder: Path) -> None:
    """The checks of check_panel.py and harmonise_sumstats.py."""
    variants = open_fileset(str(folder / "set"), ["1"]).variants
    read_lists(str(folder / "include.txt"), str(folder / "exclude.txt"), variants)
    path = str(folder / "study.tsv")
    check_external_build(preview_external_sumstats(path, MARKERS), MARKERS, "GRCh38")
    harmonise(
        read_external_sumstats(path, variants, MARKERS),
        variants.assign(effect_allele_frequency=0.25, beta=0.0),
    )


@pytest.mark.parametrize("name", BROKEN)
def test_broken_summary_statistics_and_lists_are_refused(name: str, folder: Path) -> None:
    file, change, code, line, variant = BROKEN[name]
    change(folder / file)
    check_refusal(lambda: check_panel(folder), code, file, line, variant=variant)


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
