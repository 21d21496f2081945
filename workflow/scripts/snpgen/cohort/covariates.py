"""Covariates as numbers: levels of categories, and whether one says what others do."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from snpgen.job import log
from snpgen.messages import InputError

_COLLINEAR = 1e-7  # smallest part of a column's norm that the columns before it leave unexplained


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


def standardise_design(raw: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Intercept and standardised covariates (n, 1 + k), and what turns coefficients back.

    `raw` (n, k) float64; the second result (1 + k, 1 + k) maps coefficients of the design onto those
    of an intercept and `raw`.
    """
    mean, spread = raw.mean(axis=0), raw.std(axis=0)
    constant = spread <= _COLLINEAR * np.abs(mean)
    scale = np.where(constant, 1.0, spread)
    standardised = np.where(constant, 0.0, (raw - mean) / scale)
    back = np.diag(np.concatenate([[1.0], 1 / scale]))
    back[0, 1:] = -mean / scale
    return np.column_stack([np.ones(len(raw)), standardised]), back


def check_rank(design: np.ndarray, names: list[str], who: str) -> None:
    """Raise `InputError` on the first column that the columns before it explain, among `who`.

    And on as many columns as there are people, who then tell nothing apart.
    """
    if len(design) <= design.shape[1]:
        raise InputError(
            f"{design.shape[1] - 1} covariates, with one for each level of a category but the first, "
            f"are too many for {who}, who are {len(design)}: leave some out, or join rare levels, in "
            "the phenotype's file"
        )
    triangle = np.linalg.qr(design, mode="r")
    explained = np.abs(np.diag(triangle)) <= _COLLINEAR * np.linalg.norm(design, axis=0)
    if explained.any():
        raise InputError(
            f"covariate {names[np.flatnonzero(explained)[0]]} is constant, or a combination of the "
            f"covariates before it, in {who}: leave it out in the phenotype's file"
        )


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
