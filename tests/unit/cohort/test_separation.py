"""Separation of cases and controls by one covariate: what is refused, and the advice."""

import numpy as np
import pandas as pd
import pytest

from snpgen.association.null_model import fit_covariates
from snpgen.cohort.covariates import expand_covariates
from snpgen.cohort.separation import check_separation
from snpgen.messages import Code, InputError


def make_samples(seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    n = 300
    return pd.DataFrame(
        {
            "IID": [f"i{number}" for number in range(n)],
            "phenotype": rng.integers(0, 2, n).astype(np.int8),
            "sex": rng.integers(1, 3, n).astype(str),
            "age": rng.integers(40, 70, n).astype(str),
            "centre": rng.choice(["north", "south", "west"], n),
            "54-0.0": rng.choice(["11010", "11011", "11012"], n),
        }
    )


def refusal(samples: pd.DataFrame, *names: str, categorical: tuple[str, ...] = ()) -> InputError:
    with pytest.raises(InputError) as caught:
        check_separation(samples, names, categorical, "the training set")
    assert caught.value.code is Code.SEPARATING_COVARIATE and caught.value.key == "covariates"
    return caught.value


def test_overlapping_covariates_are_accepted() -> None:
    samples = make_samples()
    names = ["sex", "age", "centre", "54-0.0"]
    check_separation(samples, names, names[2:], "the training set")
    # A single case within the range of the controls does not separate.
    samples["age"] = np.where(samples.phenotype == 1, "50", samples.age)
    check_separation(samples, ["age"], [], "the training set")


def test_trait_of_one_sex() -> None:
    samples = make_samples()
    samples.loc[samples.phenotype == 1, "sex"] = "1"
    error = refusal(samples, "age", "sex")
    assert "'sex' separates cases from controls in the training set" in error.what
    assert "at most 1 in all cases and at least 1 in all controls" in error.what
    assert "include: sex == 1" in error.remedy
    error = refusal(samples, "sex", categorical=("sex",))
    assert "with '2' are controls" in error.what and "sex != 2" in error.remedy


def test_age_at_diagnosis_that_controls_lack() -> None:
    samples = make_samples()
    samples["age"] = np.where(samples.phenotype == 1, samples.age, "0")
    error = refusal(samples, "age")
    assert "at most 0 in all controls and at least 40 in all cases" in error.what
    assert error.remedy == "Remove 'age' from 'covariates'"


def test_level_without_cases_is_named_with_its_size() -> None:
    samples = make_samples()
    controls = np.flatnonzero(samples.phenotype == 0)[:12]
    samples.loc[controls, "centre"] = "small one"
    samples.loc[controls, "54-0.0"] = "11099"
    error = refusal(samples, "centre", categorical=("centre",))
    assert "all 12 with 'small one' are controls" in error.what
    assert error.remedy.startswith("Merge") and 'include: centre != "small one"' in error.remedy
    error = refusal(samples, "54-0.0", categorical=("54-0.0",))
    assert "include: `54-0.0` != 11099" in error.remedy


def test_reference_level_and_several_levels() -> None:
    samples = make_samples()
    samples["centre"] = np.where(samples.phenotype == 1, "south", "north")
    error = refusal(samples, "centre", categorical=("centre",))
    assert "are controls" in error.what and "are cases" in error.what
    assert error.remedy == "Remove 'centre' from 'covariates'"


def test_two_covariates_that_separate_together_are_refused_by_the_fit() -> None:
    rng = np.random.default_rng(2)
    weight, height = rng.normal(size=(2, 300)).round(6)
    samples = pd.DataFrame(
        {
            "IID": [f"i{number}" for number in range(300)],
            "phenotype": (weight > height).astype(np.int8),
            "weight": weight.astype(str),
            "height": height.astype(str),
            "split": "train",
        }
    )
    names = ["weight", "height"]
    check_separation(samples, names, [], "the training set")
    columns = expand_covariates(samples, names, []).drop(columns="IID")
    outcome = samples.phenotype.to_numpy(float)
    with pytest.raises(InputError, match="together") as caught:
        fit_covariates(outcome, columns, True)
    assert caught.value.code is Code.SEPARATING_COVARIATE
