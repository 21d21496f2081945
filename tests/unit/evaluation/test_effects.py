"""Effects against statsmodels, and their agreement against planted effects."""

import numpy as np
import pytest
import statsmodels.api as sm
from example_cohorts import frequencies, independent, logistic_labels, variants
from scipy.stats import norm

from snpgen.evaluation import effects as module
from snpgen.evaluation.association import Association, effects_table, hits
from snpgen.evaluation.cohorts import Cohort, shuffle_labels
from snpgen.evaluation.effects import CohortEffects, Effects, genotype_counts, marginal_effects
from snpgen.evaluation.intervals import resample_counts
from snpgen.evaluation.metrics_table import VARIANT
from snpgen.evaluation.truth import TrueEffects
from snpgen.genetics.ancestry import fit_ancestry
from snpgen.io.plink import MISSING

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


def unadjusted(m):
    """No components, as for a panel on one chromosome."""
    return fit_ancestry(
        independent(50, frequencies(m), 1), np.zeros(50, np.int8), variants(m, chromosome=m)
    )


def estimate(cohort, seed=2):
    return CohortEffects(cohort, unadjusted(cohort.dosages.shape[1]), seed)


def reference(train, test=None, truth=None, count=COUNT, bins=None):
    frequency = train.dosages.mean(axis=0) / 2
    sides = estimate(train, 1), estimate(test or train, 1)
    return Association(*sides, frequency, truth, count, bins or {})


def planted_truth(beta):
    """All variants are causal and independent, so that marginal effects are the causal effects."""
    return TrueEffects(beta, beta != 0, beta != 0)


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


def population(n, m, seed, beta, ancestry=1.0):
    """Two populations that differ in frequencies and in prevalence, on chromosomes of ten variants."""
    p = np.random.default_rng(1).uniform(0.1, 0.9, m)
    q = np.clip(p + np.random.default_rng(2).normal(0, 0.15, m), 0.05, 0.95)
    second = np.random.default_rng(seed).random(n) < 0.5
    dosages = np.where(second[:, None], independent(n, p, seed + 1), independent(n, q, seed + 2))
    log_odds = -1 + ancestry * second + (dosages - dosages.mean(axis=0)) @ beta
    risk = 1 / (1 + np.exp(-log_odds))
    return Cohort(dosages, (np.random.default_rng(seed + 3).random(n) < risk).astype(np.int8))


@pytest.fixture(scope="module")
def structured():
    """A structured cohort in which every tenth variant has an effect, its components, and the effects."""
    beta = np.where(np.arange(60) % 10 == 0, np.random.default_rng(3).normal(0, 0.3, 60), 0)
    cohort = population(3000, 60, 5, beta)
    return (
        cohort,
        fit_ancestry(cohort.dosages, cohort.phenotype, variants(60, 10, gap=2_000_000)),
        beta,
    )


def test_the_phenotype_is_not_a_component():
    """In a panel selected by chance associations, cases differ from controls along one direction."""
    cohort = planted(1000, np.zeros(4000), 7)
    z = np.nan_to_num(marginal_effects(cohort).z)
    panel = np.argsort(-np.abs(z))[:120]
    selected = Cohort(cohort.dosages[:, panel], cohort.phenotype)
    ancestry = fit_ancestry(selected.dosages, selected.phenotype, variants(120, gap=2_000_000))
    given, alone = (
        CohortEffects(selected, one, 1).estimates.beta for one in (ancestry, unadjusted(120))
    )
    assert (given @ alone) / (alone @ alone) == pytest.approx(1, abs=0.03)
    whole = np.linalg.svd(selected.dosages - selected.dosages.mean(axis=0), full_matrices=False)[0]
    assert abs(np.corrcoef(whole[:, 0], cohort.phenotype)[0, 1]) > 0.4


def test_effects_given_components_are_those_of_statsmodels(structured):
    """z is the t statistic of least squares; the effect is close to the maximum likelihood of the logit."""
    cohort, ancestry, _ = structured
    found = CohortEffects(cohort, ancestry, 1).estimates
    likelihood = np.empty(60)
    for rows, scores in ancestry.project(cohort.dosages):
        for j in rows:
            x = sm.add_constant(np.column_stack([cohort.dosages[:, j], scores]).astype(float))
            assert found.z[j] == pytest.approx(sm.OLS(cohort.phenotype, x).fit().tvalues[1])
            fit = sm.Logit(cohort.phenotype, x).fit(disp=0)
            likelihood[j] = fit.params[1]
            assert found.standard_error[j] == pytest.approx(fit.bse[1], rel=0.07)
    assert found.beta == pytest.approx(likelihood, abs=0.02)
    assert np.polyfit(likelihood, found.beta, 1)[0] == pytest.approx(1, abs=0.02)


def test_components_remove_the_effects_of_ancestry(structured):
    cohort, ancestry, beta = structured
    null = beta == 0
    given = CohortEffects(cohort, ancestry, 1).estimates
    alone = CohortEffects(cohort, unadjusted(60), 1).estimates
    assert np.sqrt(np.mean(given.z[null] ** 2)) < 1.5
    assert np.sqrt(np.mean(alone.z[null] ** 2)) > 2


def test_effects_without_components_are_close_to_the_likelihood(beta):
    cohort = planted(2000, 3 * beta, 70)
    cohort.dosages[:200, 0] = MISSING
    found = CohortEffects(cohort, unadjusted(60), 1).estimates
    expected = marginal_effects(cohort)
    assert found.beta == pytest.approx(expected.beta, rel=0.1, abs=0.02)
    assert np.polyfit(expected.beta, found.beta, 1)[0] == pytest.approx(1, abs=0.02)
    assert found.standard_error == pytest.approx(expected.standard_error, rel=0.12)


def test_resampled_groups_are_copies_of_their_individuals(structured):
    cohort, ancestry, _ = structured
    effects = CohortEffects(cohort, ancestry, 1)
    ones = np.ones((1, effects.sample[0]))
    assert effects(ones).beta[0] == pytest.approx(effects.estimates.beta)
    # Standard errors over resamples agree with the standard errors of the estimates.
    weights = resample_counts(effects.sample[0], 400, np.random.default_rng(1))
    spread = effects(weights).beta.std(axis=0)
    assert (spread / effects.estimates.standard_error).mean() == pytest.approx(1, abs=0.06)


def test_effects_do_not_depend_on_the_chunks(structured, monkeypatch):
    cohort, ancestry = structured[:2]
    whole, counts = CohortEffects(cohort, ancestry, 1).estimates, genotype_counts(cohort)
    monkeypatch.setattr(module, "_MAX_FLOATS", 3 * len(cohort))
    monkeypatch.setattr(module, "_ROWS", 170)
    parts = CohortEffects(cohort, ancestry, 1).estimates
    assert parts.beta == pytest.approx(whole.beta, rel=1e-9, nan_ok=True)
    assert parts.standard_error == pytest.approx(whole.standard_error, rel=1e-9, nan_ok=True)
    assert (genotype_counts(cohort) == counts).all()


def test_degenerate_cohorts_have_no_effects_given_components(structured):
    cohort, ancestry, _ = structured
    few = cohort.take(np.arange(9))
    for degenerate in (
        Cohort(cohort.dosages, np.zeros(3000, np.int8)),
        Cohort(np.repeat(cohort.dosages[:1], 3000, axis=0), cohort.phenotype),
        Cohort(np.full((3000, 60), MISSING), cohort.phenotype),
        few,
        cohort.take(np.arange(0)),
    ):
        assert np.isnan(CohortEffects(degenerate, ancestry, 1).estimates.beta).all()


def test_counts_include_each_called_sample_once():
    cohort = planted(333, np.zeros(5), 3)
    cohort.dosages[:10, 0] = MISSING
    cells = genotype_counts(cohort)
    assert cells.sum(axis=(0, 1)).tolist() == [323, 333, 333, 333, 333]
    assert cells[1, 2, 4] == ((cohort.dosages[:, 4] == 2) & (cohort.phenotype == 1)).sum()


@pytest.fixture(scope="module")
def association(beta):
    return reference(planted(20_000, beta, 10), planted(20_000, beta, 20), planted_truth(beta))


def test_slopes_of_doubled_effects(beta):
    """Held-out and true effects are half those of the cohort, whose slope on training effects is two."""
    estimates = reference(exact(beta), truth=planted_truth(beta)).compare(estimate(exact(2 * beta)))
    for name, expected in (("training", 2), ("heldout", 0.5), ("true", 0.5)):
        value, low, high = estimates[f"{name}_slope", "all"]
        assert value == pytest.approx(expected, rel=0.02) and low < expected < high
        assert estimates[f"{name}_pearson", "all"].value > 0.99
    assert estimates["effect_sign", "top50"].value == 1


def test_effects_are_compared_by_bin(beta):
    """Effects doubled in one half of the variants and kept in the other."""
    first = np.arange(len(beta)) < len(beta) // 2
    mixed = estimate(exact(np.where(first, 2, 1) * beta))
    bins = {"first": np.flatnonzero(first), "rest": np.flatnonzero(~first)}
    estimates = reference(exact(beta), bins=bins).compare(mixed)
    assert estimates["heldout_slope", "first"].value == pytest.approx(0.5, abs=0.02)
    assert estimates["heldout_slope", "rest"].value == pytest.approx(1, abs=0.03)
    assert 0.5 < estimates["heldout_slope", "all"].value < 1


@pytest.mark.parametrize("n_test", [500, 20_000])
def test_error_of_the_held_out_effects_biases_neither_slope_nor_r(beta, n_test):
    """A cohort with the true effects, and another with the right size of effects but an r of 0.6."""
    right = exact(beta)
    wrong = np.random.default_rng(4).normal(0, 0.12, 60)
    wrong -= beta * (wrong @ beta) / (beta @ beta)
    partly = exact(0.36 * beta + 0.6 * 0.8 * wrong * np.linalg.norm(beta) / np.linalg.norm(wrong))
    found = {"right": [], "partly": []}
    for seed in range(0, 60 if n_test < 1000 else 6, 2):
        sides = reference(right, planted(n_test, beta, 100 + seed), count=2)
        for name, cohort in (("right", right), ("partly", partly)):
            estimates = sides.compare(estimate(cohort))
            pair = [estimates[f"heldout_{one}", "all"].value for one in ("slope", "pearson")]
            found[name].append(pair)
    slope, r = np.nanmean(found["right"], axis=0)
    assert slope == pytest.approx(1, abs=0.12) and r == pytest.approx(1, abs=0.12)
    slope, r = np.nanmean(found["partly"], axis=0)
    assert slope == pytest.approx(1, abs=0.2) and r == pytest.approx(0.6, abs=0.1)


def test_training_individuals_show_winners_curse():
    """The panel are the strongest of many variants, of which few have an effect."""
    m, n = 2000, 2000
    beta = np.where(np.arange(m) < 40, np.random.default_rng(5).normal(0, 0.25, m), 0)
    train = planted(n, beta, 80)
    z = marginal_effects(train).z
    panel = np.sort(np.argsort(-np.abs(z))[:100])
    sides = [Cohort(one.dosages[:, panel], one.phenotype) for one in (train, planted(n, beta, 90))]
    truth = TrueEffects(beta[panel], beta[panel] != 0, beta[panel] != 0)
    real = reference(*sides, truth).compare(estimate(sides[0]), ceiling=True)
    variance, mine = sides[0].dosages.var(axis=0), marginal_effects(sides[0]).beta
    expected = (variance * beta[panel]) @ mine / (variance @ np.square(mine))
    assert expected < 0.7
    for name in ("heldout_slope", "true_slope"):
        value, _, high = real[name, "all"]
        assert value == pytest.approx(expected, abs=0.1) and high < 0.9


def test_the_interval_of_the_held_out_slope_covers_the_truth(beta):
    covered = []
    for seed in range(200, 260, 2):
        sides = reference(planted(800, beta, 10), planted(800, beta, seed), count=200)
        _, low, high = sides.compare(estimate(exact(beta)))["heldout_slope", "all"]
        covered.append(low < 1 < high)
    assert np.mean(covered) >= 0.85


def test_r_is_missing_if_the_held_out_effects_are_not_reliable():
    null = np.zeros(60)
    estimates = reference(planted(600, null, 1), planted(600, null, 7)).compare(
        estimate(planted(600, null, 8))
    )
    assert np.isnan(estimates["heldout_pearson", "all"].value)
    assert np.isfinite(estimates["heldout_slope", "all"].value)


def test_false_positives_and_power():
    """Of 30 variants with an effect, 20 are strong; of 30 without, the cohort inflates three."""
    strong, null = np.repeat([0.6, 0, 0], [20, 10, 30]), np.repeat([0.6, 0.02, 0], [20, 10, 30])
    truth = TrueEffects(null, null != 0, null != 0)
    inflated = strong + np.where(np.isin(np.arange(60), [40, 45, 50]), 0.6, 0)
    flipped = np.where(np.arange(60) < 2, -1, 1) * inflated
    estimates = reference(exact(strong), truth=truth, count=2).compare(estimate(exact(flipped)))
    assert estimates["false_positives", "all"].value == pytest.approx(0.1)
    assert estimates["power", "all"].value == pytest.approx(18 / 30)
    assert estimates["power", "all"].low < 18 / 30 < estimates["power", "all"].high


def test_equal_effects_are_recovered_up_to_noise(association, beta):
    same = association.compare(estimate(planted(40_000, beta, 40)))
    value, low, high = same["heldout_slope", "all"]
    mine, error = marginal_effects(planted(40_000, beta, 40))
    assert value == pytest.approx(1 - (error**2).sum() / (mine**2).sum(), abs=0.1)
    assert 0.03 < high - low < 0.25
    assert same["effect_sign", "top50"].value > 0.8
    assert same["true_slope", "all"].value == pytest.approx(0.97, abs=0.04)
    assert same["causal_found", "top50"].value == pytest.approx(50 / 60, abs=0.04)


def test_estimates_do_not_depend_on_the_allele_counted(beta):
    one, two = planted(3000, 3 * beta, 5), planted(3000, 3 * beta, 6)
    flip = np.arange(60) % 2 == 1
    compared = []
    for flipped in (np.zeros(60, bool), flip):
        sides = [
            Cohort(
                np.where(flipped, 2 - side.dosages, side.dosages).astype(np.int8), side.phenotype
            )
            for side in (one, two)
        ]
        truth = planted_truth(np.where(flipped, -1, 1) * 3 * beta)
        compared.append(reference(sides[0], truth=truth, count=5).compare(estimate(sides[1])))
    for name in (
        "heldout_slope",
        "heldout_pearson",
        "training_slope",
        "true_slope",
        "true_pearson",
    ):
        assert compared[0][name, "all"].value == pytest.approx(compared[1][name, "all"].value)


def test_a_copy_of_training_is_the_training_cohort(association, beta):
    train = planted(20_000, beta, 10)
    estimates = association.compare(estimate(train))
    assert estimates["training_slope", "all"].value == pytest.approx(1)
    assert estimates["training_pearson", "all"].value == pytest.approx(1)
    assert estimates["hits_overlap", "top50"].value == 1
    ceiling = association.compare(estimate(train), ceiling=True)
    for name in ("heldout_slope", "heldout_pearson", "lambda_gc", "true_slope"):
        assert estimates[name, "all"] == ceiling[name, "all"]
    assert ceiling["training_slope", "all"].value < 1.1


def test_permuted_labels_give_the_floor(association, beta):
    floor = association.compare(estimate(shuffle_labels(planted(20_000, beta, 10), 3)))
    assert floor["heldout_slope", "all"].low < 0.6 and abs(floor["true_pearson", "all"].value) < 0.4
    assert 0.25 < floor["effect_sign", "top50"].value < 0.75
    assert floor["hits_overlap", "p<5e-8"].value == 0
    assert floor["lambda_gc", "all"].value < 2


def test_lambda_of_no_effects_is_one():
    null = planted(2000, np.zeros(1500), 50)
    found = reference(null, count=20)
    value, low, high = found.compare(estimate(null), ceiling=True)["lambda_gc", "all"]
    assert low < 1 < high and value == pytest.approx(1, abs=0.12)


def test_lambda_is_left_out_where_power_differs(association, beta):
    cohort = estimate(planted(1000, beta, 60))
    assert ("lambda_gc", "all") not in association.compare(cohort, same_power=False)


def test_hits_by_p_and_by_rank():
    z = np.array([[10.0, -9.0, 2.0, np.nan, 5.0]])
    effects = Effects(z, np.ones_like(z))
    assert hits(effects, "p<5e-8").tolist() == [[True, True, False, False, False]]
    assert hits(effects, "top50").tolist() == [[True, True, True, False, True]]
    many = Effects(np.arange(200.0)[None], np.ones((1, 200)))
    assert np.flatnonzero(hits(many, "top50")[0]).tolist() == list(range(150, 200))


def test_effects_table(beta):
    cohorts = {
        "real": estimate(planted(500, beta[:5], 1)),
        "test": estimate(planted(400, beta[:5], 2)),
    }
    table = effects_table(variants(5), cohorts, planted_truth(beta[:5]))
    assert table.subject.value_counts().to_dict() == {"real": 5, "test": 5, "truth": 5}
    rows = table[table.subject == "test"]
    assert rows.beta.to_numpy() == pytest.approx(cohorts["test"].estimates.beta)
    assert rows.standard_error.to_numpy() == pytest.approx(cohorts["test"].estimates.standard_error)
    truth = table[table.subject == "truth"]
    assert truth.beta.to_numpy() == pytest.approx(beta[:5]) and truth.standard_error.isna().all()
    twice = effects_table(variants(5).assign(variant_id="."), cohorts, None)
    assert not twice[[*VARIANT, "subject"]].duplicated().any()


def test_no_causal_variant_on_the_panel_is_nan(beta):
    cohort = planted(500, beta, 1)
    none = planted_truth(np.zeros(60))
    found = reference(cohort, truth=none, count=20).compare(estimate(cohort))
    assert np.isnan(found["causal_found", "top50"].value)
    assert np.isnan(found["power", "all"].value) and np.isnan(found["true_pearson", "all"].value)
    assert found["true_slope", "all"].value == 0
