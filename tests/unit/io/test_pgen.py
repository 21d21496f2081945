"""PLINK 2 filesets are converted as by plink2 --make-bed; broken ones are refused with code and place."""

import gzip
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import zstandard
from broken_input import (
    Change,
    bytes_of,
    cell,
    check_refusal,
    empty,
    gone,
    holds,
    line,
    prefixed,
    replaced,
    shortened,
    text_of,
    without_header,
)
from example_association import needs_plink2, simulate_dosages
from test_config import ROOT

import snpgen.io.pgen
from snpgen.cohort.qc import check_samples
from snpgen.io.pgen import convert_pgen, read_psam, read_pvar
from snpgen.io.plink import MISSING, check_same_samples, open_fileset, write_fileset
from snpgen.messages import Code, InputError

ENDINGS = ("bed", "bim", "fam")
NAME = ("--set-missing-var-ids", "@:#:$r:$a")  # SNPgen names variants without an ID in the same way


def plink2(folder: Path, *arguments: str) -> None:
    run = ["plink2", "--threads", "1", *arguments]
    subprocess.run(run, cwd=folder, check=True, capture_output=True)


def convert(folder: Path, name: str = "set", pvar: str = "pvar") -> list[str]:
    """Convert `name`.pgen to ours.bed; the ids of the variants left out."""
    variants, samples = read_pvar(folder / f"{name}.{pvar}"), read_psam(folder / f"{name}.psam")
    return list(convert_pgen(folder / f"{name}.pgen", variants, samples, folder / "ours.bed"))


def assert_same_fileset(folder: Path, theirs: str) -> None:
    for ending in ENDINGS:
        ours = (folder / f"ours.{ending}").read_bytes()
        assert ours == (folder / f"{theirs}.{ending}").read_bytes(), ending


def make_bed(folder: Path, n: int, m: int, **columns: object) -> np.ndarray:
    """A PLINK 1 fileset `set` with one call in ten missing, on two chromosomes."""
    dosages = simulate_dosages(n, m, np.random.default_rng(n), missing=0.1)
    iid = [f"{number:04}" for number in range(1, n + 1)]
    samples = pd.DataFrame({"FID": "F", "IID": iid, "father": "0", "mother": "0"})
    samples = samples.assign(sex="0", phenotype="-9").assign(**columns)
    variants = pd.DataFrame({"chromosome": np.repeat(["1", "22"], [m // 3, m - m // 3])})
    variants["variant_id"] = [f"rs{number}" for number in range(1, m + 1)]
    variants["position"] = 1_000 * np.arange(1, m + 1)
    alleles = np.array(["A", "C", "G", "TTA"])[
        np.random.default_rng(m).permuted(np.tile(np.arange(4), (m, 1)), axis=1)
    ]
    variants["effect_allele"], variants["other_allele"] = alleles[:, 0], alleles[:, 1]
    write_fileset(str(folder / "set"), dosages, samples, variants)
    return dosages


# Against plink2 --make-bed, byte by byte.


@needs_plink2
@pytest.mark.parametrize("n", [1, 4, 7, 121, 1000])
@pytest.mark.parametrize("block", [1, 1_000, 1 << 26])
def test_converted_fileset_equals_that_of_plink2(
    n: int, block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snpgen.io.pgen, "_BLOCK", block)
    dosages = make_bed(tmp_path, n, 40)
    plink2(tmp_path, "--bfile", "set", "--make-pgen", "--out", "set")
    assert convert(tmp_path) == []
    plink2(tmp_path, "--pfile", "set", "--make-bed", "--out", "theirs")
    assert_same_fileset(tmp_path, "theirs")
    fileset = open_fileset(str(tmp_path / "ours"), ["1", "22"])
    assert np.array_equal(fileset.read(np.arange(40), np.arange(n)), dosages)


SAMPLES = {
    "sex and parents": {
        "sex": ["1", "2", "0", "1", "2", "0", "1"],
        "father": ["0", "0", "0", "0001", "0001", "0", "0"],
        "mother": ["0", "0", "0", "0002", "0002", "0", "0"],
    },
    "cases and controls": {"phenotype": ["1", "2", "-9", "1", "2", "1", "2"]},
    "a quantitative trait": {"phenotype": ["1.5", "-2", "-9", "0.25", "180", "7", "9"]},
    "no family": {"FID": "0"},
}


@needs_plink2
@pytest.mark.parametrize("individuals", SAMPLES)
def test_samples_equal_those_of_plink2(individuals: str, tmp_path: Path) -> None:
    make_bed(tmp_path, 7, 12, **SAMPLES[individuals])
    plink2(tmp_path, "--bfile", "set", "--make-pgen", "--out", "set")
    plink2(tmp_path, "--pfile", "set", "--make-bed", "--out", "theirs")
    convert(tmp_path)
    assert_same_fileset(tmp_path, "theirs")


def test_columns_of_a_psam_in_any_order_and_wording(tmp_path: Path) -> None:
    path = tmp_path / "set.psam"
    path.write_text(
        "##a comment\n#IID\tbmi\tSEX\tSID\tage\n1\t20.5\tF\tx\t40\n2\tNA\tm\ty\t41\n3\tnan\tNA\tz\t42\n"
    )
    individuals = read_psam(path)
    assert individuals.to_numpy().tolist() == [
        ["0", "1", "0", "0", "2", "20.5"],
        ["0", "2", "0", "0", "1", "-9"],
        ["0", "3", "0", "0", "0", "-9"],
    ]


VCF_HEAD = """##fileformat=VCFv4.2
##contig=<ID=1>
##INFO=<ID=AF,Number=A,Type=Float,Description="Allele frequency">
##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">
##FORMAT=<ID=DS,Number=1,Type=Float,Description="Dosage">
#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t"""


def write_vcf_by_hand(path: Path, n: int = 9, m: int = 30, third: int = 4) -> pd.DataFrame:
    """Phased and unphased calls with dosages near them, every tenth variant, from `third`, of three alleles.

    Those have no dosages, and some others no id. The table of ALT alleles counted (NaN where not called), of
    the other variants: (m - m / 10, n).
    """
    rng = np.random.default_rng(5)
    rows, counts = [], {}
    for j in range(m):
        alleles = rng.integers(0, 3 if j % 10 == third else 2, (n, 2))
        missing, phased = rng.random(n) < 0.15, rng.random(n) < 0.5
        dosages = np.clip(alleles.sum(axis=1) + rng.uniform(-0.3, 0.3, n), 0, 2)
        calls = [
            "./." if gone else f"{a}{'|' if phase else '/'}{b}"
            for (a, b), gone, phase in zip(alleles, missing, phased, strict=True)
        ]
        if j % 10 != third:
            calls = [f"{call}:{dosage:.3f}" for call, dosage in zip(calls, dosages, strict=True)]
        alt = "G,T" if j % 10 == third else "G"
        name = "." if j % 10 == 7 else f"rs{j}"
        place = [f"{1 + j // 20}", f"{100 * (j + 1)}", name, "A", alt, ".", "PASS", "AF=0.5"]
        rows.append("\t".join([*place, "GT:DS" if alt == "G" else "GT", *calls]))
        if alt == "G":
            name = f"{place[0]}:{place[1]}:A:G" if name == "." else name
            counts[name] = np.where(missing, np.nan, alleles.sum(axis=1))
    iids = "\t".join(f"S{number}" for number in range(n))
    path.write_bytes(gzip.compress((VCF_HEAD + iids + "\n" + "\n".join(rows) + "\n").encode()))
    return pd.DataFrame(counts).T


@needs_plink2
def test_dosages_become_the_hard_calls_of_plink2(tmp_path: Path) -> None:
    counts = write_vcf_by_hand(tmp_path / "chr.vcf.gz", third=10)  # none
    plink2(tmp_path, "--vcf", "chr.vcf.gz", "dosage=DS", "--make-pgen", "--out", "set")
    assert convert(tmp_path) == []
    plink2(tmp_path, "--pfile", "set", *NAME, "--make-bed", "--out", "theirs")
    assert_same_fileset(tmp_path, "theirs")
    dosages = open_fileset(str(tmp_path / "ours"), ["1"]).read(np.arange(30), np.arange(9))
    assert (dosages == MISSING).sum() > counts.isna().to_numpy().sum()  # dosages near 0.5 and 1.5


@needs_plink2
@pytest.mark.parametrize("pvar", ["pvar", "pvar.zst"])
def test_phase_and_multiallelic_variants_are_dropped_as_by_plink2(
    pvar: str, tmp_path: Path
) -> None:
    counts = write_vcf_by_hand(tmp_path / "chr.vcf.gz")
    make = ["--make-pgen", *(["vzs"] if pvar == "pvar.zst" else [])]
    plink2(tmp_path, "--vcf", "chr.vcf.gz", *make, "--out", "set")
    left_out = convert(tmp_path, pvar=pvar)
    assert left_out == ["rs4", "rs14", "rs24"]
    biallelic = ["--max-alleles", "2", *NAME, "--make-bed", "--out", "theirs"]
    prefix = ["--pgen", "set.pgen", "--psam", "set.psam", "--pvar", f"set.{pvar}"]
    plink2(tmp_path, *prefix, *biallelic)
    assert_same_fileset(tmp_path, "theirs")
    fileset = open_fileset(str(tmp_path / "ours"), ["1"])
    rows = np.arange(len(counts))
    _, funnel = check_samples(fileset, rows, 0.1, threads=1, n_multiallelic=len(left_out))
    steps = funnel[funnel.unit == "variants"].set_index("step")
    assert steps.kept.to_dict() == {
        "in the fileset": 30,
        "biallelic": 27,
        "on the configured chromosomes": 27,
    }
    assert steps.dropped["biallelic"] == 3


@needs_plink2
def test_command_of_the_readme_converts_a_vcf(tmp_path: Path) -> None:
    counts = write_vcf_by_hand(tmp_path / "chr1.vcf.gz")
    text = (ROOT / "config" / "README.md").read_text()
    (command,) = re.findall(r"^plink2 --vcf .*$", text, flags=re.MULTILINE)
    subprocess.run(shlex.split(command), cwd=tmp_path, check=True, capture_output=True)
    fileset = open_fileset(str(tmp_path / "chr1"), ["1"])
    assert list(fileset.variants.variant_id) == list(counts.index)
    assert set(fileset.variants.effect_allele) == {"G"}
    dosages = fileset.read(np.arange(27), np.arange(9)).T.astype(float)
    dosages[dosages == MISSING] = np.nan
    np.testing.assert_array_equal(dosages, counts.to_numpy())


# Broken files.


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with set.pgen, set.pvar and set.psam of 7 samples and 12 variants."""
    if not shutil.which("plink2"):
        pytest.skip("plink2 is not on PATH")
    make_bed(tmp_path, 7, 12, sex="2", phenotype="1")
    plink2(tmp_path, "--bfile", "set", "--make-pgen", "--out", "set")
    return tmp_path


def zst(path: Path) -> None:
    path.write_bytes(zstandard.ZstdCompressor().compress(path.read_bytes()))


def as_bed(path: Path) -> None:
    path.write_bytes(path.with_suffix(".bed").read_bytes())


def without_last_line(path: Path) -> None:
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))


MALFORMED = Code.MALFORMED_FILESET
MISMATCH = Code.FILESET_MISMATCH
INVALID = Code.INVALID_VARIANT
BROKEN: dict[str, tuple[str, Change, Code, dict]] = {
    "missing .psam": ("set.psam", gone, Code.UNREADABLE_FILE, {}),
    "empty .psam": ("set.psam", empty, Code.EMPTY_FILE, {}),
    ".psam without its header": ("set.psam", without_header, MALFORMED, {"line": 1}),
    ".psam without IID": (
        "set.psam",
        line(1, lambda text: text.replace("\tIID", "\tID")),
        MALFORMED,
        {"line": 1},
    ),
    ".psam without lines below its header": (
        "set.psam",
        text_of(lambda text: text.partition("\n")[0] + "\n"),
        Code.EMPTY_FILE,
        {},
    ),
    ".psam with a short line": ("set.psam", shortened(4), MALFORMED, {"line": 4}),
    "id with a space in the .psam": ("set.psam", cell(4, 2, "John Smith"), MALFORMED, {"line": 4}),
    "sample twice in the .psam": (
        "set.psam",
        cell(5, 2, "0001"),
        Code.DUPLICATE_SAMPLE,
        {"line": 5, "sample": "0001"},
    ),
    "two columns of sex": (
        "set.psam",
        line(1, lambda text: text.replace("PHENO1", "SEX")),
        Code.DUPLICATE_COLUMN,
        {},
    ),
    "one sample fewer in the .psam": (
        "set.psam",
        without_last_line,
        MISMATCH,
        {"file": "set.pgen"},
    ),
    "missing .pvar": ("set.pvar", gone, Code.UNREADABLE_FILE, {}),
    ".bim in place of the .pvar": (
        "set.pvar",
        holds("1\trs1\t0\t1000\tA\tG\n"),
        MALFORMED,
        {"line": 1},
    ),
    ".pvar without alleles": (
        "set.pvar",
        line(1, lambda text: text.replace("ALT", "A1")),
        MALFORMED,
        {"line": 1},
    ),
    ".pvar with a short line": ("set.pvar", shortened(4), MALFORMED, {"line": 4}),
    "position with an exponent": ("set.pvar", cell(3, 2, "3e3"), INVALID, {"line": 3}),
    "wrong position below a comment and a blank line": (
        "set.pvar",
        text_of(
            lambda text: (
                "##comment\n" + text.replace("\n22", "\n\n22", 1).replace("\t5000\t", "\tx\t")
            )
        ),
        INVALID,
        {"line": 8},
    ),
    "alleles that are the same": (
        "set.pvar",
        line(2, lambda text: "1\t1000\trs1\tG\tG"),
        INVALID,
        {"line": 2, "variant": "rs1"},
    ),
    ".pvar in Latin 1": (
        "set.pvar",
        bytes_of(lambda content: content.replace(b"rs5", b"rs\xfc")),
        Code.NOT_UTF8,
        {"line": 6},
    ),
    ".pvar compressed under its own name": ("set.pvar", zst, Code.COMPRESSED_FILE, {}),
    "truncated .pvar": ("set.pvar", without_last_line, MISMATCH, {"file": "set.pgen"}),
    "missing .pgen": ("set.pgen", gone, Code.UNREADABLE_FILE, {}),
    "compressed .pgen": ("set.pgen", zst, Code.COMPRESSED_FILE, {}),
    "text in place of the .pgen": ("set.pgen", holds("genotypes of samples\n"), Code.NOT_PLINK, {}),
    ".bed in place of the .pgen": ("set.pgen", as_bed, Code.NOT_PLINK, {}),
    "truncated .pgen": ("set.pgen", bytes_of(lambda content: content[:-3]), Code.DAMAGED_FILE, {}),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_fileset(name: str, folder: Path) -> None:
    file, change, code, place = BROKEN[name]
    change(folder / file)
    check_refusal(lambda: convert(folder), code, **{"file": file} | place)


def test_damaged_compressed_pvar(folder: Path) -> None:
    packed = folder / "set.pvar.zst"
    packed.write_bytes((folder / "set.pvar").read_bytes())
    zst(packed)
    whole = packed.read_bytes()
    for content in (
        whole[: len(whole) // 2],
        whole[:20] + b"\xff\xff\xff" + whole[23:],
        b"no zstd",
    ):
        packed.write_bytes(content)
        with pytest.raises(InputError) as error:
            convert(folder, pvar="pvar.zst")
        assert Path(str(error.value.file)).name in ("set.pvar.zst", "set.pgen")


def test_chromosomes_with_other_samples_are_refused(folder: Path) -> None:
    first = read_psam(folder / "set.psam")
    path = folder / "chr2.psam"
    lines = (folder / "set.psam").read_text().splitlines()
    path.write_text("\n".join([lines[0], *reversed(lines[1:])]) + "\n")
    check_refusal(
        lambda: check_same_samples(path, read_psam(path), folder / "set.psam", first),
        Code.DIFFERENT_SAMPLES,
        "chr2.psam",
    )


@pytest.mark.parametrize(
    "change",
    [
        replaced("\n", "\r\n"),
        prefixed("\ufeff"),
        prefixed("##a comment\n"),
        replaced("\t", " "),
        text_of(lambda text: text + "\n"),
    ],
    ids=["Windows line ends", "byte order mark", "comment", "spaces", "blank line at the end"],
)
@pytest.mark.parametrize("ending", ["psam", "pvar"])
def test_unusual_file(change: Callable[[Path], object], ending: str, folder: Path) -> None:
    read = {"psam": read_psam, "pvar": read_pvar}[ending]
    usual = read(folder / f"set.{ending}")
    change(folder / f"set.{ending}")
    pd.testing.assert_frame_equal(read(folder / f"set.{ending}"), usual)
