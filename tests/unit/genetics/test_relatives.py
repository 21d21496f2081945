"""Related pairs among unrelated individuals, admixed individuals and planted relatives."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from example_association import make_variants, write_cohort

from snpgen.genetics.kinship import king_robust
from snpgen.genetics.packed import pack_planes
from snpgen.genetics.relatives import find_relatives


def sample_haplotypes(n: int, frequency: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Haplotypes of individuals with unlinked variants, int8 (n, 2, m)."""
    return (rng.random((n, 2, len(frequency))) < frequency).astype(np.int8)


def make_children(
    parents: np.ndarray, couples: list[tuple[int, int]], rng: np.random.Generator
) -> np.ndarray:
    """One child of each couple, by independent transmission at each variant."""
    m = parents.shape[2]
    gametes = [
        [parents[who, rng.integers(2, size=m), np.arange(m)] for who in couple]
        for couple in couples
    ]
    return np.array(gametes)


def related(folder: Path, haplotypes: np.ndarray) -> tuple[set[frozenset[int]], dict]:
    """Related pairs (rows) and summary, with variants on two chromosomes."""
    dosages = haplotypes.sum(axis=1, dtype=np.int8)
    m = dosages.shape[1]
    variants = [make_variants(part, name) for name, part in (("1", m // 2), ("2", m - m // 2))]
    fileset = write_cohort(folder / "set", dosages, pd.concat(variants, ignore_index=True))
    pairs, summary = find_relatives(fileset, np.arange(m), np.arange(len(dosages)), 1, 1)
    assert (pairs.kinship >= (summary["min_kinship"] or 1)).all()
    ids = pairs[["IID1", "IID2"]].astype(int).to_numpy()
    return {frozenset(pair) for pair in ids.tolist()}, summary


def all_pairs(rows: range) -> set[frozenset[int]]:
    return {frozenset(pair) for pair in combinations(rows, 2)}


def test_unrelated_individuals_have_no_relatives_and_planted_relatives_are_found(tmp_path) -> None:
    rng = np.random.default_rng(1)
    founders = sample_haplotypes(1_000, rng.uniform(0.1, 0.9, 2_500), rng)
    children = make_children(founders, [(0, 1), (0, 1), (2, 3)], rng)
    found, summary = related(tmp_path, np.concatenate([founders, children, founders[4:5]]))
    trios = [(0, 1_000), (1, 1_000), (0, 1_001), (1, 1_001), (1_000, 1_001), (2, 1_002), (3, 1_002)]
    assert found == {frozenset(pair) for pair in [*trios, (4, 1_003)]}
    assert 0.0442 < summary["min_kinship"] < 0.0884 and summary["degree"] == "second"
    # (mean w)^2 / mean w^2 of w = p (1 - p), for frequencies p between 0.1 and 0.9
    assert abs(summary["independent_variants"] / 2_500 - 0.9445) < 0.02


def test_too_few_variants_do_not_give_kinship(tmp_path) -> None:
    rng = np.random.default_rng(2)
    founders = sample_haplotypes(300, rng.uniform(0.1, 0.9, 18), rng)
    found, summary = related(tmp_path, np.concatenate([founders, founders[:3]]))
    assert not found and summary["min_kinship"] is None and summary["degree"] == ""
    assert summary["independent_variants"] <= 18


def test_admixed_individuals_are_not_relatives_of_each_other(tmp_path) -> None:
    rng = np.random.default_rng(3)
    m, n = 12_000, 250  # variants, and individuals of each population
    ancestral = rng.uniform(0.2, 0.8, m)
    drift = 0.5 * np.sqrt(ancestral * (1 - ancestral))
    frequency = np.clip(ancestral + drift * rng.choice([-1, 1], (2, m)), 0.02, 0.98)
    parents = np.concatenate([sample_haplotypes(n, own, rng) for own in frequency])
    couples = [(i, n + i) for i in range(40)]
    mixed = make_children(parents, couples, rng)
    siblings = make_children(parents, couples[:3], rng)
    # All parents of the children are left out, so that the siblings are the only relatives.
    rest = np.concatenate([parents[40:n], parents[n + 40 :]])
    planes = pack_planes(mixed.sum(axis=1, dtype=np.int8))
    king = king_robust(planes, planes)[np.triu_indices(40, 1)]
    found, summary = related(tmp_path, np.concatenate([rest, mixed, siblings]))
    assert summary["min_kinship"] < 0.0442 < king.min()
    first = len(rest)
    assert found == {frozenset((first + i, first + 40 + i)) for i in range(3)}


def test_large_family_is_not_taken_for_ancestry(tmp_path) -> None:
    rng = np.random.default_rng(4)
    founders = sample_haplotypes(150, rng.uniform(0.1, 0.9, 4_000), rng)
    siblings = make_children(founders, [(0, 1)] * 40, rng)
    found, _ = related(tmp_path, np.concatenate([founders[2:], siblings]))
    assert found == all_pairs(range(148, 188))
