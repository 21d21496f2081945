"""Forecast of frequency attacks on a synthetic cohort whose class differences were shrunken.

The z-score of a variant is the true one plus the sampling error of the training individuals. The genotype
of a training individual is correlated with this error, which is how an attacker recognises it. Shrinkage
removes most of the error from the class differences, but it is a known function of z: an adaptive attacker
who knows the estimator inverts it. A naive attacker compares released with reference frequencies.

Members are the training individuals. Genotypes x are standardised. For a member with loadings h
(`find_loadings`), the expected x given the errors e of the z-scores is h'e, and given the error of the
overall frequency it is this error. Scores are approximately normal, because they are sums over variants.
With several contrasts per variant, their posterior distributions are taken as independent, and so are the
sampling errors of the synthetic cohort. Variants in LD count by their effective number.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import orth
from scipy.special import ndtr, ndtri

from snpgen.association.release_rule import ReleaseRule
from snpgen.association.shrinkage import Prior, shrink
from snpgen.genetics.ld import adjust_columns, effective_number, unit_columns
from snpgen.io.panel import thin

_MAX_SAMPLES = 20_000  # individuals used to estimate the variance of scores
_MAX_GROUPS = 20  # of individuals of a stratum whose loadings are taken as equal
_NODES = 32  # of the quadrature over sampling errors of the synthetic cohort


@dataclass(frozen=True)
class Stratum:
    """Individuals of a stratum: their number, their mean loadings (d,), and groups of equal loadings.

    `share` (g,) are the sizes of the groups relative to the stratum, `gram` (g, d, d) the mean outer product of
    the loadings of each.
    """

    n: int
    mean: np.ndarray
    share: np.ndarray
    gram: np.ndarray


@dataclass(frozen=True)
class Exposure:
    """What the forecasts need of the training individuals.

    `strata` by name; `n` individuals; `n_effective` variants of the panel; `genotypes` float32 (m, k),
    standardised, of at most 20,000 individuals. `basis` (k, b) is an orthonormal basis of the intercept and
    the loadings of these individuals: scores of members, unlike those of others, vary with their loadings.
    """

    strata: dict[str, Stratum]
    n: int
    n_effective: float
    genotypes: np.ndarray
    basis: np.ndarray


@dataclass(frozen=True)
class Sampling:
    """How the alleles of a synthetic cohort are sampled.

    `size` is the number of synthetic per training individual. Alleles are sampled independently or
    systematically; systematic sampling counts as exact frequencies at any size.
    """

    size: float = 1.0
    systematic: bool = True

    @property
    def share(self) -> float:
        """Sampling variance of a synthetic frequency, relative to that of a training frequency."""
        return 0.0 if self.systematic else 1 / self.size

    @property
    def difference_sd(self) -> float:
        """Standard deviation of the sampling error of a class difference, in units of z."""
        return float(np.sqrt(self.share))

    def frequency_weight(self, n: int, references: float) -> float:
        """Expected error of the frequency in `n` training individuals, as a share of its observed value.

        The observed value is the difference of the synthetic from the reference frequency. The share is 0
        without reference individuals.
        """
        return 1 / (1 + n / references + self.share) if references else 0.0


@dataclass(frozen=True)
class Differences:
    """Class differences of a synthetic cohort in units of z, for d contrasts and m variants.

    `z` (d, m) of the GWAS; `shrinkage` (d, m), and `certainty` (d, m), the same for a slope of 1; posterior
    `mean` and `variance` (d, m) of the true z-scores; `kept` bool (d, m), False where the difference is 0;
    `priors` by contrast. If not `shrunken`, the released differences are those of the training individuals; if
    `external`, they are those of an independent study, and reveal nothing about training individuals.
    """

    z: np.ndarray
    shrinkage: np.ndarray
    certainty: np.ndarray
    mean: np.ndarray
    variance: np.ndarray
    kept: np.ndarray
    priors: tuple[Prior, ...]
    shrunken: bool = True
    external: bool = False

    @property
    def error(self) -> np.ndarray:
        """Expected sampling error of each z-score, (d, m)."""
        return self.z - self.mean

    @property
    def released(self) -> np.ndarray:
        """Differences of the synthetic cohort, (d, m)."""
        return np.where(self.kept, self.shrinkage if self.shrunken else 1.0, 0) * self.z

    def rules(self, sd: float) -> list[ReleaseRule]:
        """What an attacker knows of each contrast, if released differences have errors of `sd`."""
        found = []
        for prior, z, factor, kept in zip(
            self.priors, self.z, self.certainty, self.kept, strict=True
        ):
            smallest = float(factor[kept].min()) if kept.any() else np.inf
            found.append(ReleaseRule(prior, float(np.abs(z).min()), smallest, self.shrunken, sd))
        return found


def make_differences(
    z: np.ndarray,
    priors: Sequence[Prior],
    kept: np.ndarray | None = None,
    shrunken: bool = True,
) -> Differences:
    """`Differences` with the posteriors of `z` (m,) or (d, m); all are `kept` by default."""
    z = np.atleast_2d(z)
    found = [shrink(row, prior) for row, prior in zip(z, priors, strict=True)]
    return Differences(
        z,
        np.stack([posterior.shrinkage for posterior in found]),
        np.stack([posterior.certainty for posterior in found]),
        np.stack([posterior.mean for posterior in found]),
        np.stack([posterior.variance for posterior in found]),
        np.ones(z.shape, bool) if kept is None else np.atleast_2d(kept),
        tuple(priors),
        shrunken,
    )


def find_loadings(label: np.ndarray, classes: int) -> np.ndarray:
    """Expected standardised genotype of an individual, per unit of error of each z-score, float64 (n, d).

    `label` (n,) is the index of the class, and there is a contrast of each class with the first; or, without
    `classes`, the value of a quantitative trait, with one slope. If f_k are the mean genotypes of the
    classes, the contrast is z_k = (f_k - f_0) sqrt(n_k n_0 / (n_k + n_0)), and the loadings are the
    deviation of the mean genotype of the class from the overall mean in units of z: sqrt(n_0 / (n n_1)) for
    cases of a binary phenotype. For a quantitative trait they are the standardised value over sqrt(n).
    """
    n = len(label)
    if not classes:
        deviation = label - label.mean()
        return deviation[:, None] / (np.sqrt(n) * (deviation.std() or 1.0))
    counts = np.bincount(label.astype(int), minlength=classes).astype(np.float64)
    total = counts[1:] * counts[0]
    precision = np.divide(total, counts[1:] + counts[0], out=np.zeros_like(total), where=total > 0)
    unit = np.divide(1, np.sqrt(precision), out=np.zeros_like(total), where=precision > 0)
    return (np.eye(classes)[label.astype(int), 1:] - counts[1:] / n) * unit


def measure_exposure(
    dosages: np.ndarray,
    label: np.ndarray,
    classes: int,
    strata: Mapping[str, np.ndarray],
    components: np.ndarray | None = None,
) -> Exposure:
    """`Exposure` of training individuals with `dosages` int8 (n, m).

    `label` and `classes` as in `find_loadings`; `strata` are masks bool (n,) by name, without empty ones.
    Correlations due to ancestry do not reduce the effective number of variants, because an attacker can
    adjust for ancestry: they are removed with the principal `components` (n, p), if given.
    """
    loadings = find_loadings(label, classes)
    sample = thin(dosages, _MAX_SAMPLES)
    ones = np.ones((len(sample), 1))
    values = unit_columns(sample)
    if components is not None:
        values = adjust_columns(values, thin(components, _MAX_SAMPLES))
    return Exposure(
        {name: _describe_stratum(loadings[mask]) for name, mask in strata.items() if mask.any()},
        len(dosages),
        effective_number(values),
        np.ascontiguousarray(values.T) * np.float32(np.sqrt(len(sample))),
        orth(np.column_stack([ones, thin(loadings, _MAX_SAMPLES)])),
    )


def _describe_stratum(loadings: np.ndarray) -> Stratum:
    """Individuals with equal loadings are a group; many different loadings are grouped by size."""
    unique, group = np.unique(loadings, axis=0, return_inverse=True)
    if len(unique) > _MAX_GROUPS:
        order = np.argsort((loadings**2).sum(axis=1), kind="stable")
        group = np.empty(len(order), np.int64)
        group[order] = np.arange(len(order)) * _MAX_GROUPS // len(order)
    parts = [loadings[group == g] for g in range(int(group.max()) + 1)]
    return Stratum(
        len(loadings),
        loadings.mean(axis=0),
        np.array([len(part) / len(loadings) for part in parts]),
        np.stack([part.T @ part / len(part) for part in parts]),
    )


def max_effective_variants(n: int, limit: float) -> float:
    """Largest effective number of variants at which overall frequencies alone meet the `limit`.

    No difference between classes is released. The AUC is then Phi(sqrt(m_e / (2 n))) for m_e variants and
    `n` training individuals.
    """
    return float(2 * n * ndtri(limit) ** 2)


def keep_differences(exposure: Exposure, differences: Differences, limit: float) -> np.ndarray:
    """Which of the class differences to keep, bool (d, m).

    Differences are kept in the order of falling shrinkage factors (those without the slope decide between factors
    of 1), as long as the forecast of the adaptive attack with exact frequencies is at most `limit` in each stratum.
    Differences of 0 are not kept.
    """
    factor, error = differences.shrinkage, differences.error
    kept = np.zeros(error.shape, bool)
    used = np.zeros(error.shape)  # errors of the differences kept so far
    product = np.zeros((len(error), len(error)))
    scores = np.zeros((len(error), len(exposure.basis)))
    m = error.shape[1]
    for place in np.lexsort((-differences.certainty.ravel(), -factor.ravel())):
        contrast, variant = divmod(int(place), m)
        if not factor[contrast, variant] > 0:
            break
        added = error[contrast, variant]
        product[contrast] += added * used[:, variant]
        product[:, contrast] += added * used[:, variant]
        product[contrast, contrast] += added**2
        used[contrast, variant] = added
        scores[contrast] += added * exposure.genotypes[variant]
        variance = _residual_covariance(scores, exposure.basis)
        forecast = _adaptive_auc(exposure, product, variance, m / exposure.n)
        if not max(forecast.values()) <= limit:
            break
        kept[contrast, variant] = True
    return kept


def forecast_adaptive(
    exposure: Exposure, differences: Differences, sampling: Sampling, references: float = np.inf
) -> dict[str, float]:
    """Expected AUC of the adaptive attack by stratum.

    The attacker has `references` individuals. Scores of a stratum whose individuals have different
    loadings, such as all individuals, are standardised for each value of the loadings.
    """
    z = differences.z
    sd = sampling.difference_sd
    nodes = ndtri((np.arange(_NODES) + 0.5) / _NODES) * sd if sd else np.zeros(1)
    expected, spread = np.zeros(z.shape), np.zeros(z.shape)
    # The attacker knows whether there is anything to invert.
    for row, rule in enumerate([] if differences.external else differences.rules(sd)):
        weights = rule.invert((differences.released[row] + nodes[:, None]).ravel()).mean
        weights = weights.reshape(len(nodes), -1)
        expected[row], spread[row] = weights.mean(axis=0), weights.var(axis=0)
    noise = np.diag(spread.sum(axis=1))
    variance = _residual_covariance(expected @ exposure.genotypes, exposure.basis) + noise
    overall = sampling.frequency_weight(exposure.n, references) * z.shape[1] / exposure.n
    return _adaptive_auc(exposure, expected @ differences.error.T, variance, overall)


def forecast_naive(
    exposure: Exposure,
    differences: Differences,
    sampling: Sampling,
    references: Mapping[str, float] | None = None,
) -> dict[str, float]:
    """Expected AUC of the frequency attack (`frequency_scores`) by stratum.

    `references` are the numbers of reference individuals by stratum, infinite if not given. The AUC is NaN
    if there are none.
    """
    m = differences.z.shape[1]
    excess = differences.released - differences.mean  # over the expected truth
    forecast = {}
    for name, stratum in exposure.strata.items():
        known = np.inf if references is None else references[name]
        beyond = stratum.mean @ excess
        unsure = float(stratum.mean**2 @ differences.variance.sum(axis=1))
        shift = m / exposure.n + float(beyond @ (stratum.mean @ differences.error)) + unsure
        square = m / exposure.n + m * sampling.share / stratum.n + float(beyond @ beyond) + unsure
        square += m / known if known else np.nan
        forecast[name] = float(ndtr(shift * np.sqrt(exposure.n_effective / m / (2 * square))))
    return forecast


def _residual_covariance(scores: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """Covariance (d, d) of `scores` (d, k), without the part in the space of orthonormal `basis` (k, b)."""
    explained = scores @ basis
    return (scores @ scores.T - explained @ explained.T) / scores.shape[1]


def _adaptive_auc(
    exposure: Exposure, product: np.ndarray, variance: np.ndarray, overall: float
) -> dict[str, float]:
    """AUC by stratum.

    `product` (d, d) is the sum over variants of weights times errors, `variance` (d, d) the covariance of the
    weighted sums of genotypes, `overall` the shift of scores due to overall frequencies.
    """
    m = len(exposure.genotypes)
    forecast = {}
    for name, stratum in exposure.strata.items():
        shift = (stratum.gram * product).sum(axis=(1, 2)) + overall
        square = (stratum.gram * variance).sum(axis=(1, 2)) + overall * m / exposure.n_effective
        ratio = np.divide(shift, np.sqrt(2 * square), out=np.zeros_like(shift), where=square > 0)
        forecast[name] = float(stratum.share @ ndtr(ratio))
    return forecast
