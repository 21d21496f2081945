"""The exact test of Hardy-Weinberg equilibrium."""

from numba import njit

_NEGLIGIBLE = 1e-18  # smaller terms, relative to the sum so far, are omitted


@njit(nogil=True, cache=True)
def hardy_weinberg_p(hom1: int, het: int, hom2: int) -> float:
    """Exact p-value of the Hardy-Weinberg test for genotype counts (Wigginton et al. 2005).

    Given the allele counts, the p-value is the sum of the probabilities of all numbers of heterozygotes that
    are at most as likely as the observed number. The result is 0 if the p-value is below 1e-300, and 1 if all
    calls are missing.
    """
    n = hom1 + het + hom2
    rare = 2 * min(hom1, hom2) + het
    if rare == 0:
        return 1.0
    # Probabilities relative to the most likely count, from ratios of adjacent terms.
    mode = int(rare * (2.0 * n - rare) / (2.0 * n))
    mode += (mode - rare) % 2
    slack = 1.0 + 1e-9  # tolerance for rounding errors when likelihoods are compared
    seen = 1.0
    if het != mode:
        step = 2 if het > mode else -2
        k = mode
        while k != het and seen > 0.0:
            seen *= _ratio(k, rare, n, step)
            k += step
    total = 0.0
    tail = 0.0
    for step in (2, -2):
        term, k = 1.0, mode
        if step == -2:
            term *= _ratio(k, rare, n, step)
            k += step
        while term > 0.0:
            total += term
            if term <= seen * slack:
                tail += term
                if term < _NEGLIGIBLE * tail:
                    break
            term *= _ratio(k, rare, n, step)
            k += step
    return min(1.0, tail / total)


@njit(nogil=True, cache=True)
def _ratio(het: int, rare: int, n: int, step: int) -> float:
    """Probability of `het` + `step` heterozygotes divided by the probability of `het`; 0 if impossible."""
    hom_rare = (rare - het) // 2
    hom_common = n - het - hom_rare
    if step > 0:
        return 4.0 * hom_rare * hom_common / ((het + 2.0) * (het + 1.0))
    return het * (het - 1.0) / (4.0 * (hom_rare + 1.0) * (hom_common + 1.0))
