"""Faulty input ends the run with a code and a place, before long jobs."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from small_demo import configure, snakemake

SPLIT = "results/demo/split.tsv"


def edit_lines(path: Path, change: Callable[[list[str]], list[str]]) -> None:
    path.write_text("".join(change(path.read_text().splitlines(keepends=True))))


def edit_table(folder: Path, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    path = folder / "data" / "phenotypes.tsv"
    table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
    change(table).to_csv(path, sep="\t", index=False)


def truncate_bed(folder: Path) -> None:
    bed = folder / "data" / "cohort.bed"
    bed.write_bytes(bed.read_bytes()[:-100])


def sample_major_bed(folder: Path) -> None:
    bed = folder / "data" / "cohort.bed"
    bed.write_bytes(b"\x6c\x1b\x00" + bed.read_bytes()[3:])


def short_bim_line(folder: Path) -> None:
    bim = folder / "data" / "cohort.bim"
    edit_lines(bim, lambda lines: [*lines[:6], "1 rs1 0 100 A\n", *lines[7:]])


def repeated_sample(folder: Path) -> None:
    edit_lines(folder / "data" / "cohort.fam", lambda lines: [*lines[:-1], lines[0]])


def no_overlap(folder: Path) -> None:
    edit_table(folder, lambda table: table.assign(IID="x" + table.IID))


def third_value(folder: Path) -> None:
    edit_table(folder, lambda table: table.assign(trait=["2", *table.trait[1:]]))


def few_cases(folder: Path) -> None:
    edit_table(folder, lambda table: table.assign(trait=["1"] * 40 + ["0"] * (len(table) - 40)))


def constant_covariate(folder: Path) -> None:
    edit_table(folder, lambda table: table.assign(age="50"))


def empty_covariate(folder: Path) -> None:
    edit_table(folder, lambda table: table.assign(age="NA"))


def unknown_key(folder: Path) -> None:
    edit_lines(folder / "config" / "config.yaml", lambda lines: [*lines, "modle: 1\n"])


def absent_chromosome(folder: Path) -> None:
    config = folder / "config" / "config.yaml"
    config.write_text(config.read_text().replace("data/cohort", "data/chr{chromosome}"))


CASES = {  # code and place
    truncate_bed: "[G03] data/cohort.bed",
    sample_major_bed: "[G02] data/cohort.bed",
    short_bim_line: "[G04] data/cohort.bim, line 7",
    repeated_sample: "[G05] data/cohort.fam, line 1500",
    no_overlap: "[T05] data/phenotypes.tsv",
    third_value: "[T07] data/phenotypes.tsv, line 2",
    few_cases: "[K03] ",
    constant_covariate: "[A01] ",
    empty_covariate: "[T08] data/phenotypes.tsv",
    unknown_key: "[C04] config/config.yaml, modle",
    absent_chromosome: "[F01] data/chr1.bed, cohort.genotypes",
}


@pytest.mark.parametrize("break_input", CASES, ids=lambda case: case.__name__)
def test_bad_input(run: Path, tmp_path: Path, break_input: Callable[[Path], None]) -> None:
    shutil.copytree(run / "results" / "cohort" / "simulated", tmp_path / "data")
    cohort = {"genotypes": "data/cohort", "table": "data/phenotypes.tsv"}
    configure(tmp_path, {"causal": "data/causal.tsv"}, cohort=cohort)
    break_input(tmp_path)
    finished = snakemake(tmp_path, SPLIT)
    assert finished.returncode != 0
    shown = finished.stdout + finished.stderr
    assert CASES[break_input] in shown, shown
    assert "Traceback" not in shown, shown
    assert not (tmp_path / SPLIT).exists()


def test_a_panel_larger_than_the_number_of_variants_has_all_of_them(
    run: Path, tmp_path: Path
) -> None:
    shutil.copytree(run / "results" / "cohort" / "simulated", tmp_path / "data")
    cohort = {"genotypes": "data/cohort", "table": "data/phenotypes.tsv"}
    configure(tmp_path, {"causal": "data/causal.tsv", "panel": {"size": 99_999}}, cohort=cohort)
    finished = snakemake(tmp_path, "results/demo/panel/variants.tsv")
    assert finished.returncode == 0, finished.stdout + finished.stderr
    panel = pd.read_csv(tmp_path / "results/demo/panel/variants.tsv", sep="\t")
    assert 500 < len(panel) < 3000
    log = (tmp_path / "logs/select_panel/demo.log").read_text()
    assert str(len(panel)) in log and "99999" in log.replace(",", "")


def test_an_error_names_the_file_of_the_key(tmp_path: Path) -> None:
    configure(tmp_path, vae={"steps": "many"})
    mine, another = tmp_path / "mine.yaml", tmp_path / "another.yaml"
    (tmp_path / "asthma.yaml").write_text("{column: trait, coding: 0/1}")
    mine.write_text("vae: {step: 400}\n")
    another.write_text("seed: 2\n")

    def refusal(*arguments: str) -> str:
        refused = snakemake(tmp_path, "check", *arguments)
        assert refused.returncode != 0
        return refused.stdout + refused.stderr

    over = ("--configfile", str(mine), str(another))
    assert f"[C04] {mine}, vae.step: " in refusal(*over)
    mine.write_text("vae: {steps: 400}\nsplit: {train: 0.9}\nphenotypes: [asthma.yaml]\n")
    assert f"[C05] {mine}, split: " in refusal(*over)
    assert "\n[C03] --config, seed: " in refusal(*over, "--config", "seed=x")
    mine.write_text("seed: 3\n")
    assert "\n[C03] config/config.yaml, vae.steps: " in refusal(*over)
