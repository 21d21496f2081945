"""The measures of the benchmark by hand, and acceptance thresholds on planted estimates."""

import numpy as np
import pandas as pd
import pytest
from example_bars import judge
from example_measures import measure
from generator import newest
from scipy.stats import wasserstein_distance
from sklearn.metrics import roc_auc_score

from snpgen.io.panel import Panel

N, N_VARIANTS = 2_000, 24


@pytest.fixture(scope="module")
def variants() -> pd.DataFrame:
    """12 variants on each of two chromosomes, 5 kb apart."""
    position = 5_000 * (1 + np.arange(N_VARIANTS) % 12)
    return pd.DataFrame(
        {"chromosome": np.repeat(["1", "2"], N_VARIANTS // 2), "position": position}
    )


@pytest.fixture(scope="module")
def panel() -> Panel:
    """LD that decays along each chromosome, two ancestries that link the two, and a heritable trait."""
    rng = np.random.default_rng(1)
    noise = rng.standard_normal((2, N, N_VARIANTS))
    for column in range(1, N_VARIANTS):
        if column != N_VARIANTS // 2:
            noise[:, :, column] = 0.8 * noise[:, :, column - 1] + 0.6 * noise[:, :, column]
    ancestry = rng.integers(2, size=(N, 1)) * rng.choice([-0.6, 0.6], N_VARIANTS)
    dosages = (noise + ancestry > rng.uniform(0, 1.2, N_VARIANTS)).sum(axis=0).astype(np.int8)
    liability = dosages @ rng.standard_normal(N_VARIANTS) * 0.3 + rng.standard_normal(N)
    split = np.repeat(["train", "validation", "test"], [1_200, 300, 500])
    iid = np.arange(N).astype(str)
    return Panel(dosages, iid, split, (liability > np.quantile(liability, 0.7)).astype(np.int8))


def test_training_samples_have_ideal_estimates(panel, variants):
    found = measure(panel, variants, *panel.of("train"), seed=1)
    assert found["af_rmse"] == pytest.approx(0, abs=1e-7)
    for metric in ("ld_slope", "ld_pearson", "ld_far_ratio"):
        assert found[metric] == pytest.approx(1, abs=1e-5), metric
    assert found["exact_matches"] == 1_200
    assert found["auc_ridge"] > 0.65


def test_heldout_slope_is_1_for_test_samples(panel, variants):
    dosages, labels = panel.of("test")
    found = measure(panel, variants, dosages, labels, seed=1)
    assert found["heldout_slope"] == pytest.approx(1, abs=1e-9)
    exchanged = measure(panel, variants, dosages, 1 - labels, seed=1)
    assert exchanged["heldout_slope"] == pytest.approx(-1, abs=1e-9)


def test_estimates_are_those_computed_by_hand(panel, variants):
    """Test individuals as the synthetic cohort, ten of them members."""
    dosages, labels = (side.copy() for side in panel.of("test"))
    train, train_labels = panel.of("train")
    dosages[:10], labels[:10] = train[:10], train_labels[:10]
    rng = np.random.default_rng(2)
    losses = {"vae": (rng.normal(0, 1, 1_200), rng.normal(0.5, 1, 500))}
    found = measure(panel, variants, dosages, labels, seed=1, losses=losses)

    gap = dosages.mean(axis=0) / 2 - train.mean(axis=0) / 2
    assert found["af_rmse"] == pytest.approx(np.sqrt(np.mean(gap**2)), rel=1e-4)
    near = np.triu(np.ones((12, 12), bool), k=1)
    theirs, ours = (
        np.concatenate([np.corrcoef(x.T)[:12, :12][near], np.corrcoef(x.T)[12:, 12:][near]])
        for x in (train, dosages)
    )
    assert found["ld_slope"] == pytest.approx(theirs @ ours / (theirs @ theirs), rel=1e-4)
    assert found["ld_pearson"] == pytest.approx(np.corrcoef(theirs, ours)[0, 1], rel=1e-4)
    twins = (dosages[:, None] == train[None]).all(axis=2).any(axis=1).sum()
    assert found["exact_matches"] == twins >= 10
    members = np.repeat([1, 0], [1_200, 500])
    expected = roc_auc_score(members, -np.concatenate(losses["vae"]))
    assert found["mia_loss_auc"] == pytest.approx(expected)


def test_missing_structure_between_chromosomes_is_detected(panel, variants):
    """One chromosome permuted over samples: LD within it remains, LD between chromosomes vanishes."""
    dosages, labels = panel.of("train")
    torn = np.hstack([dosages[:, :12], np.random.default_rng(3).permutation(dosages[:, 12:])])
    found = measure(panel, variants, torn, labels, seed=1)
    assert found["ld_slope"] == pytest.approx(1, abs=1e-5)
    assert found["ld_far_ratio"] > 1.5


def test_bars_are_judged_on_the_mean_over_seeds():
    columns = [(name, "c2st_xgboost") for name in ("snpgen", "mosaic", "copula", "cvae")]
    columns = pd.MultiIndex.from_tuples([*columns, ("snpgen", "rare_af_ratio")])
    rows = [[0.5, 0.6, 0.9, 0.7, 0.9], [0.64, 0.62, 0.9, 0.6, 1.0]]
    estimates = pd.DataFrame(rows, columns=columns)
    verdicts = {verdict.bar: verdict for verdict in judge(estimates, "S")}
    assert verdicts["c2st_xgboost"].mean == pytest.approx(0.57)
    assert verdicts["c2st_xgboost"].met
    assert not verdicts["rare_af_ratio"].met
    assert verdicts["c2st_xgboost less best of the simpler"].mean == pytest.approx(-0.04)
    assert verdicts["c2st_xgboost less best of the simpler"].met
    assert not verdicts["c2st_xgboost less cvae"].met  # worse in the second seed


def test_only_simpler_subjects_are_taken_from_other_commits():
    rows = [("a", "snpgen", 1), ("a", "mosaic", 2), ("b", "mosaic", 3), ("a", "copula", 4)]
    table = pd.DataFrame(rows, columns=["commit", "subject", "value"])
    table = table.assign(panel="R", seed=1, metric="af_rmse")
    kept = newest(table, "b")
    assert dict(zip(kept.subject, kept.value, strict=True)) == {"mosaic": 3, "copula": 4}


def test_component_distance_is_the_wasserstein_distance_of_scores(panel, variants):
    dosages, labels = panel.of("test")
    assert measure(panel, variants, dosages, labels, seed=1)["pc_wasserstein"] == pytest.approx(0)
    train, _ = panel.of("train")
    spread = train.mean(axis=0) * (1 - train.mean(axis=0) / 2)
    z, mine = ((side - train.mean(axis=0)) / np.sqrt(spread) for side in (train, dosages))
    values, vectors = np.linalg.eigh(z.T @ z / len(z))
    mirrored = 2 - dosages
    theirs = (mirrored - train.mean(axis=0)) / np.sqrt(spread)
    expected = np.mean(
        [
            wasserstein_distance(mine @ v, theirs @ v) / np.sqrt(value)
            for value, v in zip(values[-4:], vectors.T[-4:], strict=True)
        ]
    )
    found = measure(panel, variants, mirrored, labels, seed=1)
    assert found["pc_wasserstein"] == pytest.approx(expected, rel=1e-4)
