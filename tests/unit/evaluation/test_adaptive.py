"""The adaptive attack on simulated cohorts, whose training individuals it must recognise."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from example_release import SYSTEMATIC, differences_of, exposure_of, release, simulate_study, strata
from sklearn.metrics import roc_auc_score

from snpgen.association.forecast import (
    Differences,
    Sampling,
    forecast_adaptive,
    keep_differences,
    make_differences,
    measure_exposure,
)
from snpgen.association.shrinkage import Prior
from snpgen.evaluation.adaptive import (
    AdaptiveAttack,
    Knowledge,
    adaptive_scores,
    prepare_attack,
)
from snpgen.evaluation.cohorts import Cohort
from snpgen.io.plink import MISSING

LIMIT = 0.7
study_of = cache(simulate_study)


def knowledge(cohort: Cohort, differences: Differences, **more) -> Knowledge:
    (rule,) = differences.rules(0.0)
    sizes = cohort.sizes["case"], cohort.sizes["control"]
    return Knowledge(*sizes, rule.prior, rule.threshold, rule.smallest, **more)


def auc(attack: AdaptiveAttack, members: Cohort, others: Cohort, stratum: str) -> float:
    scores = [attack.scores(side.stratum(stratum)) for side in (members, others)]
    labels = np.repeat([1, 0], [len(side) for side in scores])
    return roc_auc_score(labels, np.concatenate(scores))


def run(seed: int, effects: str, sampling: Sampling = SYSTEMATIC):
    """The attack on a panel of 512 variants, its AUC and the forecast, by stratum."""
    study = study_of(seed)
    differences = differences_of(study, shrunken=effects != "training")
    exposure = exposure_of(study)
    if effects == "limited":
        kept = keep_differences(exposure, differences, LIMIT)
        differences = differences_of(study, kept)
    members, others, reference = (
        Cohort(*side) for side in (study.train, study.others, study.reference)
    )
    synthetic = Cohort(*release(study, differences, sampling, 7))
    attack = prepare_attack(synthetic, reference, knowledge(members, differences))
    forecast = forecast_adaptive(exposure, differences, sampling, len(reference))
    return attack, {
        name: (auc(attack, members, others, name), forecast[name]) for name in ("case", "control")
    }


@pytest.mark.parametrize("effects", ["training", "shrunken"])
def test_exact_frequencies_identify_training_individuals(effects):
    """35 % of 2,000 individuals are cases; the panel of 512 was selected from 10,000 variants."""
    for seed in (1, 2):
        attack, found = run(seed, effects)
        assert found["case"][0] > 0.84 and found["control"][0] > 0.7
        assert attack.rule.shrunken == (effects == "shrunken") and attack.rule.sd < 0.15
        for measured, forecast in found.values():
            assert measured == pytest.approx(forecast, abs=0.03)


def test_the_limit_holds():
    measured = []
    for seed in (1, 2, 3):
        attack, found = run(seed, "limited")
        assert found["case"][0] < LIMIT + 0.03 and found["control"][0] < LIMIT
        assert attack.rule.smallest > 0
        measured.append(found["case"][0])
    assert 0.64 < np.mean(measured) < LIMIT


def test_sampling_error_is_estimated_and_protects():
    attack, found = run(1, "shrunken", Sampling(systematic=False))
    assert attack.rule.sd == 1.0
    assert found["case"][0] == pytest.approx(found["case"][1], abs=0.04)
    assert found["case"][0] < 0.65


@pytest.mark.parametrize("sampling", [SYSTEMATIC, Sampling(systematic=False)])
def test_forecasts_without_any_effect(sampling):
    """Means of ten GWAS without signal in 1,000 individuals, by stratum."""
    aucs = []
    for seed in range(10):
        study = simulate_study(seed, n=1_000, tested=2_000, causal=0, size=256)
        exposure, whole = exposure_of(study), differences_of(study)
        kept = keep_differences(exposure, whole, LIMIT)
        differences = differences_of(study, kept)
        members, others, reference = (
            Cohort(*side) for side in (study.train, study.others, study.reference)
        )
        synthetic = Cohort(*release(study, differences, sampling, seed))
        arguments = reference, knowledge(members, differences), members, others
        forecast = forecast_adaptive(exposure, differences, sampling, len(reference))
        for stratum, sides in adaptive_scores(synthetic, *arguments).items():
            labels = np.repeat([1, 0], [len(side) for side in sides])
            aucs.append([roc_auc_score(labels, np.concatenate(sides)), forecast[stratum]])
    for measured, expected in np.mean(np.reshape(aucs, (10, 3, 2)), axis=0):
        assert measured == pytest.approx(expected, abs=0.03)


@pytest.mark.parametrize("sampling", [SYSTEMATIC, Sampling(systematic=False)])
def test_effects_of_an_independent_study_reveal_nothing(sampling):
    """Only overall frequencies reveal training individuals; inverting the differences would weaken the attack."""
    aucs = []
    for seed in (1, 2, 3):
        study = study_of(seed)
        effects = np.random.default_rng(seed).normal(0, 3, len(study.z))
        other = make_differences(effects, [study.prior])
        nothing = replace(make_differences(0 * effects, [study.prior]), external=True)
        members, others, reference = (
            Cohort(*side) for side in (study.train, study.others, study.reference)
        )
        synthetic = Cohort(*release(study, other, sampling, 7))
        expected = forecast_adaptive(exposure_of(study), nothing, sampling, len(reference))
        for external in (True, False):
            known = knowledge(members, other, external=external)
            attack = prepare_attack(synthetic, reference, known)
            assert attack.differences.any() != external
            aucs.append(auc(attack, members, others, "case"))
        aucs.append(expected["case"])
    aware, unaware, forecast = np.mean(np.reshape(aucs, (3, 3)), axis=0)
    assert aware == pytest.approx(forecast, abs=0.03)
    assert aware > unaware + 0.02


def ancestries(m: int, rng: np.random.Generator) -> np.ndarray:
    """Allele frequencies (4, m) of populations with an FST of 0.1."""
    p = rng.uniform(0.1, 0.9, m)
    return rng.beta(9 * p, 9 * (1 - p), (4, m)).clip(0.01, 0.99)


def test_correlation_by_ancestry_does_not_protect():
    """With a large reference sample, overall frequencies are as revealing as those of independent variants."""
    m, n = 400, 1_500
    found = []
    for seed in (1, 2):
        rng = np.random.default_rng(seed)
        p = ancestries(m, rng)
        groups = [rng.integers(0, 4, size) for size in (n, n, n, 20_000)]
        dosages = [rng.binomial(2, p[group]).astype(np.int8) for group in groups]
        members, others, synthetic, reference = (
            Cohort(side, (rng.random(len(side)) < 0.35).astype(np.int8)) for side in dosages
        )
        for label in (0, 1):  # both classes get the allele frequencies of the members
            rows = np.flatnonzero(synthetic.phenotype == label)
            counts = np.rint(members.dosages.mean(axis=0) * len(rows)).astype(int)
            for variant, count in enumerate(counts):
                column = synthetic.dosages[rows, variant]
                excess = int(column.sum()) - count
                able = np.flatnonzero((column > 0) if excess > 0 else (column < 2))
                column[rng.permutation(able)[: abs(excess)]] -= np.sign(excess)
                synthetic.dosages[rows, variant] = column
        nothing = make_differences(np.zeros(m), [Prior(np.zeros(1), np.ones(1))], np.zeros(m, bool))
        attack = prepare_attack(synthetic, reference, knowledge(members, nothing))
        assert attack.components.shape[1] == 3
        groups_of_members = np.eye(4)[groups[0]][:, 1:]
        masks = strata(members.phenotype)
        arguments = members.dosages, members.phenotype, 2, masks
        for components in (None, groups_of_members):
            exposure = measure_exposure(*arguments, components)
            found.append(forecast_adaptive(exposure, nothing, SYSTEMATIC, 20_000)["all"])
        found.append(auc(attack, members, others, "all"))
    ignored, adjusted, measured = np.mean(np.reshape(found, (2, 3)), axis=0)
    assert adjusted == pytest.approx(measured, abs=0.03) and measured > ignored + 0.03


def test_missing_calls_and_monomorphic_variants():
    study = simulate_study(1, n=400, tested=1_000, causal=20, size=60)
    differences = differences_of(study)
    members, others, reference = (
        Cohort(side[0].copy(), side[1]) for side in (study.train, study.others, study.reference)
    )
    synthetic = Cohort(*release(study, differences, SYSTEMATIC, 1))
    synthetic.dosages[:, 0] = 2
    others.dosages[:, 1] = MISSING
    reference.dosages[::7, 2] = MISSING
    attack = prepare_attack(synthetic, reference, knowledge(members, differences))
    for side in (members, others):
        assert np.isfinite(attack.scores(side)).all()
    alone = prepare_attack(synthetic, reference.take(np.arange(0)), knowledge(members, differences))
    assert np.isfinite(alone.scores(others)).all() and not alone.overall.any()
