"""Ancestry groups: learned from the training individuals, and assigned to any individual by its genotypes.

Real and synthetic individuals are assigned by the same classifier, so that both are judged alike. A synthetic
individual has genotypes of the panel only. The classifier therefore uses components of the panel.
"""

import numpy as np
import pandas as pd

from snpgen.cohort.split import MIN_TRAINING
from snpgen.evaluation.cohorts import Cohort
from snpgen.evaluation.structure import ScaledComponents
from snpgen.genetics.ancestry import count_structured, fit_structure
from snpgen.genetics.pca import score
from snpgen.io.panel import OTHER, thin
from snpgen.job import log

COUNT = 6  # components of the panel by which groups are found and assigned
MAX_CLUSTERS = 6
MAX_OVERLAP = 0.15  # probability of misclassification above which two clusters are merged
MIN_SHARE = 0.01  # share of the training individuals in a cluster
_MAX_SAMPLES = 10_000  # individuals to which the mixture is fitted
_STARTS = 3
_REGULARISATION = 1e-3


def fit_structure_components(train: Cohort, variants: pd.DataFrame) -> ScaledComponents:
    """The first `COUNT` components of the training individuals at the `variants` of the panel."""
    components = fit_structure(train.dosages, train.phenotype, variants, COUNT)
    spread = score(train.dosages, components).std(axis=0)
    return ScaledComponents(components, np.maximum(spread, 1e-12))


def find_clusters(components: ScaledComponents, train: Cohort, seed: int) -> np.ndarray:
    """Clusters str (n,) of the training individuals: "1" for the largest, "2", ..., or "" for none.

    In the components that reflect population structure (`count_structured`), a mixture of up to
    `MAX_CLUSTERS` normal distributions is fitted, with the lowest Bayesian information criterion (BIC).
    Distributions that overlap are merged, because a cluster that is not normal is described by several: if
    the estimated probability that an individual of one is assigned to the other exceeds `MAX_OVERLAP`
    (Hennig 2010, Adv Data Anal Classif 4:3, section 4.2). A cluster with fewer than `MIN_SHARE` of the
    individuals, or fewer than `MIN_TRAINING`, is not kept; its individuals get "".
    """
    structured = count_structured(components.components, len(train))
    log.info("%d components reflect population structure", structured)
    if not structured:
        return np.full(len(train), "")
    from sklearn.mixture import GaussianMixture  # a slow import, which few jobs need

    coordinates = components.project(train)[:structured].T
    sample = thin(coordinates, _MAX_SAMPLES)
    models = [
        GaussianMixture(k, n_init=_STARTS, reg_covar=_REGULARISATION, random_state=seed).fit(sample)
        for k in range(1, min(MAX_CLUSTERS, len(sample)) + 1)
    ]
    best = min(models, key=lambda model: model.bic(sample))
    posterior = _merge_overlapping(best.predict_proba(coordinates))
    cluster = posterior.argmax(axis=1)
    sizes = np.bincount(cluster, minlength=posterior.shape[1])
    kept = [
        i
        for i in np.argsort(-sizes, kind="stable")
        if sizes[i] >= max(MIN_TRAINING, MIN_SHARE * len(cluster))
    ]
    names = np.full(len(sizes), "", "<U8")
    names[kept] = [str(rank) for rank in range(1, len(kept) + 1)]
    log.info(
        "%d clusters of training individuals, from %d normal distributions",
        len(kept),
        best.n_components,
    )
    return names[cluster]


def _merge_overlapping(posterior: np.ndarray) -> np.ndarray:
    """Posterior probabilities (n, k) after overlapping distributions are merged, (n, k') with k' <= k."""
    while posterior.shape[1] > 1:
        assigned = np.eye(posterior.shape[1])[posterior.argmax(axis=1)]
        overlap = assigned.T @ posterior / np.maximum(posterior.sum(axis=0), 1e-12)
        np.fill_diagonal(overlap, 0)
        first, second = np.unravel_index(overlap.argmax(), overlap.shape)
        if overlap[first, second] <= MAX_OVERLAP:
            break
        posterior[:, first] += posterior[:, second]
        posterior = np.delete(posterior, second, axis=1)
    return posterior


class GroupClassifier:
    """Assigns individuals to groups by the components of the panel.

    Quadratic discriminant analysis, that is, one normal distribution per group, weighted by the share of the
    group. It is fitted to the training individuals with `labels` str (n,). The labels "" and `OTHER` are not
    used, nor are groups with fewer than `MIN_TRAINING` training individuals. `names` are the groups, the
    largest first. It is empty, and all individuals are assigned "", if fewer than two groups remain or there
    are no components.
    """

    def __init__(self, components: ScaledComponents, train: Cohort, labels: np.ndarray) -> None:
        self.components = components
        counts = pd.Series(labels[~np.isin(labels, ["", OTHER])]).value_counts()
        small = sorted(counts.index[counts < MIN_TRAINING])
        if small:
            log.warning(
                "groups with fewer than %d training individuals, to which no individual is assigned: %s",
                MIN_TRAINING,
                ", ".join(small),
            )
        counts = (
            counts[counts >= MIN_TRAINING].sort_index().sort_values(ascending=False, kind="stable")
        )
        usable = len(counts) > 1 and len(components.spread) > 0
        self.names = counts.index.tolist() if usable else []
        if self.names:
            from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis

            rows = np.isin(labels, self.names)
            self.model = QuadraticDiscriminantAnalysis(reg_param=_REGULARISATION)
            self.model.fit(components.project(train.take(rows)).T, labels[rows])

    def assign(self, cohort: Cohort) -> np.ndarray:
        """Group str (n,) of each individual of the cohort."""
        if not self.names or not len(cohort):
            return np.full(len(cohort), "", np.str_)
        groups: np.ndarray = self.model.predict(self.components.project(cohort).T)
        return groups.astype(np.str_)
