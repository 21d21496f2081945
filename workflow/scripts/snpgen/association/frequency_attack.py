"""Expected membership inference from allele frequencies, computed before any model is trained.

The attack compares an individual's genotypes with the allele frequencies of the released cohort and
of a reference cohort. Members are the training individuals.
"""

import numpy as np
from scipy.special import ndtr, ndtri

from snpgen.genetics.frequencies import smoothed_frequency


def expected_attack_auc(
    variants: float, members: int, released: float, reference: int, selection: float = 1.0
) -> float:
    """Expected ROC-AUC of the frequency attack (`frequency_scores`), from sample sizes.

    The score of individual i is approximately sum_j z_ij d_j, with z the standardised genotypes and
    d the difference of the mean standardised genotypes of the released and the reference cohort.
    With n members, s individuals generated from their frequencies, and r reference individuals, d
    has variance k/n + 1/s + 1/r. The mean of the members includes each member, so that scores of
    members are on average m k/n higher than scores of non-members, with standard deviation
    m sqrt((k/n + 1/s + 1/r) / m_e) for m variants of effective number m_e (`variants`). Therefore
    AUC = Phi(sqrt(m_e / 2) (k/n) / sqrt(k/n + 1/s + 1/r)). This is the sqrt(variants / individuals) law
    of Sankararaman (2009), with the sampling error of the released and reference frequencies.
    `selection` is k, the factor by which selecting the variants in the members increases the
    variance of their mean (`selection_factor`); 1 if they were selected in other individuals.
    """
    if min(members, released, reference) == 0:
        return np.nan
    mean = selection / members
    return float(ndtr(np.sqrt(variants / 2) * mean / np.sqrt(mean + 1 / released + 1 / reference)))


def selection_factor(members: np.ndarray, reference: np.ndarray) -> float:
    """`selection` of `expected_attack_auc` for one class, from dosages int8 (n, m) and (r, m).

    Variants are selected because cases and controls differ among the members. The class means of members
    and of other individuals of the class therefore differ by more than chance. The mean squared difference
    of the mean standardised genotypes is k/n + 1/r, which gives k, at least 1. NaN if either array is
    empty.
    """
    if not (len(members) and len(reference)):
        return np.nan
    p, q = smoothed_frequency(members), smoothed_frequency(reference)
    middle = smoothed_frequency(np.concatenate([members, reference]))
    square = 2 * (p - q) ** 2 / (middle * (1 - middle))
    return max(1.0, float(len(members) * (square.mean() - 1 / len(reference))))


def max_selection_factor(selected: int, tested: int, other_share: float) -> float:
    """`selection_factor` if no variant has an effect; true effects make it smaller.

    The `selected` of `tested` variants with the largest |z| have a mean z^2 of 1 + 2 c phi(c) / q,
    with q = selected / tested and c the normal quantile of 1 - q / 2 (truncated normal
    distribution). The variance of the difference of the class means is 1/n + 1/n', so the share of this
    excess that is due to the class itself is `other_share`, the share of the other class among the
    members. The factor is 1 if all variants or none are selected.
    """
    if not 0 < selected < tested:
        return 1.0
    q = selected / tested
    c = -ndtri(q / 2)
    density = np.exp(-(c**2) / 2) / np.sqrt(2 * np.pi)
    return float(1 + other_share * 2 * c * density / q)
