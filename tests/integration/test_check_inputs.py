"""`snakemake check` prints a summary of the input and of the run for each phenotype."""

import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml
from small_demo import configure, merge, snakemake, write_yaml


@pytest.fixture(scope="module")
def folder(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's folder with the cohort of the shared run and two phenotypes, demo and women."""
    folder = tmp_path_factory.mktemp("check")
    shutil.copytree(run / "results/cohort/simulated", folder / "data")
    cohort = {"genotypes": "data/cohort", "table": "data/phenotypes.tsv"}
    files = [f"config/phenotypes/{name}.yaml" for name in ("demo", "women")]
    configure(folder, {"causal": "data/causal.tsv"}, cohort=cohort, phenotypes=files)
    demo = yaml.safe_load((folder / files[0]).read_text())
    women = {"include": "sex == 2", "covariates": ["age"], "categorical": []}
    women |= {"panel": {"size": 40}, "baselines": ["copula", "mosaic"]}
    write_yaml(folder / files[1], merge(demo, women))
    return folder


@pytest.fixture(scope="module")
def printed(folder: Path) -> str:
    """Standard output of the first check."""
    checked = snakemake(folder, "check")
    assert checked.returncode == 0, checked.stderr
    return checked.stdout


@pytest.fixture(scope="module")
def summaries(printed: str) -> dict[str, dict[str, str]]:
    """The lines of each phenotype's summary by their names, which take 16 characters."""
    parts = re.split(r"^\S.* (demo|women|2 phenotypes)$", printed, flags=re.MULTILINE)[1:]
    return {
        name: {line[2:18].strip(): line[18:] for line in text.splitlines()}
        for name, text in zip(parts[::2], parts[1::2], strict=True)
    }


def number(text: str, pattern: str) -> int:
    return int(re.search(pattern, text)[1].replace(",", ""))


def test_the_summary_covers_every_phenotype(
    folder: Path, summaries: dict[str, dict[str, str]]
) -> None:
    assert list(summaries) == ["demo", "women", "2 phenotypes"]
    table = pd.read_csv(folder / "data/phenotypes.tsv", sep="\t", dtype=str)
    complete = table[table.sex == "2"].dropna(subset=["trait", "age"])
    assert summaries["women"]["individuals"].startswith(f"1,500 genotyped, {len(complete):,} ")
    assert f"{(complete.trait == '1').sum():,} cases" in summaries["women"]["phenotype"]
    assert summaries["demo"]["panel"].startswith("100 ")
    assert summaries["women"]["panel"].startswith("40 ")
    assert re.search(r"AUC 0\.\d\d", summaries["demo"]["expected attack"])
    assert not (folder / "results/cohort/samples.tsv").exists()  # no genotypes were read


def test_the_joint_attack_is_stronger_than_that_on_each_phenotype(
    summaries: dict[str, dict[str, str]],
) -> None:
    aucs = [
        float(re.search(r"AUC (0\.\d\d)", one["expected attack"])[1]) for one in summaries.values()
    ]
    assert aucs[2] >= max(aucs[:2]) > 0.5
    # Each at most 0.7; demo has more variants per individual, so the attack on it is stronger.
    assert "at most 0.77 for" in summaries["2 phenotypes"]["limit"]
    assert "without demo of at most 0.70;" in summaries["2 phenotypes"]["limit"]


def test_the_summary_is_printed_each_time(folder: Path, printed: str) -> None:
    assert snakemake(folder, "check").stdout == printed


def test_memory_is_the_largest_request_of_a_job(
    run: Path, summaries: dict[str, dict[str, str]]
) -> None:
    planned = snakemake(run, "--dry-run", "--forceall", "results/demo/report.html")
    largest = max(int(mb) for mb in re.findall(r"mem_mb=(\d+)", planned.stdout))
    printed = re.match(r"(\d+\.\d) GB", summaries["demo"]["memory"])[1]
    assert float(printed) == pytest.approx(largest / 1000, abs=0.06)


def test_numbers_of_samples_are_those_of_the_run(
    run: Path, summaries: dict[str, dict[str, str]]
) -> None:
    split = pd.read_csv(run / "results/demo/split.tsv", sep="\t")
    complete = number(summaries["demo"]["individuals"], r"genotyped, ([\d,]+) ")
    assert len(split) <= complete <= 1.02 * len(split)  # the run drops samples with few calls
    training = number(summaries["demo"]["split"], r"([\d,]+) train")
    assert training == pytest.approx((split.split == "train").sum(), rel=0.02)
