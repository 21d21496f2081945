"""The largest group of individuals with homogeneous principal components.

Differences of allele frequency between ancestries cause deviations from Hardy-Weinberg equilibrium (Wahlund
1928). The Hardy-Weinberg test therefore uses one homogeneous group only, as in UK Biobank (Bycroft et al. 2018,
Nature 562:203). Smaller groups are not tested: recent admixture and consanguinity cause deviations as well, and
groups of a few hundred individuals have little power to detect genotyping errors.
"""

import numpy as np
from scipy.special import chdtrc

_MAX_COMPONENTS = 10
_FITTED = 50_000  # individuals to which the mixture is fitted
_REGULARISATION = 1e-4  # added to the variances, relative to the smallest variance of a score
_OVERLAP = (
    0.01  # a component whose mean has a larger tail probability in the largest belongs to the group
)
_OUTLIER = 1e-7  # smallest tail probability of an individual in its component


def find_homogeneous(scores: np.ndarray) -> np.ndarray:
    """Mark the individuals of the largest homogeneous group, bool (n,).

    `scores` (n, k) are principal components, on any scale. A mixture of Gaussians is fitted, to at most
    `_FITTED` individuals, with as many components as minimise the Bayesian information criterion. The group
    consists of the largest component and of those components whose means lie within it, such as those that
    describe a cline or relatives. Outliers are excluded. Without scores, all individuals are marked.
    """
    n, k = scores.shape
    if k == 0:
        return np.ones(n, dtype=bool)
    from sklearn.mixture import GaussianMixture  # a slow import, which few jobs need

    fitted = scores[:: -(-n // _FITTED)]
    settings = {"reg_covar": _REGULARISATION * fitted.var(axis=0).min(), "max_iter": 1_000}
    best = GaussianMixture(1, **settings).fit(fitted)
    for components in range(2, _MAX_COMPONENTS + 1):
        mixture = GaussianMixture(components, random_state=0, **settings).fit(fitted)
        if mixture.bic(fitted) >= best.bic(fitted):
            break
        best = mixture
    component = best.predict(scores)
    largest = np.bincount(component).argmax()
    homogeneous = np.zeros(n, dtype=bool)
    for number, mean in enumerate(best.means_):
        apart = _squared_distance(mean, best.means_[largest], best.precisions_[largest])
        if chdtrc(k, apart) >= _OVERLAP:
            own = np.flatnonzero(component == number)
            distance = _squared_distance(scores[own], mean, best.precisions_[number])
            homogeneous[own] = chdtrc(k, distance) >= _OUTLIER
    return homogeneous


def _squared_distance(points: np.ndarray, mean: np.ndarray, precision: np.ndarray) -> np.ndarray:
    """Squared Mahalanobis distance of `points` (..., k) from `mean` (k,)."""
    apart = points - mean
    return np.einsum("...i,ij,...j->...", apart, precision, apart)
