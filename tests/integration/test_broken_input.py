"""Broken input ends a run with one message, a non-zero exit status and no half-written result.

What is checked of each file is tested with the library (`tests/unit`); these are runs of the workflow.
"""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import yaml
from small_demo import configure, snakemake, write_yaml

SPLIT = "results/demo/split.tsv"
MESSAGE = re.compile(r"\[[A-Z]\d\d\] .*")

Table = Callable[[pd.DataFrame], pd.DataFrame]


def third_value(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(trait=["2", *table.trait[1:]])


def few_cases(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(trait=["1"] * 40 + ["0"] * (len(table) - 40))


def few_cases_in_training(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(trait=["1"] * 60 + ["0"] * (len(table) - 60))


def constant_covariate(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(age="50")


def empty_covariate(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(age="NA")


def other_samples(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(IID="x" + table.IID)


def unchanged(table: pd.DataFrame) -> pd.DataFrame:
    return table


# For each phenotype: how its table is changed, its settings, and the beginning of the message.
OWN = "data/{name}.tsv"
CASES: dict[str, tuple[Table, dict, str]] = {
    "third_value": (third_value, {}, rf"\[T07\] {OWN}, line 2: "),
    "few_cases": (few_cases, {}, r"\[K03\] "),
    "few_cases_in_training": (few_cases_in_training, {}, r"\[K03\] "),
    "constant_covariate": (constant_covariate, {}, rf"\[A01\] {OWN}: "),
    "empty_covariate": (empty_covariate, {}, rf"\[T08\] {OWN}: "),
    "other_samples": (other_samples, {}, rf"\[T05\] {OWN}: "),
    "no_scoring_file": (unchanged, {"scoring_files": [OWN]}, rf"\[T02\] {OWN}: "),
    "external_cohort": (
        unchanged,
        {"external_cohort": "data/other"},
        r"\[X01\] data/other\.fam, line \d+: ",
    ),
}


@pytest.fixture
def folder(run: Path, tmp_path: Path) -> Path:
    """A user's folder with the cohort of the shared run, which is also its external cohort."""
    shutil.copytree(run / "results/cohort/simulated", tmp_path / "data")
    for ending in ("bed", "bim", "fam"):
        shutil.copy(tmp_path / f"data/cohort.{ending}", tmp_path / f"data/other.{ending}")
    cohort = {"genotypes": "data/cohort", "table": "data/phenotypes.tsv"}
    return configure(tmp_path, {"causal": "data/causal.tsv"}, cohort=cohort)


def messages(shown: str) -> list[str]:
    """The different messages in a text; the summary at the end of a run adds the log to each."""
    return sorted({re.sub(r" \(logs/.*\.log\)$", "", one) for one in MESSAGE.findall(shown)})


def test_each_broken_phenotype_is_reported_with_code_and_place(folder: Path) -> None:
    table = pd.read_csv(folder / "data/phenotypes.tsv", sep="\t", dtype=str, keep_default_na=False)
    demo = yaml.safe_load((folder / "config/phenotypes/demo.yaml").read_text())
    for name, (change, settings, _) in CASES.items():
        own = OWN.format(name=name)
        change(table).to_csv(folder / own, sep="\t", index=False)
        text = yaml.safe_dump(demo | {"table": own} | settings).replace("{name}", name)
        (folder / f"config/phenotypes/{name}.yaml").write_text(text)
    config = yaml.safe_load((folder / "config/config.yaml").read_text())
    config["phenotypes"] += [f"config/phenotypes/{name}.yaml" for name in CASES]
    write_yaml(folder / "config/config.yaml", config)

    checked = snakemake(folder, "check")
    assert checked.returncode != 0
    assert "Traceback" not in checked.stdout + checked.stderr
    found = {}
    for name, (_, _, pattern) in CASES.items():
        log = (folder / f"logs/check_inputs/{name}.log").read_text()
        (found[name],) = messages(log)
        assert re.match(pattern.format(name=name), found[name]), found[name]
        assert not (folder / f"results/{name}/check.txt").exists()
    assert messages(checked.stdout + checked.stderr) == sorted(set(found.values()))
    assert (folder / "results/demo/check.txt").exists()


def test_a_truncated_bed_is_refused_before_anything_is_computed(folder: Path) -> None:
    bed = folder / "data/cohort.bed"
    bed.write_bytes(bed.read_bytes()[:-100])
    finished = snakemake(folder)
    assert finished.returncode != 0
    shown = finished.stdout + finished.stderr
    (message,) = messages(shown)
    assert message.startswith("[G03] data/cohort.bed: ") and "Traceback" not in shown
    assert not (folder / "results/cohort/samples.tsv").exists()


def test_a_kinship_table_of_other_samples_is_refused(folder: Path) -> None:
    (folder / "kinship.tsv").write_text("ID1\tID2\tKinship\nx\ty\t0.25\n")
    cohort = {"genotypes": "data/cohort", "table": "data/phenotypes.tsv", "kinship": "kinship.tsv"}
    configure(folder, {"causal": "data/causal.tsv"}, cohort=cohort)
    checked = snakemake(folder, "check")
    assert checked.returncode != 0
    (message,) = messages(checked.stdout + checked.stderr)
    assert message.startswith("[T05] kinship.tsv: ")


def test_a_table_of_sets_with_other_words_is_refused(folder: Path) -> None:
    table = pd.read_csv(folder / "data/phenotypes.tsv", sep="\t", dtype=str)[["FID", "IID"]]
    table.assign(split="training").to_csv(folder / "sets.tsv", sep="\t", index=False)
    cohort = {"genotypes": "data/cohort", "table": "data/phenotypes.tsv"}
    configure(folder, {"causal": "data/causal.tsv"}, cohort=cohort, split={"file": "sets.tsv"})
    for target in ("check", SPLIT):
        refused = snakemake(folder, target)
        assert refused.returncode != 0
        (message,) = messages(refused.stdout + refused.stderr)
        assert message.startswith("[T06] sets.tsv, line 2: ")


def test_an_external_cohort_without_phenotypes_is_refused_before_the_gwas(folder: Path) -> None:
    cohort = {"genotypes": "data/cohort", "table": "data/phenotypes.tsv"}
    configure(folder, {"causal": "data/causal.tsv"}, cohort=cohort, external_cohort="data/other")
    refused = snakemake(folder, "evaluate")
    assert refused.returncode != 0
    (message,) = messages(refused.stdout + refused.stderr)
    assert re.match(r"\[X01\] data/other\.fam, line \d+: ", message)
    assert not (folder / SPLIT).exists()


def test_a_wrong_setting_is_reported_with_the_file_that_contains_it(tmp_path: Path) -> None:
    configure(tmp_path, vae={"steps": "many"}, cohort={"genotypes": "data/chr{chromosome}"})
    mine = tmp_path / "mine.yaml"

    def refusal(*arguments: str) -> str:
        refused = snakemake(tmp_path, "check", *arguments)
        assert refused.returncode != 0
        (message,) = messages(refused.stdout + refused.stderr)
        return message

    mine.write_text("vae: {step: 400}\n")
    assert refusal("--configfile", str(mine)).startswith(f"[C04] {mine}, vae.step: ")
    mine.write_text("seed: 3\n")
    over = ("--configfile", str(mine))
    assert refusal(*over).startswith("[C03] config/config.yaml, vae.steps: ")
    mine.write_text("vae: {steps: 400}\n")
    assert refusal(*over, "--config", "seed=x").startswith("[C03] --config, seed: ")
    assert refusal(*over).startswith("[F01] data/chr1.bed, cohort.genotypes: ")
    assert not (tmp_path / "results").exists()
