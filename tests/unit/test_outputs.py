"""A released cohort loads in the tools that people use next, and they find in it what we do."""

import gzip
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from example_association import draw_dosages, needs_plink2
from scipy.stats import chi2_contingency

from snpgen.generator.synthetic import write_cohort
from snpgen.messages import InputError
from snpgen.plink import MISSING, Fileset, allele_frequency, open_fileset, write_fileset
from snpgen.report.release import WRITERS
from snpgen.vcf import check_alleles, compress_block, write_vcf

needs_plink19 = pytest.mark.skipif(not shutil.which("plink1.9"), reason="plink1.9 is not on PATH")
N, M = 301, 40
VCF = "--vcf snpgen.vcf.gz --double-id"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a synthetic cohort, `snpgen`, in every format; its first SNPs have effects."""
    folder = tmp_path_factory.mktemp("release")
    rng = np.random.default_rng(7)
    dosages = draw_dosages(N, M, rng)
    log_odds = 0.7 * (dosages[:, 0] - 1.0) - 0.5 * (dosages[:, 7] - 1.0)
    people = pd.DataFrame({"phenotype": (rng.random(N) < 1 / (1 + np.exp(-log_odds))).astype(int)})
    people = people.assign(label=people.phenotype, sex=rng.integers(1, 3, N), group="")
    variants = pd.DataFrame({"chromosome": np.repeat(["1", "2", "10"], [10, 10, 20])})
    variants["variant_id"] = [f"rs{number}" for number in range(M)]
    variants["position"] = 1_000 * np.arange(1, M + 1)
    variants["effect_allele"], variants["other_allele"] = np.resize(
        [["A", "G"], ["TC", "T"]], (M, 2)
    ).T
    write_cohort(str(folder / "snpgen.bed"), dosages, people, variants, ["control", "case"])
    for write in WRITERS.values():
        write(open_fileset(str(folder / "snpgen"), []), str(folder / "snpgen"))
    return folder


@pytest.fixture(scope="module")
def cohort(folder: Path) -> Fileset:
    return open_fileset(str(folder / "snpgen"), [])


@pytest.fixture(scope="module")
def dosages(cohort: Fileset) -> np.ndarray:
    return cohort.read(np.arange(M), np.arange(N))


@pytest.fixture(scope="module")
def cases(folder: Path) -> np.ndarray:
    table = pd.read_csv(folder / "snpgen.pheno.tsv", sep="\t")
    return table.phenotype.to_numpy(bool)


def run(folder: Path, *command: str) -> None:
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


# PLINK 1.9 and PLINK 2.


@needs_plink19
def test_frequencies_and_association_of_plink_1_9(
    folder: Path, cohort: Fileset, dosages: np.ndarray, cases: np.ndarray
) -> None:
    keep = "--keep-allele-order"
    run(folder, "plink1.9", "--bfile", "snpgen", keep, "--freq", "--assoc", "--out", "one")
    frequencies = pd.read_csv(folder / "one.frq", sep=r"\s+", dtype={"CHR": str})
    assert frequencies.SNP.tolist() == cohort.variants.variant_id.tolist()
    assert frequencies.CHR.tolist() == cohort.variants.chromosome.tolist()
    assert frequencies.A1.tolist() == cohort.variants.effect_allele.tolist()
    np.testing.assert_allclose(frequencies.MAF, allele_frequency(dosages), rtol=1e-3)
    found = pd.read_csv(folder / "one.assoc", sep=r"\s+")
    assert found.A1.tolist() == cohort.variants.effect_allele.tolist()
    np.testing.assert_allclose(found.F_A, allele_frequency(dosages[cases]), rtol=1e-3)
    np.testing.assert_allclose(found.F_U, allele_frequency(dosages[~cases]), rtol=1e-3)
    for j, chi2 in enumerate(found.CHISQ):
        counts = [
            [dosages[who, j].sum(), 2 * who.sum() - dosages[who, j].sum()]
            for who in (cases, ~cases)
        ]
        assert chi2 == pytest.approx(chi2_contingency(counts, correction=False).statistic, rel=1e-3)
    assert found.CHISQ.max() > 10


@needs_plink2
@pytest.mark.parametrize("files", ["--bfile snpgen", "--pfile snpgen", VCF])
def test_frequencies_and_association_of_plink_2(
    files: str,
    folder: Path,
    cohort: Fileset,
    dosages: np.ndarray,
    cases: np.ndarray,
    tmp_path: Path,
) -> None:
    table = ["--pheno", "snpgen.pheno.tsv", "--pheno-name", "phenotype", "--1"]
    command = [
        "plink2",
        "--threads",
        "1",
        *files.split(),
        *table,
        "--freq",
        "--glm",
        "allow-no-covars",
    ]
    run(folder, *command, "--out", str(tmp_path / "two"))
    frequencies = pd.read_csv(tmp_path / "two.afreq", sep="\t", dtype={"#CHROM": str})
    assert frequencies.ID.tolist() == cohort.variants.variant_id.tolist()
    assert frequencies["#CHROM"].tolist() == cohort.variants.chromosome.tolist()
    assert frequencies.ALT.tolist() == cohort.variants.effect_allele.tolist()
    np.testing.assert_allclose(frequencies.ALT_FREQS, allele_frequency(dosages), rtol=1e-4)
    found = pd.read_csv(tmp_path / "two.phenotype.glm.logistic.hybrid", sep="\t").set_index("ID")
    assert (found.OBS_CT == N).all()
    for j, name in enumerate(cohort.variants.variant_id[:10]):
        row = found.loc[name]
        counted = dosages[:, j] if row.A1 == cohort.variants.effect_allele[j] else 2 - dosages[:, j]
        fit = sm.Logit(cases, sm.add_constant(counted.astype(float))).fit(disp=0)
        assert row.OR == pytest.approx(np.exp(fit.params[1]), rel=1e-3)
        assert row.P == pytest.approx(fit.pvalues[1], rel=1e-3)


@needs_plink2
@pytest.mark.parametrize("files", ["--pfile snpgen", VCF])
def test_other_formats_hold_what_the_bed_holds(files: str, folder: Path, tmp_path: Path) -> None:
    run(folder, "plink2", *files.split(), "--make-bed", "--out", str(tmp_path / "back"))
    assert (tmp_path / "back.bed").read_bytes() == (folder / "snpgen.bed").read_bytes()
    columns = {"bim": 6, "fam": 6 if "--pfile" in files else 2}  # of people, a VCF has ids alone
    for ending, count in columns.items():
        back, ours = (
            pd.read_csv(f"{prefix}.{ending}", sep=r"\s+", header=None, usecols=range(count))
            for prefix in (tmp_path / "back", folder / "snpgen")
        )
        pd.testing.assert_frame_equal(back, ours, check_dtype=False)


def make_odd(folder: Path) -> Fileset:
    """Nine people and 5 variants with missing calls."""
    dosages = draw_dosages(9, 5, np.random.default_rng(3), missing=0.4)
    iid = [f"S{number}" for number in range(9)]
    samples = pd.DataFrame({"FID": "F", "IID": iid, "father": "0", "mother": "0"})
    variants = pd.DataFrame({"chromosome": "7", "variant_id": [f"v{j}" for j in range(5)]})
    variants = variants.assign(position=np.arange(5) + 1, effect_allele="<DEL>", other_allele="A")
    prefix = str(folder / "odd")
    write_fileset(prefix, dosages, samples.assign(sex="0", phenotype="-9"), variants)
    return open_fileset(prefix, [])


@needs_plink2
def test_lines_of_a_vcf_are_those_that_plink_2_writes(tmp_path: Path) -> None:
    write_vcf(make_odd(tmp_path), str(tmp_path / "ours"))
    export = ["--bfile", "odd", "--export", "vcf", "id-paste=iid", "--out", "theirs"]
    run(tmp_path, "plink2", *export)
    theirs = (tmp_path / "theirs.vcf").read_text()
    ours = gzip.decompress((tmp_path / "ours.vcf.gz").read_bytes()).decode()
    assert "./." in ours
    assert ours[ours.index("#CHROM") :] == theirs[theirs.index("#CHROM") :]


# VCF, as other libraries read it.


def test_vcf_in_scikit_allel(
    folder: Path, cohort: Fileset, dosages: np.ndarray, tmp_path: Path
) -> None:
    allel = pytest.importorskip("allel")
    read = allel.read_vcf(str(folder / "snpgen.vcf.gz"), fields="*")
    assert list(read["samples"]) == cohort.samples.IID.tolist()
    for field, column in {
        "CHROM": "chromosome",
        "POS": "position",
        "ID": "variant_id",
        "REF": "other_allele",
    }.items():
        assert read[f"variants/{field}"].tolist() == cohort.variants[column].tolist()
    assert read["variants/ALT"][:, 0].tolist() == cohort.variants.effect_allele.tolist()
    assert read["variants/PR"].all()
    genotypes = allel.GenotypeArray(read["calldata/GT"])
    assert np.array_equal(genotypes.to_n_alt().T, dosages)

    odd = make_odd(tmp_path)
    write_vcf(odd, str(tmp_path / "odd"))
    genotypes = allel.GenotypeArray(allel.read_vcf(str(tmp_path / "odd.vcf.gz"))["calldata/GT"])
    missing = odd.read(np.arange(5), np.arange(9)) == MISSING
    assert missing.any() and np.array_equal(genotypes.is_missing().T, missing)


def test_vcf_is_packed_in_blocks_that_tell_their_length(folder: Path) -> None:
    content = (folder / "snpgen.vcf.gz").read_bytes()
    plain, place = b"", 0
    while place < len(content):
        assert content[place : place + 4] == b"\x1f\x8b\x08\x04"  # gzip, with an extra field
        assert content[place + 10 : place + 16] == b"\x06\x00BC\x02\x00"
        length = int.from_bytes(content[place + 16 : place + 18], "little") + 1
        last, part = place, gzip.decompress(content[place : place + length])
        assert len(part) <= 1 << 16
        plain, place = plain + part, place + length
    assert plain == gzip.decompress(content) and plain.count(b"\n") == M + 8
    # The empty block that ends a file, as the specification of SAM prints it.
    end = "1f8b08040000000000ff0600424302001b0003000000000000000000"
    assert content[last:] == bytes.fromhex(end)


def test_blocks_hold_what_cannot_be_packed() -> None:
    noise = np.random.default_rng(1).bytes(65_280)
    block = compress_block(noise)
    assert len(block) <= 1 << 16 and gzip.decompress(block) == noise


def test_long_vcf_is_cut_at_any_byte(tmp_path: Path) -> None:
    fileset = make_odd(tmp_path)
    n = 30_000
    dosages = draw_dosages(n, 5, np.random.default_rng(4))
    samples = pd.DataFrame({"FID": "F", "IID": [f"S{number}" for number in range(n)]})
    samples = samples.assign(father="0", mother="0", sex="0", phenotype="-9")
    write_fileset(str(tmp_path / "long"), dosages, samples, fileset.variants)
    write_vcf(open_fileset(str(tmp_path / "long"), []), str(tmp_path / "long"))
    text = gzip.decompress((tmp_path / "long.vcf.gz").read_bytes()).decode()
    lines = [row.split("\t")[9:] for row in text.splitlines() if row[0] != "#"]
    counts = [[call.count("1") for call in calls] for calls in lines]
    assert np.array_equal(np.array(counts).T, dosages)


@pytest.mark.parametrize("alleles", [("I", "D"), ("A", "<DEL>"), ("0", "A"), ("A", ".")])
def test_alleles_without_a_word_in_vcf_are_refused(
    alleles: tuple[str, str], tmp_path: Path
) -> None:
    fileset = make_odd(tmp_path)
    fileset.variants.loc[3, ["effect_allele", "other_allele"]] = alleles
    with pytest.raises(InputError) as refusal:
        check_alleles(fileset.variants)
    assert str(refusal.value) == (
        f"variant v3 has the alleles {alleles[0]} and {alleles[1]}, which VCF does not allow: take vcf "
        "out of release.formats, or list the variant in panel.exclude"
    )
    check_alleles(fileset.variants.drop(index=3))


def test_same_cohort_gives_the_same_bytes(folder: Path, cohort: Fileset, tmp_path: Path) -> None:
    for write in WRITERS.values():
        write(cohort, str(tmp_path / "snpgen"))
    again = sorted(tmp_path.iterdir())
    assert {path.name for path in again} == {
        f"snpgen.{end}" for end in ("vcf.gz", "pgen", "pvar", "psam")
    }
    for path in again:
        assert path.read_bytes() == (folder / path.name).read_bytes()


# pandas.


def test_tables_in_pandas(folder: Path, cohort: Fileset) -> None:
    table = pd.read_csv(folder / "snpgen.pheno.tsv", sep="\t")
    assert table.IID.tolist() == cohort.samples.IID.tolist()
    assert table.phenotype.dtype == int and set(table.phenotype) == {0, 1}
    assert (table.phenotype + 1).astype(str).tolist() == cohort.samples.phenotype.tolist()
    assert table.sex.astype(str).tolist() == cohort.samples.sex.tolist()
