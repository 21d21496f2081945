"""Quality control of a fileset: chromosomes and call rates."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from snpgen.cohort.qc import check_samples, rows_on, sample_call_rates
from snpgen.io.plink import MISSING, open_fileset, write_fileset
from snpgen.messages import Code, InputError


@pytest.fixture
def fileset(tmp_path: Path):
    rng = np.random.default_rng(1)
    dosages = rng.binomial(2, 0.3, (10, 3_000)).astype(np.int8)
    dosages[4, :300] = MISSING
    dosages[7, 2_000:] = MISSING
    iid = [f"p{number}" for number in range(10)]
    samples = pd.DataFrame({"FID": iid, "IID": iid})
    samples = samples.assign(father="0", mother="0", sex="2", phenotype="-9")
    variants = pd.DataFrame({"chromosome": ["1"] * 1_500 + ["2"] * 1_000 + ["X"] * 500})
    variants["variant_id"] = [f"v{number}" for number in range(3_000)]
    variants = variants.assign(position=np.arange(3_000), effect_allele="A", other_allele="G")
    write_fileset(str(tmp_path / "set"), dosages, samples, variants)
    return open_fileset(str(tmp_path / "set"), ["1", "2"])


def test_call_rates_count_only_the_configured_chromosomes(fileset) -> None:
    rows = rows_on(fileset, ["1", "2"])
    np.testing.assert_array_equal(rows, np.arange(2_500))
    expected = np.ones(10)
    expected[4], expected[7] = 1 - 300 / 2_500, 1 - 500 / 2_500
    np.testing.assert_allclose(sample_call_rates(fileset, rows, threads=1), expected)


def test_samples_with_low_call_rate_are_removed_and_counted(fileset) -> None:
    individuals, funnel = check_samples(fileset, rows_on(fileset, ["1", "2"]), 0.85, threads=1)
    assert list(individuals.columns) == ["FID", "IID", "sex", "call_rate"]
    assert list(individuals.IID) == [f"p{number}" for number in range(10) if number != 7]
    counts = funnel.set_index(["unit", "step"])
    assert tuple(counts.loc[("samples", "call rate"), ["kept", "dropped"]]) == (9, 1)
    on = counts.loc[("variants", "on the configured chromosomes")]
    assert (on.kept, on.dropped) == (2_500, 500)


def test_low_call_rate_of_all_samples_is_refused(fileset) -> None:
    with pytest.raises(InputError) as error:
        check_samples(fileset, rows_on(fileset, ["1", "2"]), 1.1, threads=1)
    assert error.value.code is Code.LOW_CALL_RATE
    assert error.value.file == str(fileset.beds[0].with_suffix(".fam"))


def test_chromosome_without_variants(fileset) -> None:
    with pytest.raises(InputError) as error:
        rows_on(fileset, ["1", "2", "3"])
    assert error.value.code is Code.MISSING_CHROMOSOME
    assert error.value.file == str(fileset.beds[0].with_suffix(".bim"))
