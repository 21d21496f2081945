"""Quality control of a fileset: chromosomes and call rates."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from broken_input import check_refusal
from example_association import make_variants, write_cohort

from snpgen.cohort.qc import check_samples, rows_on, sample_call_rates
from snpgen.io.plink import MISSING
from snpgen.messages import Code


@pytest.fixture
def fileset(tmp_path: Path):
    rng = np.random.default_rng(1)
    dosages = rng.binomial(2, 0.3, (10, 3_000)).astype(np.int8)
    dosages[4, :300] = MISSING
    dosages[7, 2_000:] = MISSING
    variants = make_variants(3_000).assign(
        chromosome=np.repeat(["1", "2", "X"], [1_500, 1_000, 500])
    )
    return write_cohort(tmp_path / "set", dosages, variants)


def test_call_rates_count_only_the_configured_chromosomes(fileset) -> None:
    rows = rows_on(fileset, ["1", "2"])
    np.testing.assert_array_equal(rows, np.arange(2_500))
    expected = np.ones(10)
    expected[4], expected[7] = 1 - 300 / 2_500, 1 - 500 / 2_500
    np.testing.assert_allclose(sample_call_rates(fileset, rows, threads=1), expected)


def test_samples_with_low_call_rate_are_removed_and_counted(fileset) -> None:
    individuals, funnel = check_samples(fileset, rows_on(fileset, ["1", "2"]), 0.85, threads=1)
    assert list(individuals.columns) == ["FID", "IID", "sex", "call_rate"]
    assert list(individuals.IID) == [iid for iid in fileset.samples.IID if iid != "00007"]
    counts = funnel.set_index(["unit", "step"])
    assert tuple(counts.loc[("samples", "call rate"), ["kept", "dropped"]]) == (9, 1)
    on = counts.loc[("variants", "on the configured chromosomes")]
    assert (on.kept, on.dropped) == (2_500, 500)


def test_low_call_rate_of_all_samples_is_refused(fileset) -> None:
    call = partial(check_samples, fileset, rows_on(fileset, ["1", "2"]), 1.1, threads=1)
    check_refusal(call, Code.LOW_CALL_RATE, "set.fam")


def test_chromosome_without_variants(fileset) -> None:
    call = partial(rows_on, fileset, ["1", "2", "3"])
    check_refusal(call, Code.MISSING_CHROMOSOME, "set.bim")
