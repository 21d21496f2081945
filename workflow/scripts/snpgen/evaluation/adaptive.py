"""Adaptive membership inference: the attacker knows how the class differences of a cohort were computed.

The attacker knows the code, the prior of the true z-scores, the smallest |z| of the panel, the smallest
shrinkage factor of a difference that was kept, the numbers of training cases and controls, and has reference
individuals. Which estimator made the cohort, and with how much sampling error, is decided by the likelihood of
the released differences. The attack inverts the estimator, which gives the expected error of each training z-score, and
compares overall frequencies with the reference. Both kinds of errors have the correlation of genotypes, by
LD and ancestry. The score of an individual is the log likelihood ratio of membership under this correlation,
without terms that depend little on membership.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh, solve

from snpgen.association.release_rule import ReleaseRule
from snpgen.association.shrinkage import Prior
from snpgen.evaluation.cohorts import Cohort
from snpgen.io.panel import thin
from snpgen.io.plink import MISSING, allele_frequency, dosage_variance

MAX_VARIANTS = 2048  # of a panel whose correlation matrix is used; larger ones count as independent
COMPONENTS = 10  # at most, of ancestry, for which released differences are adjusted

_STRUCTURE = 2.0  # variance along a component of ancestry, relative to independent variants
_SDS = (0.05, 0.1, 0.2, 0.4, 0.7, 1.0, 1.4)  # of errors of released differences
_RIDGES = np.geomspace(0.02, 1, 20)  # weights of the identity in a correlation matrix
_UNCERTAIN = (0.01, 0.95)  # range of the posterior variance of an error, whose prior variance is 1
_RARE = 1e-6  # density of a released difference that fits no rule
_MAX_SAMPLES = 20_000  # individuals used to estimate correlations
_CHUNK = 2_000  # individuals converted to floats at once


@dataclass(frozen=True)
class Knowledge:
    """What the attacker knows of the training set and of the estimator.

    `cases` and `controls` are numbers of training individuals. `prior` and `threshold` as in `ReleaseRule`;
    `smallest` is the smallest shrinkage factor, for a slope of 1, of the differences that were kept, infinite if
    none was.
    `label_correlation` is the correlation of the phenotype with the value of a quantitative trait to which
    the z-scores belong. If `external`, the differences are those of an independent study and reveal nothing.
    """

    cases: int
    controls: int
    prior: Prior
    threshold: float
    smallest: float
    label_correlation: float = 1.0
    external: bool = False


@dataclass(frozen=True)
class AdaptiveAttack:
    """An attack prepared from a release.

    `mean` and `spread` (m,) standardise genotypes. The residual phenotype is the phenotype minus
    `coefficients` (k + 1,) times 1 and the `components` (m, k) of the standardised genotypes. The score is
    the residual phenotype times the genotypes weighted by `differences` (m,), plus the genotypes weighted by
    `overall` (m,). `rule` is the rule that fits the released differences best.
    """

    mean: np.ndarray
    spread: np.ndarray
    components: np.ndarray
    coefficients: np.ndarray
    differences: np.ndarray
    overall: np.ndarray
    rule: ReleaseRule

    def scores(self, cohort: Cohort) -> np.ndarray:
        """Score (n,) of each individual, higher for likely members; missing calls contribute 0."""
        found = np.empty(len(cohort))
        for rows, x in _standardise(cohort.dosages, self.mean, self.spread):
            residual = self._residual_phenotype(x, cohort.phenotype[rows])
            found[rows] = residual * (x @ self.differences) + x @ self.overall
        return found

    def _residual_phenotype(self, x: np.ndarray, phenotype: np.ndarray) -> np.ndarray:
        return phenotype - self.coefficients[0] - x @ (self.components @ self.coefficients[1:])


def adaptive_scores(
    release: Cohort,
    reference: Cohort,
    knowledge: Knowledge,
    members: Cohort,
    non_members: Cohort,
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Scores of members and of non-members by stratum.

    Scores of all individuals are standardised by class, because members of a small class are easier to
    recognise. All scores are NaN if a class of the release is empty.
    """
    sides = members, non_members
    if all(release.sizes.values()):
        attack = prepare_attack(release, reference, knowledge)
        whole = [attack.scores(side) for side in sides]
    else:
        whole = [np.full(len(side), np.nan) for side in sides]
    found = {}
    for label, stratum in ((1, "case"), (0, "control")):
        rows = [side.phenotype == label for side in sides]
        own = [scores[mask] for scores, mask in zip(whole, rows, strict=True)]
        found[stratum] = own[0], own[1]
        pooled = np.concatenate(own)
        if len(pooled):
            centre, scale = pooled.mean(), pooled.std() or 1.0
            for scores, mask in zip(whole, rows, strict=True):
                scores[mask] = (scores[mask] - centre) / scale
    return {"all": (whole[0], whole[1])} | found


def prepare_attack(release: Cohort, reference: Cohort, knowledge: Knowledge) -> AdaptiveAttack:
    """Prepare the attack from released and `reference` individuals; each class of the release needs some.

    Released individuals are weighted to the share of cases in the training set.
    """
    n, m = knowledge.cases + knowledge.controls, release.dosages.shape[1]
    share = np.array([knowledge.controls, knowledge.cases]) / n
    by_class = [allele_frequency(release.stratum(name).dosages) for name in ("control", "case")]
    mean, spread = 2 * share @ np.stack(by_class), np.sqrt(dosage_variance(release.dosages))
    values, vectors, components = _correlations(release, reference, mean, spread)
    k = components.shape[1]

    # Moments of 1, components and phenotype, and of these with genotypes.
    weight = (share * len(release) / np.bincount(release.phenotype, minlength=2))[release.phenotype]
    gram, cross, squares = np.zeros((k + 2, k + 2)), np.zeros((k + 2, m)), np.zeros(m)
    for rows, x in _standardise(release.dosages, mean, spread):
        design = np.column_stack([np.ones(len(x)), x @ components, release.phenotype[rows]])
        weighted = design * (weight[rows, None] / len(release))
        gram += design.T @ weighted
        cross += weighted.T @ x
        squares += (weight[rows] / len(release)) @ x**2
    coefficients = np.linalg.lstsq(gram[:-1, :-1], gram[:-1, -1], rcond=None)[0]
    label_variance = gram[-1, -1] - coefficients @ gram[:-1, -1]
    covariance = cross[-1] - coefficients @ cross[:-1]
    squares -= 2 * (components * cross[1:-1].T).sum(axis=1)
    squares += (components @ gram[1:-1, 1:-1] * components).sum(axis=1)
    precision = _inverse(np.sqrt(squares.clip(min=0)))  # of genotypes without components

    unit = np.sqrt(label_variance * n) * knowledge.label_correlation
    t = covariance * precision * n / unit
    rule = _choose_rule(t, knowledge)
    found = rule.invert(t)
    variance = found.variance.clip(*_UNCERTAIN)
    known = found.mean / (1 - variance)
    # With independent variants, the solution is the expected error.
    residual = (vectors * values) @ vectors.T
    residual -= (components @ components.T @ residual) * (k > 0)
    residual *= np.outer(precision, precision)
    residual[np.diag_indices(m)] = 1 + variance / (1 - variance)
    weights = precision * solve(residual, known, assume_a="sym")
    weights -= components @ (components.T @ weights)
    scale = knowledge.label_correlation / np.sqrt(label_variance * n)
    scale *= not knowledge.external

    overall = np.zeros(m)
    if len(reference):
        kappa = 1 / (1 + n / len(reference) + rule.sd**2)
        observed = (mean - 2 * allele_frequency(reference.dosages)) * _inverse(spread)
        overall = kappa * (vectors / values) @ (vectors.T @ observed)
    return AdaptiveAttack(mean, spread, components, coefficients, scale * weights, overall, rule)


def _correlations(
    release: Cohort, reference: Cohort, mean: np.ndarray, spread: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Eigenvalues (m,) and eigenvectors (m, m) of the correlation matrix, and components of ancestry (m, k).

    Correlations are those of released and half of the reference individuals, within classes. The other half
    determines by its likelihood how much the matrix is shrunken towards the identity, and which of the
    largest components are ancestry: those along which genotypes vary `_STRUCTURE` times as much as
    independent ones. Variants of panels of more than `MAX_VARIANTS` count as independent, as all do without
    reference individuals.
    """
    m = len(mean)
    held_out = np.arange(len(reference)) % 2 == 1
    if m > MAX_VARIANTS or held_out.sum() < 3:
        return np.ones(m), np.eye(m), np.empty((m, 0))
    known, test = reference.take(~held_out), reference.take(held_out)
    dosages = np.concatenate([thin(release.dosages, _MAX_SAMPLES), known.dosages])
    groups = np.concatenate([thin(release.phenotype, _MAX_SAMPLES), 2 + known.phenotype])
    gram, totals = np.zeros((m, m)), np.zeros((4, m))
    for rows, x in _standardise(dosages, mean, spread):
        gram += x.T @ x
        totals += np.eye(4)[groups[rows]].T @ x
    gram -= totals.T @ (totals / np.maximum(np.bincount(groups, minlength=4), 1)[:, None])
    precision = _inverse(np.sqrt(np.diag(gram)))
    gram *= np.outer(precision, precision)
    gram[np.diag_indices(m)] = 1
    values, vectors = eigh(gram)

    along = np.zeros(m)
    for name in ("case", "control"):
        own = test.stratum(name)
        if len(own):
            for _, x in _standardise(own.dosages, 2 * allele_frequency(own.dosages), spread):
                along += ((x @ vectors) ** 2).sum(axis=0) / (len(test) - 2)
    shrunken = [(1 - ridge) * values + ridge for ridge in _RIDGES]
    fitted = min(shrunken, key=lambda v: float(np.sum(np.log(v) + along / v)))
    is_ancestry = (along > _STRUCTURE) & (np.arange(m) >= m - min(COMPONENTS, m // 20))
    return fitted, vectors, vectors[:, is_ancestry]


def _choose_rule(t: np.ndarray, knowledge: Knowledge) -> ReleaseRule:
    """The rule under which released differences `t` (m,) are most likely."""
    rules = [
        ReleaseRule(knowledge.prior, knowledge.threshold, smallest, shrunken, sd)
        for smallest in dict.fromkeys((knowledge.smallest, 0.0))
        for shrunken in (True, False)
        for sd in _SDS
    ]
    return max(rules, key=lambda rule: np.log(np.exp(rule.invert(t).log_density) + _RARE).sum())


def _standardise(
    dosages: np.ndarray, mean: np.ndarray, spread: np.ndarray
) -> Iterator[tuple[slice, np.ndarray]]:
    """Chunks of rows, and their standardised dosages float32; 0 where missing or monomorphic."""
    unit = _inverse(spread)
    for start in range(0, len(dosages), _CHUNK):
        part = dosages[start : start + _CHUNK]
        x = np.where(part == MISSING, 0, (part - mean) * unit).astype(np.float32)
        yield slice(start, start + len(part)), x


def _inverse(values: np.ndarray) -> np.ndarray:
    """1 / values, 0 where they are 0."""
    return np.divide(1, values, out=np.zeros(len(values)), where=values > 1e-9)
