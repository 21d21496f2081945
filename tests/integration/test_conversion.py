"""The PLINK 2 commands of config/README.md convert ordinary VCF and BGEN files."""

import gzip
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from small_demo import REPOSITORY

from snpgen.io.plink import MISSING, Fileset, open_fileset

pytestmark = pytest.mark.skipif(not shutil.which("plink2"), reason="plink2 is not on PATH")

PAGE = (REPOSITORY / "config/README.md").read_text()
GENOTYPES = ["0|0", "0|1", "1|1", "1|0", "./.", "0/1"]
DOSAGES = [0, 1, 2, 1, MISSING, 1]
HEADER = """##fileformat=VCFv4.2
##contig=<ID=chr1>
##contig=<ID=chrX>
##contig=<ID=chr1_KI270706v1_random>
##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">
"""
SNPS = [("chr1", 1_000 + i, ".", "A", "G", GENOTYPES) for i in range(3)]
DELETION = "A" + "CT" * 40
ODD = {
    "plain": [],
    "long deletion without an ID": [("chr1", 2_000, ".", DELETION, "A", GENOTYPES)],
    "half-calls": [
        ("chr1", 2_000, "rs1", "A", "G", ["0/.", "./1", "1/1", "0/0", "0/0", "0/1"]),
    ],
    "unplaced contig and chromosome X": [
        ("chrX", 2_000, "rs1", "A", "G", ["0|0"] * 6),
        ("chr1_KI270706v1_random", 2_000, "rs2", "A", "G", GENOTYPES),
    ],
    "star and several alleles": [
        ("chr1", 2_000, ".", "A", "*", GENOTYPES),
        ("chr1", 2_001, ".", "AT", "A,*", GENOTYPES),
    ],
    "symbolic allele and no alternative allele": [
        ("chr1", 2_000, ".", "A", ".", ["0/0"] * 6),
        ("chr1", 2_001, ".", "A", "<DEL>", GENOTYPES),
    ],
}
# The last variant after the conversion: position, effect allele, other allele, dosages.
LAST = {
    "plain": (1_002, "G", "A", DOSAGES),
    "long deletion without an ID": (2_000, "A", DELETION, DOSAGES),
    "half-calls": (2_000, "G", "A", [MISSING, MISSING, 2, 0, 0, 1]),
    "unplaced contig and chromosome X": (1_002, "G", "A", DOSAGES),
    "star and several alleles": (2_000, "*", "A", DOSAGES),
    "symbolic allele and no alternative allele": (2_001, "<DEL>", "A", DOSAGES),
}


def run(command: str, folder: Path) -> None:
    finished = subprocess.run(
        ["bash", "-c", command], cwd=folder, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr


def documented(option: str) -> str:
    return re.search(rf"^plink2 {option} .*$", PAGE, re.MULTILINE)[0]


def write_vcf(path: Path, rows: list[tuple]) -> None:
    names = "\t".join(f"S{number}" for number in range(len(GENOTYPES)))
    lines = [f"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{names}"]
    for chromosome, position, name, ref, alt, genotypes in rows:
        calls = "\t".join(genotypes)
        lines.append(f"{chromosome}\t{position}\t{name}\t{ref}\t{alt}\t.\tPASS\t.\tGT\t{calls}")
    path.write_bytes(gzip.compress((HEADER + "\n".join(lines) + "\n").encode()))


def read(folder: Path) -> tuple[Fileset, np.ndarray]:
    fileset = open_fileset(str(folder / "chr{chromosome}"), ["1"])
    assert fileset.samples.IID.tolist() == [f"S{number}" for number in range(len(GENOTYPES))]
    return fileset, fileset.read(np.arange(len(fileset.variants)), np.arange(len(GENOTYPES)))


@pytest.mark.parametrize("name", ODD)
def test_documented_command_converts_vcf(tmp_path: Path, name: str) -> None:
    write_vcf(tmp_path / "chr1.vcf.gz", SNPS + ODD[name])
    run(documented("--vcf"), tmp_path)
    fileset, dosages = read(tmp_path)
    assert set(fileset.variants.chromosome) == {"1"}
    assert (dosages[:, :3] == np.array(DOSAGES)[:, None]).all()
    position, effect, other, last = LAST[name]
    variant = fileset.variants.iloc[-1]
    assert (variant.position, variant.effect_allele, variant.other_allele) == (
        position,
        effect,
        other,
    )
    assert dosages[:, -1].tolist() == last


def test_documented_command_converts_bgen_with_the_reference_allele_first(tmp_path: Path) -> None:
    write_vcf(tmp_path / "source.vcf.gz", SNPS + ODD["long deletion without an ID"])
    run("plink2 --vcf source.vcf.gz --export bgen-1.2 bits=8 ref-first --out chr1", tmp_path)
    run(documented("--bgen"), tmp_path)
    fileset, dosages = read(tmp_path)
    assert fileset.variants.effect_allele.tolist() == ["G", "G", "G", "A"]
    assert fileset.variants.other_allele.tolist() == ["A", "A", "A", DELETION]
    assert (dosages == np.array(DOSAGES)[:, None]).all()
