"""Fast evaluation of one synthetic cohort against real individuals.

Uses the library without the bootstrap. T are training, V validation and E test individuals, S is
the synthetic cohort.
"""

import numpy as np
import pandas as pd

from snpgen.evaluation.adaptive import Knowledge, adaptive_scores
from snpgen.evaluation.agreement import slope_through_origin
from snpgen.evaluation.attacks import attack_estimates, frequency_scores
from snpgen.evaluation.cohorts import Cohort, match_sizes
from snpgen.evaluation.effects import CohortEffects
from snpgen.evaluation.frequencies import compare_whole
from snpgen.evaluation.intervals import Estimates
from snpgen.evaluation.ld import CorrelationSums, Pairs, choose_pairs, compare_ld
from snpgen.evaluation.neighbours import compare_samples
from snpgen.evaluation.roc import RocCurve, roc_auc
from snpgen.evaluation.structure import compare_components, fit_components
from snpgen.evaluation.two_sample import two_sample_test
from snpgen.evaluation.utility import predict_risks
from snpgen.genetics.ancestry import fit_ancestry
from snpgen.genetics.frequencies import smoothed_frequency
from snpgen.genetics.packed import pack_planes
from snpgen.io.panel import Panel
from snpgen.io.plink import allele_frequency
from snpgen.job import derive_seed

ONCE = 1  # resample: intervals are not read
C2ST_SETTINGS = {"folds": 3, "bootstraps": ONCE}

Losses = dict[str, tuple[np.ndarray, np.ndarray]]  # by model: of T (n,) and of E (k,)


def _compare_ld(cohort: Cohort, reference: Cohort, pairs: Pairs) -> Estimates:
    sums = [CorrelationSums(side, pairs, 0) for side in (cohort, reference)]
    return compare_ld(*sums, ONCE, bins=False)


def _auc(labels: np.ndarray, scores: np.ndarray) -> float:
    return float(roc_auc(*RocCurve(labels, scores).counts())[0])


def attack_auc(members: np.ndarray, others: np.ndarray) -> float:
    """AUC of an attack by the scores of members and of others, which are higher for likely members."""
    labels = np.repeat([1, 0], [len(members), len(others)])
    return _auc(labels, np.concatenate([members, others]))


def _attacks(release: Cohort, real: dict[str, Cohort]) -> dict[str, float]:
    """AUC of the frequency attack on all members and on the cases."""
    out = {}
    for stratum in ("all", "case"):
        released, known = (
            smoothed_frequency(side.stratum(stratum).dosages)
            for side in (release, real["validation"])
        )
        members, others = (
            frequency_scores(real[split].stratum(stratum).dosages, released, known)
            for split in ("train", "test")
        )
        estimates = attack_estimates("frequency", members, others, stratum, ONCE, 0)
        out[f"mia_frequency_auc_{stratum}"] = estimates["mia_frequency_auc", stratum].value
    return out


def measure(
    panel: Panel,
    variants: pd.DataFrame,
    dosages: np.ndarray,
    labels: np.ndarray,
    seed: int,
    threads: int = 1,
    losses: Losses | None = None,
    whole: Cohort | None = None,
    knowledge: Knowledge | None = None,
) -> dict[str, float]:
    """Estimates by metric of the cohort `dosages` int8 (n, m) and `labels` (n,) of 0 and 1.

    The panel has no missing calls. With `losses` of each individual also the white-box attack, by model and
    the strongest, and with `knowledge` the adaptive attack. `whole` replaces the cohort in comparisons with
    all of T; it is E if the cohort is T.
    """
    real = {split: Cohort(*panel.of(split)) for split in ("train", "validation", "test")}
    train, test = real["train"], real["test"]
    cohort = Cohort(dosages, labels.astype(np.int8))
    mine, held = match_sizes(cohort, test, derive_seed(seed, "match"))
    again, held_again = match_sizes(train, test, derive_seed(seed, "match"))
    pairs = choose_pairs(variants, derive_seed(seed, "pairs"))
    whole = whole or cohort
    out: dict[str, float] = {}

    frequency = allele_frequency(train.dosages)
    found = compare_whole(whole, train, frequency, ONCE, (0, 0))
    ld = _compare_ld(whole, train, pairs)
    out |= {name: found[name, "train"].value for name in ("af_rmse", "rare_af_ratio")}
    out |= {name: ld[name, "all"].value for name in ("ld_slope", "ld_pearson", "ld_rmse")}
    far, real_far = (
        _compare_ld(*sides, pairs)["ld_far_rmse", "all"].value
        for sides in ((mine, held), (again, held_again))
    )
    out["ld_far_ratio"] = far / real_far

    ancestry = fit_ancestry(train.dosages, train.phenotype, variants)
    weight = np.sqrt(2 * frequency * (1 - frequency))
    beta, truth = (
        weight * CohortEffects(side, ancestry, 0).estimates.beta for side in (cohort, test)
    )
    out["heldout_slope"] = float(slope_through_origin(beta[None], truth[None])[0])

    risks = predict_risks(cohort, test.dosages, frequency, derive_seed(seed, "models"), threads)
    out |= {f"auc_{name}": _auc(test.phenotype, risk) for name, risk in risks.items()}

    own = derive_seed(seed, "two-sample test")
    c2st = two_sample_test(mine.dosages, held.dosages, C2ST_SETTINGS, own, threads)
    out |= {name: estimate.value for (name, _), estimate in c2st.items()}
    components = fit_components(train)
    coordinates = components.project(mine), components.project(held)
    distance = compare_components(*coordinates, ONCE, (0, 0))["pc_wasserstein", "all"]
    out["pc_wasserstein"] = distance.value

    out |= _attacks(cohort, real)
    if knowledge:
        scores = adaptive_scores(cohort, real["validation"], knowledge, train, test)
        for stratum in ("all", "case"):
            out[f"mia_adaptive_auc_{stratum}"] = attack_auc(*scores[stratum])
    for name, sides in (losses or {}).items():
        out[f"mia_loss_auc_{name}"] = attack_auc(-sides[0], -sides[1])
    if losses:
        out["mia_loss_auc"] = max(out[f"mia_loss_auc_{name}"] for name in losses)
    found = compare_samples(pack_planes(dosages), pack_planes(train.dosages), None, threads)
    out["exact_matches"] = float((found.nearest[:, 0] == 0).sum())
    return out
