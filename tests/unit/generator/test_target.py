"""Shrunken class differences against closed forms, least squares and simulated truth."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from example_cohorts import frequencies, independent
from example_generator import one_hot

from snpgen.association.forecast import Sampling
from snpgen.generator.conditions import ConditionEncoding, fit_encoding
from snpgen.generator.contrasts import make_contrasts, shrunken_frequencies, standardise
from snpgen.generator.frequencies import adjusted_frequencies, deviations, training_frequencies
from snpgen.generator.target import TargetSettings, load_target, make_target
from snpgen.io.panel import Panel

BINARY = ConditionEncoding(2, None, False, (), ())
KNOTS = ConditionEncoding(5, (-1.6, -0.6, 0.0, 0.6, 1.6), False, (), ())


def one_locus(m: int) -> tuple[np.ndarray, np.ndarray]:
    """Chromosome and position of variants that are too close for any to be distant."""
    return np.full(m, "1"), np.arange(m)


def test_classes_move_in_proportion_to_the_other_class():
    """f1 = f + (n0 / n) d / 2 and f0 = f - (n1 / n) d / 2."""
    x = one_hot(np.repeat([0, 1], [30, 10]))
    contrasts = make_contrasts(BINARY, x)
    training = np.array([[0.2, 0.5], [0.6, 0.5]])
    found = shrunken_frequencies(training, x, contrasts, np.array([[0.2, -0.1]]))
    overall = np.array([0.3, 0.5])
    difference = np.array([0.2, -0.1])
    expected = [overall - difference / 8, overall + difference * 3 / 8]
    assert found == pytest.approx(np.array(expected))
    assert 2 * contrasts.weights @ found == pytest.approx(difference[None])
    assert np.square(contrasts.label).mean() == pytest.approx(1)


def test_three_classes_have_two_contrasts_and_keep_overall_frequencies():
    labels = np.repeat([0, 1, 2], [50, 30, 20])
    x = one_hot(labels, 3)
    contrasts = make_contrasts(ConditionEncoding(3, None, False, (), ()), x)
    differences = np.array([[0.1, 0.0], [-0.3, 0.2]])
    training = training_frequencies(independent(100, np.array([0.3, 0.6]), 1), x)
    found = shrunken_frequencies(training, x, contrasts, differences)
    assert 2 * (found[1:] - found[0]) == pytest.approx(differences)
    assert x.mean(axis=0) @ found == pytest.approx(x.mean(axis=0) @ training)
    assert np.isnan(contrasts.label[labels == 2, 0]).all()


def test_a_quantitative_trait_has_a_linear_effect_of_the_given_slope():
    value = np.random.default_rng(1).normal(size=4_000)
    x = KNOTS.encode(value, np.zeros(4_000), np.full(4_000, ""))
    contrasts = make_contrasts(KNOTS, x)
    training = training_frequencies(independent(4_000, np.array([0.3]), 2), x)
    found = shrunken_frequencies(training, x, contrasts, np.array([[0.12]]))
    expected = sm.OLS(x @ (2 * found), sm.add_constant(contrasts.label)).fit()
    assert expected.params[1] == pytest.approx(0.12) and expected.rsquared == pytest.approx(1)
    assert contrasts.label[:, 0] @ x @ KNOTS.knots > 0


@pytest.mark.parametrize("kind", ["classes", "value"])
def test_differences_are_those_of_least_squares_given_components_and_conditions(kind):
    n, rng = 600, np.random.default_rng(3)
    scores, sex = rng.normal(size=(n, 2)) * [1, 20], rng.integers(1, 3, n)
    label = (rng.random(n) < 0.3 + 0.2 * (scores[:, 0] > 0)).astype(float)
    encoding = ConditionEncoding(2, None, True, (), ((sex == 1).mean(),))
    if kind == "value":
        label = rng.normal(size=n) + scores[:, 0]
        encoding = ConditionEncoding(2, (-2.0, 3.0), True, (), ((sex == 1).mean(),))
    x = encoding.encode(label, sex, np.full(n, ""))
    dosages = independent(n, frequencies(6), 4)
    contrasts = make_contrasts(encoding, x)
    columns = np.arange(3), np.arange(3, 6)
    given = [(columns[0], scores), (columns[1], scores[:, :1])]
    adjusted = adjusted_frequencies(dosages, x, given)
    found = 2 * contrasts.weights @ adjusted[: encoding.n_classes]
    own = label if kind == "classes" else contrasts.label[:, 0]
    expected = [
        sm.OLS(dosages[:, j], sm.add_constant(np.column_stack([own, sex, by]))).fit().params[1]
        for variants, by in given
        for j in variants
    ]
    assert found[0] == pytest.approx(np.array(expected), abs=1e-6)


def test_deviations_are_from_the_overall_frequency():
    x = one_hot(np.repeat([0, 1], [30, 10]))
    found = deviations(np.array([[0.2, 0.5], [0.6, 0.5]]), x, 2)
    assert found == pytest.approx(np.array([[-0.1, 0], [0.3, 0]]))


def simulated_scan(seed: int) -> tuple[Panel, pd.DataFrame, pd.DataFrame, np.ndarray]:
    """A panel selected from a scan, the variants of both, and the true differences in dosage."""
    rng = np.random.default_rng(seed)
    n, m, size = 3_000, 4_000, 200
    p = rng.uniform(0.1, 0.9, m)
    effect = np.where(rng.random(m) < 0.03, rng.normal(0, 0.04, m), 0)  # on the frequency of cases
    label = (np.arange(n) % 3 == 0).astype(int)
    dosages = rng.binomial(2, p + np.outer(label - label.mean(), effect)).astype(np.int8)
    gap = dosages[label == 1].mean(axis=0) - dosages[label == 0].mean(axis=0)
    error = dosages.std(axis=0) * np.sqrt(1 / label.sum() + 1 / (n - label.sum()))
    table = pd.DataFrame({"beta": gap, "standard_error": error})
    table["variant_id"] = [f"v{number}" for number in range(m)]
    table["chromosome"], table["position"] = one_locus(m)
    chosen = np.sort(np.argsort(-np.abs(gap / error))[:size])
    panel = Panel(
        dosages[:, chosen], np.arange(n).astype(str), np.full(n, "train"), label.astype(np.int8)
    )
    return panel, table.iloc[chosen].reset_index(drop=True), table, 2 * effect[chosen]


def test_target_differences_are_unbiased_where_training_differences_are_inflated():
    slopes, raw = [], []
    for seed in range(3):
        panel, variants, table, true = simulated_scan(seed)
        encoding = fit_encoding(panel, False, False)
        scores = np.random.default_rng(1).normal(size=(len(panel.iid), 2))
        for shrunken, into in ((True, slopes), (False, raw)):
            settings = TargetSettings(shrunken, 0.999, Sampling())
            target, *_ = make_target(panel, variants, table, scores, encoding, settings, seed)
            found = 2 * (target.classes[1] - target.classes[0])
            into.append(float(found @ true / (found @ found)))
    assert np.mean(slopes) == pytest.approx(1, abs=0.12)
    assert np.mean(raw) < 0.7


@pytest.mark.parametrize("chromosomes", [1, 4])
def test_only_classes_have_the_differences_of_ancestry(chromosomes):
    """Two populations with other frequencies and prevalence, and no effect of any variant.

    On one chromosome, differences are adjusted for components of the whole genome, on more than one for
    those of the other chromosomes.
    """
    n, m, rng = 6_000, 120, np.random.default_rng(7)
    population = rng.integers(0, 2, n)
    label = (rng.random(n) < np.where(population, 0.4, 0.1)).astype(np.int8)
    p = rng.uniform(0.2, 0.8, (2, m))
    dosages = rng.binomial(2, p[population]).astype(np.int8)
    panel = Panel(dosages, np.arange(n).astype(str), np.full(n, "train"), label)
    table = pd.DataFrame({"beta": rng.normal(size=m), "standard_error": 0.1})
    table["chromosome"] = (1 + np.arange(m) % chromosomes).astype(str)
    table["position"] = np.arange(m) * 2_000_000
    scores = population[:, None].astype(float)
    settings = TargetSettings(True, 0.999, Sampling())
    target = make_target(panel, table, table, scores, BINARY, settings, 1).target
    share = population[label == 1].mean() - population[label == 0].mean()
    implied = share * (p[1] - p[0])
    error = np.sqrt(1 / label.sum() + 1 / (n - label.sum())) * 0.5  # at most, of a frequency
    assert (target.frequencies[1] - target.frequencies[0]).std() < error
    assert np.abs(target.classes[1] - target.classes[0] - implied).std() < error
    assert target.shrunken and target.ancestry.exist == (chromosomes > 1)
    assert implied.std() > 4 * error


@pytest.mark.parametrize("shrunken", [True, False])
def test_a_target_is_read_back(tmp_path, shrunken):
    panel, variants, table, _ = simulated_scan(1)
    variants["chromosome"] = np.where(np.arange(len(variants)) < 90, "1", "2")
    variants["position"] = np.arange(len(variants)) * 2_000_000
    settings = TargetSettings(shrunken, 0.7, Sampling())
    target, *_ = make_target(panel, variants, table, np.ones((3_000, 1)), BINARY, settings, 1)
    target.save(str(tmp_path / "target.npz"))
    again = load_target(str(tmp_path / "target.npz"))
    assert again.shrunken == shrunken and (again.frequencies == target.frequencies).all()
    assert (again.classes == target.classes).all()
    for name, array in vars(target.ancestry).items() if shrunken else ():
        assert (getattr(again.ancestry, name) == array).all()


def test_constant_components_are_ignored():
    assert standardise(np.ones((5, 2))).tolist() == np.zeros((5, 2)).tolist()


def test_the_limit_sets_the_least_certain_differences_to_zero():
    panel, variants, table, _ = simulated_scan(4)
    kept = {}
    for limit in (0.6, 0.65, 0.999):
        settings = TargetSettings(True, limit, Sampling())
        made = make_target(panel, variants, table, np.ones((3_000, 1)), BINARY, settings, 1)
        forecast = made.forecast.set_index(["attack", "stratum"]).auc
        assert max(forecast["adaptive", "case"], forecast["adaptive", "control"]) <= limit
        kept[limit] = made.variants.kept.sum()
        factor, is_kept = made.variants.shrinkage.to_numpy(), made.variants.kept.to_numpy() == 1
        assert factor[is_kept].min() >= factor[~is_kept].max(initial=0)
        gap = made.target.classes[1] - made.target.classes[0]
        assert np.abs(gap[~is_kept]).max(initial=0) < 1e-12
    assert 0 < kept[0.6] < kept[0.65] < kept[0.999] == len(variants)


def test_external_effects_replace_the_differences_of_the_training_individuals():
    panel, variants, table, _ = simulated_scan(5)
    effects = np.linspace(-0.4, 0.4, len(variants))
    effects[0] = np.nan
    external = variants.assign(beta=2 * effects, beta_corrected=effects)
    settings = TargetSettings(True, 0.7, Sampling())
    made = make_target(panel, variants, table, np.ones((3_000, 1)), BINARY, settings, 1, external)
    p = panel.dosages.mean(axis=0) / 2
    gap = 2 * (made.target.classes[1] - made.target.classes[0])
    assert gap == pytest.approx(np.nan_to_num(effects) * 2 * p * (1 - p))
    assert made.variants.kept.tolist() == [0] + [1] * (len(variants) - 1)
    assert made.variants.shrinkage.tolist() == [0] + [0.5] * (len(variants) - 1)
    assert set(made.prior.source) == {"external"}
    adaptive = made.forecast[made.forecast.attack == "adaptive"].auc
    assert (adaptive == adaptive.iloc[0]).all()  # from overall frequencies only


@pytest.mark.parametrize("shrunken", [True, False])
def test_given_overall_frequencies_change_no_difference(shrunken):
    panel, variants, table, _ = simulated_scan(5)
    shift = np.linspace(-0.01, 0.01, len(variants))
    overall = panel.dosages[panel.split == "train"].mean(axis=0) / 2 + shift
    settings = TargetSettings(shrunken, 0.7, Sampling())
    plain, moved = (
        make_target(
            panel, variants, table, np.ones((3_000, 1)), BINARY, settings, 1, overall=given
        ).target
        for given in (None, overall)
    )
    assert moved.frequencies[:2] - plain.frequencies[:2] == pytest.approx(np.stack([shift, shift]))
    assert moved.classes - plain.classes == pytest.approx(np.stack([shift, shift]))


def test_independent_sampling_of_more_individuals_is_forecast_to_reveal_more():
    panel, variants, table, _ = simulated_scan(6)
    settings = TargetSettings(False, 0.7, Sampling(systematic=False))
    made = make_target(panel, variants, table, np.ones((3_000, 1)), BINARY, settings, 1)
    by_size = made.by_size[(made.by_size.attack == "adaptive") & (made.by_size.stratum == "case")]
    assert (np.diff(by_size.auc) > 0).all() and by_size["size"].tolist() == [1, 2, 4, 10]
    assert by_size.auc.iloc[0] == made.forecast.query("attack == 'adaptive'").auc[by_size.index[0]]


def no_signal(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    return rng.binomial(2, 0.3, (n, 40)), np.arange(n) % 2


def rare_cases(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    return rng.binomial(2, 0.3, (n, 40)), (np.arange(n) % 100 == 0).astype(int)


def one_variant(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    return rng.binomial(2, 0.3, (n, 1)), np.arange(n) % 2


def mendelian(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    dosages = rng.binomial(2, 0.3, (n, 40))
    return dosages, (dosages[:, 0] == 2).astype(int)


def clones(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    dosages = rng.binomial(2, 0.3, (n // 10, 40))
    return np.tile(dosages, (10, 1)), np.tile(np.arange(n // 10) % 2, 10)


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("make", [no_signal, rare_cases, one_variant, mendelian, clones])
@pytest.mark.parametrize("n", [300, 1_000])
def test_unusual_cohorts_have_a_finite_target_within_the_limit(make, n):
    rng = np.random.default_rng(1)
    dosages, label = make(n, rng)
    gap = dosages[label == 1].mean(axis=0) - dosages[label == 0].mean(axis=0)
    error = dosages.std(axis=0) * np.sqrt(1 / label.sum() + 1 / (n - label.sum()))
    m = dosages.shape[1]
    variants = pd.DataFrame({"beta": gap, "standard_error": error})
    variants["chromosome"], variants["position"] = np.full(m, "1"), np.arange(m)
    rest = pd.DataFrame({"beta": rng.normal(size=2_000), "standard_error": 1.0})
    panel = Panel(
        dosages.astype(np.int8),
        np.arange(n).astype(str),
        np.where(rng.random(n) < 0.9, "train", "validation"),
        label.astype(np.int8),
    )
    train = panel.split == "train"
    made = make_target(
        panel,
        variants,
        pd.concat([variants, rest], ignore_index=True),
        rng.normal(size=(n, 3)),
        BINARY,
        TargetSettings(True, 0.7, Sampling()),
        1,
    )
    gap = made.target.classes[1] - made.target.classes[0]
    overall = dosages[train].mean(axis=0) / 2
    share = label[train].mean()
    assert share * made.target.classes[1] + (1 - share) * made.target.classes[0] == pytest.approx(
        overall
    )
    adaptive = made.forecast[made.forecast.attack == "adaptive"].auc
    assert np.isfinite(adaptive).all() and adaptive.max() <= 0.7
    if make is mendelian:
        assert made.variants.kept[0] == 1 and gap[0] > 0.5
    elif n == 1_000 and make is no_signal:
        assert np.abs(gap).max() < 0.02
