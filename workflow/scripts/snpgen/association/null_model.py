"""The null model: regression of the phenotype on the covariates, without any variant."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.linalg import cholesky, orth, solve_triangular
from scipy.special import betainc, betaln, expit, log_ndtr

from snpgen.association.logistic import fit_logistic
from snpgen.cohort.covariates import check_rank, standardise_design
from snpgen.genetics.homogeneity import find_homogeneous
from snpgen.messages import Code, InputError

_COMPONENT = "(?i)^pc_?[0-9]+$"  # name of a covariate that is a principal component
_COLLINEAR = 1e-7  # smallest singular value of a design, relative to the largest


@dataclass(frozen=True)
class NullModel:
    """Regression of the phenotype on the covariates, fitted to the training individuals.

    `iid` (n,) str; `outcome` (n,) float64, 1 for cases and 0 for controls if `logistic`, else the
    value of the trait; `design` (n, k) float64, intercept and standardised covariates;
    `linear_predictor` (n,) float64, the fitted log odds or values; `basis` (n, k) float64, the
    design, transformed so that basis' diag(`weight`) basis is the identity; `homogeneous` (n,) bool, the
    individuals of the largest group with homogeneous principal components.
    """

    iid: np.ndarray
    outcome: np.ndarray
    design: np.ndarray
    linear_predictor: np.ndarray
    basis: np.ndarray
    homogeneous: np.ndarray
    logistic: bool = True

    @property
    def weight(self) -> np.ndarray:
        """Variance of the outcome, up to a constant factor, float64 (n,): p (1 - p) if logistic, else 1."""
        if not self.logistic:
            return np.ones(len(self.outcome))
        probability = expit(self.linear_predictor)
        return probability * (1 - probability)

    def with_offset(self, offset: np.ndarray) -> "NullModel":
        """Refit the model with `offset` (n,) float64 as a fixed term of the linear predictor."""
        theta, information = fit_coefficients(self.design, self.outcome, self.logistic, offset)
        return replace(
            self,
            linear_predictor=offset + self.design @ theta,
            basis=_whiten(self.design, information),
        )

    def save(self, path: str) -> None:
        """Write as `.npz` without pickled objects."""
        np.savez(path, **{name: getattr(self, name) for name in self.__dataclass_fields__})


def load_null_model(path: str) -> NullModel:
    """Read a null model that `NullModel.save` wrote."""
    with np.load(path, allow_pickle=False) as arrays:
        logistic = bool(arrays["logistic"])
        names = [name for name in arrays.files if name != "logistic"]
        return NullModel(**{name: arrays[name] for name in names}, logistic=logistic)


def neg_log_10_p(z: np.ndarray) -> np.ndarray:
    """-log10 of the two-sided normal p-value of `z`, without underflow."""
    return -(np.log(2) + log_ndtr(-np.abs(z))) / np.log(10)


def neg_log_10_p_of_t(t: np.ndarray, df: np.ndarray) -> np.ndarray:
    """-log10 of the two-sided p-value of Student's `t` with `df` degrees of freedom.

    The p-value is the incomplete beta function at x = df / (df + t^2) with a = df / 2 and b = 1/2. Where
    float64 would underflow, the p-value is the first term of its series in x (DLMF 8.17.8).
    """
    x, a = df / (df + np.square(t)), df / 2
    p = betainc(a, 0.5, x)
    with np.errstate(divide="ignore"):
        series = a * np.log(x) - np.log(a) - betaln(a, 0.5) - 0.5 * np.log1p(-x)
        return np.where(p > 1e-290, -np.log10(np.maximum(p, 1e-300)), -series / np.log(10))


def _whiten(design: np.ndarray, information: np.ndarray) -> np.ndarray:
    """The design transformed so that its information is the identity."""
    root = cholesky(information, lower=True)
    return np.ascontiguousarray(solve_triangular(root, design.T, lower=True).T)


def fit_coefficients(
    design: np.ndarray, outcome: np.ndarray, logistic: bool, offset: np.ndarray | float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients (k,) of a logistic or linear regression, and their information (k, k).

    Raises `np.linalg.LinAlgError` as `fit_logistic` does. The information of the linear regression is
    computed for a residual variance of 1.
    """
    if logistic:
        return fit_logistic(design, outcome, offset)
    return np.linalg.lstsq(design, outcome - offset)[0], design.T @ design


def fit_covariates(
    outcome: np.ndarray, covariates: pd.DataFrame, logistic: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Fit the regression of `fit_null_model`: design (n, k), back (k, k), coefficients, information.

    `back` as in `standardise_design`. Raises `InputError` on a covariate that is constant, collinear, or
    separates cases from controls.
    """
    names = ["intercept", *covariates.columns]
    design, back = standardise_design(covariates.to_numpy(np.float64))
    check_rank(design, names, "the training set")
    try:
        theta, information = fit_coefficients(design, outcome, logistic)
    except np.linalg.LinAlgError as error:
        worst = names[1 + int(np.abs(error.args[0][1:]).argmax())]
        raise InputError(
            Code.SEPARATING_COVARIATE,
            f"'{worst}', alone or together with other covariates, separates cases from controls in the training set",
            "Remove the covariate from the list, or merge its rare levels",
            key="covariates",
        ) from error
    return design, back, theta, information


def fit_null_model(
    iid: np.ndarray,
    outcome: np.ndarray,
    covariates: pd.DataFrame,
    logistic: bool = True,
) -> tuple[NullModel, pd.DataFrame]:
    """Fit a logistic or linear regression on the covariates by maximum likelihood, in float64.

    `iid` (n,); `outcome` (n,), 0/1 or values of the trait; `covariates`, n rows of numbers without an intercept.
    Covariates named PC1, PC2 and so on are principal components. Returns the model and a table of covariate, beta
    and standard_error, on the scale of the covariates. Raises `InputError` on a covariate that is constant,
    collinear, or separates cases from controls.
    """
    design, back, theta, information = fit_covariates(outcome, covariates, logistic)
    variance = 1.0
    predictor = design @ theta
    if not logistic:
        variance = np.square(outcome - predictor).sum() / (len(outcome) - len(theta))
    covariance = variance * back @ np.linalg.inv(information) @ back.T
    table = pd.DataFrame(
        {
            "covariate": ["intercept", *covariates.columns],
            "beta": back @ theta,
            "standard_error": np.sqrt(np.diag(covariance)),
        }
    )
    model = NullModel(
        iid.astype(np.str_),
        np.asarray(outcome, dtype=np.float64),
        design,
        predictor,
        _whiten(design, information),
        find_homogeneous(covariates.filter(regex=_COMPONENT).to_numpy(np.float64)),
        logistic,
    )
    return model, table


def fit_contrasts(
    null: NullModel, label: np.ndarray, classes: Sequence[str], offset: np.ndarray | None = None
) -> dict[str, NullModel]:
    """Null model of each later class against the first of `classes`, by the name of the later class.

    `label` (n,) is the index in `classes` of each individual of `null`. Each model is a linear regression,
    among the individuals of the two classes, of an indicator of the later class on the covariates of `null`
    and, if it is given, on the LOCO `offset` (n,). Columns that are collinear in these individuals are dropped.
    """
    columns = [null.design] if offset is None else [null.design, offset]
    design = np.column_stack(columns)
    contrasts = {}
    for index, name in enumerate(classes[1:], start=1):
        rows = np.isin(label, [0, index])
        outcome = (label[rows] == index).astype(np.float64)
        basis = np.ascontiguousarray(orth(design[rows], rcond=_COLLINEAR))
        fitted = basis @ (basis.T @ outcome)
        contrasts[name] = NullModel(
            null.iid[rows], outcome, basis, fitted, basis, null.homogeneous[rows], logistic=False
        )
    return contrasts
