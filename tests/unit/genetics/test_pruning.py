"""LD pruning against a pair-by-pair count of what is left, and PLINK 2's squared correlations."""

import numpy as np
import pandas as pd
import pytest

from snpgen.genetics.pruning import prune, prune_fileset
from snpgen.io.plink import MISSING, open_fileset, write_fileset


def make_linked(n_samples: int, n_variants: int, seed: int, missing: float = 0.0) -> np.ndarray:
    """Dosages with LD: each haplotype keeps the previous allele with probability 0.8."""
    rng = np.random.default_rng(seed)
    haplotypes = np.empty((2 * n_samples, n_variants), dtype=np.int8)
    for column in range(n_variants):
        fresh = rng.random(2 * n_samples) < 0.3
        stay = rng.random(2 * n_samples) < (0.8 if column else 0)
        haplotypes[:, column] = np.where(stay, haplotypes[:, column - 1], fresh)
    dosages = haplotypes[::2] + haplotypes[1::2]
    dosages[rng.random(dosages.shape) < missing] = MISSING
    return dosages


def squared_correlations(dosages: np.ndarray) -> np.ndarray:
    values = dosages.astype(float)
    values[dosages == MISSING] = np.nan
    values = np.where(np.isnan(values), np.nanmean(values, axis=0), values)
    return np.corrcoef(values.T) ** 2


@pytest.mark.parametrize("missing", [0.0, 0.05])
def test_greedy_pruning_is_as_defined(missing: float) -> None:
    dosages = make_linked(300, 700, seed=1, missing=missing)
    rng = np.random.default_rng(2)
    position = np.sort(rng.choice(2_000_000, 700, replace=False))
    r2 = squared_correlations(dosages)
    expected = np.ones(700, dtype=bool)
    for variant in range(700):
        for later in range(variant + 1, 700):
            near = position[later] - position[variant] <= 20_000
            if expected[variant] and near and r2[variant, later] > 0.2:
                expected[later] = False
    kept = prune(dosages, position, max_r2=0.2, kb=20)
    assert 100 < expected.sum() < 600
    np.testing.assert_array_equal(kept, expected)


def test_nothing_is_pruned_beyond_the_window_or_for_monomorphic_variants() -> None:
    one = make_linked(200, 1, seed=3)
    dosages = np.concatenate([one, one, one, np.zeros_like(one), np.zeros_like(one)], axis=1)
    position = np.array([1_000, 2_000, 12_001, 12_002, 12_003])
    kept = prune(dosages, position, max_r2=0.1, kb=10)
    np.testing.assert_array_equal(kept, [True, False, True, True, True])


def test_fileset_is_pruned_by_chromosome_and_frequency(tmp_path) -> None:
    linked = make_linked(250, 40, seed=4)
    rare = np.zeros((250, 1), dtype=np.int8)
    rare[:5] = 1
    dosages = np.concatenate([linked, linked, rare], axis=1)
    iid = [str(number) for number in range(250)]
    samples = pd.DataFrame({"FID": iid, "IID": iid})
    samples = samples.assign(father="0", mother="0", sex="1", phenotype="-9")
    # The second chromosome is a copy of the first, in the file from its end to its start.
    position = 1_000 * np.arange(1, 41)
    variants = pd.DataFrame(
        {
            "chromosome": ["1"] * 40 + ["2"] * 41,
            "variant_id": [f"v{number}" for number in range(81)],
            "position": np.concatenate([position, position.max() + 1 - position, [100_000]]),
            "effect_allele": "A",
            "other_allele": "G",
        }
    )
    write_fileset(str(tmp_path / "set"), dosages, samples, variants)
    fileset = open_fileset(str(tmp_path / "set"), ["1", "2"])
    left = prune_fileset(fileset, np.arange(81), np.arange(250), 0.05, 0.2, 500, 1)
    forward = prune(linked, position, 0.2, 500)
    backward = prune(linked[:, ::-1], position, 0.2, 500)  # in genomic order
    np.testing.assert_array_equal(left, np.flatnonzero(np.concatenate([forward, backward])))
    assert list(left) == sorted(left)
    few = prune_fileset(fileset, np.arange(40, 81), np.arange(250), 0.0, 0.2, 500, 1)
    assert 80 in few and few.min() >= 40
