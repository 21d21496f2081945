"""Evaluation by ancestry group of cohorts from one model, against further real individuals.

Synthetic and real individuals are assigned to groups by the same classifier.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from example_features import feature_test, individual_features
from example_measures import C2ST_SETTINGS, ONCE, attack_auc
from example_structured import Further

from snpgen.evaluation.adaptive import Knowledge, adaptive_scores
from snpgen.evaluation.attacks import frequency_scores
from snpgen.evaluation.cohorts import Cohort
from snpgen.evaluation.grouping import GroupClassifier, fit_structure_components
from snpgen.evaluation.homozygosity import (
    Homozygosity,
    expected_heterozygosity,
    homozygosity_estimates,
    measure_homozygosity,
)
from snpgen.evaluation.long_range import BINS, AncestryCovariance, informative_bins
from snpgen.evaluation.structure import ScaledComponents, energy_distance
from snpgen.evaluation.two_sample import two_sample_test
from snpgen.genetics.frequencies import smoothed_frequency
from snpgen.io.panel import Panel, thin
from snpgen.io.plink import allele_frequency
from snpgen.job import derive_seed

MAX_COMPARED = 3_000  # individuals of each cohort in a two-sample test
MIN_COMPARED = 20
RESAMPLES = 200  # to find the distances at which real individuals have covariance
HOMOZYGOSITY = ("heterozygosity", "f_sd", "f_q98", "runs_mean")


class Side(NamedTuple):
    """A cohort, and the assigned group str (n,) of each individual."""

    cohort: Cohort
    group: np.ndarray

    def take(self, groups: list[str]) -> "Side":
        """The individuals of these groups."""
        rows = np.isin(self.group, groups)
        return Side(self.cohort.take(rows), self.group[rows])


def measure_groups(
    panel: Panel,
    variants: pd.DataFrame,
    cohorts: Sequence[Cohort],
    further: Further,
    seed: int,
    threads: int = 1,
    knowledge: Knowledge | None = None,
) -> dict[str, float]:
    """Estimates by metric and stratum of `cohorts` from one model, each as large as the training set.

    Strata are `majority`, `minority` (all other groups together) and `admixed`, or `all` if the panel has one
    group. Shares, frequencies and attacks are means over the cohorts. For all other metrics, the cohorts are
    pooled.
    """
    train = Cohort(*panel.of("train"))
    components = fit_structure_components(train, variants)
    classifier = GroupClassifier(components, train, panel.samples("train").group.to_numpy())
    members, real, *each = (
        Side(cohort, classifier.assign(cohort)) for cohort in (train, further.cohort, *cohorts)
    )
    pooled = Side(
        Cohort(
            np.concatenate([cohort.dosages for cohort in cohorts]),
            np.concatenate([cohort.phenotype for cohort in cohorts]),
        ),
        np.concatenate([side.group for side in each]),
    )
    names = classifier.names
    strata = {"majority": names[:1], "minority": names[1:], "admixed": ["Admixed"]}
    strata = strata if names else {"all": [""]}

    out: dict[str, float] = {}
    for name in names:
        shares = [(side.group == name).mean() for side in (pooled, real)]
        out[f"share_ratio_{name}"] = shares[0] / shares[1]
    if names:
        smallest = [side.take(names[-1:]).cohort for side in (*each, real)]
        errors = [frequency_error(side.dosages, smallest[-1].dosages) for side in smallest[:-1]]
        out["af_error_ratio"] = float(np.mean(errors))
    for stratum, groups in strata.items():
        sides = [side.take(groups) for side in (members, pooled, real)]
        found = _compare(*sides, variants, components, further.sources, seed, threads)
        out |= {f"{metric}_{stratum}": value for metric, value in found.items()}
    attacks = [_attack(side.cohort, panel, members, real, strata, knowledge) for side in each]
    out["mia_worst_group"] = float(np.mean(attacks))
    return out


def frequency_error(mine: np.ndarray, real: np.ndarray) -> float:
    """RMSE of allele frequencies of dosages (n, m) and (n', m), divided by its sampling error.

    The sampling error is that of two samples from one population: sqrt(mean p(1 - p)/2 (1/n + 1/n')).
    """
    if len(mine) == 0:
        return np.nan
    p = allele_frequency(real)
    error = np.mean(p * (1 - p)) / 2 * (1 / len(mine) + 1 / len(real))
    return float(np.sqrt(np.mean((allele_frequency(mine) - p) ** 2) / error))


def _compare(
    train: Side,
    mine: Side,
    real: Side,
    variants: pd.DataFrame,
    components: ScaledComponents,
    sources: np.ndarray,
    seed: int,
    threads: int,
) -> dict[str, float]:
    """Compare the individuals of one stratum."""
    if len(mine.group) < MIN_COMPARED:  # an individual of the stratum is then known to be real
        return {"c2st": 1.0, "feature_c2st": 1.0}
    out: dict[str, float] = {}
    dosages = [thin(side.cohort.dosages, MAX_COMPARED) for side in (mine, real)]
    own = derive_seed(seed, "two-sample test")
    c2st = two_sample_test(*dosages, C2ST_SETTINGS, own, threads, ["c2st_xgboost"])
    out["c2st"] = c2st["c2st_xgboost", "all"].value
    p = allele_frequency(train.cohort.dosages)
    features = [individual_features(side, variants, p, sources) for side in dosages]
    out["feature_c2st"] = feature_test(*features, own, threads)
    coordinates = [components.project(side.cohort).T for side in (mine, real)]
    out["pc_energy"] = energy_distance(*coordinates, "all", ONCE, (0, 0))["pc_energy", "all"].value
    values, truth = (_homozygosity(side, train, variants) for side in (mine, real))
    out |= {f"{name}_ratio": values[name] / truth[name] for name in truth}
    covariance, reference = (
        AncestryCovariance(side.cohort, sources[0] - sources[1], variants, 0)
        for side in (mine, real)
    )
    ratio = np.divide(*(side(np.ones((1, side.sample[0])))[0] for side in (covariance, reference)))
    for i in informative_bins(reference, RESAMPLES):
        out[f"ancestry_covariance_{BINS[i]}"] = float(ratio[i])
    return out


def _homozygosity(side: Side, train: Side, variants: pd.DataFrame) -> dict[str, float]:
    """Estimates of homozygosity; F is relative to the training individuals of the same group."""
    parts = []
    for name in np.unique(side.group):
        expected = expected_heterozygosity(train.take([name]).cohort.dosages)
        own = side.take([name]).cohort
        parts.append(vars(measure_homozygosity(own.dosages, expected, variants)).values())
    values = Homozygosity(*map(np.concatenate, zip(*parts, strict=True)))
    estimates = homozygosity_estimates(values, "all", ONCE, 0)
    return {name: estimates[name, "all"].value for name in HOMOZYGOSITY}


def _attack(
    release: Cohort,
    panel: Panel,
    members: Side,
    others: Side,
    strata: dict[str, list[str]],
    knowledge: Knowledge | None,
) -> float:
    """Largest AUC of the attacks on membership over strata."""
    validation = Cohort(*panel.of("validation"))
    sides = members.cohort, others.cohort
    known = smoothed_frequency(release.dosages), smoothed_frequency(validation.dosages)
    scores = [tuple(frequency_scores(side.dosages, *known) for side in sides)]
    if knowledge:
        scores.append(adaptive_scores(release, validation, knowledge, *sides)["all"])
    rows = [
        [np.isin(side.group, groups) for side in (members, others)] for groups in strata.values()
    ]
    return max(
        attack_auc(mine[is_member], theirs[is_other])
        for mine, theirs in scores
        for is_member, is_other in rows
    )
