"""Simulated cohort: variants, LD, relatives, missing calls and phenotypes."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from broken_input import check_refusal
from scipy.stats import norm

from snpgen.cohort.coalescent import (
    RECOMBINATION_RATE,
    WINDOW,
    drop_genes,
    make_gamete,
    place_windows,
    recombination_map,
    simulate_haplotypes,
)
from snpgen.cohort.populations import simulate_ancestry
from snpgen.cohort.simulation import (
    draw_effects,
    simulate_biomarker,
    simulate_cohort,
    simulate_liability,
    simulate_samples,
    simulate_severity,
    simulate_trait,
)
from snpgen.genetics.builds import CENTROMERES, LENGTHS
from snpgen.genetics.kinship import king_robust
from snpgen.genetics.packed import pack_planes
from snpgen.io.plink import MISSING, allele_frequency
from snpgen.messages import Code

NOWHERE = pd.DataFrame({"chromosome": [], "start": [], "end": []})
AVOID = pd.DataFrame({"chromosome": ["21"], "start": [20_000_000], "end": [30_000_000]})
SETTINGS = {
    "samples": 1_500,
    "variants": 1_200,
    "families": 40,
    "causal": 60,
    "heritability": 0.5,
    "prevalence": 0.25,
    "chromosomes": ["21", "22"],
    "avoid": AVOID,
    "seed": 1,
}


@pytest.fixture(scope="module")
def cohort():
    return simulate_cohort(**SETTINGS, threads=1)


@pytest.fixture(scope="module")
def haplotypes():
    european = simulate_ancestry(np.repeat("European", 400), np.full(400, 0.3), seed=4)
    return simulate_haplotypes("21", european, 900, NOWHERE, seed=5)


def test_numbers_and_alleles_of_variants(cohort) -> None:
    assert cohort.dosages.shape == (1_500, 1_200) and cohort.dosages.dtype == np.int8
    variants = cohort.variants
    assert list(variants.chromosome) == ["21"] * 600 + ["22"] * 600
    assert variants.variant_id.is_unique and variants.variant_id.str.match(r"rs9\d{9}$").all()
    assert (variants.effect_allele != variants.other_allele).all()
    assert set(variants.effect_allele) | set(variants.other_allele) == set("ACGT")
    frequency = allele_frequency(cohort.dosages)
    assert frequency.min() >= 0.01 and frequency.max() <= 0.5
    assert (frequency > 0.05).mean() > 0.5


def test_positions_are_valid(cohort) -> None:
    for chromosome, table in cohort.variants.groupby("chromosome"):
        position = table.position.to_numpy()
        assert (np.diff(position) > 0).all()
        start, end = CENTROMERES[str(chromosome)]
        assert ((position < start) | (position > end)).all()
        assert position[-1] < LENGTHS["GRCh38"][str(chromosome)]
    on21 = cohort.variants.position[cohort.variants.chromosome == "21"]
    assert not on21.between(20_000_000, 30_000_000).any() and on21.min() < 20_000_000


def test_same_bytes_for_any_number_of_threads(cohort) -> None:
    again = simulate_cohort(**SETTINGS, threads=2)
    np.testing.assert_array_equal(again.dosages, cohort.dosages)
    for name in ("samples", "variants", "phenotypes", "causal"):
        pd.testing.assert_frame_equal(getattr(again, name), getattr(cohort, name))


def test_missing_calls(cohort) -> None:
    missing = cohort.dosages == MISSING
    assert 0.001 < missing.mean() < 0.006
    call_rate = 1 - missing.mean(axis=1)
    assert 1 <= (call_rate < 0.95).sum() <= 4


def test_tables_of_samples(cohort) -> None:
    assert cohort.samples.IID.is_unique and cohort.samples.IID.str.match(r"\d{7}$").all()
    columns = ["FID", "IID", "trait", "sex", "age", "centre", "ancestry", "severity", "biomarker"]
    assert list(cohort.phenotypes.columns) == columns
    pd.testing.assert_series_equal(cohort.phenotypes.IID, cohort.samples.IID)
    assert set(cohort.phenotypes.trait) == {"0", "1", "NA"}
    coded = cohort.phenotypes.trait.map({"0": "1", "1": "2", "NA": "-9"})
    assert list(coded) == list(cohort.samples.phenotype)
    assert cohort.phenotypes.centre.nunique() == 3
    known = cohort.phenotypes.trait[cohort.phenotypes.trait != "NA"].astype(int)
    assert known.mean() == pytest.approx(0.25, abs=0.01)


def test_causal_variants_explain_the_heritability(cohort) -> None:
    causal = cohort.causal.merge(cohort.variants.reset_index(), on="variant_id")
    assert len(causal) == 60 and (causal.effect_allele_x == causal.effect_allele_y).all()
    dosages = cohort.dosages[:, causal["index"]].astype(float)
    dosages[dosages == MISSING] = np.nan
    dosages = np.where(np.isnan(dosages), np.nanmean(dosages, axis=0), dosages)
    assert (np.minimum(dosages.mean(axis=0) / 2, 1 - dosages.mean(axis=0) / 2) > 0.049).all()
    genetic = dosages @ causal.beta_liability.to_numpy()
    assert genetic.var() == pytest.approx(0.5, abs=0.01)
    # Correlation of a part of liability with the threshold trait (Dempster and Lerner 1950).
    known = (cohort.phenotypes.trait != "NA").to_numpy()
    trait = cohort.phenotypes.trait[known].astype(int)
    expected = np.sqrt(0.5) * norm.pdf(norm.ppf(0.75)) / np.sqrt(0.25 * 0.75)
    assert np.corrcoef(genetic[known], trait)[0, 1] == pytest.approx(expected, abs=0.06)


def test_liability_has_unit_variance_for_any_covariate_effects() -> None:
    n = 40_000
    rng = np.random.default_rng(2)
    individuals = pd.DataFrame(
        {
            "sex": rng.integers(1, 3, n),
            "age": rng.integers(40, 70, n),
            "centre": rng.choice(["midlands", "north", "south"], n),
            "ancestry": rng.choice(["European", "African"], n, p=[0.9, 0.1]),
        }
    )
    genetic = np.sqrt(0.4) * rng.standard_normal(n)
    liability = simulate_liability(genetic, individuals, np.full(n, 0.3), seed=3)
    assert liability.var() == pytest.approx(1, abs=0.02)
    trait = simulate_trait(liability, 0.1)
    assert trait.mean() == pytest.approx(0.1, abs=1e-4)
    height = norm.pdf(norm.ppf(0.9)) / np.sqrt(0.1 * 0.9)
    assert np.corrcoef(genetic, trait)[0, 1] == pytest.approx(np.sqrt(0.4) * height, abs=0.015)
    assert np.corrcoef(individuals.age, trait)[0, 1] > 0.03
    assert trait[individuals.sex == 1].mean() > trait[individuals.sex == 2].mean() + 0.02
    by_centre = pd.Series(trait).groupby(individuals.centre.to_numpy()).mean()
    assert by_centre.midlands < by_centre.north < by_centre.south


def test_liability_of_groups_does_not_depend_on_genetic_drift() -> None:
    n = 100_000
    rng = np.random.default_rng(4)
    individuals = pd.DataFrame({"sex": 1, "age": 50, "centre": "north"}, index=range(n))
    individuals["ancestry"] = np.resize(["European", "European", "African", "South_Asian"], n)
    drift = individuals.ancestry.map({"European": 0.0, "African": 1.0, "South_Asian": -0.5})
    genetic = drift.to_numpy() + np.sqrt(0.3) * rng.standard_normal(n)
    southern = rng.uniform(0, 1, n)
    liability = simulate_liability(genetic, individuals, southern, seed=3)
    assert liability.var() == pytest.approx(1, abs=0.02)
    means = pd.Series(liability).groupby(individuals.ancestry).mean()
    # The mean southern share of these Europeans is 0.5 instead of 0.3.
    expected = {"African": -0.2 - 0.06, "South_Asian": 0.15 - 0.06, "European": 0}
    for group, effect in expected.items():
        assert means[group] - means.European == pytest.approx(effect, abs=0.03)
    for group, slope in {"European": 0.3, "African": 0}.items():
        own = individuals.ancestry == group
        assert np.polyfit(southern[own], liability[own], 1)[0] == pytest.approx(slope, abs=0.06)
        within = np.polyfit(genetic[own], liability[own], 1)[0]
        assert within == pytest.approx(1, abs=0.03)


def test_other_phenotypes_share_the_liability() -> None:
    liability = np.random.default_rng(2).standard_normal(40_000) + 3
    biomarker = simulate_biomarker(liability, seed=1)
    assert biomarker.mean() == pytest.approx(5, abs=0.01)
    assert biomarker.var() == pytest.approx(1.25, abs=0.03)
    assert np.polyfit(liability, biomarker, 1)[0] == pytest.approx(1, abs=0.01)
    assert (np.round(biomarker, 2) == biomarker).all()
    severity = pd.Series(simulate_severity(liability, 0.25, seed=3))
    shares = severity.value_counts(normalize=True)
    assert shares.to_dict() == pytest.approx({"none": 0.75, "mild": 0.15, "severe": 0.1}, abs=1e-3)
    # Mean of a normal above a quantile, by the correlation of the two liabilities.
    severe = liability[severity == "severe"].mean() - 3
    assert severe == pytest.approx(norm.pdf(norm.ppf(0.9)) / 0.1 / np.sqrt(1.25), abs=0.03)
    # Of noise of their own: at one liability they do not go together.
    residual = biomarker - liability
    assert abs(residual[severity == "mild"].mean() - residual.mean()) < 0.03


def test_other_phenotypes_of_the_cohort(cohort) -> None:
    table = cohort.phenotypes
    assert set(table.severity) == {"none", "mild", "severe", "NA"}
    known = (table.biomarker != "NA") & (table.trait != "NA")
    assert 0 < (~known).sum() < 40
    biomarker, trait = table.biomarker[known].astype(float), table.trait[known] == "1"
    assert biomarker[trait].mean() > biomarker[~trait].mean() + 1


def test_relatives_and_copies(haplotypes) -> None:
    parents, copied = np.array([[0, 1], [0, 1], [2, 3]]), np.array([7])
    dosages = drop_genes(haplotypes, parents, copied, seed=1)
    assert dosages.shape == (404, 900)
    # A child shares an allele with its parents at every variant, but not with other individuals.
    for child, couple in enumerate(parents, start=400):
        for parent in couple:
            assert np.abs(dosages[child] - dosages[parent]).max() < 2
        assert np.abs(dosages[child] - dosages[10]).max() == 2
    np.testing.assert_array_equal(dosages[403], dosages[7])
    kinship = king_robust(pack_planes(dosages[400:]), pack_planes(dosages[:400]))
    for child, couple in enumerate(parents):
        np.testing.assert_allclose(kinship[child, couple], 0.25, atol=0.08)
    unrelated = np.delete(kinship[:3], [0, 1, 2, 3], axis=1)
    assert unrelated.max() < 0.15 and abs(unrelated.mean()) < 0.1  # of 22 windows only
    assert kinship[3, 7] == 0.5


def test_cohort_has_the_requested_families(cohort) -> None:
    individuals = simulate_samples(1_500, 40, seed=1)
    assert len(individuals.parents) == 60 and len(individuals.copied) == 2
    assert len(individuals.founders.inbreeding) + 62 == 1_500 == len(individuals.table)
    sex = individuals.table.sex.to_numpy()[individuals.parents]
    assert (sex == [1, 2]).all()
    # Two copies, and sixty children with two parents each, have close relatives by identity by state.
    dosages = np.where(cohort.dosages == MISSING, 1, cohort.dosages).astype(np.float32)
    opposite = (dosages == 0).astype(np.float32) @ (dosages == 2).astype(np.float32).T
    opposite += opposite.T
    near = np.triu(opposite < 4, 1).sum()
    assert 120 <= near <= 142  # and some siblings


def test_crossovers_follow_the_map() -> None:
    rng = np.random.default_rng(3)
    morgans = np.linspace(0, 1.5, 3_001)
    strands = np.zeros((3_001, 2), dtype=np.uint8)
    strands[:, 1] = 1
    gametes = np.array([make_gamete(strands, morgans, rng) for _ in range(3_000)])
    crossovers = np.abs(np.diff(gametes.astype(int), axis=1)).sum(axis=1)
    assert crossovers.mean() == pytest.approx(1.5, abs=0.07)
    assert crossovers.var() == pytest.approx(1.5, abs=0.15)
    # Haldane 1919: recombination over half a morgan is (1 - exp(-2 x 0.5)) / 2.
    recombined = (gametes[:, 1_000] != gametes[:, 2_000]).mean()
    assert recombined == pytest.approx((1 - np.exp(-1)) / 2, abs=0.03)
    assert gametes[:, 0].mean() == pytest.approx(0.5, abs=0.03)


def test_map_has_hot_spots_and_the_mean_rate() -> None:
    shares = []
    for seed in range(20):
        rates = recombination_map(seed)
        assert rates.mean_rate == pytest.approx(RECOMBINATION_RATE)
        ordered = np.sort(rates.rate)[::-1]
        shares.append(ordered[: 3 * len(ordered) // 100].sum() / ordered.sum())
    assert 0.6 < np.mean(shares) < 0.8


def test_ld_decays_with_distance_within_the_window(haplotypes) -> None:
    r2 = np.corrcoef(haplotypes.alleles.astype(float)) ** 2
    apart = np.abs(haplotypes.position[:, None] - haplotypes.position[None])
    upper = np.triu(np.ones_like(apart, dtype=bool), 1)
    near = r2[upper & (apart < 10_000)].mean()
    middle = r2[upper & (apart > 100_000) & (apart < 200_000)].mean()
    far = r2[upper & (apart > 2 * WINDOW)].mean()
    assert near > 0.1 > middle > 2 * far
    assert far == pytest.approx(1 / 800, rel=0.1)  # independent loci of 800 haplotypes
    assert (np.diff(haplotypes.morgans) >= 0).all()


def test_impossible_settings_are_refused() -> None:
    conflict = Code.CONFLICTING_SETTINGS
    call = partial(simulate_samples, 1_000, 400, seed=1)
    check_refusal(call, conflict, key="simulation.families")
    check_refusal(lambda: place_windows("21", 40, AVOID), conflict, key="simulation.variants")
    dosages = np.zeros((50, 6), np.int8)
    dosages[:10, :2] = 1  # two common variants
    assert np.count_nonzero(draw_effects(dosages, 2, 1)) == 2
    check_refusal(lambda: draw_effects(dosages, 3, 1), conflict, key="simulation.causal")
