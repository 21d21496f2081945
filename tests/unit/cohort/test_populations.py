"""Populations of the demo cohort: published Fst, closed forms of ancestry, and the structure of a cohort."""

from itertools import combinations_with_replacement

import msprime
import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2

from snpgen.association.gwas import ScanSettings, scan
from snpgen.association.null_model import fit_null_model
from snpgen.cohort.coalescent import deal_haplotypes, simulate_haplotypes
from snpgen.cohort.populations import (
    AFRICAN,
    EAST_ASIAN,
    GROUPS,
    NORTH,
    POPULATIONS,
    SOUTH,
    WESTERN,
    Ancestry,
    Composition,
    human_history,
    simulate_ancestry,
    trace_ancestry,
)
from snpgen.cohort.simulation import simulate_cohort, simulate_samples
from snpgen.genetics.kinship import king_robust
from snpgen.genetics.packed import pack_planes
from snpgen.genetics.pca import choose_variants, fit_components, project
from snpgen.io.plink import MISSING, allele_frequency, open_fileset, write_fileset

NOWHERE = pd.DataFrame({"chromosome": [], "start": [], "end": []})
N = 4_000
FAMILIES = 40


@pytest.fixture(scope="module")
def cohort():
    return simulate_cohort(
        samples=N,
        variants=8_000,
        families=FAMILIES,
        causal=24,
        heritability=0.5,
        prevalence=0.25,
        chromosomes=[str(number) for number in range(1, 9)],
        avoid=NOWHERE,
        seed=3,
        threads=1,
    )


@pytest.fixture(scope="module")
def components(cohort, tmp_path_factory):
    """The fileset of the cohort, and ten principal components of all individuals."""
    prefix = str(tmp_path_factory.mktemp("populations") / "cohort")
    write_fileset(prefix, cohort.dosages, cohort.samples, cohort.variants)
    fileset, everyone = open_fileset(prefix, []), np.arange(N)
    regions = pd.DataFrame(columns=["chromosome", "start", "end"])
    rows, frequency = choose_variants(
        fileset, np.arange(8_000), everyone, regions, 0.95, 0.05, 0.1, 500
    )
    fitted = fit_components(fileset, rows, everyone, frequency, 10, seed=1)
    return fileset, project(fileset, fitted, everyone, np.ones(N, dtype=bool))


def fst(first: np.ndarray, second: np.ndarray) -> float:
    """Fst of dosages (n, m) of two groups (Hudson's estimator, Bhatia et al. 2013)."""
    p, q = allele_frequency(first), allele_frequency(second)
    between = p * (1 - q) + q * (1 - p)
    within = p * (1 - p) / (1 - 1 / (2 * len(first))) + q * (1 - q) / (1 - 1 / (2 * len(second)))
    return 1 - within.sum() / between.sum()


def genotypes(cohort, group: str) -> np.ndarray:
    return cohort.dosages[(cohort.phenotypes.ancestry == group).to_numpy()]


def test_fst_of_the_populations_is_as_published() -> None:
    """Fst from times to coalescence, 1 - within / between (Slatkin 1991), over 1,000 independent loci."""
    names = ["African", "northern_European", "southern_European", "East_Asian"]
    haplotypes = [range(10 * i, 10 * i + 10) for i in range(4)]
    pairs = list(combinations_with_replacement(range(4), 2))
    loci = msprime.sim_ancestry(
        [msprime.SampleSet(10, name, ploidy=1) for name in names],
        demography=human_history(),
        num_replicates=1_000,
        random_seed=1,
    )
    times = sum(locus.divergence(haplotypes, pairs, mode="branch") for locus in loci)
    between = dict(zip(pairs, times, strict=True))
    for pair, published, tolerance in (
        ((0, 1), 0.15, 0.03),
        ((0, 3), 0.18, 0.03),
        ((1, 3), 0.11, 0.03),
        ((1, 2), 0.01, 0.007),
    ):
        within = (between[pair[0], pair[0]] + between[pair[1], pair[1]]) / 2
        assert 1 - within / between[pair] == pytest.approx(published, abs=tolerance), pair


def test_fst_between_groups(cohort) -> None:
    for first, second, published, tolerance in (
        ("European", "African", 0.15, 0.05),
        ("European", "East_Asian", 0.10, 0.04),
        ("African", "East_Asian", 0.18, 0.05),
        ("European", "South_Asian", 0.035, 0.02),
        ("East_Asian", "South_Asian", 0.065, 0.03),
    ):
        found = fst(genotypes(cohort, first), genotypes(cohort, second))
        assert found == pytest.approx(published, abs=tolerance), (first, second)


def test_proportions_of_groups(cohort) -> None:
    shares = cohort.phenotypes.ancestry.value_counts(normalize=True)
    assert shares.to_dict() == pytest.approx(GROUPS, abs=0.003)


def test_prevalence_of_groups(cohort) -> None:
    known = cohort.phenotypes[cohort.phenotypes.trait != "NA"]
    groups = known.trait.astype(int).groupby(known.ancestry)
    error = np.sqrt(0.2 / groups.size())
    assert (groups.mean() > 0.15 - 2 * error).all() and (groups.mean() < 0.35 + 2 * error).all()


def test_groups_explain_the_first_components_and_the_cline_the_next(cohort, components) -> None:
    scores = pd.DataFrame(components[1])
    group = cohort.phenotypes.ancestry
    between = scores.groupby(group).transform("mean").var()
    explained = between / scores.var()
    assert (explained[:2] > 0.85).all() and explained[2] > 0.6 and (explained[3:] < 0.1).all()
    # The cline within Europeans: more individuals of southern ancestry attend the centre south.
    european = group == "European"
    centre = cohort.phenotypes.centre[european]
    cline = scores[3][european]
    apart = cline[centre == "south"].mean() - cline[centre == "north"].mean()
    assert abs(apart) > 0.5 * cline.std()
    assert abs(cline[centre == "midlands"].mean() - cline.mean()) < 0.15 * cline.std()


def test_components_remove_the_inflation_by_ancestry(cohort, components) -> None:
    fileset, scores = components
    known = np.flatnonzero(cohort.phenotypes.trait != "NA")
    trait = cohort.phenotypes.trait.iloc[known].astype(float).to_numpy()
    scores = pd.DataFrame(scores[known], columns=[f"PC{i}" for i in range(1, 11)])
    settings = ScanSettings(0.01, 20, 0.95, 0.0, 0.8, 0.0, 20)  # score tests only
    inflation = []
    for covariates in (scores, pd.DataFrame(index=scores.index)):
        null, _ = fit_null_model(known.astype(str), trait, covariates)
        table, _ = scan(fileset, np.arange(8_000), known, null, settings)
        z = table.beta / table.standard_error
        inflation.append((z**2).median() / chi2.median(1))
    adjusted, crude = inflation
    assert 0.9 < adjusted < 1.1
    assert crude > adjusted + 0.1


def test_ld_decays_and_is_weaker_in_africans(cohort) -> None:
    position = cohort.variants.position.to_numpy()
    chromosome = cohort.variants.chromosome.to_numpy()
    apart = np.diff(position)
    adjacent = np.flatnonzero((chromosome[1:] == chromosome[:-1]) & (apart < 20_000))
    far = np.arange(0, 7_000)
    mean = {}
    for group in ("European", "African"):
        dosages = genotypes(cohort, group).astype(float)
        dosages[dosages == MISSING] = np.nan
        frequency = np.nanmean(dosages, axis=0) / 2
        z = np.nan_to_num(dosages - 2 * frequency)
        z /= np.maximum(np.sqrt((z**2).mean(axis=0)), 1e-9)
        common = np.minimum(frequency, 1 - frequency) >= 0.05
        for name, step, rows in (("near", 1, adjacent), ("far", 1_000, far)):
            both = rows[common[rows] & common[rows + step]]
            r2 = (z[:, both] * z[:, both + step]).mean(axis=0) ** 2
            mean[group, name] = r2.mean() - 1 / len(z)  # without sampling error
    assert 0.2 < mean["European", "near"] < 0.45
    assert 0.1 < mean["African", "near"] < mean["European", "near"] - 0.02
    assert abs(mean["European", "far"]) < 0.001


def test_recent_admixture_causes_ld_between_chromosomes(cohort) -> None:
    """Alleles of one source population occur together, by as much as ancestry varies between individuals."""
    apart = allele_frequency(genotypes(cohort, "African"))
    apart -= allele_frequency(genotypes(cohort, "European"))
    informative = np.flatnonzero(np.abs(apart) > 0.3)
    dosages = genotypes(cohort, "Admixed")[:, informative].astype(float)
    dosages[dosages == MISSING] = np.nan
    z = np.nan_to_num(dosages - np.nanmean(dosages, axis=0)) * np.sign(apart[informative])
    chromosome = cohort.variants.chromosome.to_numpy()[informative]
    other = chromosome[:, None] != chromosome
    covariance = (z.T @ z)[other].mean() / len(z)
    scale = np.abs(apart[informative])
    expected = np.outer(scale, scale)[other].mean() * 4 * np.var(african_share())
    assert covariance == pytest.approx(expected, rel=0.5)


def african_share(n: int = 100_000) -> np.ndarray:
    """African ancestry of admixed individuals, both haplotypes together."""
    admixed = simulate_ancestry(np.repeat("Admixed", n), np.full(n, 0.3), seed=9)
    return admixed.proportions[:, :, AFRICAN].mean(axis=1)


def test_kinship_finds_the_families(cohort) -> None:
    frequency = allele_frequency(cohort.dosages)
    common = np.minimum(frequency, 1 - frequency) >= 0.05
    planes = pack_planes(np.ascontiguousarray(cohort.dosages[:, common]))
    kinship = king_robust(planes, planes)[np.triu_indices(N, 1)]
    # Families have one and two children alternately: two pairs, or four and one pair of siblings.
    first_degree = ((kinship > 0.177) & (kinship < 0.354)).sum()
    assert first_degree == pytest.approx(FAMILIES * (2 + 5) / 2, abs=3)
    assert (kinship > 0.354).sum() == FAMILIES / 20


def test_relatives_are_of_one_group_and_centres_follow_the_cline() -> None:
    individuals = simulate_samples(8_000, 400, seed=2)
    group = individuals.table.ancestry.to_numpy()
    n_founders = len(individuals.founders.inbreeding)
    children = np.arange(n_founders, n_founders + len(individuals.parents))
    for parent in individuals.parents.T:
        assert (group[parent] == group[children]).all()
    assert (group[individuals.copied] == group[-len(individuals.copied) :]).all()
    southern = pd.Series(individuals.southern)
    assert southern.mean() == pytest.approx(0.3, abs=0.01)
    centre = individuals.table.centre
    assert (centre == "midlands").mean() == pytest.approx(1 / 3, abs=0.02)
    means = southern.groupby(centre).mean()
    assert means.north + 0.1 < means.midlands < means.south - 0.1


def test_ancestry_of_groups() -> None:
    n = 40_000
    group = np.repeat(list(GROUPS), n // 5)
    southern = np.random.default_rng(1).beta(1.2, 2.8, n)
    ancestry = simulate_ancestry(group, southern, seed=1)
    assert ancestry.proportions.sum(axis=2) == pytest.approx(1)
    of_group = {name: ancestry.proportions[group == name] for name in GROUPS}
    np.testing.assert_allclose(
        of_group["European"][:, :, SOUTH], np.tile(southern[: n // 5, None], 2)
    )
    assert (of_group["African"][:, :, AFRICAN] == 1).all()
    assert (of_group["East_Asian"][:, :, EAST_ASIAN] == 1).all()
    assert of_group["South_Asian"][:, :, WESTERN].mean() == pytest.approx(0.5, abs=0.01)
    african = of_group["Admixed"][:, :, AFRICAN]
    first_generation = (african == [1, 0]).all(axis=1)
    assert first_generation.mean() == pytest.approx(0.4, abs=0.02)
    assert (african[~first_generation, 0] == african[~first_generation, 1]).all()
    assert african[~first_generation].mean() == pytest.approx(0.75, abs=0.01)
    assert ancestry.inbreeding[group != "South_Asian"].max() == 0
    inbreeding = pd.Series(ancestry.inbreeding[group == "South_Asian"])
    shares = inbreeding.value_counts(normalize=True)
    assert shares.to_dict() == pytest.approx({0: 0.5, 1 / 64: 0.2, 1 / 16: 0.3}, abs=0.02)


def test_ancestry_along_the_genome() -> None:
    n = 5_000
    proportions = np.zeros((n, 2, len(POPULATIONS)))
    proportions[:, :, [AFRICAN, NORTH]] = [0.7, 0.3]
    ancestry = Ancestry(proportions, np.full(n, 7), np.full(n, 0.1))
    morgans = np.array([0.2, 0.25, 0.45, 1.2])
    population, copied = trace_ancestry(ancestry, morgans, np.random.default_rng(2))
    assert set(population.ravel()) == {AFRICAN, NORTH}
    assert (population == AFRICAN).mean() == pytest.approx(0.7, abs=0.01)
    assert copied.mean() == pytest.approx(0.1, abs=0.01)
    african = (population == AFRICAN).reshape(4, -1)
    for locus, distance in enumerate(morgans[1:] - morgans[0], start=1):
        for traced, rate in ((african, 7), (copied, 6)):
            correlation = np.corrcoef(traced[0], traced[locus])[0, 1]
            assert correlation == pytest.approx(np.exp(-rate * distance), abs=0.05)
    assert np.corrcoef(population[0].T)[0, 1] == pytest.approx(0, abs=0.05)


def test_haplotypes_are_dealt_from_the_population_of_the_locus() -> None:
    rng = np.random.default_rng(4)
    population = rng.integers(0, 3, (200, 2))
    copied = rng.random(200) < 0.1
    population[copied, 1] = population[copied, 0]
    size = np.bincount(population.ravel(), minlength=6) + [5, 0, 5, 0, 0, 0]
    columns = deal_haplotypes(population, copied, size, rng).reshape(-1, 2)
    first = np.concatenate([[0], size.cumsum()])
    assert (columns >= first[population]).all() and (columns < first[population + 1]).all()
    assert (columns[copied, 0] == columns[copied, 1]).all()
    assert len(np.unique(columns)) == 400 - copied.sum()


def test_consanguinity_removes_heterozygotes() -> None:
    n = 900
    south_asian = simulate_ancestry(np.repeat("South_Asian", n), np.full(n, 0.3), seed=5)
    alleles = simulate_haplotypes("1", south_asian, 2_000, NOWHERE, seed=6).alleles
    heterozygous = (alleles[:, ::2] != alleles[:, 1::2]).mean(axis=0)
    outbred = heterozygous[south_asian.inbreeding == 0].mean()
    for inbreeding in (1 / 64, 1 / 16):
        inbred = heterozygous[south_asian.inbreeding == inbreeding]
        assert 1 - inbred.mean() / outbred == pytest.approx(inbreeding, abs=0.015)


def test_another_composition_sets_groups_admixture_and_inbreeding() -> None:
    n = 20_000
    composition = Composition(
        {"European": 0.25, "Admixed": 0.75}, (4, 3), 0, {"Admixed": {0: 0.9, 1 / 8: 0.1}}
    )
    individuals = simulate_samples(n, 0, 3, composition)
    admixed = (individuals.table.ancestry == "Admixed").to_numpy()
    assert admixed.mean() == pytest.approx(0.75)
    share = individuals.founders.proportions[:, :, AFRICAN]
    assert (share[:, 0] == share[:, 1]).all()  # no individual has one parent of each population
    assert share[~admixed].max() == 0
    assert share[admixed, 0].mean() == pytest.approx(4 / 7, abs=0.005)
    assert share[admixed, 0].var() == pytest.approx(4 * 3 / (7**2 * 8), rel=0.05)
    inbred = individuals.founders.inbreeding
    assert inbred[~admixed].max() == 0
    assert (inbred[admixed] == 1 / 8).mean() == pytest.approx(0.1, abs=0.01)
