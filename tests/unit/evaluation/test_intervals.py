import numpy as np
import pytest
from scipy.stats import norm
from statsmodels.stats.proportion import proportion_confint

from snpgen.evaluation import intervals
from snpgen.evaluation.agreement import pearson, rmse, slope, slope_through_origin
from snpgen.evaluation.intervals import GROUPS, bootstrap, fold, resample_counts, wilson

KEY = ("estimate", "all")


@pytest.mark.parametrize(("k", "n"), [(0, 50), (3, 50), (25, 50), (50, 50), (1, 100_000)])
def test_wilson_is_the_interval_of_statsmodels(k, n):
    value, low, high = wilson(k, n)
    assert value == k / n
    assert (low, high) == pytest.approx(proportion_confint(k, n, method="wilson"), abs=1e-12)
    assert np.isnan(wilson(0, 0)).all()


def test_resamples_have_the_size_of_the_sample():
    counts = resample_counts(50, 200, np.random.default_rng(1))
    assert counts.shape == (200, 50) and (counts.sum(axis=1) == 50).all()
    assert counts.mean(axis=0) == pytest.approx(1, abs=0.3)
    assert counts.var() == pytest.approx(1 - 1 / 50, rel=0.05)


@pytest.mark.parametrize("most", [10, 1_000])
def test_kept_resamples_are_those_that_were_drawn(most, monkeypatch):
    monkeypatch.setattr(intervals, "_MAX_CACHED", most)
    rng = np.random.default_rng(5)
    expected = [resample_counts(30, size, rng) for size in (100, 100, 50)]
    seen = []

    def statistic(weights):
        seen.append(weights)
        return {KEY: weights.sum(axis=1)}

    for _ in range(2):
        bootstrap(statistic, [(30, 5)], 250)
    point = np.ones((1, 30))
    pairs = zip(seen, 2 * [point, *expected], strict=True)
    assert all(np.array_equal(*pair) for pair in pairs)


def mean_of(values):
    return lambda weights: {KEY: weights @ values / weights.sum(axis=1)}


def test_interval_of_a_mean_is_the_textbook_one():
    x = np.random.default_rng(2).normal(3, 2, 400)
    value, low, high = bootstrap(mean_of(x), [(400, 7)], 4000)[KEY]
    half = norm.ppf(0.975) * x.std() / 20
    assert value == pytest.approx(x.mean(), abs=1e-5)
    assert (low, high) == pytest.approx((x.mean() - half, x.mean() + half), abs=0.1 * half)


def test_intervals_have_the_nominal_coverage():
    rng = np.random.default_rng(3)
    covered = 0
    for trial in range(300):
        x = rng.exponential(size=150)
        _, low, high = bootstrap(mean_of(x), [(150, trial)], 300)[KEY]
        covered += low < 1 < high
    assert 0.90 < covered / 300 < 0.98


def test_groups_give_the_intervals_of_single_samples():
    x = np.random.default_rng(4).normal(size=(4000, 3)).astype(np.float32)
    samples = [bootstrap(mean_of(x[:, j]), [(4000, 1)], 1000)[KEY] for j in range(3)]
    folded = fold(x, 5)
    assert folded.shape == (16, GROUPS, 3)
    sums, sizes = folded.sum(axis=0), fold(np.ones(4000, np.float32), 5).sum(axis=0)
    for j in range(3):
        grouped = bootstrap(
            lambda w, j=j: {KEY: w @ sums[:, j] / (w @ sizes)}, [(GROUPS, 1)], 1000
        )[KEY]
        assert grouped.value == pytest.approx(samples[j].value, abs=1e-5)
        width = samples[j].high - samples[j].low
        assert grouped.high - grouped.low == pytest.approx(width, rel=0.2)


@pytest.mark.parametrize("sizes", [(7,), (40, 1_000), (1_000, 40), (300, 900)])
def test_intervals_do_not_depend_on_how_many_resamples_are_in_memory(sizes, monkeypatch):
    values = [np.random.default_rng(n).normal(size=n) for n in sizes]
    largest = []

    def statistic(*weights):
        largest.append(len(weights[0]))
        means = [side @ x / len(x) for side, x in zip(weights, values, strict=True)]
        return {("af_slope", "all"): sum(means)}

    samples = [(n, 3 + n) for n in sizes]
    (whole,) = bootstrap(statistic, samples, 250).values()
    monkeypatch.setattr(intervals, "_MAX_WEIGHTS", 27_000)
    largest.clear()
    (parts,) = bootstrap(statistic, samples, 250).values()
    assert parts == pytest.approx(whole)
    assert max(largest) == min(100, 27_000 // max(sizes))


def test_fold_keeps_every_sample():
    x = np.arange(1003)
    folded = fold(x, 1)
    assert folded.shape == (5, GROUPS)
    assert sorted(folded[folded > 0]) == list(range(1, 1003))
    assert fold(np.arange(1, 8), 1).shape == (1, 7)
    assert fold(np.zeros((0, 4)), 1).shape == (0, 0, 4)


def test_a_biased_estimate_lies_in_its_interval():
    rng = np.random.default_rng(6)
    x = rng.binomial(1, 0.3, (400, 200)).astype(np.float32)
    truth = np.full((1, 200), 0.3)

    def statistic(weights):
        p = weights @ x / weights.sum(axis=1, keepdims=True)
        return {KEY: rmse(np.broadcast_to(truth, p.shape), p)}

    value, low, high = bootstrap(statistic, [(400, 1)], 1000)[KEY]
    assert low < value < high
    repeated = [
        np.sqrt(np.mean((rng.binomial(400, 0.3, 200) / 400 - 0.3) ** 2)) for _ in range(500)
    ]
    assert low < np.mean(repeated) < high


def test_same_seed_same_interval_and_pairs_share_resamples():
    x = np.random.default_rng(7).normal(size=100)
    first = bootstrap(mean_of(x), [(100, 9)], 1000)
    assert first == bootstrap(mean_of(x), [(100, 9)], 1000)
    assert first != bootstrap(mean_of(x), [(100, 10)], 1000)
    shifted = bootstrap(mean_of(x + 1), [(100, 9)], 1000)
    assert np.subtract(shifted[KEY], first[KEY]) == pytest.approx(1, abs=1e-5)


def test_intervals_are_truncated_to_possible_values():
    x = np.r_[np.zeros(99), 1.0]
    key = ("nnaa_test", "all")
    assert bootstrap(lambda w: {key: w @ x / 100}, [(100, 1)], 500)[key].low == 0.0


def test_an_empty_sample_gives_nan():
    found = bootstrap(lambda w, v: {KEY: np.full(len(w), 1.0)}, [(5, 1), (0, 1)], 100)
    assert np.isnan(found[KEY]).all()


def test_agreement_row_by_row_without_nan():
    rng = np.random.default_rng(8)
    x = rng.normal(size=(4, 50))
    y = 2 * x + rng.normal(size=(4, 50))
    y[1, :5] = np.nan
    x[2, 7] = np.nan
    for row in range(4):
        known = np.isfinite(x[row]) & np.isfinite(y[row])
        a, b = x[row][known], y[row][known]
        assert pearson(x, y)[row] == pytest.approx(np.corrcoef(a, b)[0, 1])
        assert slope(x, y)[row] == pytest.approx(np.polyfit(a, b, 1)[0])
        assert slope_through_origin(x, y)[row] == pytest.approx(
            np.linalg.lstsq(a[:, None], b)[0][0]
        )
        assert rmse(x, y)[row] == pytest.approx(np.sqrt(np.mean((a - b) ** 2)))


def test_agreement_of_constants_is_nan():
    x, y = np.ones((1, 9)), np.arange(9.0)[None]
    assert np.isnan(pearson(x, y)).all() and np.isnan(slope(x, y)).all()
    assert np.isnan(pearson(y[:, :2], y[:, :2])).all()
    assert np.isnan(slope_through_origin(0 * x, y)).all()
    assert np.isnan(rmse(np.full((1, 9), np.nan), y)).all()
