"""`snakemake check`: a summary of the input of each phenotype, and errors in the input."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import yaml
from small_demo import configure, snakemake


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the small simulated cohort."""
    folder = configure(tmp_path_factory.mktemp("simulated"))
    made = snakemake(folder, "results/cohort/simulated/cohort.bed")
    assert made.returncode == 0, made.stdout + made.stderr
    return folder / "results/cohort/simulated"


@pytest.fixture
def folder(data: Path, tmp_path: Path) -> Path:
    """A working directory with that cohort."""
    shutil.copytree(data, tmp_path / "data")
    cohort = {"genotypes": "data/cohort", "table": "data/phenotypes.tsv"}
    return configure(tmp_path, {"causal": "data/causal.tsv"}, cohort=cohort)


def settings(folder: Path, file: str, **changes: dict | list | str) -> None:
    path = folder / "config" / file
    content = yaml.safe_load(path.read_text())
    for key, value in changes.items():
        content[key] = content.get(key, {}) | value if isinstance(value, dict) else value
    path.write_text(yaml.safe_dump(content))


def test_the_summary_is_printed_each_time_for_every_phenotype(folder: Path) -> None:
    shutil.copy(folder / "config/phenotypes/demo.yaml", folder / "config/phenotypes/women.yaml")
    women = {"include": "sex == 2", "covariates": ["age"], "categorical": []}
    settings(folder, "phenotypes/women.yaml", **women, panel={"size": 40})
    both = [f"config/phenotypes/{name}.yaml" for name in ("demo", "women")]
    settings(folder, "config.yaml", phenotypes=both, baselines=["copula", "mosaic"])
    checked = snakemake(folder, "check")
    assert checked.returncode == 0, checked.stderr
    table = pd.read_csv(folder / "data/phenotypes.tsv", sep="\t", dtype=str)
    kept = table[table.sex == "2"].dropna(subset=["trait", "age"])
    summaries = checked.stdout.split("Input of ")[1:]
    assert [summary.split()[0] for summary in summaries] == ["demo", "women"]
    assert f"1,500 genotyped, {len(kept):,} with phenotype" in summaries[1]
    assert f"{(kept.trait == '1').sum():,} cases" in summaries[1]
    assert re.search(r"panel +100 variants", summaries[0]) and re.search(
        r"panel +40 variants", summaries[1]
    )
    assert re.search(r"expected attack .*AUC 0\.\d\d for all training", summaries[0])
    assert not (folder / "results/cohort").exists()  # no genotype was read
    again = snakemake(folder, "check")
    assert again.stdout == checked.stdout


def test_memory_is_the_most_that_a_job_requests(folder: Path, run: Path) -> None:
    checked = snakemake(folder, "check")
    planned = snakemake(run, "--dry-run", "--forceall")
    memory = [int(mb) for mb in re.findall(r"mem_mb=(\d+)", planned.stdout)]
    said = re.search(r"memory +(\d+\.\d) GB", checked.stdout)[1]
    assert float(said) == pytest.approx(max(memory) / 1000, abs=0.06)


def test_the_summary_agrees_with_a_run(folder: Path, run: Path) -> None:
    """Individuals and training individuals are those of a run that was made."""
    summary = snakemake(folder, "check").stdout
    split = pd.read_csv(run / "results/demo/split.tsv", sep="\t")
    complete = int(re.search(r"([\d,]+) with phenotype", summary)[1].replace(",", ""))
    assert len(split) <= complete <= 1.02 * len(split)  # less those with few calls
    training = int(re.search(r"split +([\d,]+) train", summary)[1].replace(",", ""))
    assert training == pytest.approx((split.split == "train").sum(), rel=0.02)


def edit(folder: Path, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    path = folder / "data/phenotypes.tsv"
    table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
    change(table).to_csv(path, sep="\t", index=False)


def truncated(folder: Path) -> None:
    bed = folder / "data/cohort.bed"
    bed.write_bytes(bed.read_bytes()[:-100])


def few_in_training(folder: Path) -> None:
    edit(folder, lambda table: table.assign(trait=["1"] * 60 + ["0"] * (len(table) - 60)))


def too_many_for_kinship(folder: Path) -> None:
    settings(folder, "config.yaml", kinship={"max_samples": 1000})


def wrong_split(folder: Path) -> None:
    edit(folder, lambda table: table.assign(split="training"))
    settings(folder, "phenotypes/demo.yaml", split={"file": "data/phenotypes.tsv"})


def no_scoring_file(folder: Path) -> None:
    settings(folder, "phenotypes/demo.yaml", scoring_files=["data/phenotypes.tsv"])


def others_in_kinship(folder: Path) -> None:
    (folder / "kinship.tsv").write_text("ID1\tID2\tKinship\nx\ty\t0.25\n")
    settings(folder, "config.yaml", cohort={"kinship": "kinship.tsv"})


def external_cohort_without_phenotypes(folder: Path) -> None:
    for ending in ("bed", "bim", "fam"):
        shutil.copy(folder / f"data/cohort.{ending}", folder / f"data/other.{ending}")
    settings(folder, "config.yaml", external_cohort="data/other")


CASES = {  # code and place
    truncated: "[G03] data/cohort.bed: ",
    few_in_training: "[K03] ",
    too_many_for_kinship: "[K01] kinship.max_samples: ",
    wrong_split: "[T06] data/phenotypes.tsv, line 2: ",
    no_scoring_file: "[T02] data/phenotypes.tsv: ",
    others_in_kinship: "[T05] kinship.tsv: ",
    external_cohort_without_phenotypes: "[X01] data/other.fam, line ",
}


@pytest.mark.parametrize("break_input", CASES, ids=lambda case: case.__name__)
def test_faulty_input_ends_with_a_code_and_a_place(folder: Path, break_input: Callable) -> None:
    break_input(folder)
    refused = snakemake(folder, "check")
    assert refused.returncode != 0
    shown = refused.stdout + refused.stderr
    lines = [line for line in shown.splitlines() if line.startswith("Error: ")]
    assert len(set(lines)) == 1 and lines[0].startswith(f"Error: {CASES[break_input]}"), shown
    assert "Traceback" not in shown and "Input of" not in shown
    assert not (folder / "results/demo/check.txt").exists()


def test_a_faulty_external_cohort_is_rejected_before_the_gwas(folder: Path) -> None:
    external_cohort_without_phenotypes(folder)
    refused = snakemake(folder, "evaluate")
    assert refused.returncode != 0
    assert "Error: [X01] data/other.fam, line " in refused.stdout + refused.stderr
    assert not (folder / "results/demo/split.tsv").exists()
