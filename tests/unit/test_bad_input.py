"""Every broken input ends in one sentence: the file, the line or id, what is wrong, what to do."""

import gzip
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from snakemake.exceptions import WorkflowError
from test_config import ROOT, SHIPPED, changed, check, load_settings

from snpgen.association.external_sumstats import (
    check_external_build,
    peek_external_sumstats,
    read_external_sumstats,
)
from snpgen.association.selection import read_lists
from snpgen.cohort.covariates import check_collinear
from snpgen.cohort.phenotype import check_phenotype
from snpgen.cohort.qc import (
    check_build,
    check_info,
    check_kinship,
    check_positions,
    check_samples,
    read_markers,
    rows_on,
)
from snpgen.cohort.split import check_numbers, check_split, read_split
from snpgen.genetics.harmonisation import harmonise
from snpgen.genetics.kinship import read_kinship
from snpgen.io.plink import open_fileset, write_fileset
from snpgen.io.sumstats import read_info
from snpgen.messages import InputError

MARKERS = read_markers(ROOT / "resources" / "build_markers.tsv")
N_PEOPLE, N_VARIANTS = 121, 250  # 121 leaves three genotypes of a byte unused

Change = Callable[[Path], object]


@pytest.fixture(scope="module")
def valid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of valid input: people 0001 to 0121 and variants rs1 to rs250 on two chromosomes."""
    folder = tmp_path_factory.mktemp("valid")
    rng = np.random.default_rng(1)
    dosages = rng.binomial(2, rng.uniform(0.1, 0.4, N_VARIANTS), (N_PEOPLE, N_VARIANTS))
    iid = [f"{number:04}" for number in range(1, N_PEOPLE + 1)]
    samples = pd.DataFrame({"FID": "F", "IID": iid, "father": "0", "mother": "0"})
    samples = samples.assign(sex=np.tile(["1", "2"], N_PEOPLE)[:N_PEOPLE], phenotype="-9")
    variants = pd.DataFrame({"chromosome": np.repeat(["1", "2"], N_VARIANTS // 2)})
    variants["variant_id"] = [f"rs{number}" for number in range(1, N_VARIANTS + 1)]
    variants["position"] = 1_000 * np.arange(1, N_VARIANTS + 1)
    variants = variants.assign(effect_allele="A", other_allele="G")
    write_fileset(str(folder / "set"), dosages.astype(np.int8), samples, variants)

    fam = folder / "set.fam"
    fam.write_text(fam.read_text().replace(" ", "\t"))
    number = np.arange(N_PEOPLE)
    individuals = pd.DataFrame({"IID": iid, "trait": number // 2 % 2, "height": 150 + number % 41})
    individuals["severity"] = np.array(["none", "mild"])[individuals.trait]
    individuals["age"] = 40 + number % 30
    individuals["months"] = 12 * individuals.age
    individuals["centre"] = np.array(["north", "south"])[number % 3 // 2]
    write(folder / "people.tsv", individuals)
    write(folder / "second.tsv", individuals[["IID"]].assign(bmi=20 + number % 13))
    pairs = {"ID1": ["0001", "0003"], "ID2": ["0002", "0004"], "Kinship": ["0.25", "0.125"]}
    write(folder / "related.tsv", pd.DataFrame(pairs))
    split = np.array(["train"] * 10 + ["validation", "test"])[number % 12]
    write(folder / "split.tsv", pd.DataFrame({"IID": iid, "split": split}))
    info = variants[["variant_id"]].assign(INFO=0.5 + np.arange(N_VARIANTS) % 50 / 100)
    write(folder / "info.tsv", info)
    (folder / "include.txt").write_text("rs3\nrs5\n")
    (folder / "exclude.txt").write_text("rs7\n")
    theirs = variants.rename(columns={"position": "base_pair_location"})
    theirs["effect_allele_frequency"] = (dosages.mean(axis=0) / 2).round(4)
    theirs["beta"] = np.tile([0.02, -0.02], N_VARIANTS // 2)
    theirs["standard_error"] = 0.05
    theirs["p_value"] = np.arange(1, N_VARIANTS + 1) / N_VARIANTS
    write(folder / "study.tsv", theirs)
    return folder


def write(path: Path, table: pd.DataFrame) -> None:
    table.to_csv(path, sep="\t", index=False)


@pytest.fixture
def folder(valid: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(valid, tmp_path / "data"))


# How to break a file. Each takes what to do and gives a function of the path.


def bytes_of(change: Callable[[bytes], bytes]) -> Change:
    return lambda path: path.write_bytes(change(path.read_bytes()))


def text_of(change: Callable[[str], str]) -> Change:
    return bytes_of(lambda content: change(content.decode()).encode())


def holds(text: str) -> Change:
    return lambda path: path.write_text(text)


def line(number: int, change: Callable[[str], str]) -> Change:
    """Change one line, counted from 1."""

    def of_text(text: str) -> str:
        lines = text.splitlines()
        lines[number - 1] = change(lines[number - 1])
        return "\n".join(lines) + "\n"

    return text_of(of_text)


def cell(number: int, column: int, value: str) -> Change:
    """Put a value into a line and a tab-separated column, both counted from 1."""

    def of_line(text: str) -> str:
        cells = text.split("\t")
        cells[column - 1] = value
        return "\t".join(cells)

    return line(number, of_line)


def column(name: str, value: str | Callable[[str], str]) -> Change:
    """Put a value, or a function of what stands there, into a whole column."""

    def change(path: Path) -> None:
        table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
        table[name] = table[name].map(value) if callable(value) else value
        write(path, table)

    return change


def renamed(old: str, new: str) -> Change:
    return line(1, lambda text: text.replace(old, new))


def columns(count: int) -> Change:
    """Leave only the first columns of each line."""
    return text_of(
        lambda text: "".join("\t".join(row.split("\t")[:count]) + "\n" for row in text.splitlines())
    )


def gone(path: Path) -> None:
    path.unlink()


def folder_of_that_name(path: Path) -> None:
    path.unlink()
    path.mkdir()


def dead_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("moved")


zipped = bytes_of(gzip.compress)
empty = holds("")


def see(kind: type[Exception], folder: Path, sentence: str, call: Callable[[], object]) -> None:
    """Call, and compare the whole sentence, without the temporary folder's path."""
    with pytest.raises(kind) as refusal:
        call()
    assert str(refusal.value).replace(f"{folder}/", "") == sentence


# Genotypes, kinship and imputation quality, which check_cohort looks at.


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


def check_people_of(folder: Path, settings: dict) -> pd.DataFrame:
    """What check_phenotype.py does."""
    samples = open_fileset(str(folder / "set"), ["1"]).samples
    settings = {"column": "trait", "coding": "0/1"} | settings
    tables = [str(folder / "people.tsv"), str(folder / "second.tsv")]
    individuals, _ = check_phenotype(samples, tables, **settings)
    check_numbers(individuals, settings.get("classes", []))
    check_collinear(individuals, settings.get("covariates", []), settings.get("categorical", []))
    return individuals


def unchanged(path: Path) -> None:
    pass


NUMBERS = (
    "have everything that is asked for, too few to learn from: training alone needs 50, so give more "
    "people or correct column, coding, covariates or include"
)
COLUMNS = "IID, trait, height, severity, age, months, centre"
HEIGHT = {"column": "height", "coding": "quantitative", "threshold": 170}
PHENOTYPE: dict[str, tuple[Change, dict, str]] = {
    "1/2 where 0/1 was said": (
        column("trait", lambda value: str(int(value) + 1)),
        {},
        (
            "people.tsv, line 4: trait of 0003 is 2 where coding 0/1 is declared: correct coding, or "
            "make the value NA"
        ),
    ),
    "0/1 where 1/2 was said": (
        unchanged,
        {"coding": "1/2"},
        (
            "people.tsv, line 2: trait of 0001 is 0 where coding 1/2 is declared: correct coding, or "
            "make the value NA"
        ),
    ),
    "case and control in words": (
        cell(2, 2, "case"),
        {},
        (
            "people.tsv, line 2: trait of 0001 is case where coding 0/1 is declared: correct coding, or "
            "make the value NA"
        ),
    ),
    "-9 alone": (
        column("trait", "-9"),
        {},
        "people.tsv: nobody left has a value of trait: correct column or include",
    ),
    "all cases": (column("trait", "1"), {}, f"0 controls {NUMBERS}"),
    "all controls": (column("trait", "0"), {}, f"0 cases {NUMBERS}"),
    "few cases": (unchanged, {"include": "trait == 0 or age > 68"}, f"2 cases {NUMBERS}"),
    "nobody in a class": (
        unchanged,
        {"column": "severity", "coding": "classes", "classes": ["none", "mild", "severe"]},
        "people.tsv: nobody left is severe in severity: correct classes",
    ),
    "class in other capitals": (
        unchanged,
        {"column": "severity", "coding": "classes", "classes": ["None", "mild"]},
        (
            "people.tsv, line 2: severity of 0001 is none where classes None, mild is declared: correct "
            "classes, or make the value NA"
        ),
    ),
    "decimal comma": (
        cell(4, 3, "171,5"),
        HEIGHT,
        (
            "people.tsv, line 4: height of 0003 is 171,5 where coding quantitative is declared: correct "
            "coding, or make the value NA"
        ),
    ),
    "threshold in another unit": (
        column("height", "170"),
        HEIGHT | {"threshold": 1.7},
        (
            "people.tsv: height runs from 170 to 170, so that threshold 1.7 leaves no cases or no "
            "controls: correct it in the phenotype's file"
        ),
    ),
    "covariate that is text": (
        unchanged,
        {"covariates": ["centre"]},
        (
            "people.tsv, line 2: covariate centre of 0001 is north, not a number: correct it, or list the "
            "covariate under categorical"
        ),
    ),
    "sex as M and F": (
        text_of(lambda text: text.replace("centre", "sex").replace("north", "M")),
        {"covariates": ["sex"]},
        (
            "people.tsv, line 2: covariate sex of 0001 is M, not a number: correct it, or list the "
            "covariate under categorical"
        ),
    ),
    "covariate of one value": (
        column("age", "50"),
        {"covariates": ["age"]},
        "people.tsv: covariate age is 50 for everyone left: leave it out of covariates",
    ),
    "covariate missing for all": (
        column("age", "NA"),
        {"covariates": ["age"]},
        "people.tsv: covariate age is missing for everyone: leave it out",
    ),
    "covariate in other units again": (
        unchanged,
        {"covariates": ["age", "months", "bmi"]},
        (
            "covariate months is constant, or a combination of the covariates before it, in the people "
            "left: leave it out in the phenotype's file"
        ),
    ),
    "covariate that is not there": (
        unchanged,
        {"covariates": ["pc1"]},
        (
            f"covariates names a column pc1, but people.tsv has {COLUMNS} and second.tsv has IID, bmi: "
            "correct the phenotype's file"
        ),
    ),
    "column that is not there": (
        unchanged,
        {"column": "Trait"},
        (
            f"column names a column Trait, but people.tsv has {COLUMNS} and second.tsv has IID, bmi: "
            "correct the phenotype's file"
        ),
    ),
    "table without a header": (
        text_of(lambda text: text.partition("\n")[2]),
        {},
        "people.tsv has no column IID, but 0001, 0, 150, none, 40, 480, north: name the column of ids IID",
    ),
    "id under another name": (
        renamed("IID", "eid"),
        {},
        (
            f"people.tsv has no column IID, but {COLUMNS.replace('IID', 'eid')}: name the column of ids "
            "IID"
        ),
    ),
    "column twice": (
        renamed("months", "age"),
        {},
        "people.tsv: two columns are named age: rename one or take it out",
    ),
    "person twice": (
        cell(3, 1, "0001"),
        {},
        "people.tsv, line 3: IID 0001 stands twice: keep one line a person",
    ),
    "line without an id": (cell(3, 1, ""), {}, "people.tsv, line 3: no IID: correct it"),
    "separated by |": (
        text_of(lambda text: text.replace("\t", "|")),
        {},
        f"people.tsv has no column IID, but {COLUMNS.replace(', ', '|')}: name the column of ids IID",
    ),
    "blank for missing, separated by spaces": (
        text_of(lambda text: "IID trait age\n0001 1 40\n0002 50\n"),
        {},
        "people.tsv, line 3: fewer values than the header has names: write NA where one is missing",
    ),
    "ids with a space": (
        column("IID", lambda value: f"F {value}"),
        {},
        (
            "no IID of people.tsv (F 0001, F 0002, F 0003) is among the genotyped people (0001, 0002, "
            "0003): make the ids of both the same"
        ),
    ),
    "FID and IID joined": (
        column("IID", lambda value: f"F_{value}"),
        {},
        (
            "no IID of people.tsv (F_0001, F_0002, F_0003) is among the genotyped people (0001, 0002, "
            "0003): the table has FID and IID joined by _, so take the FID out"
        ),
    ),
    "leading zeros lost": (
        column("IID", lambda value: value.lstrip("0")),
        {},
        (
            "no IID of people.tsv (1, 2, 3) is among the genotyped people (0001, 0002, 0003): the table "
            "has lost leading zeros, so write its ids as text"
        ),
    ),
    "leading zeros lost of some": (
        cell(8, 1, "7"),
        {},
        (
            "people.tsv, line 8: IID 7 is nobody's, but 0007 is in the .fam: leading zeros are lost, so "
            "write the ids as text"
        ),
    ),
    "leading zeros lost in the second table": (
        lambda path: cell(8, 1, "7")(path.with_name("second.tsv")),
        {"covariates": ["bmi"]},
        (
            "second.tsv, line 8: IID 7 is nobody's, but 0007 is in the .fam: leading zeros are lost, so "
            "write the ids as text"
        ),
    ),
    "ids with a decimal point": (
        column("IID", lambda value: f"{value}.0"),
        {},
        (
            "no IID of people.tsv (0001.0, 0002.0, 0003.0) is among the genotyped people (0001, 0002, "
            "0003): the table has numbers with a decimal point, so write its ids as text"
        ),
    ),
    "Excel workbook": (
        bytes_of(lambda content: b"PK\x03\x04" + content),
        {},
        "people.tsv is an Excel workbook or a zip archive: save it as tab-separated text",
    ),
    "UTF-16, as Excel writes it": (
        lambda path: path.write_text(path.read_text(), "utf-16"),
        {},
        "people.tsv is UTF-16 text: save it as UTF-8",
    ),
    "Latin 1": (
        bytes_of(lambda content: content.replace(b"north", b"K\xf6ln")),
        {},
        "people.tsv, line 2: bytes that are not UTF-8 text: save the file as UTF-8",
    ),
    "gzipped table": (zipped, {}, "people.tsv is gzipped: unpack it with gunzip"),
    "empty table": (empty, {}, "people.tsv is empty: give a table with a header"),
    "blank first line": (
        text_of(lambda text: "\n" + text),
        {},
        "people.tsv, line 1: empty, where the columns are named: take the line out",
    ),
    "folder in place of the table": (
        folder_of_that_name,
        {},
        "people.tsv is a folder, not a file: give a table with a header",
    ),
    "dead link": (
        dead_link,
        {},
        "people.tsv is a link to moved, which does not exist: give a table with a header",
    ),
    "include of a column that is not there": (
        unchanged,
        {"include": "bmj > 30"},
        (
            "include: \"bmj > 30\" cannot be evaluated (name 'bmj' is not defined); the columns are sex, "
            "IID, bmi, trait, height, severity, age, months, centre: correct the phenotype's file"
        ),
    ),
    "include with a bracket left open": (
        unchanged,
        {"include": "(sex == 2"},
        (
            'include: "(sex == 2" cannot be evaluated (EOF in multi-line statement); the columns are sex, '
            "IID, bmi, trait, height, severity, age, months, centre: correct the phenotype's file"
        ),
    ),
    "include with = for ==": (
        unchanged,
        {"include": "sex = 2"},
        'include: "sex = 2" is neither true nor false: write a comparison such as "sex == 2"',
    ),
    "include that holds for nobody": (
        unchanged,
        {"include": "sex == 3"},
        "people.tsv: nobody left has a value of trait: correct column or include",
    ),
}


@pytest.mark.parametrize("name", PHENOTYPE)
def test_phenotype_that_is_broken(name: str, folder: Path) -> None:
    change, settings, sentence = PHENOTYPE[name]
    change(folder / "people.tsv")
    see(InputError, folder, sentence, lambda: check_people_of(folder, settings))


# A split of the user's own, which split_samples looks at.


def check_split_of(folder: Path) -> None:
    """What split_samples.py does."""
    samples = check_people_of(folder, {})
    samples["split"] = read_split(str(folder / "split.tsv"), samples.IID)
    check_split(samples[samples.split.notna()])


SPLIT: dict[str, tuple[Change, str]] = {
    "another word": (
        column("split", lambda value: value.replace("validation", "valid")),
        "split.tsv, line 12: split of 0011 is valid: write train, validation or test",
    ),
    "capitals": (
        column("split", str.title),
        "split.tsv, line 2: split of 0001 is Train: write train, validation or test",
    ),
    "no column split": (
        renamed("split", "set"),
        "split.tsv has no column split, but IID, set: add it",
    ),
    "nobody tests": (
        column("split", lambda value: value.replace("test", "train")),
        "nobody is in test: correct split.test or split.file",
    ),
    "few train": (
        column("split", lambda value: value.replace("train", "test")),
        "nobody is in train: correct split.train or split.file",
    ),
    "other people": (
        column("IID", lambda value: f"X{value}"),
        (
            "no IID of split.tsv (X0001, X0002, X0003) is among the people with a phenotype (0001, 0002, "
            "0003): make the ids of both the same"
        ),
    ),
    "person twice": (
        cell(6, 1, "0001"),
        "split.tsv, line 6: IID 0001 stands twice: keep one line a person",
    ),
    "empty": (empty, "split.tsv is empty: give a table with a header"),
}


@pytest.mark.parametrize("name", SPLIT)
def test_split_that_is_broken(name: str, folder: Path) -> None:
    change, sentence = SPLIT[name]
    change(folder / "split.tsv")
    see(InputError, folder, sentence, lambda: check_split_of(folder))


# Lists of variants and another study's statistics, which check_panel looks at.

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

README = "(see config/README.md)"
CHROMOSOMES = 'Autosomes to use, as in "1-22" or "1,3,5-7". In quotes.'
YAML_NUMBER = "YAML reads numbers in quotes, and 5e-8, as text: write 5.0e-8"
CONFIG: dict[str, tuple[str, object, str]] = {
    "misspelt key": (
        "panel/Size",
        9,
        (
            "config.yaml, panel: unknown key 'Size'. Allowed keys: size, max_p, clump_kb, clump_r2, "
            "max_per_locus, long_range_ld, include, exclude, sumstats, sumstats_build, "
            f"sumstats_independent {README}"
        ),
    ),
    "build as at UCSC": (
        "cohort/build",
        "hg19",
        (f"config.yaml, cohort.build: 'hg19' is not one of ['GRCh37', 'GRCh38', 'other'] {README}"),
    ),
    "chromosome X": (
        "cohort/chromosomes",
        "1-22,X",
        (
            "config.yaml, cohort.chromosomes: '1-22,X' does not match "
            f"'^[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*$': {CHROMOSOMES} {README}"
        ),
    ),
    "number without a point": (
        "panel/max_p",
        "5e-8",
        f"config.yaml, panel.max_p: '5e-8' is not of type 'number'. {YAML_NUMBER} {README}",
    ),
    "negative size": (
        "panel/size",
        -5,
        f"config.yaml, panel.size: -5 is less than the minimum of 2 {README}",
    ),
    "phenotype with a blank in its name": (
        "phenotypes",
        ["config/type 1.yaml"],
        (
            "config.yaml, phenotypes.0: 'config/type 1.yaml' does not match "
            "'^(.*/)?(?!cohort\\\\.)[a-z][a-z0-9_]*\\\\.ya?ml$': Name the file with a to z, 0 to 9 and "
            f"_, other than cohort, and end it in .yaml. {README}"
        ),
    ),
    "no phenotype": (
        "phenotypes",
        [],
        f"config.yaml, phenotypes: [] should be non-empty {README}",
    ),
    "phenotype's file that is not there": (
        "phenotypes",
        ["mine/height.yaml"],
        (
            "mine/height.yaml does not exist: correct phenotypes in the configuration (looked for in "
            f"{ROOT}, where snakemake runs)"
        ),
    ),
}


@pytest.mark.parametrize("name", CONFIG)
def test_configuration_that_is_broken(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    path, value, sentence = CONFIG[name]
    see(WorkflowError, tmp_path, sentence, lambda: check(changed(path, value)))


OWN: dict[str, tuple[str, str]] = {
    "empty": ("", "own.yaml is empty: correct phenotypes in the configuration"),
    "comments alone": ("# later\n", "own.yaml holds no settings: write 'key: value' lines"),
    "tabs": (
        'column: trait\ncoding: "0/1"\npanel:\n\tsize: 10\n',
        (
            "own.yaml, line 4: found character '\\t' that cannot start any token: indent with spaces, and "
            "write 'key: value'"
        ),
    ),
    "no space after the colon": (
        'column: trait\ncoding:"0/1"\n',
        "own.yaml, line 3: could not find expected ':': indent with spaces, and write 'key: value'",
    ),
    "key twice": (
        'column: trait\ncoding: "0/1"\ncolumn: height\n',
        "own.yaml, line 3: column stands twice: take one out",
    ),
    "no coding": (
        "column: trait\n",
        f"own.yaml, top level: 'coding' is a required property {README}",
    ),
    "coding that YAML takes for a date": (
        "column: trait\ncoding: 1\n",
        f"own.yaml, coding: 1 is not one of ['0/1', '1/2', 'quantitative', 'classes'] {README}",
    ),
    "phenotype among the covariates": (
        'column: trait\ncoding: "0/1"\ncovariates: [age, trait]\n',
        "own.yaml, covariates: trait is the phenotype itself: leave it out",
    ),
    "shares that do not sum to 1": (
        'column: trait\ncoding: "0/1"\nsplit: {train: 0.8}\n',
        "own.yaml, split: train, validation and test sum to 1.1, not to 1",
    ),
    "threshold of classes": (
        'column: trait\ncoding: "0/1"\nthreshold: 3\n',
        "own.yaml, threshold: it goes with coding quantitative alone: leave it out, or correct coding",
    ),
    "differential privacy with a seed to guess": (
        'column: trait\ncoding: "0/1"\ndifferential_privacy: {epsilon: 4}\n',
        (
            "config/config.yaml, seed: with differential_privacy it keeps the noise secret: take one that nobody "
            "guesses, "
            "such as python -c 'import secrets; print(secrets.randbits(62))' prints"
        ),
    ),
    "differential privacy with another noise": (
        'column: trait\ncoding: "0/1"\ndifferential_privacy: {epsilon: 4}\ncalibration: {noise: 1}\n',
        (
            "own.yaml, calibration: noise goes not with differential_privacy, which puts its own: write "
            "null"
        ),
    ),
}


@pytest.mark.parametrize("name", OWN)
def test_phenotypes_file_that_is_broken(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    text, sentence = OWN[name]
    (tmp_path / "own.yaml").write_text(text)
    config = changed("phenotypes", [str(tmp_path / "own.yaml")])
    see(WorkflowError, tmp_path, sentence, lambda: check(config))


@pytest.mark.parametrize(
    ("text", "build", "sentence"),
    [
        ("8-1", "GRCh38", "cohort.chromosomes: 8-1 runs backwards: write 1-8"),
        ("1-5,3", "GRCh38", "cohort.chromosomes: 3 stands twice: take it out once"),
        ("1-23", "GRCh37", "cohort.chromosomes: 23 is not an autosome: SNPgen takes 1 to 22"),
        ("0-3", "other", "cohort.chromosomes: 0 is not an autosome: SNPgen takes 1 to 22"),
    ],
)
def test_chromosomes_that_are_none(text: str, build: str, sentence: str, tmp_path: Path) -> None:
    expand = load_settings(SHIPPED)["expand_chromosomes"]
    see(WorkflowError, tmp_path, sentence, lambda: expand(text, build))


def test_cattle_have_more_chromosomes() -> None:
    assert load_settings(SHIPPED)["expand_chromosomes"]("1-2,29", "other") == ["1", "2", "29"]


FILES: dict[str, tuple[Change, str]] = {
    "not there": (gone, "people.tsv does not exist: correct cohort.table in the configuration"),
    "folder": (
        folder_of_that_name,
        "people.tsv is a folder, not a file: correct cohort.table in the configuration",
    ),
    "dead link": (
        dead_link,
        (
            "people.tsv is a link to moved, which does not exist: correct cohort.table in the "
            "configuration"
        ),
    ),
    "empty": (empty, "people.tsv is empty: correct cohort.table in the configuration"),
    "not ours to read": (
        lambda path: path.chmod(0),
        "people.tsv cannot be read (Permission denied): correct cohort.table in the configuration",
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_file_that_cannot_be_used(name: str) -> None:
    """In a folder of its own that nobody else can read either: root may read anything."""
    change, sentence = FILES[name]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        folder.chmod(0o755)
        (folder / "people.tsv").write_text("IID\n")
        change(folder / "people.tsv")
        look = load_settings(SHIPPED)["check_file"]
        is_root = os.geteuid() == 0
        try:
            if is_root:
                os.seteuid(65534)  # nobody
            see(
                WorkflowError,
                folder,
                sentence,
                lambda: look("cohort.table", str(folder / "people.tsv")),
            )
        finally:
            if is_root:
                os.seteuid(0)
