"""The whole audit: of copies, of no members, of an independent sampler, and of degenerate input."""

from collections import Counter
from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
import pytest
from example_cohorts import cohort, frequencies, independent, linked, unlabelled

from snpgen.association.frequency_attack import expected_attack_auc
from snpgen.association.shrinkage import Prior
from snpgen.evaluation import cohorts, controls, membership, privacy
from snpgen.evaluation.adaptive import Knowledge
from snpgen.evaluation.attacks import choose_kernel
from snpgen.evaluation.cohorts import fill_rounded
from snpgen.genetics.frequencies import smoothed_frequency
from snpgen.io.panel import Panel
from snpgen.io.plink import MISSING, allele_frequency

COUNT = 100
M = 80
PRIOR = Prior(np.array([0.0, 4.0]), np.array([0.8, 0.2]))


@pytest.fixture(scope="module")
def samples():
    """Training, test, validation and a synthetic cohort without copies."""
    sizes = {"train": 1500, "test": 600, "validation": 400, "snpgen": 1500}
    samples = {name: cohort(n, M, 10 * i) for i, (name, n) in enumerate(sizes.items())}
    for name in ("train", "test", "validation"):
        dosages = samples[name].dosages
        dosages[np.random.default_rng(1).random(dosages.shape) < 0.01] = MISSING
    return samples


def audit(release, samples, others=None, white_box=None, count=COUNT, seed=3):
    frequency = allele_frequency(samples["train"].dosages)
    sides = samples["train"], others or samples["test"], samples["validation"]
    targets = membership.prepare(*sides, frequency, len(release), seed)
    sizes = sides[0].sizes
    knowledge = Knowledge(sizes["case"], sizes["control"], PRIOR, 0.5, 0.1)
    return privacy.audit_release(release, targets, count, seed, 1, white_box, knowledge)


def test_planted_copies_are_matched_and_flagged(samples):
    planted = controls.plant_copies(samples["snpgen"], samples["train"], 1)
    assert (planted.dosages != samples["snpgen"].dosages).any(axis=1).sum() == 75
    found = audit(planted, samples)
    value, low, high = found.screening["exact_matches", "all"]
    assert value == 0.05 and low < 0.05 < high
    for attack in ("distance", "density"):
        assert found.attacks[f"mia_{attack}_tpr_0.001", "all"].low > 0.03
    assert found.screening["max_kinship", "all"].value == 0.5
    honest = audit(samples["snpgen"], samples)
    assert honest.screening["exact_matches", "all"].value == 0
    for attack in ("distance", "density"):
        assert honest.attacks[f"mia_{attack}_tpr_0.001", "all"].high < 0.03
    assert honest.screening["max_kinship", "all"].value < 0.5


def test_release_of_the_members_themselves_is_detected(samples):
    found = audit(samples["train"], samples)
    assert found.screening["exact_matches", "all"].value == 1
    assert found.screening["dcr_ratio", "all"].value == 0
    assert found.screening["dcr_ratio", "holdout"].value < 1
    assert found.screening["nndr_ratio", "all"].value == 0
    assert found.screening["nnaa_train", "all"].value < found.screening["nnaa_test", "all"].value
    assert found.screening["privacy_loss", "all"].low > 0
    for attack in ("distance", "density"):
        assert found.attacks[f"mia_{attack}_auc", "all"].value > 0.99
        assert found.attacks[f"mia_{attack}_auc", membership.RARE].value > 0.99
    assert found.attacks["phenotype_inference", "nearest"].value > 0.3
    assert found.attacks["phenotype_inference", "all"].low > 0


def test_negative_control_is_near_chance(samples):
    test = samples["test"]
    half, other = controls.halve(test.phenotype, np.arange(len(test)), 1)
    found = audit(test.take(half), samples, test.take(other))
    for attack, stratum in product(("frequency", "adaptive"), ("all", "case", "control")):
        _, low, high = found.attacks[f"mia_{attack}_auc", stratum]
        assert low - 0.02 < 0.5 < high + 0.02
    for attack in ("distance", "density"):
        _, low, high = found.attacks[f"mia_{attack}_auc", "all"]
        assert low - 0.02 < 0.5 < high + 0.02
    assert found.screening["privacy_loss", "all"].value == pytest.approx(0, abs=0.08)
    for name in ("all", "holdout"):
        assert found.screening["dcr_ratio", name].value == pytest.approx(1, abs=0.06)


def test_attacks_are_at_chance_without_members():
    """Of a hundred cohorts, at least 90 have 0.5 in each 95 % interval, and 94 on average."""
    held = Counter()
    for seed in range(100):
        p, sizes = frequencies(100, seed), {"train": 400, "test": 400, "validation": 200}
        sides = {
            name: unlabelled(linked(n, p, 1000 * seed + i))
            for i, (name, n) in enumerate(sizes.items(), start=1)
        }
        test = sides["test"]
        half, other = controls.halve(test.phenotype, np.arange(400), seed)
        found = audit(test.take(half), sides, test.take(other), count=200, seed=seed)
        for (metric, stratum), (_, low, high) in found.attacks.items():
            held[metric, stratum] += metric.endswith("_auc") and low <= 0.5 <= high
    held = {key: times for key, times in held.items() if key[0].endswith("_auc")}
    assert len(held) == 12 and min(held.values()) >= 90, held
    assert np.mean(list(held.values())) > 93.5


def test_scores_keep_the_order_of_samples(samples):
    train, test, reference = (samples[name] for name in ("train", "test", "validation"))
    found = audit(samples["snpgen"], samples)
    frequency = allele_frequency(train.dosages)
    train, test, reference = (fill_rounded(x.dosages, frequency) for x in (train, test, reference))
    release, kernel = samples["snpgen"].dosages, choose_kernel(reference)
    for row, sample in ((17, train[17]), (1300, train[1300]), (1517, test[17])):
        near, known = (np.abs(sample - side).sum(axis=1) for side in (release, reference))
        assert found.scores["distance"][row] == -near.min()
        ratio = kernel[near].mean() / kernel[known].mean()
        assert found.scores["density"][row] == pytest.approx(np.log(ratio))
    assert {len(scores) for scores in found.scores.values()} == {2100}


def test_forecast_rows(samples):
    train, validation = samples["train"], samples["validation"]
    estimates = privacy.forecast_attack(train, validation, train.sizes)
    assert set(estimates) == {("forecast_auc", name) for name in ("all", "case", "control")}
    assert 0.5 < estimates["forecast_auc", "all"].value < 0.6
    larger = {name: 10 * n for name, n in train.sizes.items()}
    for name, estimate in privacy.forecast_attack(train, validation, larger).items():
        assert estimate.value > estimates[name].value + 0.001
    empty = privacy.forecast_attack(train, validation.take(np.arange(0)), train.sizes)
    assert all(np.isnan(estimate.value) for estimate in empty.values())


def test_forecast_of_the_target(tmp_path):
    path = tmp_path / "forecast.tsv"
    rows = ["all\tnaive\t0.55", "case\tnaive\t0.6", "case\tadaptive\t0.68", "severe\tnaive\tNA"]
    path.write_text("\n".join(["stratum\tattack\tauc", *rows]) + "\n")
    estimates = privacy.read_forecast(str(path))
    assert {key: estimate.value for key, estimate in estimates.items()} == {
        ("forecast_auc", "all"): 0.55,
        ("forecast_auc", "case"): 0.6,
        ("forecast_adaptive_auc", "case"): 0.68,
    }


def test_knowledge_of_the_adaptive_attacker(tmp_path):
    path = tmp_path / "prior.tsv"
    path.write_text(
        "variance\tweight\tslope\tsmallest\tcontrast\tsource\n0\t0.9\t0.8\t0.4\tmild\ttraining\n"
        "2\t0.1\t0.8\t0.4\tmild\ttraining\n1\t1\t0.9\tinf\tsevere\ttraining\n"
    )
    variants = pd.DataFrame(
        {
            "beta": [0.3, -0.5, 0.2],
            "standard_error": [0.1, 0.1, 0.1],
        }
    )
    value = np.array([3.0, 1.0, 0.0, 2.0])
    arrays = np.zeros((4, 3), np.int8), np.array(list("abcd")), np.repeat("train", 4)
    panel = Panel(*arrays, np.array([1, 0, 0, 1], np.int8))
    found = privacy.read_knowledge(variants, str(path), panel)
    assert (found.cases, found.controls, found.smallest) == (2, 2, 0.4)
    assert found.threshold == pytest.approx(2) and found.prior.variance.tolist() == [0, 2]
    assert found.prior.slope == 0.8 and not found.external
    assert found.label_correlation == 1
    trait = replace(panel, label=value, classes=())
    found = privacy.read_knowledge(variants, str(path), trait)
    assert found.label_correlation == pytest.approx(np.corrcoef(panel.phenotype, value)[0, 1])
    path.write_text(path.read_text().replace("training", "external"))
    assert privacy.read_knowledge(variants, str(path), panel).external


def test_members_come_first_in_the_score_table():
    panel = Panel(
        np.zeros((4, 1), np.int8),
        np.array(["a", "b", "c", "d"]),
        np.array(["test", "train", "validation", "train"]),
        np.array([0, 1, 0, 0], np.int8),
    )
    table = privacy.score_table(panel)
    assert table.IID.tolist() == ["b", "d", "a"] and table.phenotype.tolist() == [1, 0, 0]


def test_independent_sampler_leaks_by_frequencies_and_not_by_distance():
    p = frequencies(1024)
    sizes = {"train": 1000, "test": 1000, "validation": 2000}
    sides = {name: independent(n, p, i) for i, (name, n) in enumerate(sizes.items())}
    release = unlabelled(independent(1000, smoothed_frequency(sides["train"]), 9))
    found = audit(release, {name: unlabelled(side) for name, side in sides.items()})
    attacks = {
        name: estimate.value for (name, where), estimate in found.attacks.items() if where == "all"
    }
    assert attacks["mia_frequency_auc"] == pytest.approx(0.68, abs=0.02)
    assert attacks["mia_frequency_tpr_0.01"] == pytest.approx(0.05, abs=0.02)
    assert attacks["mia_distance_auc"] == pytest.approx(0.51, abs=0.02)
    assert expected_attack_auc(1024, 1000, 1000, 2000) == pytest.approx(0.68, abs=0.02)
    assert found.screening["exact_matches", "all"].value == 0
    assert found.screening["dcr_ratio", "all"].value == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("rows", [3, 10_000])
def test_top_tenth_has_most_rare_alleles(rows, monkeypatch):
    monkeypatch.setattr(cohorts, "_ROWS", rows)
    frequency = np.array([0.01, 0.98, 0.3, np.nan])
    dosages = np.tile(np.array([0, 2, 2, 2], np.int8), (20, 1))
    dosages[4, 0], dosages[9, 1] = 1, 0
    dosages[1] = MISSING  # the expected genotype has no rare allele
    assert np.flatnonzero(membership.rare_tenth(dosages, frequency)).tolist() == [4, 9]
    assert not membership.rare_tenth(dosages, np.full(4, 0.3)).any()


def test_memorised_carriers_of_rare_alleles_are_detected_in_the_top_tenth():
    """A release that copies these members alone, a twentieth of all."""
    p = np.r_[np.full(40, 0.02), frequencies(40)]
    names = ("train", "test", "validation", "snpgen")
    sides = {
        name: unlabelled(independent(n, p, i))
        for i, (name, n) in enumerate(zip(names, (1000, 1000, 300, 1000), strict=True))
    }
    top = membership.rare_tenth(sides["train"].dosages, allele_frequency(sides["train"].dosages))
    sides["snpgen"].dosages[:100] = sides["train"].dosages[top]
    found = audit(sides["snpgen"], sides)
    for attack in ("distance", "density"):
        assert found.attacks[f"mia_{attack}_auc", membership.RARE].value > 0.99
        assert found.attacks[f"mia_{attack}_auc", "all"].value < 0.6


def test_white_box_scores_are_attacks_like_the_others(samples):
    sides = np.linspace(0, 1, 1500), np.linspace(-1, 0, 600)
    found = audit(samples["snpgen"], samples, white_box={("loss", "all"): sides})
    assert found.attacks["mia_loss_auc", "all"].value == pytest.approx(1, abs=1e-5)
    assert found.scores["loss"].tolist() == np.concatenate(sides).tolist()
    assert ("mia_loss_tpr_0.001", membership.RARE) in found.attacks


def test_equal_seeds_give_equal_audits(samples):
    first, again = (audit(samples["snpgen"], samples) for _ in range(2))
    for name in ("attacks", "screening"):
        assert repr(getattr(first, name)) == repr(getattr(again, name))
