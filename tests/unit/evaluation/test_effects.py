"""Effects against statsmodels, and their agreement against planted effects."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from example_cohorts import frequencies, independent, logistic_labels, variants
from scipy.stats import norm

from snpgen.evaluation.association import (
    TRUTH,
    Association,
    align_truth,
    effects_table,
    hits,
    read_truth,
)
from snpgen.evaluation.cohorts import Cohort, shuffle_labels
from snpgen.evaluation.effects import (
    CohortEffects,
    Effects,
    fit_effects,
    genotype_counts,
    marginal_effects,
)
from snpgen.evaluation.metrics_table import VARIANT
from snpgen.io.plink import MISSING
from snpgen.messages import Code, InputError

COUNT = 100


def planted(n, beta, seed, intercept=-1.0):
    dosages = independent(n, frequencies(len(beta)), seed)
    return Cohort(dosages, logistic_labels(dosages, beta, intercept, seed + 1))


def exact(beta, n=4000):
    """A cohort without sampling noise: Hardy-Weinberg controls, and cases tilted by exp(beta g)."""
    columns = []
    for p, effect in zip(frequencies(len(beta)), beta, strict=True):
        share = np.array([(1 - p) ** 2, 2 * p * (1 - p), p**2])
        tilted = share * np.exp(effect * np.arange(3))
        sides = []
        for each in (share, tilted / tilted.sum()):
            ends = np.r_[0, np.rint(n * np.cumsum(each)).astype(int)]
            sides.append(np.repeat(np.arange(3, dtype=np.int8), np.diff(ends)))
        columns.append(np.concatenate(sides))
    return Cohort(np.stack(columns, axis=1), np.repeat([0, 1], n).astype(np.int8))


def reference(train, test=None, truth=None, count=COUNT, bins=None):
    sides = CohortEffects(train, 1), CohortEffects(test or train, 1)
    return Association(*sides, truth, count, bins or {})


@pytest.fixture(scope="module")
def beta():
    return np.random.default_rng(1).normal(0, 0.12, 60)


def test_effects_are_those_of_statsmodels(beta):
    cohort = planted(800, 3 * beta[:12], 1)
    dosages = cohort.dosages.copy()
    dosages[np.random.default_rng(2).random(dosages.shape) < 0.05] = MISSING
    found = marginal_effects(Cohort(dosages, cohort.phenotype))
    for j in range(12):
        called = dosages[:, j] != MISSING
        x = sm.add_constant(dosages[called, j].astype(float))
        fit = sm.Logit(cohort.phenotype[called], x).fit(disp=0, tol=1e-12)
        assert found.beta[j] == pytest.approx(fit.params[1], abs=1e-7)
        assert found.standard_error[j] == pytest.approx(fit.bse[1], rel=1e-6)
        assert found.neg_log_10_p[j] == pytest.approx(-np.log10(fit.pvalues[1]), rel=1e-6)


def test_rare_variants_are_those_of_statsmodels():
    dosages = independent(3000, np.full(8, 0.004), 5)
    phenotype = np.zeros(3000, np.int8)
    phenotype[np.random.default_rng(6).permutation(3000)[:300]] = 1
    phenotype[np.flatnonzero(dosages[:, 0])[:5]] = 1
    found = marginal_effects(Cohort(dosages, phenotype))
    known = np.flatnonzero(np.isfinite(found.beta))
    assert len(known) >= 5
    for j in known:
        fit = sm.Logit(phenotype, sm.add_constant(dosages[:, j].astype(float))).fit(disp=0)
        assert found.beta[j] == pytest.approx(fit.params[1], abs=1e-4)


def test_p_does_not_underflow():
    effects = Effects(np.array([5.0]), np.array([0.1]))
    assert effects.neg_log_10_p[0] == pytest.approx(-(norm.logsf(50) + np.log(2)) / np.log(10))


@pytest.mark.parametrize(
    ("controls", "cases"),
    [((50, 7), (50, 0)), ((50, 0), (20, 9)), ((1000, 0), (300, 1)), ((90, 0), (0, 60))],
)
def test_separated_variants_have_firths_estimate(controls, cases):
    dosages = np.repeat([0, 1, 0, 1], [*controls, *cases]).astype(np.int8)[:, None]
    phenotype = np.repeat([0, 1], [sum(controls), sum(cases)]).astype(np.int8)
    found = marginal_effects(Cohort(dosages, phenotype))
    # In a 2 x 2 table Firth's estimate is that of the table with 0.5 added to each cell.
    a, b, c, d = np.array([*controls, *cases]) + 0.5
    assert found.beta[0] == pytest.approx(np.log(a * d / (b * c)), abs=1e-4)
    assert 0 < found.standard_error[0] < 3


def test_monomorphic_variants_have_no_effect():
    dosages = np.zeros((100, 3), np.int8)
    phenotype = np.repeat([0, 1], 50).astype(np.int8)
    dosages[:, 1] = 2
    dosages[::3, 2] = 1
    found = marginal_effects(Cohort(dosages, phenotype))
    assert np.isfinite(found.beta).tolist() == [False, False, True]
    assert np.isnan(marginal_effects(Cohort(dosages, np.zeros(100, np.int8))).beta).all()


def test_counts_include_each_called_sample_once():
    cohort = planted(333, np.zeros(5), 3)
    cohort.dosages[:10, 0] = MISSING
    counts = genotype_counts(cohort, 1)
    cells = counts.sum(axis=0).reshape(2, 3, 5)
    assert cells.sum(axis=(0, 1)).tolist() == [323, 333, 333, 333, 333]
    assert cells[1, 2, 4] == ((cohort.dosages[:, 4] == 2) & (cohort.phenotype == 1)).sum()
    ones = np.ones((1, len(counts)), np.float32)
    assert fit_effects(ones @ counts).beta[0] == pytest.approx(marginal_effects(cohort).beta)


@pytest.fixture(scope="module")
def association(beta):
    return reference(planted(20_000, beta, 10), planted(20_000, beta, 20), beta)


def test_doubled_effects_have_slope_two(beta):
    doubled = CohortEffects(exact(2 * beta), 1)
    estimates = reference(exact(beta), truth=beta).compare(doubled)
    for stratum in ("train", "all"):
        value, low, high = estimates["effect_slope", stratum]
        assert value == pytest.approx(2, abs=0.01) and low < 2 < high
        assert estimates["effect_pearson", stratum].value > 0.999
    assert estimates["causal_slope", "all"].value == pytest.approx(2, abs=0.01)
    assert estimates["effect_sign", "top50"].value == 1


def test_effects_are_compared_by_bin(beta):
    """Effects doubled in one half of the variants and kept in the other."""
    first = np.arange(len(beta)) < len(beta) // 2
    mixed = CohortEffects(exact(np.where(first, 2, 1) * beta), 1)
    bins = {"first": np.flatnonzero(first), "rest": np.flatnonzero(~first)}
    estimates = reference(exact(beta), bins=bins).compare(mixed)
    assert estimates["effect_slope", "first"].value == pytest.approx(2, abs=0.03)
    assert estimates["effect_slope", "rest"].value == pytest.approx(1, abs=0.03)
    assert 1 < estimates["effect_slope", "all"].value < 2


def test_equal_effects_have_slope_one_up_to_noise_in_the_reference(association, beta):
    same = association.compare(CohortEffects(planted(40_000, beta, 40), 2))
    for stratum, seed in (("train", 10), ("all", 20)):
        noisy, error = marginal_effects(planted(20_000, beta, seed))
        expected = 1 - (error**2).sum() / (noisy**2).sum()
        value, low, high = same["effect_slope", stratum]
        assert value == pytest.approx(expected, abs=0.1) and 0.05 < high - low < 0.2
    assert same["effect_sign", "top50"].value > 0.8
    assert same["causal_slope", "all"].value == pytest.approx(0.97, abs=0.08)
    assert same["causal_found", "top50"].value == pytest.approx(50 / 60, abs=0.04)


def test_slope_does_not_depend_on_the_allele_counted(beta):
    one, two = (Effects(b[None], np.ones((1, 60))) for b in (beta, 2 * beta))
    flip = np.where(np.arange(60) % 2, 1, -1)

    class Fixed:
        sample = (5, 1)

        def __init__(self, effects, sign=1):
            self.effects = Effects(effects.beta * sign, effects.standard_error)

        def __call__(self, weights):
            return Effects(*(np.repeat(part, len(weights), axis=0) for part in self.effects))

    for sign in (1, flip):
        compared = Association(Fixed(one, sign), Fixed(one, sign), None, 20, {})
        estimates = compared.compare(Fixed(two, sign))
        assert estimates["effect_slope", "train"].value == pytest.approx(2)


def test_a_copy_of_training_is_the_training_cohort(association, beta):
    train = planted(20_000, beta, 10)
    estimates = association.compare(CohortEffects(train, 2))
    assert estimates["effect_slope", "train"].value == pytest.approx(1)
    assert estimates["effect_pearson", "train"].value == pytest.approx(1)
    assert estimates["hits_overlap", "top50"].value == 1
    ceiling = association.compare(CohortEffects(train, 2), ceiling=True)
    for name in (("effect_slope", "all"), ("lambda_gc", "all"), ("causal_slope", "all")):
        assert estimates[name] == ceiling[name]
    assert ceiling["effect_slope", "train"].value < 1.1


def test_permuted_labels_give_the_floor(association, beta):
    floor = association.compare(CohortEffects(shuffle_labels(planted(20_000, beta, 10), 3), 2))
    assert abs(floor["effect_slope", "all"].value) < 0.1
    assert 0.25 < floor["effect_sign", "top50"].value < 0.75
    assert floor["hits_overlap", "p<5e-8"].value == 0
    assert floor["lambda_gc", "all"].value < 2


def test_lambda_of_no_effects_is_one():
    null = planted(2000, np.zeros(1500), 50)
    found = reference(null, count=20)
    value, low, high = found.compare(CohortEffects(null, 2), ceiling=True)["lambda_gc", "all"]
    assert low < 1 < high and value == pytest.approx(1, abs=0.12)


def test_lambda_is_left_out_where_power_differs(association, beta):
    cohort = CohortEffects(planted(1000, beta, 60), 2)
    assert ("lambda_gc", "all") not in association.compare(cohort, same_power=False)


def test_hits_by_p_and_by_rank():
    z = np.array([[10.0, -9.0, 2.0, np.nan, 5.0]])
    effects = Effects(z, np.ones_like(z))
    assert hits(effects, "p<5e-8").tolist() == [[True, True, False, False, False]]
    assert hits(effects, "top50").tolist() == [[True, True, True, False, True]]
    many = Effects(np.arange(200.0)[None], np.ones((1, 200)))
    assert np.flatnonzero(hits(many, "top50")[0]).tolist() == list(range(150, 200))


def test_truth_is_aligned_with_the_effect_allele(caplog):
    panel = variants(5)
    rows = [("rs0", "A", "G", 0.3), ("rs1", "G", "A", 0.2), ("rs2", "A", "T", 0.1)]
    causal = pd.DataFrame([*rows, ("absent", "A", "G", 0.9)], columns=TRUTH)
    with caplog.at_level("WARNING", logger="snpgen"):
        truth = align_truth(causal, panel)
    assert truth == pytest.approx([0.3, -0.2, np.nan, np.nan, np.nan], nan_ok=True)
    assert "differ from the panel are excluded: rs2" in caplog.text


def test_duplicate_ids_of_true_effects_are_resolved_by_alleles(caplog):
    panel = variants(6).assign(variant_id=["rs0", "rs0", ".", ".", "rs4", "rs5"])
    panel["other_allele"] = ["C", "G", "C", "C", "G", "G"]
    rows = [("rs0", "A", "G", 0.3), ("rs0", "C", "A", 0.2), (".", "A", "C", 0.1)]
    causal = pd.DataFrame([*rows, *[("rs4", "A", "G", 0.4)] * 2], columns=TRUTH)
    with caplog.at_level("WARNING", logger="snpgen"):
        truth = align_truth(causal, panel)
    assert truth == pytest.approx([-0.2, 0.3, np.nan, np.nan, 0.4, np.nan], nan_ok=True)
    assert "a duplicate ID are excluded: ., ." in caplog.text


def test_a_broken_table_of_true_effects_is_refused(tmp_path):
    head = "variant_id\teffect_allele\tother_allele\tbeta_liability\tp\n"
    path = tmp_path / "causal.tsv"
    path.write_text(head + "NA\tA\tG\t-0.3\t1\n2\tA\tG\t1e-3\tNA\n")
    table = read_truth(str(path))
    assert table.variant_id.tolist() == ["NA", "2"]
    assert table.beta_liability.tolist() == [-0.3, 0.001]
    path.write_text(head.replace("_liability", "") + "rs1\tA\tG\t0.3\t1\n")
    with pytest.raises(InputError) as error:
        read_truth(str(path))
    assert (error.value.code, error.value.file) == (Code.MISSING_COLUMN, str(path))
    for beta in ("high", "NA", "inf", ""):
        path.write_text(head + f"rs1\tA\tG\t0.3\t1\nrs2\tA\tG\t{beta}\t1\n")
        with pytest.raises(InputError) as error:
            read_truth(str(path))
        assert error.value.code is Code.INVALID_VALUE
        assert (error.value.line, error.value.variant) == (3, "rs2")


def test_effects_table(beta):
    cohorts = {"real": planted(500, beta[:5], 1), "test": planted(400, beta[:5], 2)}
    truth = np.array([0.1, np.nan, np.nan, 0.2, np.nan])
    table = effects_table(variants(5), cohorts, truth)
    assert table.subject.value_counts().to_dict() == {"real": 5, "test": 5, "truth": 2}
    expected = marginal_effects(cohorts["test"])
    rows = table[table.subject == "test"]
    assert rows.beta.to_numpy() == pytest.approx(expected.beta)
    assert rows.standard_error.to_numpy() == pytest.approx(expected.standard_error)
    assert table[table.subject == "truth"].variant_id.tolist() == ["rs0", "rs3"]
    assert table[table.subject == "truth"].standard_error.isna().all()
    twice = effects_table(variants(5).assign(variant_id="."), cohorts, None)
    assert not twice[[*VARIANT, "subject"]].duplicated().any()


def test_no_causal_variant_on_the_panel_is_nan(beta):
    cohort = planted(500, beta, 1)
    compared = reference(cohort, truth=np.full(60, np.nan), count=20)
    found = compared.compare(CohortEffects(cohort, 2))
    assert np.isnan(found["causal_slope", "all"].value)
    assert np.isnan(found["causal_found", "top50"].value)
