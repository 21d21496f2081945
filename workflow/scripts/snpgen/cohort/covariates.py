"""The design matrix of covariates: coding of categories, standardisation, and checks of its rank."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from snpgen.job import log
from snpgen.messages import Code, InputError

_COLLINEAR = 1e-7  # smallest share of a column's norm not explained by earlier columns


def expand_covariates(
    samples: pd.DataFrame, covariates: Sequence[str], categorical: Sequence[str]
) -> pd.DataFrame:
    """Convert covariates to float64; returns a table of IID and the numeric columns.

    A categorical covariate has an indicator column {name}={level} for each level except the reference.
    `samples` has IID, split and the covariates. The levels are found in the training individuals; the most
    frequent level is the reference. Levels that occur in no training individual are coded as the reference.
    Raises `InputError` if a covariate is constant in the training set.
    """
    train = (samples.split == "train").to_numpy()
    columns: dict[str, pd.Series] = {"IID": samples.IID}
    for name in covariates:
        if samples[name][train].nunique() == 1:
            raise InputError(
                Code.COLLINEAR_COVARIATE,
                f"'{name}' is {samples[name][train].iloc[0]} for all training individuals",
                "Remove it from the list",
                key="covariates",
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
            log.info(
                "%d individuals have a level of %s that is not in the training set; it is coded "
                "as the reference level",
                unknown.sum(),
                name,
            )
    return pd.DataFrame(columns)


def standardise_design(raw: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Design matrix (n, 1 + k) of intercept and standardised covariates, and a matrix to transform back.

    `raw` (n, k) float64. The second result, (1 + k, 1 + k), maps coefficients of the design to
    coefficients of an intercept and `raw`.
    """
    mean, spread = raw.mean(axis=0), raw.std(axis=0)
    constant = spread <= _COLLINEAR * np.abs(mean)
    scale = np.where(constant, 1.0, spread)
    standardised = np.where(constant, 0.0, (raw - mean) / scale)
    back = np.diag(np.concatenate([[1.0], 1 / scale]))
    back[0, 1:] = -mean / scale
    return np.column_stack([np.ones(len(raw)), standardised]), back


def check_rank(design: np.ndarray, names: list[str], who: str) -> None:
    """Raise `InputError` if `design` (n, k) does not have full column rank, or if n <= k.

    `names` (k,) are the names of the columns; the message reports the first column that is a linear
    combination of earlier columns. `who` names the individuals in the message.
    """
    if len(design) <= design.shape[1]:
        raise InputError(
            Code.TOO_MANY_COVARIATES,
            f"the covariates have {design.shape[1] - 1} columns, too many for {len(design)} individuals "
            f"({who})",
            "Remove covariates, or merge rare levels. A categorical covariate has one column per "
            "level except the reference",
            key="covariates",
        )
    triangle = np.linalg.qr(design, mode="r")
    explained = np.abs(np.diag(triangle)) <= _COLLINEAR * np.linalg.norm(design, axis=0)
    if explained.any():
        raise InputError(
            Code.COLLINEAR_COVARIATE,
            f"'{names[np.flatnonzero(explained)[0]]}' is constant, or a linear combination of earlier "
            f"covariates, in {who}",
            "Remove it from the list",
            key="covariates",
        )


def check_collinear(
    samples: pd.DataFrame, covariates: Sequence[str], categorical: Sequence[str]
) -> None:
    """Raise `InputError` if a covariate of `samples` is a linear combination of other covariates."""
    if not len(covariates):
        return
    columns = expand_covariates(samples.assign(split="train"), covariates, categorical)
    columns = columns.drop(columns="IID")
    design, _ = standardise_design(columns.to_numpy())
    check_rank(design, ["intercept", *columns.columns], "the included individuals")
