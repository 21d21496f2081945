"""Standardised columns and the effective number of variants against double precision."""

import numpy as np
import pytest

from snpgen.genetics.ld import (
    adjust_columns,
    effective_variants,
    effective_variants_of_first,
    unit_columns,
)
from snpgen.io.plink import MISSING


@pytest.fixture(scope="module")
def dosages() -> np.ndarray:
    """20,000 samples with missing calls; the last columns are monomorphic and never called."""
    rng = np.random.default_rng(1)
    dosages = rng.binomial(2, rng.uniform(0.01, 0.99, 60), (20_000, 60)).astype(np.int8)
    dosages[:, 1::3] = dosages[:, ::3]
    dosages[:, -2] = 1
    dosages[rng.random(dosages.shape) < 0.03] = MISSING
    dosages[:, -1] = MISSING
    return dosages


@pytest.fixture(scope="module")
def r(dosages: np.ndarray) -> np.ndarray:
    values = dosages[:, :-2].astype(float)
    values[values == MISSING] = np.nan
    return np.corrcoef(np.where(np.isnan(values), np.nanmean(values, axis=0), values).T)


def test_products_of_unit_columns_are_correlations(dosages, r):
    values = unit_columns(dosages)
    assert values.dtype == np.float32
    np.testing.assert_allclose(values[:, :-2].T @ values[:, :-2], r, atol=1e-5)
    assert not values[:, -2:].any()
    assert not values[dosages == MISSING].any()


def test_effective_number_of_variants_equals_its_definition(dosages, r):
    r2 = r**2
    expected = len(r) ** 2 / (r2 - (1 - r2) / (len(dosages) - 2)).sum()
    assert effective_variants(dosages) == pytest.approx(expected, rel=1e-6)


def test_effective_numbers_of_the_first_variants(dosages, monkeypatch):
    """Also where a monomorphic variant comes first, and across several chunks."""
    monkeypatch.setattr("snpgen.genetics.ld._CHUNK", 7)
    dosages = dosages[:500, ::-1]
    none = np.empty((500, 0))
    found = effective_variants_of_first(dosages, none)
    expected = [effective_variants(dosages[:, :k]) for k in range(1, dosages.shape[1] + 1)]
    assert np.isnan(found[:2]).all()
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert np.isnan(effective_variants_of_first(dosages[:3], none[:3])).all()


def test_components_are_removed_by_regression(dosages):
    rng = np.random.default_rng(3)
    components = rng.normal(size=(len(dosages), 2)) + 5
    tagged = np.where(components[:, 0] > 5, 2, 0).astype(np.int8)
    shifted = np.where((tagged == 2)[:, None] & (rng.random(dosages.shape) < 0.5), 2, dosages)
    values = unit_columns(shifted[:, :-2])
    design = np.column_stack([np.ones(len(values)), components])
    residual = values - design @ np.linalg.lstsq(design, values, rcond=None)[0]
    adjusted = adjust_columns(values, components)
    np.testing.assert_allclose(adjusted, residual / np.linalg.norm(residual, axis=0), atol=1e-5)
    r2 = np.corrcoef(residual.T) ** 2
    expected = len(r2) ** 2 / (r2 - (1 - r2) / (len(values) - 2)).sum()
    found = effective_variants_of_first(shifted[:, :-2], components)[-1]
    assert found == pytest.approx(expected, rel=1e-4)
    assert found > 1.2 * effective_variants(shifted)
    # nothing is left of a column that the components explain
    assert not adjust_columns(unit_columns(tagged[:, None]), tagged[:, None].astype(float)).any()
