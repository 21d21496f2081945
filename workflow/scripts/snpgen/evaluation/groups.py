"""Evaluation by ancestry: estimates of all domains within groups, and long-range structure.

A small group hardly changes an estimate for the whole cohort. Synthetic individuals of a group are therefore
compared with test individuals of the same group.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from snpgen.evaluation import frequencies, ld, long_range
from snpgen.evaluation.cohorts import MIN_GROUP, Cohort, RealData, match_sizes
from snpgen.evaluation.homozygosity import (
    Homozygosity,
    expected_heterozygosity,
    homozygosity_estimates,
    measure_homozygosity,
)
from snpgen.evaluation.intervals import Estimate, Estimates, wilson
from snpgen.evaluation.metrics import GROUP, SMALLER_GROUPS, WORST_GROUP
from snpgen.evaluation.structure import ScaledComponents, energy_distance
from snpgen.evaluation.two_sample import two_sample_test
from snpgen.io.panel import thin
from snpgen.io.plink import allele_frequency, draw_missing
from snpgen.job import derive_seed, log

MIN_TEST = 100  # test individuals of a group that is judged alone
MIN_COMPARED = 20  # individuals of each cohort in a comparison within a group
C2ST = "c2st_xgboost"
MAX_MEASURED = 5_000  # individuals of a cohort and stratum, evenly thinned
_MAX_COMPARED = 1_000  # individuals of each cohort in a comparison with test individuals

Part = tuple[Estimates, dict[str, int]]  # estimates, and individuals by stratum


def judged_strata(groups: Iterable[str], test: np.ndarray) -> dict[str, list[str]]:
    """The groups of each stratum that is judged.

    `groups` are the names, the largest group first, and `test` str (k,) the groups of the test individuals.
    Groups with at least `MIN_TEST` test individuals are judged alone. The others, except the largest group,
    are judged together (`SMALLER_GROUPS`) if they have as many test individuals.
    """
    names = list(groups)
    sizes = {name: int((test == name).sum()) for name in names}
    alone = [name for name in names if sizes[name] >= MIN_TEST]
    small = [name for name in names[1:] if sizes[name] < MIN_TEST]
    strata = {GROUP + name: [name] for name in alone}
    if sum(sizes[name] for name in small) >= MIN_TEST:
        strata[SMALLER_GROUPS] = small
    judged = {name for group in strata.values() for name in group}
    for name in names:
        log.info("group %s: %d test individuals", name, sizes[name])
    if few := [name for name in names if name not in judged]:
        log.warning(
            "warning: groups with too few test individuals to be judged, even together: %s",
            ", ".join(few),
        )
    return strata


@dataclass(frozen=True)
class GroupReference:
    """The real individuals with which cohorts are compared by group, and values shared by all comparisons.

    `real.group` holds the assigned groups, `names` all groups, the largest first. `components` are those of
    the training individuals, `settings` is the section `evaluation` of the configuration.
    """

    real: RealData
    names: list[str]
    components: ScaledComponents
    settings: Mapping[str, int]
    seed: int
    threads: int

    @cached_property
    def strata(self) -> dict[str, list[str]]:
        """Result of `judged_strata`."""
        return judged_strata(self.names, self.real.groups("test"))

    @property
    def count(self) -> int:
        """Bootstrap resamples."""
        return self.settings["bootstraps"]

    @cached_property
    def seeds(self) -> tuple[int, int]:
        """Seeds of the resamples of the cohort and of the real individuals."""
        return derive_seed(self.seed, "synthetic"), derive_seed(self.seed, "real")

    @cached_property
    def pairs(self) -> ld.Pairs:
        """Pairs of variants within 1 Mb."""
        pairs = ld.choose_pairs(self.real.variants, 0)
        near = pairs.stratum != "far"
        return ld.Pairs(pairs.first[near], pairs.second[near], pairs.stratum[near])

    @cached_property
    def expected(self) -> dict[str, np.ndarray]:
        """Expected heterozygosity (m,) by group; of all training individuals, by "", without groups."""
        groups = self.real.groups("train")
        return {
            name: expected_heterozygosity(self.real.train.dosages[groups == name])
            for name in self.names or [""]
        }

    @cached_property
    def directions(self) -> dict[str, np.ndarray]:
        """Direction of ancestry w (m,) by stratum, for the covariance of ancestry-informative variants.

        For a stratum of groups, w is the difference between their training frequencies and those of all
        other training individuals. For `all`, w is proportional to the loadings of the first component, on
        the scale of dosages.
        """
        fitted = self.components.components
        first = np.zeros(len(self.real.variants))
        if fitted.loadings.shape[1]:
            p = fitted.frequency
            first[fitted.rows] = fitted.loadings[:, 0] * np.sqrt(2 * p * (1 - p))
        directions = {"all": first}
        for stratum, names in self.strata.items():
            inside = np.isin(self.real.groups("train"), names)
            parts = (self.real.train.dosages[rows] for rows in (inside, ~inside))
            own, other = map(allele_frequency, parts)
            directions[stratum] = np.nan_to_num(own - other)
        return directions

    @cached_property
    def covariances(self) -> dict[str, tuple[long_range.AncestryCovariance, list[int]]]:
        """Covariance of the test individuals by stratum, and the bins that are informative.

        In these bins, both training and test individuals have a covariance above 0. Groups without admixture
        have none.
        """
        found = {}
        for stratum in self.directions:
            names = self.groups_of(stratum)
            train, test = (
                self.covariance(take_stratum(cohort, groups, names), stratum, seed)
                for cohort, groups, seed in (
                    (self.real.train, self.real.groups("train"), self.seeds[0]),
                    (self.real.test, self.real.groups("test"), self.seeds[1]),
                )
            )
            bins = (set(long_range.informative_bins(side, self.count)) for side in (train, test))
            found[stratum] = test, sorted(set.intersection(*bins))
        return found

    def groups_of(self, stratum: str) -> list[str] | None:
        """The groups of a stratum; None for all individuals."""
        return self.strata.get(stratum)

    def covariance(self, cohort: Cohort, stratum: str, seed: int) -> long_range.AncestryCovariance:
        """Covariance of the individuals of a stratum along its direction of ancestry."""
        rows = thin(np.arange(len(cohort)), MAX_MEASURED)
        w = self.directions[stratum]
        return long_range.AncestryCovariance(cohort.take(rows), w, self.real.variants, seed)


def take_stratum(cohort: Cohort, groups: np.ndarray, names: list[str] | None) -> Cohort:
    """The individuals of the cohort whose `groups` (n,) are among `names`; all if this is None."""
    return cohort if names is None else cohort.take(np.isin(groups, names))


def count_groups(cohort: Cohort, groups: np.ndarray, reference: GroupReference) -> Part:
    """`group_share` of every group and stratum, and `prevalence` among at least `MIN_GROUP` individuals."""
    estimates: Estimates = {}
    sizes = {"all": len(cohort)}
    strata = {GROUP + name: [name] for name in reference.names} | reference.strata
    for stratum, names in strata.items():
        phenotype = take_stratum(cohort, groups, names).phenotype
        sizes[stratum] = len(phenotype)
        estimates["group_share", stratum] = wilson(len(phenotype), len(cohort))
        if len(phenotype) >= MIN_GROUP:
            estimates["prevalence", stratum] = wilson(int(phenotype.sum()), len(phenotype))
    return estimates, sizes


def describe_individuals(cohort: Cohort, groups: np.ndarray, reference: GroupReference) -> Part:
    """Homozygosity of individuals and long-range covariance, for the whole cohort and by stratum."""
    estimates: Estimates = {}
    sizes = {}
    seed = reference.seeds[0]
    for stratum, (real, bins) in reference.covariances.items():
        names = reference.groups_of(stratum)
        rows = np.arange(len(cohort)) if names is None else np.flatnonzero(np.isin(groups, names))
        sizes[stratum] = len(rows)
        if len(rows) < MIN_COMPARED:
            continue
        rows = thin(rows, MAX_MEASURED)
        values = _homozygosity(cohort.take(rows), groups[rows], reference)
        estimates |= homozygosity_estimates(values, stratum, reference.count, seed)
        mine = reference.covariance(cohort.take(rows), stratum, seed)
        estimates |= long_range.compare_covariance(mine, real, bins, stratum, reference.count)
    return estimates, sizes


def _homozygosity(cohort: Cohort, groups: np.ndarray, reference: GroupReference) -> Homozygosity:
    heterozygous, f, runs = np.full((3, len(cohort)), np.nan)
    for name in np.unique(groups):
        rows = groups == name
        own = measure_homozygosity(
            cohort.dosages[rows], reference.expected[name], reference.real.variants
        )
        heterozygous[rows], f[rows], runs[rows] = own.heterozygous, own.f, own.runs
    return Homozygosity(heterozygous, f, runs)


def compare_by_group(cohort: Cohort, groups: np.ndarray, reference: GroupReference) -> list[Part]:
    """Compare the cohort with the test individuals, overall and in each stratum.

    Equal numbers of cases and of controls are compared, as without groups. The estimates are the energy
    distance of components and, in each stratum, the RMSE of allele frequencies, the LD slope and the
    two-sample test, whose largest value is repeated in the stratum `WORST_GROUP`. If the cohort has fewer than
    `MIN_COMPARED` individuals of a stratum, they are NaN, and the two-sample test counts as 1 for `WORST_GROUP`,
    because an individual of this stratum is then known to be real.
    """
    test, test_groups = reference.real.test, reference.real.groups("test")
    parts, worst = [], Estimate(-np.inf)
    for stratum in ["all", *reference.strata]:
        names = reference.groups_of(stratum)
        mine, held = match_sizes(
            take_stratum(cohort, groups, names),
            take_stratum(test, test_groups, names),
            derive_seed(reference.seed, "match"),
        )
        mine, held = (side.take(thin(np.arange(len(side)), _MAX_COMPARED)) for side in (mine, held))
        if len(mine) < MIN_COMPARED:
            metrics = ["pc_energy"] + ["af_rmse", "ld_slope", C2ST] * (names is not None)
            estimates = {(metric, stratum): Estimate(np.nan) for metric in metrics}
        else:
            coordinates = [reference.components.project(side).T for side in (mine, held)]
            estimates = energy_distance(
                coordinates[0], coordinates[1], stratum, reference.count, reference.seeds
            )
            if names is not None:
                estimates |= _compare_genotypes(mine, held, stratum, reference)
        if names is not None:
            found = estimates[C2ST, stratum]
            found = found if np.isfinite(found.value) else Estimate(1.0)
            worst = max(worst, found, key=lambda estimate: estimate.value)
        parts.append((estimates, {"all": len(mine), stratum: len(mine)}))
    if reference.strata:
        parts.append(({(C2ST, WORST_GROUP): worst}, {"all": len(cohort)}))
    return parts


def _compare_genotypes(
    mine: Cohort, held: Cohort, stratum: str, reference: GroupReference
) -> Estimates:
    count, seeds = reference.count, reference.seeds
    sums = [frequencies.GenotypeSums(*side) for side in zip((mine, held), seeds, strict=True)]
    estimates = frequencies.agree(sums, stratum, count)
    correlations, real_correlations = (
        ld.CorrelationSums(side, reference.pairs, seed)
        for side, seed in zip((mine, held), seeds, strict=True)
    )
    estimates |= ld.compare_ld(correlations, real_correlations, count, bins=False)
    inside = np.isin(reference.real.groups("train"), reference.strata[stratum])
    p = np.nan_to_num(allele_frequency(reference.real.train.dosages[inside]))
    filled, real_filled = (
        draw_missing(side.dosages, p, derive_seed(seed, "missing"))
        for side, seed in zip((mine, held), seeds, strict=True)
    )
    seed = derive_seed(reference.seed, "two-sample test")
    estimates |= two_sample_test(
        filled, real_filled, reference.settings, seed, reference.threads, [C2ST]
    )
    kept = {"af_rmse": stratum, "ld_slope": "all", C2ST: "all"}
    return {(name, stratum): estimates[name, found] for name, found in kept.items()}
