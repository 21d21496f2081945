"""Hardy-Weinberg test against its definition in exact integers and PLINK 2."""

from fractions import Fraction
from math import factorial

import numpy as np
import pandas as pd
import pytest
from example_association import (
    make_variants,
    needs_plink2,
    run_plink2,
    simulate_dosages,
    write_cohort,
)

from snpgen.genetics.hardy_weinberg import hardy_weinberg_p


def exact_hardy_weinberg(hom1, het, hom2):
    """The definition, in exact integers."""
    n, rare = hom1 + het + hom2, 2 * min(hom1, hom2) + het
    weight = {}
    for k in range(rare % 2, rare + 1, 2):
        few = (rare - k) // 2
        ways = factorial(n) // (factorial(k) * factorial(few) * factorial(n - k - few))
        weight[k] = ways * 2**k
    return float(
        Fraction(sum(w for w in weight.values() if w <= weight[het]), sum(weight.values()))
    )


@pytest.mark.parametrize(
    "counts",
    [(57, 14, 0), (57, 8, 3), (0, 0, 90), (10, 0, 10), (0, 21, 0), (500, 20, 3), (101, 200, 99)],
)
def test_hardy_weinberg_equals_its_definition(counts):
    expected = exact_hardy_weinberg(*counts)
    assert hardy_weinberg_p(*counts) == pytest.approx(expected, rel=1e-9, abs=1e-50)
    assert hardy_weinberg_p(*counts[::-1]) == pytest.approx(expected, rel=1e-9, abs=1e-50)


def test_hardy_weinberg_of_a_large_cohort():
    assert hardy_weinberg_p(100_000, 100_000, 25_000) == pytest.approx(1.0)
    assert hardy_weinberg_p(150_000, 0, 75_000) == 0
    # No heterozygotes and one homozygote of the rare allele: p = 1 / (number of allele pairs - 1).
    assert hardy_weinberg_p(299_999, 0, 1) == pytest.approx(1 / 599_999, rel=1e-6)


@needs_plink2
def test_hardy_weinberg_equals_plink2(tmp_path):
    rng = np.random.default_rng(4)
    dosages = simulate_dosages(400, 60, rng, missing=0.02)
    dosages[:, 0] = np.where(dosages[:, 0] == 1, 2, dosages[:, 0])  # far from equilibrium
    dosages[:, 1] = np.where(rng.random(400) < 0.01, 1, 0)
    write_cohort(tmp_path / "cohort", dosages, make_variants(60))
    run_plink2("--bfile", tmp_path / "cohort", "--hardy", "--out", tmp_path / "out")
    theirs = pd.read_csv(tmp_path / "out.hardy", sep="\t")
    counts = [(dosages == value).sum(axis=0) for value in (0, 1, 2)]
    ours = [hardy_weinberg_p(*map(int, three)) for three in zip(*counts, strict=True)]
    np.testing.assert_allclose(ours, theirs.P, rtol=1e-4)
