"""True effects of the panel against closed forms, simulated liabilities and planted faults."""

import numpy as np
import pandas as pd
import pytest
from example_cohorts import independent, linked, variants
from scipy.stats import norm

from snpgen.cohort.simulation import simulate_trait
from snpgen.evaluation.cohorts import Cohort
from snpgen.evaluation.effects import CohortEffects
from snpgen.evaluation.metrics_table import write_table
from snpgen.evaluation.truth import (
    CAUSAL,
    align_causal,
    compute_true_effects,
    liability_to_log_odds,
    read_causal,
    read_true_effects,
)
from snpgen.genetics.ancestry import fit_ancestry
from snpgen.io.plink import open_fileset, write_fileset
from snpgen.messages import Code, InputError


def fileset_of(tmp_path, dosages, table):
    iid = [f"p{number}" for number in range(len(dosages))]
    fam = pd.DataFrame({"FID": iid, "IID": iid, "father": "0", "mother": "0", "sex": "1"})
    write_fileset(str(tmp_path / "x"), dosages, fam.assign(phenotype="-9"), table)
    return open_fileset(str(tmp_path / "x"), [])


def test_log_odds_per_unit_of_liability():
    """At the threshold, a shift of the liability changes the log odds by this factor."""
    for prevalence in (0.01, 0.25, 0.5):
        t, step = norm.isf(prevalence), 1e-5
        moved = norm.sf(t - step)
        change = np.log(moved / (1 - moved)) - np.log(prevalence / (1 - prevalence))
        assert change / step == pytest.approx(liability_to_log_odds(prevalence), rel=1e-3)


def test_marginal_effects_are_those_of_a_regression_on_the_local_liability(tmp_path):
    """Causal variants in LD, off the panel, swapped, beyond the window and on another chromosome."""
    n = 4000
    dosages = linked(n, np.random.default_rng(1).uniform(0.2, 0.8, 40), 2)
    table = variants(40)
    table.loc[12:19, "position"] += 2_000_000  # beyond the window of the first twelve
    beta = np.zeros(40)
    beta[[3, 5, 14, 25]] = [0.3, -0.2, 0.4, 0.25]
    causal = table.assign(beta_liability=beta)[beta != 0][CAUSAL].reset_index(drop=True)
    causal.loc[1] = ["rs5", "G", "A", 0.2]
    panel = np.array([0, 2, 3, 4, 8, 11, 14, 18, 24, 25, 39])
    chosen = table.iloc[panel].reset_index(drop=True)
    fileset = fileset_of(tmp_path, dosages, table)
    truth = compute_true_effects(dosages[:, panel], chosen, 0.3, causal, fileset, np.arange(n))
    chromosome, position = table.chromosome.to_numpy(), table.position.to_numpy()
    for found, has_effect, j in zip(truth.beta, truth.has_effect, panel, strict=True):
        near = (chromosome == chromosome[j]) & (np.abs(position - position[j]) <= 1_000_000)
        liability = dosages[:, near].astype(float) @ beta[near]
        expected = np.polyfit(dosages[:, j], liability, 1)[0] * liability_to_log_odds(0.3)
        assert found == pytest.approx(expected, abs=1e-5)
        r2 = [
            np.corrcoef(dosages[:, j], dosages[:, c])[0, 1] ** 2
            for c in np.flatnonzero(near & (beta != 0))
        ]
        assert has_effect == (max(r2, default=0) > 0.01)
    assert truth.causal.tolist() == [j in (3, 14, 25) for j in panel]
    write_table(truth.table(chosen), str(tmp_path / "true.tsv"))
    again = read_true_effects(str(tmp_path / "true.tsv"))
    assert again.beta == pytest.approx(truth.beta, rel=1e-5)
    assert (again.has_effect == truth.has_effect).all() and (again.causal == truth.causal).all()


@pytest.mark.parametrize("prevalence", [0.05, 0.3])
def test_estimated_effects_of_a_simulated_trait_are_the_true_effects(tmp_path, prevalence):
    """Many individuals, effects as small as those of a polygenic trait, and LD with causal variants."""
    n, m, rng = 60_000, 60, np.random.default_rng(3)
    dosages = linked(n, rng.uniform(0.1, 0.9, m), 4)
    beta = np.where(np.arange(m) % 6 == 0, rng.normal(0, 0.15, m), 0)
    genetic = dosages @ beta
    liability = genetic - genetic.mean() + np.sqrt(1 - genetic.var()) * rng.standard_normal(n)
    table = variants(m)
    causal = table.assign(beta_liability=beta)[beta != 0][CAUSAL]
    fileset = fileset_of(tmp_path, dosages, table)
    truth = compute_true_effects(dosages, table, prevalence, causal, fileset, np.arange(n))
    cohort = Cohort(dosages, simulate_trait(liability, prevalence))
    found = CohortEffects(
        cohort, fit_ancestry(cohort.dosages, cohort.phenotype, table), 1
    ).estimates
    slope = (truth.beta @ found.beta) / (found.beta @ found.beta)
    assert slope == pytest.approx(1, abs=0.05)
    assert np.corrcoef(truth.beta, found.beta)[0, 1] > 0.97


def test_causal_variants_that_are_absent_are_logged(tmp_path, caplog):
    dosages = independent(200, np.full(4, 0.4), 1)
    fileset = fileset_of(tmp_path, dosages, variants(4))
    causal = pd.DataFrame([("rs1", "A", "G", 0.3), ("absent", "A", "G", 0.9)], columns=CAUSAL)
    with caplog.at_level("WARNING", logger="snpgen"):
        truth = compute_true_effects(dosages, variants(4), 0.5, causal, fileset, np.arange(200))
    assert "1 of 2 causal variants are not in the cohort" in caplog.text
    assert truth.beta[1] == pytest.approx(0.3 * liability_to_log_odds(0.5), rel=0.02)


def test_truth_is_aligned_with_the_effect_allele(caplog):
    panel = variants(5)
    rows = [("rs0", "A", "G", 0.3), ("rs1", "G", "A", 0.2), ("rs2", "A", "T", 0.1)]
    causal = pd.DataFrame([*rows, ("absent", "A", "G", 0.9)], columns=CAUSAL)
    with caplog.at_level("WARNING", logger="snpgen"):
        effects = align_causal(causal, panel)
    assert effects == pytest.approx([0.3, -0.2, 0, 0, 0])
    assert "differ from the cohort are excluded: rs2" in caplog.text


def test_duplicate_ids_of_true_effects_are_resolved_by_alleles(caplog):
    panel = variants(6).assign(variant_id=["rs0", "rs0", ".", ".", "rs4", "rs5"])
    panel["other_allele"] = ["C", "G", "C", "C", "G", "G"]
    rows = [("rs0", "A", "G", 0.3), ("rs0", "C", "A", 0.2), (".", "A", "C", 0.1)]
    causal = pd.DataFrame([*rows, *[("rs4", "A", "G", 0.4)] * 2], columns=CAUSAL)
    with caplog.at_level("WARNING", logger="snpgen"):
        effects = align_causal(causal, panel)
    assert effects == pytest.approx([-0.2, 0.3, 0, 0, 0.4, 0])
    assert "a duplicate ID are excluded: ., ." in caplog.text


def test_a_broken_table_of_true_effects_is_refused(tmp_path):
    head = "variant_id\teffect_allele\tother_allele\tbeta_liability\tp\n"
    path = tmp_path / "causal.tsv"
    path.write_text(head + "NA\tA\tG\t-0.3\t1\n2\tA\tG\t1e-3\tNA\n")
    table = read_causal(str(path))
    assert table.variant_id.tolist() == ["NA", "2"]
    assert table.beta_liability.tolist() == [-0.3, 0.001]
    path.write_text(head.replace("_liability", "") + "rs1\tA\tG\t0.3\t1\n")
    with pytest.raises(InputError) as error:
        read_causal(str(path))
    assert (error.value.code, error.value.file) == (Code.MISSING_COLUMN, str(path))
    for beta in ("high", "NA", "inf", ""):
        path.write_text(head + f"rs1\tA\tG\t0.3\t1\nrs2\tA\tG\t{beta}\t1\n")
        with pytest.raises(InputError) as error:
            read_causal(str(path))
        assert error.value.code is Code.INVALID_VALUE
        assert (error.value.line, error.value.variant) == (3, "rs2")
