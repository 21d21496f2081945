"""Clumping and thresholding against sums and clumps written out, and against PLINK."""

import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest
from example_association import needs_plink2, run_plink2, write_cohort
from example_clumping import greedy_clumps, make_scan, pairwise_r2
from sklearn.metrics import roc_auc_score

from snpgen.evaluation.cohorts import Cohort
from snpgen.evaluation.effects import marginal_effects
from snpgen.evaluation.thresholding import CLUMP_KB, CLUMP_R2, THRESHOLDS, fit_thresholding
from snpgen.evaluation.utility import evaluate_score
from snpgen.io.plink import MISSING, open_fileset, write_fileset

N, M = 3000, 200
CAUSAL = {7: 0.6, 41: -0.6, 93: 0.5, 150: -0.5}  # log odds ratios


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """Fileset, GWAS of the training individuals, split, and dosages with missing calls as expected."""
    rng = np.random.default_rng(3)
    table, dosages = make_scan(N, M)
    table = table.drop(columns="neg_log_10_p_value")
    split = np.repeat(["train", "validation", "test"], [1800, 600, 600])
    causal = np.where(dosages == MISSING, 1, dosages)[:, list(CAUSAL)]
    liability = causal @ list(CAUSAL.values())
    case = rng.random(N) < 1 / (1 + np.exp(1 - liability + liability.mean()))
    train = split == "train"
    effects = marginal_effects(Cohort(dosages[train], case[train].astype(np.int8)))
    seen = np.ma.masked_equal(dosages[train], MISSING)
    table["beta"], table["neg_log_10_p_value"] = effects.beta, effects.neg_log_10_p
    table["effect_allele_frequency"] = np.asarray(seen.mean(axis=0)) / 2
    fileset = write_cohort(tmp_path_factory.mktemp("planted") / "cohort", dosages, table)
    individuals = fileset.samples[["IID"]].assign(split=split, phenotype=case.astype(int))
    expected = 2 * table.effect_allele_frequency.to_numpy()
    filled = np.where(dosages == MISSING, expected, dosages)
    return fileset, table, individuals, filled, dosages


def fit(planted, **changes):
    fileset, table, individuals, *_ = planted
    individuals = individuals[individuals.split != "test"].assign(**changes)
    return fit_thresholding(fileset, table, individuals, threads=1)


def test_score_is_that_of_clumps_and_threshold_written_out(planted):
    fileset, table, individuals, filled, dosages = planted
    train = dosages[individuals.split == "train"]
    index_variants, _ = greedy_clumps(
        table, CLUMP_KB, CLUMP_R2, lambda one, other: pairwise_r2(train[:, one], train[:, other])
    )
    index_variants = np.sort(index_variants)
    p = table.neg_log_10_p_value.to_numpy()
    validation = (individuals.split == "validation").to_numpy()
    aucs = {}
    for threshold in THRESHOLDS:
        kept = index_variants[p[index_variants] >= -np.log10(threshold)]
        score = filled[:, kept] @ table.beta.to_numpy()[kept]
        aucs[threshold] = roc_auc_score(individuals.phenotype[validation], score[validation]), score
    best = max(THRESHOLDS, key=lambda threshold: aucs[threshold][0])
    weights, threshold = fit(planted)
    assert threshold == best and 0 < len(weights.rows) < len(index_variants) < M
    test = np.flatnonzero(individuals.split == "test")
    np.testing.assert_allclose(weights.score(fileset, test, 1), aucs[best][1][test], rtol=1e-9)


def test_planted_effects_are_found_in_the_test_set(planted):
    fileset, _, individuals, *_ = planted
    test = (individuals.split == "test").to_numpy()
    weights, threshold = fit(planted)
    score = weights.score(fileset, np.flatnonzero(test), 1)
    y = individuals.phenotype[test].to_numpy()
    estimates = evaluate_score(y, score, 200, 1)
    assert set(estimates) == {(f"{name}_prs", "all") for name in ("auc", "pr_auc", "top_decile_or")}
    assert estimates["auc_prs", "all"].value == pytest.approx(roc_auc_score(y, score))
    assert estimates["auc_prs", "all"].low > 0.55 and threshold < 0.01


def test_test_samples_do_not_influence_the_score(planted, tmp_path):
    fileset, table, individuals, _, dosages = planted
    other = dosages.copy()
    test = (individuals.split == "test").to_numpy()
    other[test] = np.random.default_rng(1).permutation(other[test])[:, ::-1]
    write_fileset(str(tmp_path / "cohort"), other, fileset.samples, table)
    again = fit((open_fileset(str(tmp_path / "cohort"), []), *planted[1:]))
    assert again[1] == fit(planted)[1]
    for name in ("rows", "weights", "frequency"):
        assert (getattr(again[0], name) == getattr(fit(planted)[0], name)).all()


@needs_plink2
@pytest.mark.skipif(not shutil.which("plink1.9"), reason="plink1.9 is not on PATH")
def test_clumps_and_scores_are_those_of_plink(planted, tmp_path):
    fileset, table, individuals, *_ = planted
    prefix = str(fileset.beds[0].with_suffix(""))
    ids = fileset.samples[["FID", "IID"]]
    for name in ("train", "test"):
        ids[individuals.split == name].to_csv(tmp_path / name, sep=" ", header=False, index=False)
    p = 10.0**-table.neg_log_10_p_value
    pd.DataFrame({"SNP": table.variant_id, "P": p}).to_csv(tmp_path / "p", sep="\t", index=False)
    command = ["plink1.9", "--bfile", prefix, "--keep", tmp_path / "train"]
    command += ["--clump", tmp_path / "p"]
    command += ["--clump-p1", "1", "--clump-p2", "1", "--clump-kb", f"{CLUMP_KB:g}"]
    command += ["--clump-r2", f"{CLUMP_R2:g}", "--out", tmp_path / "plink"]
    subprocess.run(command, check=True, capture_output=True)
    clumps = pd.read_csv(tmp_path / "plink.clumped", sep=r"\s+")
    weights, threshold = fit(planted)
    theirs = clumps.SNP[clumps.P <= threshold]
    assert set(theirs) == set(fileset.variants.variant_id[weights.rows])

    scored = table[table.variant_id.isin(theirs)]
    scored = scored[["variant_id", "effect_allele", "beta"]]
    scored.to_csv(tmp_path / "weights", sep="\t", index=False)
    run_plink2("--bfile", prefix, "--keep", tmp_path / "train", "--freq", "--out", tmp_path / "f")
    inputs = ["--bfile", prefix, "--keep", tmp_path / "test", "--read-freq", tmp_path / "f.afreq"]
    columns = ["1", "2", "3", "header", "cols=+scoresums"]
    run_plink2(*inputs, "--score", tmp_path / "weights", *columns, "--out", tmp_path / "s")
    theirs = pd.read_csv(tmp_path / "s.sscore", sep=r"\s+").SCORE1_SUM
    ours = weights.score(fileset, np.flatnonzero(individuals.split == "test"), 1)
    np.testing.assert_allclose(ours, theirs, atol=2e-4)  # frequencies of six digits


def test_a_validation_set_of_one_class_gives_no_score(planted):
    fileset, _, individuals, *_ = planted
    weights, threshold = fit(planted, phenotype=0)
    assert np.isnan(threshold) and len(weights.rows) == 0
    test = individuals.split == "test"
    score = weights.score(fileset, np.flatnonzero(test), 1)
    estimates = evaluate_score(individuals.phenotype[test].to_numpy(), score, 20, 1)
    assert all(np.isnan(estimate.value) for estimate in estimates.values())


def test_variant_without_an_effect_is_left_out(planted):
    fileset, table, individuals, *rest = planted
    weights, _ = fit(planted)
    gone = table.copy()
    gone.loc[weights.rows[0], "beta"] = np.nan
    without, _ = fit((fileset, gone, individuals, *rest))
    assert weights.rows[0] not in without.rows and len(without.rows) > 0
