"""Logistic regression of a case-control phenotype on one variant at a time, beside covariates.

The covariates are fitted once, without a variant (the null model); every variant then starts from
there. Variants whose likelihood has no maximum are fitted by Firth's penalised likelihood.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.linalg import cholesky, solve_triangular
from scipy.special import log_ndtr

from snpgen.job import InputError
from snpgen.plink import MISSING

NEWTON_STEPS = 20  # a likelihood without a maximum would need about 30 to look converged
FIRTH_STEPS = 100
DECREMENT = 1e-12  # squared length of the last step, in standard errors
COLLINEAR = 1e-7  # part of a covariate's length that must not be explained by the others


@dataclass(frozen=True)
class NullModel:
    """Logistic regression of the phenotype on the covariates alone, in training people.

    `iid` (n,) str; `phenotype` (n,) int8, 1 for cases; `linear_predictor` (n,) float64, the fitted
    log odds; `basis` (n, k) float64, intercept and covariates turned so that
    basis' diag(p (1 - p)) basis is the identity.
    """

    iid: np.ndarray
    phenotype: np.ndarray
    linear_predictor: np.ndarray
    basis: np.ndarray

    def save(self, path: str) -> None:
        """Write as `.npz` without pickled objects."""
        np.savez(
            path,
            iid=self.iid.astype(np.str_),
            phenotype=self.phenotype,
            linear_predictor=self.linear_predictor,
            basis=self.basis,
        )


def load_null_model(path: str) -> NullModel:
    """Read what `NullModel.save` wrote."""
    with np.load(path, allow_pickle=False) as arrays:
        return NullModel(**{name: arrays[name] for name in arrays.files})


@dataclass(frozen=True)
class Effects:
    """Per-allele effects of m variants on the log odds, each array (m,); NaN where no fit exists.

    `n` and `n_cases` count the people with a call; `firth` marks penalised fits.
    """

    beta: np.ndarray
    standard_error: np.ndarray
    neg_log_10_p_value: np.ndarray
    n: np.ndarray
    n_cases: np.ndarray
    firth: np.ndarray


def neg_log_10_p(z: np.ndarray) -> np.ndarray:
    """-log10 of the two-sided normal p of `z`, without underflow."""
    return -(np.log(2) + log_ndtr(-np.abs(z))) / np.log(10)


def _probability(linear_predictor: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-linear_predictor))


def _check_rank(design: np.ndarray, names: list[str]) -> None:
    """Raise `InputError` on the first column that the columns before it explain."""
    triangle = np.linalg.qr(design, mode="r")
    explained = np.abs(np.diag(triangle)) <= COLLINEAR * np.linalg.norm(design, axis=0)
    if explained.any():
        raise InputError(
            f"covariate {names[np.flatnonzero(explained)[0]]} is constant, or a combination of the "
            "covariates before it, in the training people: leave it out in the phenotype's file"
        )


def fit_null_model(
    iid: np.ndarray, phenotype: np.ndarray, covariates: pd.DataFrame
) -> tuple[NullModel, pd.DataFrame]:
    """Maximum likelihood by iteratively reweighted least squares, in float64.

    `iid` (n,), `phenotype` (n,) of 0 and 1, `covariates` n rows of numbers without an intercept.
    Returns the model and a table: covariate, beta, standard_error (on the covariates' own scale).
    Raises `InputError` on a covariate that is constant, collinear, or separates cases from controls.
    """
    names = ["intercept", *covariates.columns]
    raw = covariates.to_numpy(np.float64)
    mean, spread = raw.mean(axis=0), raw.std(axis=0)
    constant = spread <= COLLINEAR * np.abs(mean)
    scale = np.where(constant, 1.0, spread)
    standardised = np.where(constant, 0.0, (raw - mean) / scale)
    design = np.column_stack([np.ones(len(raw)), standardised])
    _check_rank(design, names)

    theta = np.zeros(design.shape[1])
    for _ in range(NEWTON_STEPS):
        probability = _probability(design @ theta)
        weight = probability * (1 - probability)
        information = design.T @ (weight[:, None] * design)
        score = design.T @ (phenotype - probability)
        step = np.linalg.lstsq(information, score)[0]
        theta += step
        if score @ step < DECREMENT:
            break
    else:
        raise InputError(
            f"covariate {names[1 + int(np.abs(theta[1:]).argmax())]} separates cases from controls "
            "in the training people: leave it out, or join its rare levels, in the phenotype's file"
        )

    back = np.diag(np.concatenate([[1.0], 1 / scale]))
    back[0, 1:] = -mean / scale
    covariance = back @ np.linalg.inv(information) @ back.T
    table = pd.DataFrame(
        {"covariate": names, "beta": back @ theta, "standard_error": np.sqrt(np.diag(covariance))}
    )
    basis = solve_triangular(cholesky(information, lower=True), design.T, lower=True).T
    model = NullModel(iid, phenotype.astype(np.int8), design @ theta, np.ascontiguousarray(basis))
    return model, table


def _newton(
    genotype: np.ndarray, called: np.ndarray, null: NullModel, products: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Beta, standard error and whether the maximum was reached, each (b,).

    `genotype` (b, n) float64, 0 where not `called`; `products` (n, k (k + 1) / 2) holds the
    pairwise products of the basis. Covariate effects are eliminated from each Newton step
    (Schur complement), so the step of beta is scalar.
    """
    n_variants, k = len(genotype), null.basis.shape[1]
    upper = np.triu_indices(k)
    beta, shift = np.zeros(n_variants), np.zeros((n_variants, k))
    error = np.full(n_variants, np.nan)
    reached = np.zeros(n_variants, dtype=bool)
    active = np.arange(n_variants)
    for _ in range(NEWTON_STEPS):
        g, is_called = genotype[active], called[active]
        predictor = null.linear_predictor + shift[active] @ null.basis.T
        probability = _probability(predictor + beta[active, None] * g)
        residual = (null.phenotype - probability) * is_called
        weight = probability * (1 - probability) * is_called
        covariates = np.empty((len(active), k, k))
        covariates[:, upper[0], upper[1]] = weight @ products
        covariates[:, upper[1], upper[0]] = covariates[:, upper[0], upper[1]]
        weight *= g
        cross = weight @ null.basis
        own = np.einsum("bn,bn->b", weight, g)

        # Weights that have died out (separation) leave nothing to solve.
        solid = (np.einsum("bii->bi", covariates) > 1e-6).all(axis=1) & (own > 1e-9)
        active, covariates, cross, own = (a[solid] for a in (active, covariates, cross, own))
        score, score_beta = residual[solid] @ null.basis, np.einsum("bn,bn->b", residual, g)[solid]
        solved = np.linalg.solve(covariates, np.stack([score, cross], axis=2))
        information = own - np.einsum("bk,bk->b", cross, solved[:, :, 1])
        free = information > 1e-9 * own  # else the variant is a combination of the covariates
        active, solved, cross, score, score_beta, information = (
            a[free] for a in (active, solved, cross, score, score_beta, information)
        )
        step = (score_beta - np.einsum("bk,bk->b", cross, solved[:, :, 0])) / information
        step_shift = solved[:, :, 0] - step[:, None] * solved[:, :, 1]
        beta[active] += step
        shift[active] += step_shift
        error[active] = 1 / np.sqrt(information)
        done = score_beta * step + np.einsum("bk,bk->b", score, step_shift) < DECREMENT
        reached[active[done]] = True
        active = active[~done]
        if not len(active):
            break
    return beta, error, reached


def _maximise_penalised(
    design: np.ndarray, phenotype: np.ndarray, offset: np.ndarray, n_free: int
) -> tuple[np.ndarray, float, np.ndarray]:
    """Coefficients, penalised log-likelihood and information at its maximum.

    Only the first `n_free` columns of `design` (n, k) have a coefficient, but the penalty,
    log |information| / 2, is that of all columns (Heinze & Schemper 2002, equation 3).
    """
    theta, best = np.zeros(n_free), -np.inf
    step = np.zeros(n_free)
    for _ in range(FIRTH_STEPS):
        probability = _probability(offset + design[:, :n_free] @ (theta + step))
        half = np.sqrt(probability * (1 - probability))[:, None] * design
        information = half.T @ half
        root = cholesky(information, lower=True)
        likelihood = np.log(np.where(phenotype == 1, probability, 1 - probability)).sum()
        value = likelihood + np.log(np.diag(root)).sum()
        if value < best - 1e-9:
            step /= 2
            continue
        theta, best = theta + step, value
        leverage = np.square(solve_triangular(root, half.T, lower=True)).sum(axis=0)
        score = design[:, :n_free].T @ (phenotype - probability + leverage * (0.5 - probability))
        step = np.linalg.solve(information[:n_free, :n_free], score)
        if score @ step < DECREMENT:
            return theta, best, information
        step *= min(1.0, 5 / np.abs(design[:, :n_free] @ step).max())  # logistf's longest step
    raise np.linalg.LinAlgError("the penalised likelihood did not reach its maximum")


def fit_firth(
    genotype: np.ndarray, phenotype: np.ndarray, basis: np.ndarray, offset: np.ndarray
) -> tuple[float, float, float]:
    """Beta, standard error and signed root of the likelihood ratio of one variant.

    Firth's penalised likelihood (Heinze & Schemper 2002); all of `genotype`, `phenotype`, `offset`
    (n,) and `basis` (n, k) without missing values. NaN where it has no maximum either.
    """
    design = np.column_stack([basis, genotype])
    with np.errstate(divide="ignore"):
        try:
            theta, best, information = _maximise_penalised(
                design, phenotype, offset, design.shape[1]
            )
            _, without, _ = _maximise_penalised(design, phenotype, offset, design.shape[1] - 1)
        except np.linalg.LinAlgError:
            return np.nan, np.nan, np.nan
    error = np.sqrt(np.linalg.inv(information)[-1, -1])
    ratio = np.sqrt(max(0.0, 2 * (best - without)))
    return float(theta[-1]), float(error), float(np.copysign(ratio, theta[-1]))


def pairwise_products(basis: np.ndarray) -> np.ndarray:
    """Products of all pairs of columns of `basis` (n, k), each pair once: (n, k (k + 1) / 2)."""
    first, second = np.triu_indices(basis.shape[1])
    return basis[:, first] * basis[:, second]


def fit_variants(dosages: np.ndarray, null: NullModel, products: np.ndarray) -> Effects:
    """Effects of the effect allele: maximum likelihood, Firth where that has no maximum.

    `dosages` int8 (n, m), people as in `null`; people without a call are left out variant by
    variant; `products` is `pairwise_products(null.basis)`. P is Wald's for maximum likelihood and
    the penalised likelihood ratio's for Firth. All m variants are fitted at once: keep n x m small.
    """
    called = np.ascontiguousarray(dosages.T != MISSING)
    genotype = np.where(called, dosages.T, 0).astype(np.float64)
    beta, error, reached = _newton(genotype, called, null, products)
    z = beta / error
    for j in np.flatnonzero(~reached):
        rows = called[j]
        beta[j], error[j], z[j] = fit_firth(
            genotype[j, rows], null.phenotype[rows], null.basis[rows], null.linear_predictor[rows]
        )
    n_cases = called @ (null.phenotype == 1).astype(np.int64)
    return Effects(beta, error, neg_log_10_p(z), called.sum(axis=1), n_cases, ~reached)
