"""The results of the small demo: metrics, synthetic filesets, report, release and restricted files."""

import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from jsonschema import Draft202012Validator
from small_demo import PHENOTYPES, REPOSITORY, read_checksums, snakemake

from snpgen.io.plink import open_fileset

RESULTS = "results/demo"
OURS = {"snpgen", "snpgen_balanced", "reconstruction"}
BASELINES = {"independent", "copula", "mosaic", "cvae", "mixture"}


def test_every_domain_and_subject_is_in_the_metrics(run: Path) -> None:
    metrics = pd.read_csv(run / RESULTS / "metrics.tsv", sep="\t")
    assert set(metrics.domain) == {"fidelity", "association", "utility", "privacy", "cost"}
    for domain in ("fidelity", "association", "utility", "privacy"):
        subjects = set(metrics[metrics.domain == domain].subject)
        assert OURS | BASELINES | {"real"} <= subjects
        assert ("shuffled" in subjects) == (domain != "privacy")
        assert ("clumping_thresholding" in subjects) == (domain == "utility")


def test_synthetic_cohorts_reproduce_frequencies_and_ld(run: Path) -> None:
    metrics = pd.read_csv(run / RESULTS / "metrics.tsv", sep="\t")
    value = metrics[metrics.stratum == "all"].set_index(["subject", "metric"]).value
    whole = metrics[metrics.stratum == "train"].set_index(["subject", "metric"]).value
    assert whole["snpgen", "af_pearson"] > 0.99
    assert value["snpgen", "ld_slope"] > 0.6
    assert abs(value["independent", "ld_slope"]) < 0.2
    assert value["copula", "ld_slope"] > 0.6
    assert value["mosaic", "ld_slope"] > 0.6
    assert value["shuffled", "ld_slope"] == pytest.approx(value["real", "ld_slope"], abs=0.1)
    assert value["snpgen", "exact_matches"] == 0
    assert value["snpgen", "n_lost"] == 0


def test_synthetic_filesets_have_the_variants_of_the_panel_and_the_cases_of_training(
    run: Path,
) -> None:
    panel = pd.read_csv(run / RESULTS / "panel" / "variants.tsv", sep="\t", dtype=str)
    split = pd.read_csv(run / RESULTS / "split.tsv", sep="\t")
    training = split[split.split == "train"]
    for cohort in OURS | BASELINES:
        fileset = open_fileset(str(run / RESULTS / "synthetic" / cohort), ["1"])
        for column in ("variant_id", "effect_allele", "other_allele"):
            assert fileset.variants[column].tolist() == panel[column].tolist()
        assert len(fileset.samples) == len(training)
        cases = (fileset.samples.phenotype == "2").sum()
        balanced = cohort == "snpgen_balanced"
        assert cases == (len(training) // 2 if balanced else training.phenotype.sum())


@pytest.mark.skipif(not shutil.which("plink2"), reason="plink2 is not installed")
def test_plink2_reads_the_synthetic_cohort_without_a_warning(run: Path, tmp_path: Path) -> None:
    bfile = run / RESULTS / "release" / "snpgen"
    command = ["plink2", "--bfile", bfile, "--freq", "--out", tmp_path / "x"]
    finished = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "warning" not in (finished.stdout + finished.stderr).lower()
    frequencies = pd.read_csv(tmp_path / "x.afreq", sep="\t").ALT_FREQS
    fileset = open_fileset(str(bfile), ["1"])
    dosages = fileset.read(np.arange(len(fileset.variants)), np.arange(len(fileset.samples)))
    assert np.allclose(frequencies, dosages.mean(axis=0) / 2, atol=1e-5)


def test_the_cohorts_of_all_phenotypes_are_attacked_together(run: Path) -> None:
    table = pd.read_csv(run / "results/cohort/joint_attacks.tsv", sep="\t")
    every = table[table.phenotypes == ", ".join(PHENOTYPES)].set_index(["subject", "attack"])
    sets = [
        pd.read_csv(run / f"results/{name}/split.tsv", sep="\t").set_index("IID").split
        for name in PHENOTYPES
    ]
    for name, column in (("train", "members"), ("test", "non_members")):
        shared = set.intersection(*(set(one.index[one == name]) for one in sets))
        assert (every.loc["snpgen"][column] == len(shared)).all()
    auc = every.auc
    assert auc["positive_control", "distance"] > auc["snpgen", "distance"] + 0.02
    assert abs(auc["negative_control", "distance"] - 0.5) < 0.15
    # Effects are those of the training individuals, which the adaptive attack detects.
    assert auc["snpgen", "adaptive"] > 0.55
    page = (run / "results/comparison.html").read_text()
    card = (run / RESULTS / "release/model_card.md").read_text()
    shown = f"{auc['snpgen', 'adaptive']:.3f} ("
    assert shown in page and shown in card and "### Joint attack on 3 phenotypes" in card


def test_the_report_is_one_file_with_its_plots(run: Path) -> None:
    page = (run / RESULTS / "report.html").read_text()
    assert not re.search(r"(src|href)=[\"']?(https?:)?//", page)
    assert page.count("<svg") >= 9 and 'id="generator"' in page


def test_checksums_of_the_release_are_correct_and_complete(run: Path) -> None:
    release = run / RESULTS / "release"
    checksums = read_checksums(release / "SHA256SUMS")
    files = {path.name for path in release.iterdir()} - {"SHA256SUMS"}
    assert set(checksums) == files
    for name, digest in checksums.items():
        assert hashlib.sha256((release / name).read_bytes()).hexdigest() == digest


def test_privacy_records_are_valid(run: Path) -> None:
    schema = yaml.safe_load((REPOSITORY / "workflow/schemas/privacy.schema.yaml").read_text())
    for phenotype in PHENOTYPES:
        record = json.loads((run / "results" / phenotype / "release/privacy.json").read_text())
        Draft202012Validator(schema).validate(record)
        assert record["phenotype"] == phenotype and len(record["joint_attacks"]) > 3


def test_calibration_and_model_cards_are_complete(run: Path) -> None:
    guidance = json.loads((run / RESULTS / "model" / "guidance.json").read_text())
    assert 0.5 < guidance["effect_slope_before_matching"] < 3  # the networks learn training effects
    assert guidance["effects"] == "shrunken" and guidance["epsilon"] is None
    for model in ("vae", "diffusion"):
        card = json.loads((run / RESULTS / "model" / f"{model}.json").read_text())
        assert card["parameters"] > 1000
        assert not (run / RESULTS / "model" / f"{model}.checkpoint").exists()


def test_a_second_run_has_nothing_to_do(run: Path) -> None:
    again = snakemake(run)
    assert again.returncode == 0 and "Nothing to be done" in again.stdout + again.stderr


def test_restricted_files_are_readable_by_their_owner_only(run: Path) -> None:
    restricted = run / RESULTS / "restricted"
    paths = [restricted, *restricted.rglob("*")]
    names = {path.name for path in paths}
    assert {"test_scores.tsv", "membership_scores.tsv", "losses.tsv", "comparators.tsv"} <= names
    paths += [*(run / "results").glob("*/keep/*.txt")]
    assert len(paths) > 16
    assert all(path.stat().st_mode & 0o077 == 0 for path in paths)


def test_release_report_and_logs_name_no_sample_and_the_release_has_no_real_genotypes(
    run: Path,
) -> None:
    split = pd.read_csv(run / RESULTS / "split.tsv", sep="\t", dtype=str)
    iids = {iid.encode() for iid in split.IID}
    public = [*(run / RESULTS / "release").iterdir(), run / RESULTS / "report.html"]
    public += [path for path in (run / "logs").rglob("*.log")]
    for path in public:
        named = iids & set(re.findall(rb"[A-Za-z0-9_]+", path.read_bytes()))
        assert not named, (path.name, sorted(named)[:3])
    real = {row.tobytes() for row in np.load(run / RESULTS / "panel" / "genotypes.npy")}
    for name in ("snpgen", "snpgen_balanced"):
        fileset = open_fileset(str(run / RESULTS / "release" / name), ["1"])
        everything = np.arange(len(fileset.variants)), np.arange(len(fileset.samples))
        synthetic = np.ascontiguousarray(fileset.read(*everything))
        assert not real & {row.tobytes() for row in synthetic}


def test_no_pickle_is_read_or_written() -> None:
    for path in (Path(__file__).parents[2] / "workflow" / "scripts").rglob("*.py"):
        text = path.read_text()
        assert not re.search(r"import pickle|torch\.(load|save)\(|joblib|yaml\.load\(", text), path
        loads = re.findall(r"np\.load\([^)]*\)", text)
        assert all("allow_pickle=False" in call for call in loads), path
