"""What the frequencies of a cohort give away about its members, told before any model is trained."""

import numpy as np
from scipy.special import ndtr, ndtri

from snpgen.genetics.frequencies import smoothed_frequency

LARGE_NOISE = 1.0  # standard errors on frequencies, above which effects drown


def forecast_auc(
    snps: float, members: int, released: int, reference: int, selection: float = 1.0
) -> float:
    """ROC-AUC to expect of `frequency_scores`, from numbers alone.

    The score is about sum_j z_ij d_j, with z a person's standardised genotype and d the difference
    of the standardised mean genotypes of released and reference people, of variance
    k/n + 1/s + 1/r: n members, from whose frequencies s people are drawn, and r reference people.
    The mean of the members holds each of them, so their scores are on average m k/n higher than
    others', whose standard deviation is m sqrt((k/n + 1/s + 1/r) / m_e), with m_e the SNPs that
    LD leaves of m. Hence AUC = Phi(sqrt(m_e / 2) (k/n) / sqrt(k/n + 1/s + 1/r)): the law
    sqrt(SNPs / people) of Sankararaman (2009), with the noise of what is released and of the
    reference. `selection` is k, the factor by which choosing the SNPs by these very people has
    raised the variance of their mean (`class_selection`); 1 where they had no part in it.
    """
    if min(members, released, reference) == 0:
        return np.nan
    mean = selection / members
    return float(ndtr(np.sqrt(snps / 2) * mean / np.sqrt(mean + 1 / released + 1 / reference)))


def class_selection(members: np.ndarray, reference: np.ndarray) -> float:
    """Factor `selection` of `forecast_auc` for one class, from dosages int8 (n, m) and (r, m).

    SNPs chosen because cases and controls differ have class means that lie further from others of
    that class than chance alone puts them. The mean squared difference of the standardised mean
    genotypes is k/n + 1/r; hence k, at least 1. NaN where either is empty.
    """
    if not (len(members) and len(reference)):
        return np.nan
    p, q = smoothed_frequency(members), smoothed_frequency(reference)
    middle = smoothed_frequency(np.concatenate([members, reference]))
    square = 2 * (p - q) ** 2 / (middle * (1 - middle))
    return max(1.0, float(len(members) * (square.mean() - 1 / len(reference))))


def largest_selection(chosen: int, tested: int, share: float) -> float:
    """What `class_selection` comes to where no variant has an effect; true effects make it smaller.

    The `chosen` of `tested` variants with the largest |z| have a mean z^2 of 1 + 2 c phi(c) / q, with
    q = chosen / tested and c the normal quantile of 1 - q / 2 (a truncated normal distribution). The
    class's own people make the part of that excess that is the `share` of the others: the variance of
    the difference of two means is 1/n + 1/n'. 1 where nothing was chosen.
    """
    if not 0 < chosen < tested:
        return 1.0
    q = chosen / tested
    c = -ndtri(q / 2)
    density = np.exp(-(c**2) / 2) / np.sqrt(2 * np.pi)
    return float(1 + share * 2 * c * density / q)


def noise_within(limit: float, snps: float, members: int, selection: float = 1.0) -> float:
    """Noise on the released frequencies, in their standard errors, at which `forecast_auc` is `limit`.

    The attacker has the frequencies themselves, not a sample, and a reference without error; 0 where
    the limit is kept without noise. The inverse of `forecast_auc` with k/n + noise^2/n.
    """
    allowed = snps * selection**2 / (2 * members * ndtri(limit) ** 2)
    return float(np.sqrt(max(0.0, allowed - selection)))


def snps_within(limit: float, noise: float, members: int, selection: float = 1.0) -> float:
    """Independent SNPs at which that `noise` keeps the forecast at `limit`: `noise_within` turned round."""
    return 2 * members * ndtri(limit) ** 2 * (noise**2 + selection) / selection**2
