"""Broken filesets, kinship tables and INFO tables are refused with a code and a place."""

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
    columns,
    empty,
    folder_of_that_name,
    gone,
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


MAKE_BED = "write the fileset again with plink --make-bed"
TOGETHER = "copy it again together with its .bim and .fam"
COHORT: dict[str, tuple[str, Change, str]] = {
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
    ".fam of one person more, whom the .bed has not": (
        "set.fam",
        text_of(lambda text: text + "F\t0122\t0\t0\t1\t-9\n"),
        (
            "set.bed: 0122 is homozygous for A1 at every variant, as people are whom the .bed does not "
            "hold: copy .bed, .bim and .fam again together"
        ),
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
    "same allele twice": (
        "set.bim",
        cell(12, 5, "G"),
        (
            "set.bim, line 12: both alleles of variant rs12 are G: correct the file or leave the "
            "variant out"
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
    "variant doubled in the .bim": (
        "set.bim",
        text_of(lambda text: text + text.splitlines()[0] + "\n"),
        f"set.bed is truncated: 7753 bytes where 121 samples and 251 variants need 7784: {TOGETHER}",
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
    variants = open_fileset(str(folder / "set"), ["1"]).variants
    usual_variants = open_fileset(str(valid / "set"), ["1"]).variants
    same = ["chromosome", "variant_id", "position"]
    pd.testing.assert_frame_equal(variants[same], usual_variants[same])


@pytest.mark.parametrize(
    "change",
    [
        cell(3, 2, "rs2"),
        cell(3, 4, "2000"),
        text_of(lambda text: "\n".join(text.split("\n")[::-1])),
    ],
    ids=["id twice", "position twice", "out of order"],
)
def test_bim_that_repeats_or_is_out_of_order_is_read_as_it_stands(
    change: Change, valid: Path, folder: Path
) -> None:
    change(folder / "set.bim")
    usual, _ = check_cohort(valid)
    assert check_cohort(folder)[0].IID.tolist() == usual.IID.tolist()
    rows = [row.split("\t") for row in (folder / "set.bim").read_text().splitlines() if row]
    variants = open_fileset(str(folder / "set"), ["1"]).variants
    assert variants.variant_id.tolist() == [row[1] for row in rows]
    assert variants.position.tolist() == [int(row[3]) for row in rows]


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
