"""Compiled loop of the GWAS, which filters and fits the variants of a tile (a chunk of packed variants)."""

import numpy as np
from numba import njit

from snpgen.association.firth import Expansion, fit_sparse
from snpgen.association.likelihood import maximise, score_test
from snpgen.association.segments import SEGMENT, SegmentedModel
from snpgen.genetics.hardy_weinberg import hardy_weinberg_p
from snpgen.genetics.packed import count_genotypes, popcount, unpack

PASSED, CALL_RATE, ALLELE_FREQUENCY, HARDY_WEINBERG, NO_FIT, NEEDS_EXACT_FIRTH = range(6)
TESTS = np.array(["score", "logistic", "firth", "linear"])
SCORE, LOGISTIC, FIRTH, LINEAR = range(4)

# Columns of the result of `fit_tile`, in this order.
FITTED = ["beta", "standard_error", "z", "effect_allele_frequency", "frequency_cases"]
FITTED += ["frequency_controls", "hwe_p", "n", "n_cases", "test", "status"]


@njit(nogil=True, cache=True)
def fit_tile(
    packed: np.ndarray,
    dosages_of_byte: np.ndarray,
    rows: np.ndarray,
    masks: tuple[np.ndarray, np.ndarray, np.ndarray],
    n_covariates: int,
    model: SegmentedModel,
    expansion: Expansion,
    rss: float,
    thresholds: tuple[float, float, float, float, float, float],
    fitted: np.ndarray,
) -> None:
    """Fill `fitted` float64 (m, len(FITTED)) from m packed variants, uint8 (m, n_bytes).

    `rows` are the rows of the training individuals in the fileset. In the words of a packed variant, `masks`
    mark these individuals, the cases among them, and the individuals of the Hardy-Weinberg test. `model` is the
    null model, with residual sum of squares `rss`, and `expansion` is its expansion for Firth's method.

    `thresholds` are the minimum MAF, MAC, call rate and Hardy-Weinberg p-value; the |z| above which the score
    test is replaced by a fit of the logistic model; and the expected number of minor alleles in the smaller
    class below which this fit uses Firth's method.
    """
    min_maf, min_mac, min_call_rate, min_hwe_p, exact_z, firth_mac = thresholds
    n_samples, n_segments = len(rows), len(model.outcome)
    words = packed.view(np.uint64)
    by_byte = np.empty(packed.shape[1], dtype=np.uint32)
    padded = np.zeros(n_segments * SEGMENT, dtype=np.uint8)
    dosages = padded.reshape(n_segments, SEGMENT)
    genotype = np.empty((n_segments, SEGMENT), dtype=np.float32)
    n_cases = 0
    for segment in range(n_segments if model.logistic else 0):
        n_cases += int(model.outcome[segment].sum())
    n_tested = 0
    for word in masks[2]:
        n_tested += popcount(word)
    fitted[:] = np.nan
    for j in range(len(packed)):
        het, hom, missing = count_genotypes(words[j], masks[0])
        het_cases, hom_cases, missing_cases = count_genotypes(words[j], masks[1])
        het_tested, hom_tested, missing_tested = count_genotypes(words[j], masks[2])
        called, called_cases = n_samples - missing, n_cases - missing_cases
        copies, copies_cases = het + 2 * hom, het_cases + 2 * hom_cases
        called_controls = called - called_cases
        frequency = copies / (2.0 * max(called, 1))
        mac = min(copies, 2 * called - copies)
        other_tested = n_tested - missing_tested - het_tested - hom_tested
        hwe_p = hardy_weinberg_p(hom_tested, het_tested, other_tested)
        fitted[j, 3] = frequency
        if model.logistic:
            fitted[j, 4] = copies_cases / (2.0 * max(called_cases, 1))
            fitted[j, 5] = (copies - copies_cases) / (2.0 * max(called_controls, 1))
            fitted[j, 8] = called_cases
        fitted[j, 6] = hwe_p
        fitted[j, 7] = called
        if called < min_call_rate * n_samples:
            fitted[j, 10] = CALL_RATE
            continue
        if mac == 0 or mac < min_mac or mac < min_maf * 2.0 * called:
            fitted[j, 10] = ALLELE_FREQUENCY
            continue
        if hwe_p < min_hwe_p:
            fitted[j, 10] = HARDY_WEINBERG
            continue

        unpack(packed[j], dosages_of_byte, rows, by_byte, padded[:n_samples])
        flip = frequency > 0.5
        sign = -1.0 if flip else 1.0
        score, information, slope, shift, metric, rss_missing = score_test(
            dosages, flip, missing > 0, n_covariates, model
        )
        fitted[j, 10] = PASSED
        if not information > 1e-7 * mac / n_samples:  # the variant is collinear with the covariates
            fitted[j, 10] = NO_FIT
            continue
        beta = score / information
        if not model.logistic:
            df = called - n_covariates - 1
            rss_variant = rss - rss_missing - score * beta
            error = np.sqrt(rss_variant / df / information)
            fitted[j, 0], fitted[j, 1], fitted[j, 2] = sign * beta, error, sign * beta / error
            fitted[j, 9] = LINEAR
            continue
        z = score / np.sqrt(information)
        if abs(z) < exact_z:
            fitted[j, 0], fitted[j, 1] = sign * beta, 1.0 / np.sqrt(information)
            fitted[j, 2] = sign * z
            fitted[j, 9] = SCORE
            continue
        converged = False
        if mac * min(called_cases, called_controls) >= firth_mac * called:
            beta, error, converged = maximise(
                dosages,
                flip,
                missing > 0,
                n_covariates,
                model,
                score,
                information,
                slope,
                shift,
                metric,
                genotype,
            )
            z = beta / error
            fitted[j, 9] = LOGISTIC
        if not converged:
            carriers = called - hom if flip else het + hom
            beta, error, z = fit_sparse(padded[:n_samples], flip, carriers + missing, expansion)
            fitted[j, 9] = FIRTH
            if np.isnan(beta):
                fitted[j, 10] = NEEDS_EXACT_FIRTH
        fitted[j, 0], fitted[j, 1], fitted[j, 2] = sign * beta, error, sign * z
