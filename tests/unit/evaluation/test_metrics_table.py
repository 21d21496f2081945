import numpy as np
import pandas as pd
import pytest

from snpgen.evaluation.intervals import Estimate
from snpgen.evaluation.metrics_table import (
    COLUMNS,
    FLOOR,
    REAL,
    Metrics,
    bound_by_negative_control,
    concatenate,
    cost_rows,
    replicate_rows,
    write_table,
)
from snpgen.messages import Code, InputError


def test_every_value_has_ceiling_and_floor():
    metrics = Metrics("demo", "utility")
    metrics.add(REAL, {("auc_prs", "all"): Estimate(0.8, 0.7, 0.9)}, 100, "never")
    metrics.add(FLOOR, {("auc_prs", "all"): Estimate(0.5, 0.4, 0.6)}, 100, "never")
    metrics.add("snpgen", {("auc_prs", "all"): Estimate(0.7, 0.6, 0.8)}, 100, "never")
    table = metrics.table()
    assert list(table.columns) == COLUMNS
    assert list(table.subject) == ["real", "snpgen"]
    assert list(table.ceiling) == [0.8, 0.8] and list(table.floor) == [0.5, 0.5]
    assert table.iloc[1][["value", "ci_low", "ci_high", "n"]].tolist() == [0.7, 0.6, 0.8, 100]


def test_the_negative_control_is_the_ceiling_of_privacy():
    metrics = Metrics("demo", "privacy")
    metrics.add("snpgen", {("exact_matches", "all"): Estimate(0.1)}, 10, "never")
    metrics.add("snpgen", {("mia_loss_auc", "all"): Estimate(0.6)}, 10, "never")
    metrics.add("negative_control", {("exact_matches", "all"): Estimate(0.02)}, 10, "never")
    table = bound_by_negative_control(metrics.table())
    assert table.ceiling.tolist() == pytest.approx([0.02, np.nan, 0.02], nan_ok=True)
    assert table.floor.isna().all()


def test_numbers_by_stratum():
    metrics = Metrics("demo", "fidelity")
    strata = ("all", "case", "maf<0.05")
    estimates = {("af_rmse", stratum): Estimate(0.1) for stratum in strata}
    metrics.add("snpgen", estimates, {"all": 100, "case": 30, "control": 70}, "never")
    assert metrics.table().n.tolist() == [100, 30, 100]


def test_na_is_logged_by_name_and_loses_its_interval(caplog):
    metrics = Metrics("demo", "fidelity")
    with caplog.at_level("WARNING", logger="snpgen"):
        metrics.add("snpgen", {("ld_slope", "0-10kb"): Estimate(np.nan, 1, 2)}, 5, "no pairs")
    assert "fidelity ld_slope of snpgen (0-10kb) is NA: no pairs" in caplog.text
    assert metrics.table()[["value", "ci_low", "ci_high"]].isna().all(axis=None)


def test_tables_survive_the_disk(tmp_path):
    metrics = Metrics("demo", "privacy")
    metrics.add(
        "negative_control", {("mia_distance_auc", "all"): Estimate(0.5, 0.45, 0.55)}, 10, "never"
    )
    metrics.add("snpgen", {("dcr_ratio", "all"): Estimate(np.nan)}, 10, "never")
    paths = [str(tmp_path / name) for name in ("a.tsv", "b.tsv")]
    for path in paths:
        write_table(metrics.table(), path)
    read = concatenate(paths)
    assert read.subject.tolist() == ["negative_control", "snpgen"] * 2
    assert read.value.isna().tolist() == [False, True] * 2
    assert "\tNA\t" in (tmp_path / "a.tsv").read_text()
    read.drop(columns="n").to_csv(paths[0], sep="\t")
    with pytest.raises(InputError) as error:
        concatenate(paths)
    assert (error.value.code, error.value.file) == (Code.OUTDATED_RESULT, paths[0])


def test_costs_add_up_over_jobs_and_memory_is_the_largest(tmp_path):
    head = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"
    files = []
    for rule, job, s, rss, cpu in (
        ("run_gwas", "demo.1", 2.0, 300, 3.5),
        ("run_gwas", "demo.2", 3.0, 200, 4.5),
        ("sample_cohort", "demo.snpgen", 4.0, 900, 8.0),
        ("sample_cohort", "demo.snpgen.2", 1.0, 900, 8.0),
        ("train_vae", "demo", 0.01, "-", "-"),
    ):
        path = tmp_path / "prefix" / "benchmarks" / rule / f"{job}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{head}{s}\t0:00:01\t{rss}\t1\t1\t1\t0\t0\t90\t{cpu}\n")
        files.append(str(path))
    table = cost_rows("demo", "snpgen", files, 4000)
    assert list(table.columns) == COLUMNS
    assert set(table.subject) == {"snpgen"} and set(table.domain) == {"cost"}
    values = {(row.metric, row.stratum): row.value for row in table.itertuples()}
    assert values["wall_seconds", "run_gwas"] == 5.0
    assert values["cpu_seconds", "run_gwas"] == 8.0
    assert values["peak_rss_mb", "run_gwas"] == 300
    assert values["genotypes_per_second", "sample_cohort"] == 1000
    assert pd.isna(values["cpu_seconds", "train_vae"]) and pd.isna(
        values["peak_rss_mb", "train_vae"]
    )


def test_without_costs_numbers_keep_six_digits(tmp_path):
    metrics = Metrics("demo", "fidelity")
    metrics.add("external", {("af_rmse", "all"): Estimate(1 / 3)}, 12_345_678, "never")
    costs = cost_rows("demo", "external", [], 0)
    assert costs.empty and list(costs.columns) == COLUMNS
    write_table(pd.concat([metrics.table(), costs]), str(tmp_path / "metrics.tsv"))
    values = (tmp_path / "metrics.tsv").read_text().splitlines()[1].split("\t")
    assert values[5] == "0.333333" and values[-1] == "12345678"


def test_runs_of_the_generator_give_their_mean_and_range():
    metrics = Metrics("demo", "utility")
    for subject, auc in (("snpgen", 0.70), ("snpgen.2", 0.76), ("snpgen.3", 0.73), ("copula", 0.9)):
        metrics.add(subject, {("auc_prs", "all"): Estimate(auc, 0.6, 0.8)}, 100, "never")
        brier = Estimate(np.nan if subject == "snpgen.2" else 0.2)
        metrics.add(subject, {("brier_prs", "all"): brier}, 100, "never")
    found = replicate_rows(metrics.table(), "snpgen")
    assert list(found.columns) == COLUMNS and set(found.subject) == {"replicates"}
    auc, brier = found.iloc[0], found.iloc[1]
    assert [auc.value, auc.ci_low, auc.ci_high] == pytest.approx([0.73, 0.70, 0.76])
    assert brier.metric == "brier_prs" and np.isnan([brier.value, brier.ci_low]).all()


def test_a_single_run_has_no_row_of_runs():
    metrics = Metrics("demo", "utility")
    metrics.add("snpgen", {("auc_prs", "all"): Estimate(0.7)}, 100, "never")
    assert replicate_rows(metrics.table(), "snpgen").empty
