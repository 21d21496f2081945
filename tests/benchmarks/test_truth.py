"""Results of the GWAS against PLINK 2, statsmodels and an independent penalised likelihood."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from example_penalised import fit_penalised
from example_processes import THREADS
from scipy.special import log_ndtr

from snpgen.io.plink import MISSING, open_fileset

N_JUDGED = 200  # variants at most for which statsmodels decides between SNPgen and PLINK 2


def _design(folder) -> tuple[np.ndarray, np.ndarray]:
    """Covariates float64 (n, 12) and the common phenotype (n,), in the order of the .fam."""
    covariates = pd.read_csv(folder / "covariates.tsv", sep="\t", index_col="IID")
    phenotypes = pd.read_csv(folder / "phenotypes.tsv", sep="\t", index_col="IID")
    return covariates.to_numpy(float), phenotypes.common.to_numpy()


def _genotypes(prefix, ids) -> np.ndarray:
    """Dosages int8 (n, m) of the variants with these IDs, in this order."""
    fileset = open_fileset(str(prefix), [])
    rows = pd.Index(fileset.variants.variant_id).get_indexer(ids)
    order = np.argsort(rows)
    dosages = fileset.read(rows[order], np.arange(len(fileset.samples)), THREADS)
    return dosages[:, np.argsort(order)]


def _logit(genotype, covariates, phenotype) -> tuple[float, float, float]:
    """Beta, standard error and -log10 p by statsmodels in samples with a call."""
    called = genotype != MISSING
    standard = (covariates - covariates.mean(axis=0)) / covariates.std(axis=0)
    design = np.column_stack([genotype, np.ones(len(genotype)), standard])[called].astype(float)
    fit = sm.Logit(phenotype[called], design).fit(disp=0, tol=1e-14, maxiter=100)
    p = np.log(2) + log_ndtr(-abs(fit.params[0] / fit.bse[0]))
    return fit.params[0], fit.bse[0], -p / np.log(10)


def _fit_columns(fit, genotypes, covariates, phenotype) -> np.ndarray:
    return np.array([fit(column, covariates, phenotype) for column in genotypes.T])


def _fit_all(fit, genotypes, folder) -> np.ndarray:
    """`fit` of each column of `genotypes` (n, m) with the covariates: (results, m)."""
    covariates, phenotype = _design(folder)
    parts = np.array_split(genotypes, min(8, genotypes.shape[1]), axis=1)
    with ProcessPoolExecutor(THREADS, mp_context=get_context("fork")) as pool:
        jobs = [pool.submit(_fit_columns, fit, part, covariates, phenotype) for part in parts]
        return np.concatenate([job.result() for job in jobs]).T


def test_maximum_likelihood_against_plink2(ml_tables, folder, say):
    """All variants that both fit by maximum likelihood; statsmodels decides where they differ.

    PLINK 2.00a3.5 computes in single precision. SNPgen must agree with statsmodels within the bars
    at the `N_JUDGED` variants that differ most from PLINK.
    """
    name, ours, theirs = ml_tables
    both = ours.join(theirs.add_suffix("_plink"), how="inner")
    assert len(both) == theirs.beta.notna().sum() == len(ours)
    both = both[(both.test == "logistic") & ~both.firth_plink]
    beta = (both.beta - both.beta_plink).abs() / both.standard_error
    p = (both.neg_log_10_p_value - both.log10_p_plink).abs()
    apart = both[(beta > 1e-4) | (p > 0.01)]
    say(
        f"{name}: {len(both)} of {len(ours)} variants by maximum likelihood in both; beta differs "
        f"by {beta.max():.1e} SE at most (bar 1e-4), -log10 p by {p.max():.1e} (bar 0.01); "
        f"{len(apart)} variants beyond a bar"
    )
    assert len(both) > 0.9 * len(ours)

    worst = apart.index[np.argsort(-np.maximum(beta / 1e-4, p / 0.01)[apart.index])][:N_JUDGED]
    if len(worst):
        true_beta, true_error, true_p = _fit_all(_logit, _genotypes(folder / name, worst), folder)
        judged = both.loc[worst]
        errors = {
            "SNPgen": (judged.beta, judged.neg_log_10_p_value),
            "PLINK 2": (judged.beta_plink, judged.log10_p_plink),
        }
        for tool, (its_beta, its_p) in errors.items():
            say(
                f"{name}: {tool} against statsmodels at the {len(worst)} worst of them: beta "
                f"{np.abs((its_beta - true_beta) / true_error).max():.1e} SE, "
                f"-log10 p {np.abs(its_p - true_p).max():.1e}"
            )
        assert np.abs((judged.beta - true_beta) / true_error).max() <= 1e-4
        assert np.abs(judged.neg_log_10_p_value - true_p).max() <= 0.01


def test_standard_errors_against_statsmodels(ml_tables, folder, say):
    """500 variants: the 150 strongest, the 150 rarest, and 200 at random."""
    name, ours, _ = ml_tables
    ours = ours[ours.test == "logistic"]
    frequency = ours.effect_allele_frequency
    strongest = ours.neg_log_10_p_value.nlargest(150).index
    rarest = np.minimum(frequency, 1 - frequency).nsmallest(150).index
    others = np.random.default_rng(1).permutation(ours.index)
    chosen = pd.Index([*strongest, *rarest, *others]).unique()[:500]
    beta, error, p = _fit_all(_logit, _genotypes(folder / name, chosen), folder)
    ours = ours.loc[chosen]
    apart = np.abs(ours.beta - beta) / error
    relative = np.abs(ours.standard_error / error - 1)
    p_apart = np.abs(ours.neg_log_10_p_value - p)
    say(
        f"{name}: SE against statsmodels, {len(chosen)} variants: {relative.max():.1e} relative "
        f"(bar 1e-5); -log10 p {p_apart.max():.1e} (bar 0.001); beta {apart.max():.1e} SE"
    )
    assert relative.max() <= 1e-5
    assert p_apart.max() <= 0.001


@pytest.fixture(scope="module")
def penalised(firth_tables, folder, rare_prefix) -> tuple[np.ndarray, np.ndarray]:
    """Beta and -log10 p of the likelihood ratio of the rarest variants, by a general optimiser."""
    beta, p = _fit_all(fit_penalised, _genotypes(rare_prefix, firth_tables[0].index), folder)
    return beta, p


def test_firth_beta_against_plink2(firth_tables, penalised, say):
    """All variants with fewer than 50 minor alleles; the optimiser decides where they differ."""
    ours, theirs = firth_tables
    both = ours.join(theirs.add_suffix("_plink"), how="left")
    assert len(both) == theirs.beta.notna().sum()
    assert (both.test == "firth").all()
    from_plink, from_truth, plinks_own = (
        (a - b).abs() / both.standard_error
        for a, b in (
            (both.beta, both.beta_plink),
            (both.beta, penalised[0]),
            (both.beta_plink, penalised[0]),
        )
    )
    say(
        f"Firth's beta, {len(both)} variants: {from_plink.max():.1e} SE from PLINK 2's (bar 1e-3, "
        f"{(from_plink > 1e-3).sum()} beyond it); {from_truth.max():.1e} from the optimiser's, "
        f"PLINK 2's {plinks_own.max():.1e}"
    )
    assert from_truth.max() <= 1e-3
    assert (from_plink <= 1e-3).mean() > 0.99


def test_firth_p_against_likelihood_ratio(firth_tables, penalised, say):
    """The p-value of the penalised likelihood ratio at the same variants."""
    apart = np.abs(firth_tables[0].neg_log_10_p_value - penalised[1])
    say(
        f"Firth's -log10 p against the likelihood ratio, {len(apart)} variants: "
        f"{apart.max():.1e} (bar 1e-3)"
    )
    assert apart.max() <= 1e-3
