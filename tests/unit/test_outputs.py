"""Other tools read a released cohort and agree with SNPgen on frequencies and associations."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from example_association import simulate_dosages
from scipy.stats import chi2_contingency

from snpgen.generator.synthetic import write_cohort
from snpgen.io.plink import Fileset, allele_frequency, open_fileset

needs_plink19 = pytest.mark.skipif(not shutil.which("plink1.9"), reason="plink1.9 is not on PATH")
N, M = 301, 40
PAGE = Path(__file__).parents[2] / "config" / "README.md"
RELEASE = "results/asthma/release"
BED, PGEN = f"--bfile {RELEASE}/snpgen", "--pfile snpgen"
VCF = "--vcf snpgen.vcf.gz --double-id"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a synthetic cohort, `snpgen`; two of its variants have effects."""
    folder = tmp_path_factory.mktemp("release")
    rng = np.random.default_rng(7)
    dosages = simulate_dosages(N, M, rng)
    log_odds = 0.7 * (dosages[:, 0] - 1.0) - 0.5 * (dosages[:, 7] - 1.0)
    individuals = pd.DataFrame(
        {"phenotype": (rng.random(N) < 1 / (1 + np.exp(-log_odds))).astype(int)}
    )
    individuals = individuals.assign(
        label=individuals.phenotype, sex=rng.integers(1, 3, N), group=""
    )
    variants = pd.DataFrame({"chromosome": np.repeat(["1", "2", "10"], [10, 10, 20])})
    variants["variant_id"] = [f"rs{number}" for number in range(M)]
    variants["position"] = 1_000 * np.arange(1, M + 1)
    variants["effect_allele"], variants["other_allele"] = np.resize(
        [["A", "G"], ["TC", "T"]], (M, 2)
    ).T
    write_cohort(str(folder / "snpgen.bed"), dosages, individuals, variants, ["control", "case"])
    return folder


@pytest.fixture(scope="module")
def converted(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the cohort in `RELEASE`, converted with the commands of the documentation."""
    if not shutil.which("plink2"):
        pytest.skip("plink2 is not on PATH")
    place = tmp_path_factory.mktemp("converted")
    (place / RELEASE).parent.mkdir(parents=True)
    (place / RELEASE).symlink_to(folder)
    for command in re.findall(rf"^plink2 {BED} .*$", PAGE.read_text(), flags=re.MULTILINE):
        run(place, *shlex.split(command))
    return place


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


@pytest.mark.parametrize("files", [BED, PGEN, VCF])
def test_frequencies_and_association_of_plink_2(
    files: str,
    converted: Path,
    cohort: Fileset,
    dosages: np.ndarray,
    cases: np.ndarray,
    tmp_path: Path,
) -> None:
    table = ["--pheno", f"{RELEASE}/snpgen.pheno.tsv", "--pheno-name", "phenotype", "--1"]
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
    run(converted, *command, "--out", str(tmp_path / "two"))
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


@pytest.mark.parametrize("files", [PGEN, VCF])
def test_conversions_preserve_genotypes_variants_and_ids(
    files: str, converted: Path, folder: Path, tmp_path: Path
) -> None:
    run(converted, "plink2", *files.split(), "--make-bed", "--out", str(tmp_path / "back"))
    assert (tmp_path / "back.bed").read_bytes() == (folder / "snpgen.bed").read_bytes()
    columns = {
        "bim": 6,
        "fam": 6 if "--pfile" in files else 2,
    }  # a VCF contains only the IDs of samples
    for ending, count in columns.items():
        back, ours = (
            pd.read_csv(f"{prefix}.{ending}", sep=r"\s+", header=None, usecols=range(count))
            for prefix in (tmp_path / "back", folder / "snpgen")
        )
        pd.testing.assert_frame_equal(back, ours, check_dtype=False)


# pandas.


def test_tables_in_pandas(folder: Path, cohort: Fileset) -> None:
    table = pd.read_csv(folder / "snpgen.pheno.tsv", sep="\t")
    assert table.IID.tolist() == cohort.samples.IID.tolist()
    assert table.phenotype.dtype == int and set(table.phenotype) == {0, 1}
    assert (table.phenotype + 1).astype(str).tolist() == cohort.samples.phenotype.tolist()
    assert table.sex.astype(str).tolist() == cohort.samples.sex.tolist()
