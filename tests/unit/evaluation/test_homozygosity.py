"""F against its definition, and runs of homozygosity against planted ones."""

import numpy as np
import pytest
from example_ancestry import CHROMOSOMES, GAP, PER_CHROMOSOME, M, structured, variants

from snpgen.evaluation.homozygosity import (
    Homozygosity,
    expected_heterozygosity,
    homozygosity_estimates,
    measure_homozygosity,
    share_in_runs,
)
from snpgen.io.plink import MISSING

ONE = (1.0,)
GENOME = CHROMOSOMES * (PER_CHROMOSOME - 1) * GAP


@pytest.mark.parametrize("f", [0.0, 0.2, 0.5])
def test_inbreeding_is_that_planted(f):
    train, _ = structured(2_000, ONE, 1)
    expected = expected_heterozygosity(train.dosages)
    found = measure_homozygosity(structured(2_000, ONE, 2, f)[0].dosages, expected, variants())
    assert found.f.mean() == pytest.approx(f, abs=0.01)
    assert found.heterozygous.mean() == pytest.approx((1 - f) * expected.mean(), abs=0.005)


def test_expected_heterozygosity_is_unbiased_in_few_individuals():
    p = np.full(20_000, 0.3)
    dosages = np.random.default_rng(1).binomial(2, p, (6, len(p))).astype(np.int8)
    dosages[0] = MISSING
    assert expected_heterozygosity(dosages).mean() == pytest.approx(2 * 0.3 * 0.7, abs=0.005)


def test_missing_calls_change_neither_f_nor_runs():
    samples, _ = structured(400, ONE, 3, f=0.5)
    expected = expected_heterozygosity(samples.dosages)
    sparse = np.where(np.random.default_rng(1).random((400, M)) < 0.05, MISSING, samples.dosages)
    whole, part = (measure_homozygosity(x, expected, variants()) for x in (samples.dosages, sparse))
    assert part.f.mean() == pytest.approx(whole.f.mean(), abs=0.01)
    assert part.runs.mean() == pytest.approx(whole.runs.mean(), abs=0.03)


def test_runs_are_those_planted():
    expected = np.full(M, 0.5)
    dosages = np.ones((5, M), np.int8)
    dosages[0, 3:13] = 0  # ten variants, nine gaps
    dosages[1, 3:13:2], dosages[1, 4:13:2] = 2, MISSING  # five called variants: by chance
    dosages[2, 25:40] = 2  # across the end of a chromosome: 5 and 10 variants
    dosages[3, :] = 0
    dosages[4, 3:17] = [0, 2, 0, 2, MISSING, 0, 2, 0, 2, 0, MISSING, 1, 0, 2]
    shares = share_in_runs(dosages, expected, variants())
    assert shares * GENOME / GAP == pytest.approx([9, 0, 9, CHROMOSOMES * (PER_CHROMOSOME - 1), 9])
    close = variants().assign(position=np.tile(np.arange(PER_CHROMOSOME), CHROMOSOMES) * 500_000)
    assert share_in_runs(dosages[:1], expected, close)[0] == 0  # 4.5 Mb
    certain = np.full(M, 0.01)  # homozygous in any case
    assert share_in_runs(dosages[:1], certain, variants())[0] == 0


def test_estimates_are_moments_and_the_quantile_and_weights_are_copies():
    rng = np.random.default_rng(1)
    values = Homozygosity(*rng.normal(0.1, 0.05, (3, 500)))
    estimates = homozygosity_estimates(values, "all", 200, 1)
    assert estimates["heterozygosity", "all"].value == pytest.approx(values.heterozygous.mean())
    assert estimates["f_mean", "all"].value == pytest.approx(values.f.mean())
    assert estimates["f_sd", "all"].value == pytest.approx(values.f.std())
    assert estimates["f_q98", "all"].value == np.sort(values.f)[489]  # 490 of 500 are 98 %
    assert estimates["runs_sd", "all"].value == pytest.approx(values.runs.std())
    for name, spread in (("f_mean", 0.05 / np.sqrt(500)), ("f_sd", 0.05 / np.sqrt(1000))):
        _, low, high = estimates[name, "all"]
        assert (high - low) / 3.92 == pytest.approx(spread, rel=0.25)
