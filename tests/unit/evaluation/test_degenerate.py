"""Degenerate cohorts in all four domains: NA with a named warning, never a crash."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from example_cohorts import cohort, variants

from snpgen.association.shrinkage import Prior
from snpgen.evaluation import association, fidelity, ld, membership, privacy, utility
from snpgen.evaluation.adaptive import Knowledge
from snpgen.evaluation.augmentation import compare_added, predict_added, sample_shares
from snpgen.evaluation.cohorts import Cohort
from snpgen.evaluation.effects import CohortEffects
from snpgen.evaluation.metrics import DOMAINS
from snpgen.evaluation.metrics_table import REAL, Metrics
from snpgen.genetics.ancestry import fit_ancestry
from snpgen.io.plink import MISSING, allele_frequency

M, COUNT = 40, 20
SETTINGS = {"bootstraps": COUNT, "folds": 2}
KNOWLEDGE = Knowledge(150, 450, Prior(np.array([0.0, 4.0]), np.array([0.8, 0.2])), 1.0, 0.2)
Samples = dict[str, Cohort]


def change(samples: Samples, name: str, **arrays: np.ndarray) -> Samples:
    """The cohorts with the dosages or phenotypes of one replaced."""
    return samples | {name: replace(samples[name], **arrays)}


def everywhere(samples: Samples, edit: Callable[[np.ndarray], np.ndarray]) -> Samples:
    """All cohorts with their dosages edited."""
    return {name: Cohort(edit(one.dosages), one.phenotype) for name, one in samples.items()}


def with_column(value: int) -> Callable[[np.ndarray], np.ndarray]:
    """An edit that sets the first variant to this value in all samples."""

    def edit(dosages: np.ndarray) -> np.ndarray:
        out = dosages.copy()
        out[:, 0] = value
        return out

    return edit


def few(samples: Samples, n: int) -> Samples:
    """All cohorts cut to `n` samples with cases and controls among them."""
    return {
        name: one.take(
            np.argsort(-one.phenotype, kind="stable")[np.r_[: n // 3, -(n - n // 3) : 0]]
        )
        for name, one in samples.items()
    }


CASES: dict[str, Callable[[Samples], Samples]] = {
    "monomorphic everywhere": lambda p: everywhere(p, np.zeros_like),
    "heterozygous everywhere": lambda p: everywhere(p, np.ones_like),
    "missing everywhere": lambda p: everywhere(p, lambda x: np.full_like(x, MISSING)),
    "one variant missing in all": lambda p: everywhere(p, with_column(MISSING)),
    "one variant monomorphic in all": lambda p: everywhere(p, with_column(2)),
    "synthetic variant monomorphic": lambda p: change(
        p, "synthetic", dosages=with_column(0)(p["synthetic"].dosages)
    ),
    "identical synthetic samples": lambda p: change(
        p, "synthetic", dosages=np.repeat(p["synthetic"].dosages[:1], len(p["synthetic"]), axis=0)
    ),
    "no synthetic case": lambda p: change(p, "synthetic", phenotype=0 * p["synthetic"].phenotype),
    "no synthetic control": lambda p: change(
        p, "synthetic", phenotype=0 * p["synthetic"].phenotype + 1
    ),
    "no case in test": lambda p: change(p, "test", phenotype=0 * p["test"].phenotype),
    "one test sample": lambda p: p | {"test": p["test"].take(np.arange(1))},
    "no validation samples": lambda p: p | {"validation": p["validation"].take(np.arange(0))},
    "sixty samples each": lambda p: few(p, 60),
    "fewer synthetic than test samples": lambda p: (
        p | {"synthetic": p["synthetic"].take(np.arange(90))}
    ),
    "no synthetic samples": lambda p: p | {"synthetic": p["synthetic"].take(np.arange(0))},
}


@pytest.fixture(scope="module")
def samples() -> Samples:
    sizes = {"train": 600, "validation": 150, "test": 200, "synthetic": 600}
    return {name: cohort(n, M, 10 * i) for i, (name, n) in enumerate(sizes.items(), 1)}


def judge(samples: Samples) -> dict[str, Metrics]:
    """Every estimate of the synthetic cohort and the real ceiling, as the rules compute them."""
    train, test, synthetic = samples["train"], samples["test"], samples["synthetic"]
    domains = ("fidelity", "association", "utility", "privacy")
    metrics = {domain: Metrics("demo", domain) for domain in domains}
    pairs = ld.choose_pairs(variants(M), 1)
    reference = fidelity.RealReference(train, test, pairs, SETTINGS, 1, 1)
    parts = fidelity.compare_with_test(synthetic, reference)
    for part in (*parts, fidelity.compare_with_train(synthetic, reference)):
        metrics["fidelity"].add("snpgen", *part)

    ancestry = fit_ancestry(train.dosages, train.phenotype, variants(M))
    sides = (CohortEffects(side, ancestry, 1) for side in (train, test))
    frequency = allele_frequency(train.dosages)
    found = association.Association(*sides, frequency, None, COUNT, {})
    effects = CohortEffects(synthetic, ancestry, 2)
    metrics["association"].add("snpgen", found.compare(effects), len(synthetic))

    fixed = test.dosages, allele_frequency(train.dosages), 3, 1
    risks = {
        REAL: utility.predict_risks(train, *fixed),
        "snpgen": utility.predict_risks(synthetic, *fixed),
    }
    for model in utility.FITTERS:
        of_model = {subject: risk[model] for subject, risk in risks.items()}
        compared = utility.compare_risks(test.phenotype, of_model, model, COUNT, 4)
        metrics["utility"].add("snpgen", compared["snpgen"], len(test))
    shares = sample_shares(train.phenotype, 5)
    alone = predict_added(train, shares, None, *fixed)
    joined = predict_added(train, shares, synthetic, *fixed)
    added = compare_added(test.phenotype, alone, joined, COUNT, 6)
    metrics["utility"].add("snpgen", added, len(test))

    targets = membership.prepare(
        train, test, samples["validation"], allele_frequency(train.dosages), len(synthetic), 7
    )
    audit = privacy.audit_release(synthetic, targets, COUNT, 8, 1, {}, KNOWLEDGE)
    privacy.add_audit(metrics["privacy"], "snpgen", audit, len(synthetic), targets)
    return metrics


# Metrics (of the stratum `all`, or metric@stratum) that must be missing, and that must be finite.
LOST = {
    "monomorphic everywhere": (
        (
            "af_slope ld_slope pc_wasserstein heldout_slope auc_prs mia_distance_auc mia_density_auc "
            "mia_frequency_auc mia_adaptive_auc dcr_ratio nndr_ratio phenotype_inference"
        ),
        "af_rmse exact_matches nnaa_train",
    ),
    "heterozygous everywhere": (
        "af_slope ld_slope heldout_slope auc_prs mia_distance_auc@top_tenth_rare",
        "af_rmse inbreeding_f",
    ),
    "missing everywhere": ("af_rmse ld_slope heldout_slope auc_prs", ""),
    "one variant missing in all": ("", "af_rmse ld_slope heldout_slope auc_ridge mia_distance_auc"),
    "one variant monomorphic in all": (
        "",
        "af_rmse ld_slope heldout_slope mia_frequency_auc mia_adaptive_auc phenotype_inference",
    ),
    "synthetic variant monomorphic": ("", "af_rmse n_lost ld_slope heldout_slope auc_ridge"),
    "identical synthetic samples": ("ld_slope heldout_slope auc_prs", "af_rmse precision"),
    "no synthetic case": (
        (
            "af_rmse@case heldout_slope lambda_gc auc_ridge auc_prs mia_frequency_auc@case "
            "mia_adaptive_auc mia_adaptive_auc@control "
            "phenotype_inference phenotype_inference@nearest"
        ),
        "mia_frequency_auc@control mia_distance_auc exact_matches auc_ridge_added_to_50",
    ),
    "no synthetic control": ("heldout_slope auc_ridge", "mia_distance_auc exact_matches"),
    "no case in test": (
        "auc_ridge pr_auc_ridge top_decile_or_ridge heldout_slope phenotype_inference",
        "training_slope brier_ridge mia_distance_auc exact_matches",
    ),
    "one test sample": ("auc_ridge c2st_xgboost", "exact_matches"),
    "no validation samples": (
        "mia_frequency_auc mia_frequency_tpr_0.01@case mia_density_auc",
        "mia_distance_auc mia_adaptive_auc@case af_rmse",
    ),
    "sixty samples each": (
        "auc_gain_ridge@added_to_5",
        (
            "af_rmse ld_slope heldout_slope auc_prs auc_ridge auc_xgboost auc_ridge_added_to_5 "
            "mia_distance_auc"
        ),
    ),
    "fewer synthetic than test samples": (
        "",
        "af_rmse ld_slope heldout_slope auc_ridge nnaa_test privacy_loss mia_distance_auc",
    ),
    "no synthetic samples": (
        "af_rmse pc_wasserstein precision heldout_slope auc_ridge mia_distance_auc exact_matches",
        "",
    ),
}


@pytest.mark.parametrize("case", list(CASES))
def test_degenerate_cohorts_give_na_and_a_named_warning(case, samples, caplog) -> None:
    with caplog.at_level("WARNING", logger="snpgen"):
        metrics = judge(CASES[case](samples))
    values = {}
    for domain, table in metrics.items():
        registered = {metric.name for metric in DOMAINS[domain].metrics}
        for (subject, metric, stratum), (estimate, _) in table.estimates.items():
            assert metric in registered
            values.setdefault(metric, {})[stratum] = estimate.value
            warned = f"{domain} {metric} of {subject} ({stratum}) is NA" in caplog.text
            assert warned == bool(np.isnan(estimate.value)), (metric, stratum)
            assert not np.isinf(estimate.value), (metric, stratum)
    for names, is_expected in zip(LOST[case], (np.isnan, np.isfinite), strict=True):
        for name in names.split():
            metric, _, stratum = name.partition("@")
            assert is_expected(values[metric][stratum or "all"]), name
