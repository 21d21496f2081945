"""GWAS-SSF files, their companion and the summary of a scan."""

import gzip
import hashlib
import json

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy.stats import chi2

from snpgen.association.shrinkage import correct_effects
from snpgen.io.sumstats import (
    COLUMNS,
    lambda_error,
    lambda_gc,
    merge_funnels,
    read_sumstats,
    summarise,
    write_metadata,
    write_sumstats,
)

MANDATORY = [  # GWAS-SSF 1.0: these columns, in this order
    "chromosome",
    "base_pair_location",
    "effect_allele",
    "other_allele",
    "beta",
    "standard_error",
    "effect_allele_frequency",
    "neg_log_10_p_value",
]


@pytest.fixture
def table():
    return pd.DataFrame(
        {
            "chromosome": ["1", "2", "10"],
            "position": [100, 5, 7],
            "effect_allele": ["A", "NA", "T"],
            "other_allele": ["G", "C", "TA"],
            "beta": [0.123456789, -2.5, 1e-9],
            "standard_error": [0.02, np.nan, 1.0],
            "effect_allele_frequency": [0.25, 0.5, 0.75],
            "neg_log_10_p_value": [8.812345678, 350.25, 0.0],
            "variant_id": ["rs1", "2:5:C:NA", "007"],
            "n": [100, 99, 98],
            "n_cases": [40, 39, 38],
            "n_effective": [96.0, 94.5, 93.25],
            "frequency_cases": [0.3, 0.5, 0.75],
            "frequency_controls": [0.2, 0.5, 0.75],
            "hwe_p": [1.0, 1e-5, 0.25],
            "test": ["logistic", "firth", "logistic"],
            "beta_corrected": [0.1, np.nan, 1e-10],
        }
    )


def test_written_table_is_read_back(table, tmp_path):
    path = str(tmp_path / "sumstats.tsv.gz")
    write_sumstats(path, table)
    pd.testing.assert_frame_equal(read_sumstats(path), table, rtol=1e-8)
    lines = gzip.decompress((tmp_path / "sumstats.tsv.gz").read_bytes()).decode().splitlines()
    assert lines[0].split("\t")[:8] == MANDATORY
    assert lines[2].split("\t")[5] == "#NA"


def test_equal_tables_give_equal_bytes(table, tmp_path):
    write_sumstats(str(tmp_path / "one.tsv.gz"), table)
    write_sumstats(str(tmp_path / "other.tsv.gz"), table)
    assert (tmp_path / "one.tsv.gz").read_bytes() == (tmp_path / "other.tsv.gz").read_bytes()
    assert (tmp_path / "one.tsv.gz").read_bytes()[4:8] == bytes(4)  # gzip's time of writing


def test_empty_table_is_read_back(table, tmp_path):
    write_sumstats(str(tmp_path / "empty.tsv.gz"), table.iloc[:0])
    again = read_sumstats(str(tmp_path / "empty.tsv.gz"))
    assert len(again) == 0 and list(again.columns) == COLUMNS


@pytest.mark.parametrize("rows", [(3, 0), (0, 3), (0, 0)])
def test_chunks_without_variants_are_merged(table, tmp_path, rows):
    for name, n in zip(("a.gz", "b.gz"), rows, strict=True):
        write_sumstats(str(tmp_path / name), table.iloc[:n])
    merged = pd.concat(
        [read_sumstats(str(tmp_path / name)) for name in ("a.gz", "b.gz")], ignore_index=True
    )
    merged["beta_corrected"] = correct_effects(
        merged.beta.to_numpy(), merged.standard_error.to_numpy()
    )
    write_sumstats(str(tmp_path / "merged.gz"), merged)
    expected = table.iloc[: sum(rows)].copy()
    expected["beta_corrected"] = correct_effects(
        expected.beta.to_numpy(), expected.standard_error.to_numpy()
    )
    write_sumstats(str(tmp_path / "expected.gz"), expected)
    assert (tmp_path / "merged.gz").read_bytes() == (tmp_path / "expected.gz").read_bytes()
    summary = summarise(read_sumstats(str(tmp_path / "merged.gz")), 100, 40, 1_000)
    assert summary["n_variants"] == sum(rows) and len(summary["tests"]) == (2 if sum(rows) else 0)
    assert (summary["lambda_gc"] is None) == (not sum(rows))
    assert json.loads(json.dumps(summary)) == summary


def test_metadata_describe_the_file(table, tmp_path):
    path = tmp_path / "sumstats.tsv.gz"
    write_sumstats(str(path), table)
    write_metadata(f"{path}-meta.yaml", str(path), "demo", "GRCh38", 100, 40)
    metadata = yaml.safe_load((tmp_path / "sumstats.tsv.gz-meta.yaml").read_text())
    assert metadata["data_file_md5sum"] == hashlib.md5(path.read_bytes()).hexdigest()
    assert metadata["genome_assembly"] == "GRCh38"
    assert metadata["samples"] == [
        {
            "sample_size": 100,
            "case_control_study": True,
            "case_count": 40,
            "control_count": 60,
        }
    ]
    write_metadata(f"{path}-meta.yaml", str(path), "height", "GRCh38", 100, None)
    metadata = yaml.safe_load((tmp_path / "sumstats.tsv.gz-meta.yaml").read_text())
    assert metadata["samples"] == [{"sample_size": 100, "case_control_study": False}]


def test_lambda_gc_of_inflated_statistics():
    expected = chi2.isf((np.arange(999) + 0.5) / 999, 1)
    assert lambda_gc(-chi2.logsf(expected, 1) / np.log(10)) == pytest.approx(1, rel=1e-6)
    inflated = -chi2.logsf(1.3 * expected, 1) / np.log(10)
    assert lambda_gc(inflated) == pytest.approx(1.3, rel=1e-6)


def test_summary(table):
    table["neg_log_10_p_value"] = [-np.log10(4e-8), -np.log10(9e-6), 0.2]
    summary = summarise(table, 2500, 500, 1_000)
    assert summary["n_variants"] == 3 and summary["tests"] == {"logistic": 2, "firth": 1}
    assert summary["n_genome_wide"] == 1 and summary["n_suggestive"] == 2
    # The excess over 1 goes with the effective sample: 1/500 + 1/2000 against 2/1000.
    assert summary["lambda_1000"] - 1 == pytest.approx(1.25 * (summary["lambda_gc"] - 1))
    assert summarise(table.iloc[:0], 2500, 500, 1_000)["lambda_gc"] is None


def test_lambda_is_estimated_only_from_enough_independent_variants(table):
    for number, known in ((499, False), (500, True)):
        summary = summarise(table, 2500, 500, number)
        assert (summary["lambda_gc"] is not None) == (summary["lambda_1000"] is not None) == known
    rng = np.random.default_rng(1)
    lambdas = [lambda_gc(-chi2.logsf(rng.chisquare(1, 500), 1) / np.log(10)) for _ in range(2_000)]
    assert lambda_error(500) == pytest.approx(np.std(lambdas), rel=0.06)


def test_funnels_are_summed_by_step():
    funnel = pd.DataFrame(
        {
            "step": ["files", "call rate"],
            "unit": "variants",
            "kept": [10, 7],
            "dropped": [0, 3],
            "reason": ["", "too low"],
        }
    )
    merged = merge_funnels([funnel, funnel, funnel])
    assert merged.step.tolist() == ["files", "call rate"]
    assert merged.kept.tolist() == [30, 21] and merged.dropped.tolist() == [0, 9]
    assert merged.reason.tolist() == ["", "too low"]
