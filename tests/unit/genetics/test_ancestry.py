"""Components of ancestry against singular value decompositions and planted populations."""

import numpy as np
import pytest
from example_cohorts import frequencies, independent, variants

from snpgen.genetics.ancestry import COUNT, fit_ancestry, orthonormal_basis


def test_components_are_those_of_the_other_chromosomes_within_classes():
    dosages = independent(3_000, frequencies(60), 1)
    phenotype = (dosages[:, :5].sum(axis=1) > np.random.default_rng(2).normal(5, 2, 3_000)).astype(
        int
    )
    ancestry = fit_ancestry(dosages, phenotype, variants(60, 10, gap=2_000_000))
    p = dosages.mean(axis=0) / 2
    z = (dosages - 2 * p) / np.sqrt(2 * p * (1 - p))
    is_case = phenotype == 1
    within = np.where(is_case[:, None], z - z[is_case].mean(axis=0), z - z[~is_case].mean(axis=0))
    columns, scores = zip(*ancestry.project(dosages), strict=True)
    assert [rows.tolist() for rows in columns] == np.arange(60).reshape(6, 10).tolist()
    for rows, found in zip(columns, scores, strict=True):
        others = np.setdiff1d(np.arange(60), rows)
        loadings = np.linalg.svd(within[:, others], full_matrices=False)[2][:COUNT]
        expected = z[:, others] @ loadings[::-1].T  # eigenvalues in ascending order
        for mine, theirs in zip(found.T, expected.T, strict=True):
            assert abs(np.corrcoef(mine, theirs)[0, 1]) == pytest.approx(1, abs=1e-3)


def test_components_are_those_of_ancestry_and_not_of_loci():
    """LD within ten loci of six variants explains more variance than two populations."""
    rng = np.random.default_rng(1)
    second = np.arange(2000) < 1000
    p, q = np.clip(0.5 + rng.normal(0, [[0.05], [0.15]], (2, 120)), 0.1, 0.9)
    linked_variants = np.repeat(independent(2000, rng.uniform(0.3, 0.7, 10), 2), 6, axis=1)
    unlinked = rng.binomial(2, np.where(second[:, None], p, q)).astype(np.int8)
    table = variants(180, 60).assign(position=np.tile(np.arange(60), 3) * 2_000_000)
    table.loc[:59, "position"] = np.arange(60) * 1_000 + np.repeat(np.arange(10), 6) * 5_000_000
    dosages = np.hstack([linked_variants, unlinked])
    ancestry = fit_ancestry(dosages, np.zeros(2000, np.int8), table)
    assert ancestry.exist and ancestry.rows.tolist() == [*range(0, 60, 6), *range(60, 180)]
    for _, scores in ancestry.project(dosages):
        first = orthonormal_basis(scores[:, -1:])[:, 0]  # eigenvalues are in ascending order
        assert abs(np.corrcoef(first, second)[0, 1]) > 0.8
    assert not fit_ancestry(dosages[:, :60], np.zeros(2000, np.int8), table[:60]).exist
