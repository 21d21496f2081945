"""Genotypes that fail quality control, and broken kinship tables and INFO tables are refused with a code and a place."""

from pathlib import Path

import pandas as pd
import pytest
from broken_input import (
    MARKERS,
    N_PEOPLE,
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

from snpgen.cohort.qc import check_info, check_kinship, check_samples, rows_on
from snpgen.genetics.builds import check_build, check_positions
from snpgen.genetics.kinship import read_kinship
from snpgen.io.plink import open_fileset
from snpgen.io.sumstats import read_info
from snpgen.messages import InputError


def check_cohort(folder: Path, build: str = "GRCh38") -> tuple[pd.DataFrame, pd.DataFrame]:
    """What check_cohort.py does."""
    fileset = open_fileset(str(folder / "set"), ["1", "2"])
    rows = rows_on(fileset, ["1", "2"])
    check_build(fileset.variants.iloc[rows], MARKERS, build)
    check_positions(fileset, rows, build)
    path = str(folder / "related.tsv")
    check_kinship(read_kinship(path), fileset.samples, path)
    path = str(folder / "info.tsv")
    check_info(read_info(path), fileset.variants, path)
    return check_samples(fileset, rows, 0.95, threads=1)


COHORT: dict[str, tuple[str, Change, str]] = {
    ".fam of one person more, whom the .bed has not": (
        "set.fam",
        text_of(lambda text: text + "F\t0122\t0\t0\t1\t-9\n"),
        (
            "set.bed: 0122 is homozygous for A1 at every variant, as people are whom the .bed does not "
            "hold: copy .bed, .bim and .fam again together"
        ),
    ),
    "position 0": (
        "set.bim",
        cell(4, 4, "0"),
        (
            "set.bim: variant rs4 is at position 0 of chromosome 1: give its position or leave the "
            "variant out"
        ),
    ),
    "negative position": (
        "set.bim",
        cell(130, 4, "-130000"),
        (
            "set.bim: variant rs130 is at position -130000 of chromosome 2: give its position or leave "
            "the variant out"
        ),
    ),
    "position beyond the chromosome": (
        "set.bim",
        cell(150, 4, "300000000"),
        (
            "variant rs150 at 2:300000000 lies beyond the end of the chromosome on GRCh38: correct "
            "cohort.build (other switches this check off)"
        ),
    ),
    "genotypes on the other build": (
        "set.bim",
        line(1, lambda text: "1\trs6025\t0\t169519049\tA\tG"),
        (
            "variant rs6025 at position 169519049 shows that the genotypes are on GRCh37, not GRCh38: "
            "correct cohort.build, or lift the genotypes over"
        ),
    ),
    "chromosomes named as at NCBI": (
        "set.bim",
        text_of(lambda text: text.replace("1\trs", "NC_000001.11\trs")),
        (
            "set.bim: no variant on chromosome 1, but on NC_000001.11, 2: correct cohort.chromosomes, or "
            "give the files that hold it"
        ),
    ),
    "chromosome X alone": (
        "set.bim",
        text_of(lambda text: text.replace("1\trs", "X\trs").replace("2\trs", "MT\trs")),
        (
            "set.bim: no variant on chromosome 1, but on X, MT: correct cohort.chromosomes, or give the "
            "files that hold it"
        ),
    ),
    "nobody is called": (
        "set.bed",
        bytes_of(lambda content: content[:3] + (b"\x55" * 30 + b"\x01") * N_VARIANTS),
        (
            "nobody in set.fam has a call rate of 0.95; the best has 0.000: lower "
            "cohort.min_sample_call_rate, or look at the genotypes"
        ),
    ),
    "kinship of people unknown": (
        "related.tsv",
        text_of(lambda text: text.replace("\t000", "\tF_000").replace("\n000", "\nF_000")),
        (
            "related.tsv: nobody of the kinship table (F_0001, F_0003) is among the genotyped people "
            "(0001, 0002, 0003): make the ids of both the same, or give the header alone "
            "where nobody is related"
        ),
    ),
    "relatedness for kinship": (
        "related.tsv",
        cell(2, 3, "0.98"),
        (
            "related.tsv, line 2: kinship 0.98 is above 0.5, that of a person with herself: halve the "
            "values if they are of relatedness (PI_HAT), or correct them"
        ),
    ),
    "kinship that is no number": (
        "related.tsv",
        cell(3, 3, "cousins"),
        "related.tsv, line 3: kinship cousins is not a number: correct it or leave the pair out",
    ),
    "kinship with a comma in it": (
        "related.tsv",
        cell(3, 3, "0,125"),
        "related.tsv, line 3: kinship 0,125 is not a number: correct it or leave the pair out",
    ),
    "kinship table without a header": (
        "related.tsv",
        text_of(lambda text: text.partition("\n")[2]),
        (
            "related.tsv has the columns 0001, 0002, 0.25: a kinship table needs ID1, ID2 and Kinship "
            "(or IID1, IID2, KINSHIP)"
        ),
    ),
    "table of PLINK --genome for kinship": (
        "related.tsv",
        renamed("Kinship", "PI_HAT"),
        (
            "related.tsv has the columns ID1, ID2, PI_HAT: a kinship table needs ID1, ID2 and Kinship "
            "(or IID1, IID2, KINSHIP)"
        ),
    ),
    "kinship table with a short line": (
        "related.tsv",
        holds("ID1 ID2 Kinship\n0001 0002 0.25\n0003 0.125\n"),
        "related.tsv, line 3: fewer values than the header has names: write NA where one is missing",
    ),
    "empty kinship table": (
        "related.tsv",
        empty,
        "related.tsv is empty: give a table with a header",
    ),
    "quality that is text": (
        "info.tsv",
        cell(5, 2, "good"),
        "info.tsv, line 5: INFO of rs4 is good, not a number from 0 to 1: correct it, or write NA",
    ),
    "quality in per cent": (
        "info.tsv",
        column("INFO", lambda value: f"{100 * float(value):.0f}"),
        "info.tsv, line 2: INFO of rs1 is 50, not a number from 0 to 1: correct it, or write NA",
    ),
    "quality of other variants": (
        "info.tsv",
        column("variant_id", lambda value: f"1:{value}:A:G"),
        (
            "info.tsv: none of its variants (1:rs100:A:G, 1:rs101:A:G, 1:rs102:A:G) is in the genotype "
            "files (rs1, rs2, rs3): make the ids of both the same"
        ),
    ),
    "quality without a column of it": (
        "info.tsv",
        renamed("INFO", "quality"),
        (
            "info.tsv has the columns variant_id, quality: cohort.info needs one of variant ids "
            "(variant_id, ID or SNP) and one of INFO or R2"
        ),
    ),
    "gzipped quality": ("info.tsv", zipped, "info.tsv is gzipped: unpack it with gunzip"),
}


@pytest.mark.parametrize("name", COHORT)
def test_cohort_that_is_broken(name: str, folder: Path) -> None:
    file, change, sentence = COHORT[name]
    change(folder / file)
    see(InputError, folder, sentence, lambda: check_cohort(folder))


UNUSUAL: dict[str, tuple[str, Change]] = {
    "kinship with Windows line ends": (
        "related.tsv",
        text_of(lambda text: text.replace("\n", "\r\n")),
    ),
    "kinship in a CSV": ("related.tsv", text_of(lambda text: text.replace("\t", ","))),
    "kinship without pairs": ("related.tsv", holds("ID1 ID2 Kinship\n")),
    "quality not known": ("info.tsv", cell(3, 2, "NA")),
}


@pytest.mark.parametrize("name", UNUSUAL)
def test_unusual_cohort_is_read_as_the_usual_one(name: str, valid: Path, folder: Path) -> None:
    file, change = UNUSUAL[name]
    change(folder / file)
    for ours, usual in zip(check_cohort(folder), check_cohort(valid), strict=True):
        pd.testing.assert_frame_equal(ours, usual)


def test_maps_of_other_species_may_begin_at_0(folder: Path) -> None:
    cell(1, 4, "0")(folder / "set.bim")
    check_cohort(folder, "other")
    cell(1, 4, "-5")(folder / "set.bim")
    with pytest.raises(InputError, match="variant rs1 is at position -5 of chromosome 1"):
        check_cohort(folder, "other")


def test_variants_elsewhere_may_have_no_position(folder: Path) -> None:
    line(3, lambda text: text.replace("1\t", "0\t", 1).replace("\t3000\t", "\t0\t"))(
        folder / "set.bim"
    )
    individuals, funnel = check_cohort(folder)
    assert len(individuals) == N_PEOPLE and funnel.kept.iloc[-1] == N_VARIANTS - 1


# Phenotypes and covariates, which check_phenotype looks at.
