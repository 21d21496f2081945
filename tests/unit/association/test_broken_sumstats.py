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
    column,
    empty,
    holds,
    line,
    renamed,
    see,
    text_of,
    zipped,
)

from snpgen.association.external_ranking import harmonise
from snpgen.association.external_sumstats import (
    check_external_build,
    peek_external_sumstats,
    read_external_sumstats,
)
from snpgen.association.selection import read_lists
from snpgen.io.plink import open_fileset
from snpgen.messages import InputError

FORMATS_NEEDED = (
    "give GWAS-SSF (chromosome, base_pair_location, effect_allele, other_allele and p_value or "
    "neg_log_10_p_value), PLINK 2 (#CHROM, POS, REF, ALT, A1 and P or LOG10_P), REGENIE (CHROM, "
    "GENPOS, ALLELE0, ALLELE1 and LOG10P) or SAIGE (CHR, POS, Allele1, Allele2 and p.value)"
)
FIT_NONE = "which fit no known format: " + FORMATS_NEEDED
STUDY_COLUMNS = (
    "chromosome, variant_id, base_pair_location, effect_allele, other_allele, "
    "effect_allele_frequency, beta, standard_error, ..."
)


STUDY: dict[str, tuple[str, Change, str]] = {
    "id of no variant": (
        "include.txt",
        holds("rs3\nrs999\n"),
        (
            "include.txt, line 2: variant rs999 is not in the genotype files: correct the id, one a line "
            "and as in the .bim, or take it out"
        ),
    ),
    "list with a header": (
        "include.txt",
        text_of(lambda text: "SNP\n" + text),
        (
            "include.txt, line 1: variant SNP is not in the genotype files: correct the id, one a line "
            "and as in the .bim, or take it out"
        ),
    ),
    "ids on one line": (
        "include.txt",
        holds("rs3 rs5\n"),
        (
            "include.txt, line 1: variant rs3 rs5 is not in the genotype files: correct the id, one a "
            "line and as in the .bim, or take it out"
        ),
    ),
    "list of positions": (
        "include.txt",
        holds("1:3000\n"),
        (
            "include.txt, line 1: variant 1:3000 is not in the genotype files: correct the id, one a line "
            "and as in the .bim, or take it out"
        ),
    ),
    "id on both lists": (
        "exclude.txt",
        holds("rs7\nrs5\n"),
        "variant rs5 stands in the files of both panel.include and panel.exclude: take it out of one",
    ),
    "empty list": (
        "include.txt",
        empty,
        "include.txt is empty: give ids of variants, one a line",
    ),
    "gzipped list": ("include.txt", zipped, "include.txt is gzipped: unpack it with gunzip"),
    "no p": (
        "study.tsv",
        renamed("p_value", "pval"),
        f"study.tsv has the columns {STUDY_COLUMNS}, {FIT_NONE}",
    ),
    "no alleles": (
        "study.tsv",
        renamed("effect_allele\tother_allele", "a1\ta2"),
        (
            f"study.tsv has the columns {STUDY_COLUMNS.replace('effect_allele, other_allele', 'a1, a2')}, "
            f"{FIT_NONE}"
        ),
    ),
    "two columns of p": (
        "study.tsv",
        renamed("standard_error", "p_value"),
        "study.tsv: two columns are named p_value: rename one or take it out",
    ),
    "p above 1": (
        "study.tsv",
        cell(4, 9, "1.5"),
        (
            "study.tsv, line 4: p_value is 1.5, not a number from 0 to 1: correct it or leave the line "
            "out"
        ),
    ),
    "negative p": (
        "study.tsv",
        cell(4, 9, "-0.2"),
        (
            "study.tsv, line 4: p_value is -0.2, not a number from 0 to 1: correct it or leave the line "
            "out"
        ),
    ),
    "p as text": (
        "study.tsv",
        cell(4, 9, "<1e-8"),
        (
            "study.tsv, line 4: p_value is <1e-8, not a number from 0 to 1: correct it or leave the line "
            "out"
        ),
    ),
    "p under the name of its logarithm": (
        "study.tsv",
        renamed("p_value", "neg_log_10_p_value"),
        (
            "study.tsv: none of neg_log_10_p_value is above 1, as p-values are, and not their negative "
            "logarithms: take these, or name the column as the format names p"
        ),
    ),
    "logarithm under the name of p": (
        "study.tsv",
        column("p_value", lambda value: f"{-np.log10(float(value)) + 1:.3f}"),
        (
            "study.tsv, line 2: p_value is 3.398, not a number from 0 to 1: correct it or leave the line "
            "out"
        ),
    ),
    "odds ratios under the name of effects": (
        "study.tsv",
        column("beta", lambda value: f"{np.exp(float(value)):.4f}"),
        (
            "study.tsv: all of beta are above 0 and most of them near 1, as odds ratios are: name the "
            "column as the format names those, or take their logarithms"
        ),
    ),
    "effects under the name of odds ratios": (
        "study.tsv",
        renamed("beta", "odds_ratio"),
        (
            "study.tsv, line 3: odds_ratio is -0.02, not a number from 0 to inf: correct it or leave the "
            "line out"
        ),
    ),
    "negative standard error": (
        "study.tsv",
        cell(3, 8, "-0.05"),
        (
            "study.tsv, line 3: standard_error is -0.05, not a number from 0 to inf: correct it or leave "
            "the line out"
        ),
    ),
    "frequency in per cent": (
        "study.tsv",
        cell(3, 6, "32.1"),
        (
            "study.tsv, line 3: effect_allele_frequency is 32.1, not a number from 0 to 1: correct it or "
            "leave the line out"
        ),
    ),
    "position as text": (
        "study.tsv",
        cell(3, 3, "1:2000"),
        (
            "study.tsv, line 3: base_pair_location is 1:2000, not a number from 0 to 1e+10: correct it or "
            "leave the line out"
        ),
    ),
    "the other build": (
        "study.tsv",
        line(2, lambda text: text.replace("rs1\t1000", "rs6025\t169519049")),
        (
            "study.tsv: variant rs6025 at 1:169519049 shows that it is on GRCh37, not GRCh38: lift it "
            "over to the build of the cohort"
        ),
    ),
    "positions of the other build": (
        "study.tsv",
        column("base_pair_location", lambda value: str(int(value) + 123)),
        (
            "study.tsv holds only 0 of our 250 variants, which is too few to rank by: check "
            "panel.sumstats_build, that chromosomes are named 1 to 22, and that the file is of the whole "
            "genome and not cut at a p-value"
        ),
    ),
    "top hits alone": (
        "study.tsv",
        text_of(lambda text: "\n".join(text.splitlines()[:11])),
        (
            "study.tsv holds only 10 of our 250 variants, which is too few to rank by: check "
            "panel.sumstats_build, that chromosomes are named 1 to 22, and that the file is of the whole "
            "genome and not cut at a p-value"
        ),
    ),
    "header alone": (
        "study.tsv",
        text_of(lambda text: text.partition("\n")[0] + "\n"),
        "study.tsv has no row: give the whole scan",
    ),
    "comments alone": (
        "study.tsv",
        holds("##fileformat\n"),
        "study.tsv is empty: give summary statistics with a header",
    ),
    "empty study": ("study.tsv", empty, "study.tsv is empty: correct panel.sumstats"),
    "workbook of a study": (
        "study.tsv",
        bytes_of(lambda content: b"PK\x03\x04" + content),
        "study.tsv is an Excel workbook or a zip archive: save it as tab-separated text",
    ),
    "truncated gzip": (
        "study.tsv",
        bytes_of(lambda content: gzip.compress(content)[:-500]),
        (
            "study.tsv cannot be read (Compressed file ended before the end-of-stream marker was reached): "
            "write or copy it again"
        ),
    ),
}


def check_panel(folder: Path) -> None:
    """What check_panel.py does, and harmonise_sumstats.py after it."""
    variants = open_fileset(str(folder / "set"), ["1"]).variants
    read_lists(str(folder / "include.txt"), str(folder / "exclude.txt"), variants)
    path = str(folder / "study.tsv")
    check_external_build(peek_external_sumstats(path, MARKERS), MARKERS, "GRCh38")
    harmonise(
        read_external_sumstats(path, variants, MARKERS),
        variants.assign(effect_allele_frequency=0.25, beta=0.0),
    )


@pytest.mark.parametrize("name", STUDY)
def test_study_or_list_that_is_broken(name: str, folder: Path) -> None:
    file, change, sentence = STUDY[name]
    change(folder / file)
    see(InputError, folder, sentence, lambda: check_panel(folder))


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
def test_unusual_study_is_read_as_the_usual_one(change: Change, valid: Path, folder: Path) -> None:
    change(folder / "study.tsv")
    variants = open_fileset(str(valid / "set"), ["1"]).variants
    ours, usual = (
        read_external_sumstats(str(place / "study.tsv"), variants, MARKERS)
        for place in (folder, valid)
    )
    pd.testing.assert_frame_equal(ours.table, usual.table)
    assert len(usual.table) == N_VARIANTS


# The configuration, which is looked at before any job starts.
