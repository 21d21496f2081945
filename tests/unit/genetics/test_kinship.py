"""KING-robust kinship against PLINK 2 and known relatives, and kinship tables of other programs."""

import numpy as np
import pandas as pd
import pytest
from broken_input import check_refusal
from example_association import make_variants, needs_plink2, run_plink2, write_cohort

from snpgen.genetics import kinship
from snpgen.genetics.kinship import (
    check_size,
    estimate_kinship,
    king_robust,
    read_kinship,
    read_planes,
)
from snpgen.genetics.packed import pack_planes
from snpgen.io.plink import MISSING
from snpgen.messages import Code


def make_segments(n: int, n_variants: int, seed: int, missing: float) -> np.ndarray:
    """Unrelated samples of varying call rates, two children of 0 and 1, and an identical twin of 2."""
    rng = np.random.default_rng(seed)
    frequency = rng.uniform(0.1, 0.5, n_variants)
    haplotypes = rng.random((n, 2, n_variants)) < frequency
    children = []
    for _ in range(2):
        strands = rng.integers(2, size=(2, n_variants))
        gametes = [haplotypes[parent, strands[parent], np.arange(n_variants)] for parent in (0, 1)]
        children.append(np.array(gametes))
    haplotypes = np.concatenate([haplotypes, children, haplotypes[2:3]])
    dosages = haplotypes.sum(axis=1).astype(np.int8)
    rates = missing * rng.uniform(0, 2, len(dosages))
    dosages[rng.random(dosages.shape) < rates[:, None]] = MISSING
    return dosages


@needs_plink2
@pytest.mark.parametrize("missing", [0.0, 0.1])
def test_kinship_equals_plink2(tmp_path, missing: float) -> None:
    dosages = make_segments(60, 1_500, seed=5, missing=missing)
    n_samples, n_variants = dosages.shape
    prefix = tmp_path / "set"
    fileset = write_cohort(prefix, dosages, make_variants(n_variants))
    iid = fileset.samples.IID.to_numpy()
    run_plink2("--bfile", prefix, "--make-king-table", "--out", prefix)
    theirs = read_kinship(f"{prefix}.kin0")
    assert len(theirs) == n_samples * (n_samples - 1) // 2

    row = pd.Series(range(n_samples), iid)
    individuals = np.arange(n_samples)
    planes = read_planes(fileset, np.arange(n_variants), individuals, 1)
    np.testing.assert_array_equal(planes, pack_planes(dosages))  # 1,500 variants are two chunks
    ours = king_robust(planes, planes)[row[theirs.IID1], row[theirs.IID2]]
    np.testing.assert_allclose(ours, theirs.kinship, atol=1e-6)

    close = theirs[theirs.kinship >= kinship.MIN_KINSHIP]
    table = estimate_kinship(planes, iid)
    pairs = {frozenset(pair) for pair in table[["IID1", "IID2"]].to_numpy()}
    assert pairs == {frozenset(pair) for pair in close[["IID1", "IID2"]].to_numpy()}


def test_kinship_of_relatives_with_tiles_of_any_size(monkeypatch) -> None:
    dosages = make_segments(40, 20_000, seed=6, missing=0.05)
    iid = np.array([str(number) for number in range(len(dosages))])
    planes = pack_planes(dosages)
    table = estimate_kinship(planes, iid)
    found = {(row.IID1, row.IID2): row.kinship for row in table.itertuples()}
    expected = {("0", "40"): 0.25, ("0", "41"): 0.25, ("1", "40"): 0.25, ("1", "41"): 0.25}
    expected |= {("40", "41"): 0.25, ("2", "42"): 0.5}
    assert set(found) == set(expected)
    for pair, value in expected.items():
        assert found[pair] == pytest.approx(value, abs=0.02)
    monkeypatch.setattr(kinship, "_TILE", 7)
    pd.testing.assert_frame_equal(estimate_kinship(planes, iid, threads=2), table)


def test_sample_without_heterozygous_calls_has_no_relatives() -> None:
    dosages = make_segments(5, 200, seed=7, missing=0.0)
    dosages[3] = 0
    dosages[4] = MISSING
    table = king_robust(pack_planes(dosages), pack_planes(dosages))
    assert np.isneginf(table[3]).all() and np.isneginf(table[4]).all()
    assert np.isfinite(table[0, 1])


def test_too_large_cohort_is_refused() -> None:
    check_size(100, 100)
    check_refusal(lambda: check_size(101, 100), Code.TOO_MANY_SAMPLES, key="kinship.max_samples")


FORMATS = {
    "ours": "IID1\tIID2\tkinship\n007\tb\t0.25\n",
    "king": "FID1\tID1\tFID2\tID2\tN_SNP\tHetHet\tIBS0\tKinship\n1\t007\t2\tb\t9\t0.1\t0\t0.25\n",
    "king within": "FID\tID1\tID2\tN_SNP\tZ0\tPhi\tKinship\tError\n1\t007\tb\t9\t0\t0\t0.25\t0\n",
    "plink2": "#FID1\tIID1\tFID2\tIID2\tNSNP\tHETHET\tIBS0\tKINSHIP\n1\t007\t1\tb\t9\t0\t0\t0.25\n",
    "plink2 without FID": "#IID1\tIID2\tNSNP\tHETHET\tIBS0\tKINSHIP\n007\tb\t9\t0\t0\t0.25\n",
    "uk biobank": "ID1 ID2 HetHet IBS0 Kinship\n007 b 0.1 0.0 0.25\n",
}


@pytest.mark.parametrize("name", FORMATS)
def test_tables_of_other_programs(tmp_path, name: str) -> None:
    path = tmp_path / "kinship"
    path.write_text(FORMATS[name])
    expected = pd.DataFrame({"IID1": ["007"], "IID2": ["b"], "kinship": [0.25]})
    pairs = read_kinship(str(path)).reset_index(drop=True)
    pd.testing.assert_frame_equal(pairs, expected, check_dtype=False)


def test_table_of_uk_biobank_without_its_header(tmp_path) -> None:
    """ukb_rel.dat: ID1, ID2, HetHet, IBS0 and kinship."""
    (tmp_path / "ukb_rel.dat").write_text(
        "1000017 1000022 0.061 0.0105 0.2509\n1000031 1000017 0.03 0.0201 0.0611\n"
    )
    pairs = read_kinship(str(tmp_path / "ukb_rel.dat"))
    assert pairs.to_numpy().tolist() == [
        ["1000017", "1000022", 0.2509],
        ["1000031", "1000017", 0.0611],
    ]


def test_the_closest_of_repeated_pairs_is_kept(tmp_path) -> None:
    path = tmp_path / "kinship"
    path.write_text("ID1 ID2 Kinship\nb a 0.1\na c 0.2\na b 0.25\nb a 0.05\n")
    pairs = read_kinship(str(path))
    assert pairs.index.tolist() == [3, 4]
    assert pairs.to_numpy().tolist() == [["a", "c", 0.2], ["a", "b", 0.25]]
