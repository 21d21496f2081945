"""Covariates as numbers: levels of categories, and whether one says what others do."""

from collections.abc import Sequence

import pandas as pd

from snpgen.association.null_model import check_rank, standardise_design
from snpgen.job import log
from snpgen.messages import InputError


def expand_covariates(
    samples: pd.DataFrame, covariates: Sequence[str], categorical: Sequence[str]
) -> pd.DataFrame:
    """IID and numeric covariates, float64; a column {name}={level} for each level but one.

    Levels come from the training people, the most frequent being the reference; others than these
    count as the reference. Raises `InputError` on a covariate that is constant in training.
    """
    train = (samples.split == "train").to_numpy()
    columns: dict[str, pd.Series] = {"IID": samples.IID}
    for name in covariates:
        if samples[name][train].nunique() == 1:
            raise InputError(
                f"covariate {name} is {samples[name][train].iloc[0]} for everyone in training: "
                "leave it out of covariates"
            )
        if name not in categorical:
            columns[name] = samples[name].astype(float)
            continue
        counts = samples[name][train].value_counts().sort_index()
        reference = counts.idxmax()
        for level in counts.index.drop([reference]):
            columns[f"{name}={level}"] = (samples[name] == level).astype(float)
        unknown = ~samples[name].isin(counts.index)
        if unknown.any():
            log.info("%d people have a %s unknown in training", unknown.sum(), name)
    return pd.DataFrame(columns)


def check_collinear(
    samples: pd.DataFrame, covariates: Sequence[str], categorical: Sequence[str]
) -> None:
    """Raise `InputError` where one covariate of `samples` is a combination of the others."""
    if not len(covariates):
        return
    columns = expand_covariates(samples.assign(split="train"), covariates, categorical)
    columns = columns.drop(columns="IID")
    design, _ = standardise_design(columns.to_numpy())
    check_rank(design, ["intercept", *columns.columns], "the people left")
