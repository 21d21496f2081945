"""The scan of a chromosome: Hardy-Weinberg test, filters, duplicates, chunks."""

from fractions import Fraction
from math import factorial

import numpy as np
import pandas as pd
import pytest
from example_association import (
    draw_covariates,
    draw_dosages,
    draw_phenotype,
    make_variants,
    needs_plink2,
    run_plink2,
    write_cohort,
)

from snpgen.association.gwas import Filters, hardy_weinberg_p, scan
from snpgen.association.logistic import fit_null_model
from snpgen.association.sumstats import COLUMNS
from snpgen.plink import MISSING, write_fileset

N, M = 600, 150
FILTERS = Filters(min_maf=0.02, min_call_rate=0.95, min_hwe_p=1e-10)


def exact_hardy_weinberg(hom1, het, hom2):
    """The definition, in whole numbers."""
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


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    """People 0-499 train, the others must not matter; one variant fails at each filter."""
    rng = np.random.default_rng(11)
    dosages = draw_dosages(N, M, rng, missing=0.01)
    covariates = draw_covariates(N, rng)
    phenotype = draw_phenotype(dosages, covariates, {40: 0.9}, rng)
    dosages[rng.random(N) < 0.1, 5] = MISSING
    dosages[:, 6] = 0
    dosages[:5, 6] = 1
    dosages[:, 7] = np.where(dosages[:, 7] == 1, 2, dosages[:, 7])
    dosages[:, 8] = 2
    dosages[:, 10] = dosages[:, 9]
    dosages[phenotype == 1, 11] = 1  # out of equilibrium in cases only: stays
    variants = make_variants(M)
    variants.loc[10] = variants.loc[9]
    fileset = write_cohort(tmp_path_factory.mktemp("gwas") / "cohort", dosages, variants)
    train = np.arange(500)
    iid = fileset.samples.IID.to_numpy(str)[train]
    null, _ = fit_null_model(iid, phenotype[train], covariates.iloc[train])
    return fileset, dosages, train, null


def test_filters_and_duplicates_are_counted(cohort):
    fileset, dosages, train, null = cohort
    table, funnel = scan(fileset, np.arange(M), train, null, FILTERS, 64)
    assert list(table.columns) == COLUMNS
    assert funnel.step.tolist() == [
        "genotype files",
        "duplicates",
        "call rate",
        "allele frequency",
        "Hardy-Weinberg",
        "regression",
    ]
    assert funnel.dropped.tolist() == [0, 1, 1, 2, 1, 0]
    assert funnel.kept.tolist() == [150, 149, 148, 146, 145, 145]
    gone = set(fileset.variants.variant_id) - set(table.variant_id)
    assert gone == {f"rs1{j:05d}" for j in (5, 6, 7, 8)}
    assert table.variant_id.is_unique
    counts = [(dosages[train, 11] == value).sum() for value in (0, 1, 2)]
    assert hardy_weinberg_p(*counts) < FILTERS.min_hwe_p


def test_frequency_counts_the_effect_allele_in_training(cohort):
    fileset, dosages, train, null = cohort
    table, _ = scan(fileset, np.arange(M), train, null, FILTERS, 64)
    row = table[table.variant_id == "rs100040"].iloc[0]
    called = dosages[train, 40][dosages[train, 40] != MISSING]
    assert row.effect_allele_frequency == pytest.approx(called.mean() / 2)
    assert row.n == len(called)
    assert row.beta > 0.4  # the planted effect


def test_results_do_not_depend_on_the_chunk_size(cohort):
    fileset, _, train, null = cohort
    once = scan(fileset, np.arange(M), train, null, FILTERS, 1000)
    for size in (1, 7, 64):
        again = scan(fileset, np.arange(M), train, null, FILTERS, size)
        pd.testing.assert_frame_equal(again[0], once[0], check_exact=True)
        pd.testing.assert_frame_equal(again[1], once[1])


def test_people_outside_training_do_not_matter(cohort, tmp_path):
    fileset, dosages, train, null = cohort
    changed = dosages.copy()
    changed[500:] = np.random.default_rng(0).integers(0, 3, changed[500:].shape)
    write_fileset(str(tmp_path / "changed"), changed, fileset.samples, fileset.variants)
    other = write_cohort(tmp_path / "changed", changed, fileset.variants)
    before = scan(fileset, np.arange(M), train, null, FILTERS, 64)[0]
    after = scan(other, np.arange(M), train, null, FILTERS, 64)[0]
    pd.testing.assert_frame_equal(before, after, check_exact=True)


def test_a_chromosome_where_nothing_passes_gives_an_empty_table(cohort):
    fileset, _, train, null = cohort
    any_frequency = Filters(min_maf=0, min_call_rate=0.95, min_hwe_p=0)
    table, funnel = scan(fileset, np.array([8]), train, null, any_frequency, 64)  # monomorphic
    assert len(table) == 0 and list(table.columns) == COLUMNS
    assert funnel.kept.tolist() == [1, 1, 1, 0, 0, 0]


@needs_plink2
def test_hardy_weinberg_equals_plink2(tmp_path):
    rng = np.random.default_rng(4)
    dosages = draw_dosages(400, 60, rng, missing=0.02)
    dosages[:, 0] = np.where(dosages[:, 0] == 1, 2, dosages[:, 0])  # far from equilibrium
    dosages[:, 1] = np.where(rng.random(400) < 0.01, 1, 0)
    write_cohort(tmp_path / "cohort", dosages, make_variants(60))
    run_plink2("--bfile", tmp_path / "cohort", "--hardy", "--out", tmp_path / "out")
    theirs = pd.read_csv(tmp_path / "out.hardy", sep="\t")
    counts = [(dosages == value).sum(axis=0) for value in (0, 1, 2)]
    ours = [hardy_weinberg_p(*map(int, three)) for three in zip(*counts, strict=True)]
    np.testing.assert_allclose(ours, theirs.P, rtol=1e-4)
