"""Neighbours and densities against scikit-learn, kinship against PLINK 2."""

import numpy as np
import pytest
from example_association import make_samples, needs_plink2, run_plink2
from example_cohorts import frequencies, linked, nearest_two, variants
from sklearn.metrics import pairwise_distances

from snpgen.evaluation import neighbours
from snpgen.evaluation.neighbours import compare_samples, stack
from snpgen.genetics.kinship import king_robust, read_kinship
from snpgen.genetics.packed import pack_planes
from snpgen.io.plink import write_fileset


@pytest.fixture(autouse=True)
def _in_several_pieces(monkeypatch):
    monkeypatch.setattr(neighbours, "_CHUNK", 40)


@pytest.mark.parametrize("m", [7, 64, 101])
@pytest.mark.parametrize("threads", [1, 3])
def test_neighbours_and_densities_are_those_of_sklearn(m, threads):
    individuals, others = (linked(n, frequencies(m), n) for n in (150, 301))
    kernel = np.exp(-0.3 * np.arange(2 * m + 1))
    found = compare_samples(pack_planes(individuals), pack_planes(others), kernel, threads)
    assert (found.nearest == nearest_two(individuals, others)).all()
    assert (found.reverse == nearest_two(others, individuals)).all()
    distance = pairwise_distances(individuals, others, metric="manhattan")
    assert (found.index == distance.argmin(axis=1)).all()
    assert found.density == pytest.approx(np.exp(-0.3 * distance).mean(axis=1))


@pytest.mark.parametrize("threads", [1, 3])
def test_no_sample_is_its_own_neighbour(threads):
    individuals = linked(150, frequencies(40), 1)
    individuals[7] = individuals[100]
    found = compare_samples(
        pack_planes(individuals), pack_planes(individuals), None, threads, same=True
    )
    distance = pairwise_distances(individuals, metric="manhattan")
    np.fill_diagonal(distance, np.inf)
    assert (found.nearest == np.sort(distance, axis=1)[:, :2]).all()
    assert found.index[7] == 100 and found.nearest[7, 0] == 0
    assert np.isnan(found.density).all()


def test_parts_stack_up_to_the_whole():
    individuals, others = (pack_planes(linked(n, frequencies(50), n)) for n in (90, 70))
    kernel = np.exp(-0.1 * np.arange(101))
    parts = [individuals[first:last] for first, last in ((0, 20), (20, 90), (90, 90))]
    stacked = stack([compare_samples(part, others, kernel) for part in parts])
    whole = compare_samples(individuals, others, kernel)
    for name in ("nearest", "index", "density", "reverse", "kinship"):
        assert np.array_equal(getattr(stacked, name), getattr(whole, name)), name


def test_too_few_neighbours_are_missing():
    individuals = pack_planes(linked(5, frequencies(9), 1))
    empty, one = individuals[:0], individuals[:1]
    kernel = np.ones(19)
    alone = compare_samples(individuals, empty, kernel)
    assert np.isnan(alone.nearest).all() and np.isnan(alone.density).all()
    assert (alone.index == -1).all() and np.isnan(alone.kinship)
    assert alone.reverse.shape == (0, 2)
    single = compare_samples(individuals, one, kernel, threads=8)
    assert np.isfinite(single.nearest[:, 0]).all() and np.isnan(single.nearest[:, 1]).all()
    assert np.isnan(compare_samples(one, one, kernel, same=True).nearest).all()
    assert compare_samples(empty, individuals, kernel).density.shape == (0,)


def test_homozygous_samples_have_no_kinship():
    individuals = pack_planes(2 * (linked(5, frequencies(70), 1) > 0).astype(np.int8))
    assert np.isnan(compare_samples(individuals, individuals).kinship)


def test_largest_kinship_does_not_need_a_small_distance():
    """KING-robust divides by the heterozygotes: two individuals with many are relatives at a larger distance."""

    def heterozygous(first: int, last: int) -> np.ndarray:
        return ((np.arange(90) >= first) & (np.arange(90) < last)).astype(np.int8)

    near_second, first = heterozygous(26, 70), heterozygous(0, 60)
    near_first, second = heterozygous(0, 44), heterozygous(10, 70)
    sets = [near_second] * 2 + [first], [near_first] * neighbours._TILE + [second]
    samples, others = (pack_planes(np.array(dosages)) for dosages in sets)
    found = compare_samples(samples, others)
    assert (found.nearest[2] == 16).all() and (found.reverse[-1] == 16).all()  # others are nearer
    assert found.kinship == 0.5 - 20 / (4 * 60) == king_robust(samples, others).max()


@needs_plink2
@pytest.mark.parametrize("copied", [0, 40])
def test_largest_kinship_is_that_of_plink2(tmp_path, copied):
    """Two sets of samples, one of which has a sample with alleles of a sample of the other."""
    m = 200
    individuals, others = (linked(n, frequencies(m), n) for n in (120, 90))
    others[33, :copied] = individuals[71, :copied]
    ids = [f"A{i}" for i in range(120)] + [f"B{i}" for i in range(90)]
    samples = make_samples(len(ids)).assign(FID="0", IID=ids)
    both = np.concatenate([individuals, others])
    write_fileset(str(tmp_path / "both"), both, samples, variants(m))
    run_plink2("--bfile", tmp_path / "both", "--make-king-table", "--out", tmp_path / "x")
    table = read_kinship(str(tmp_path / "x.kin0"))
    across = table[table.IID1.str[0] != table.IID2.str[0]]
    found = compare_samples(pack_planes(individuals), pack_planes(others), None, 2)
    assert found.kinship == pytest.approx(across.kinship.max(), abs=1e-5)
