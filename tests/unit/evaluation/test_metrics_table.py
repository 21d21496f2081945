import numpy as np
import pandas as pd
import pytest

from snpgen.evaluation.intervals import Estimate
from snpgen.evaluation.metrics import DOMAINS
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


def collect(domain, *rows, n=100):
    """The table of rows (subject, metric, value, low, high)."""
    metrics = Metrics("demo", domain)
    for subject, metric, *estimate in rows:
        metrics.add(subject, {(metric, "all"): Estimate(*estimate)}, n)
    return metrics.table()


def test_every_value_has_ceiling_and_floor():
    estimates = {REAL: (0.8, 0.7, 0.9), FLOOR: (0.5, 0.4, 0.6), "snpgen": (0.7, 0.6, 0.8)}
    table = collect("utility", *((name, "auc_prs", *row) for name, row in estimates.items()))
    assert list(table.columns) == COLUMNS
    assert list(table.subject) == ["real", "snpgen"]
    assert list(table.ceiling) == [0.8, 0.8] and list(table.floor) == [0.5, 0.5]
    assert table.iloc[1][["value", "ci_low", "ci_high", "n"]].tolist() == [0.7, 0.6, 0.8, 100]


def test_the_negative_control_is_the_ceiling_of_privacy():
    table = collect(
        "privacy",
        ("snpgen", "exact_matches", 0.1),
        ("snpgen", "mia_loss_auc", 0.6),
        ("negative_control", "exact_matches", 0.02),
    )
    table = bound_by_negative_control(table)
    assert table.ceiling.tolist() == pytest.approx([0.02, np.nan, 0.02], nan_ok=True)
    assert table.floor.isna().all()


def test_numbers_by_stratum():
    metrics = Metrics("demo", "fidelity")
    estimates = {("af_rmse", stratum): Estimate(0.1) for stratum in ("all", "case", "maf<0.05")}
    metrics.add("snpgen", estimates, {"all": 100, "case": 30, "control": 70})
    assert metrics.table().n.tolist() == [100, 30, 100]


def test_na_is_logged_by_name_and_loses_its_interval(caplog):
    with caplog.at_level("WARNING", logger="snpgen"):
        table = collect("fidelity", ("snpgen", "ld_slope", np.nan, 1, 2))
    assert "fidelity ld_slope of snpgen (all) is NA. Possible causes: an empty class" in caplog.text
    assert table[["value", "ci_low", "ci_high"]].isna().all(axis=None)


def test_tables_survive_the_disk(tmp_path):
    table = collect(
        "privacy",
        ("negative_control", "mia_distance_auc", 0.5, 0.45, 0.55),
        ("snpgen", "dcr_ratio", np.nan),
    )
    paths = [str(tmp_path / name) for name in ("a.tsv", "b.tsv")]
    for path in paths:
        write_table(table, path)
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
    assert set(table.metric) == {metric.name for metric in DOMAINS["cost"].metrics}
    values = {(row.metric, row.stratum): row.value for row in table.itertuples()}
    assert values["wall_seconds", "run_gwas"] == 5.0
    assert values["cpu_seconds", "run_gwas"] == 8.0
    assert values["peak_rss_mb", "run_gwas"] == 300
    assert values["genotypes_per_second", "sample_cohort"] == 1000
    assert pd.isna(values["cpu_seconds", "train_vae"]) and pd.isna(
        values["peak_rss_mb", "train_vae"]
    )


def test_without_costs_numbers_keep_six_digits(tmp_path):
    table = collect("fidelity", ("external", "af_rmse", 1 / 3), n=12_345_678)
    costs = cost_rows("demo", "external", [], 0)
    assert costs.empty and list(costs.columns) == COLUMNS
    write_table(pd.concat([table, costs]), str(tmp_path / "metrics.tsv"))
    values = (tmp_path / "metrics.tsv").read_text().splitlines()[1].split("\t")
    assert values[5] == "0.333333" and values[-1] == "12345678"


def test_runs_of_the_generator_give_their_mean_and_range():
    rows = []
    for subject, auc in (("snpgen", 0.70), ("snpgen.2", 0.76), ("snpgen.3", 0.73), ("copula", 0.9)):
        rows.append((subject, "auc_prs", auc, 0.6, 0.8))
        rows.append((subject, "brier_prs", np.nan if subject == "snpgen.2" else 0.2))
    found = replicate_rows(collect("utility", *rows), "snpgen")
    assert list(found.columns) == COLUMNS and set(found.subject) == {"replicates"}
    auc, brier = found.iloc[0], found.iloc[1]
    assert [auc.value, auc.ci_low, auc.ci_high] == pytest.approx([0.73, 0.70, 0.76])
    assert brier.metric == "brier_prs" and np.isnan([brier.value, brier.ci_low]).all()
    assert replicate_rows(collect("utility", *rows[:2]), "snpgen").empty  # a single run
