"""Pairs of relatives: kinship beyond what chance and ancestry explain."""

from typing import Any

import numpy as np
import pandas as pd

from snpgen.genetics.kinship import KINSHIP_COLUMNS, MIN_KINSHIP, estimate_kinship, read_planes
from snpgen.genetics.kinship_error import (
    IDENTICAL,
    KING_ERROR,
    detectable_degree,
    smallest_kinship,
    standard_error,
)
from snpgen.genetics.pc_relate import (
    choose_unrelated,
    fit_ancestry_components,
    kinship_given_ancestry,
)
from snpgen.io.plink import Fileset
from snpgen.job import log

# Standard error of PC-Relate, relative to KING-robust: the variances of unrelated pairs are 1 / 4 and 3 / 4 of the
# reciprocal number of variants.
_RELATIVE_ERROR = 3**-0.5


def find_relatives(
    fileset: Fileset, variants: np.ndarray, samples: np.ndarray, seed: int, threads: int
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Related pairs (`KINSHIP_COLUMNS`) of `samples`, estimated at the independent `variants`, and a summary.

    The pairs have a KING-robust kinship of at least `smallest_kinship` and `MIN_KINSHIP`. If there are components
    of ancestry, the kinship by PC-Relate must exceed chance as well. There are no pairs if not even duplicates
    can be distinguished from chance. The summary has the numbers of individuals, of variants and of equivalent
    independent variants, the standard error, `min_kinship` (None if kinship was not estimated), and `degree`, the
    most distant degree that can be detected ("" for duplicates).
    """
    error = standard_error(fileset, variants, samples, threads)
    limit = smallest_kinship(error, len(samples))
    independent = (KING_ERROR / error) ** 2
    min_kinship = max(limit, MIN_KINSHIP)
    summary = {
        "individuals": len(samples),
        "variants": len(variants),
        "independent_variants": round(independent),
        "standard_error": error if np.isfinite(error) else None,
        "min_kinship": min_kinship if limit < IDENTICAL else None,
        "degree": detectable_degree(limit),
    }
    if limit >= IDENTICAL:
        log.warning(
            "kinship is not estimated: %d independent variants are too few to distinguish even duplicates from chance",
            round(independent),
        )
        return pd.DataFrame(columns=KINSHIP_COLUMNS), summary
    log.info(
        "standard error of kinship %.4f (%d independent variants); pairs with less than %.4f are not distinguished "
        "from chance",
        error,
        round(independent),
        limit,
    )
    planes = read_planes(fileset, variants, samples, threads)
    iid = fileset.samples.IID.to_numpy()[samples]
    pairs = estimate_kinship(planes, iid, threads, min_kinship)
    if pairs.empty:
        return pairs, summary

    row = pd.Index(iid)
    first, second = row.get_indexer(pairs.IID1), row.get_indexer(pairs.IID2)
    unrelated = choose_unrelated(first, second, len(samples))
    components = fit_ancestry_components(
        fileset, variants, samples[unrelated], independent, seed, threads
    )
    if components is None:
        return pairs, summary
    inside = np.unique([first, second])
    given_ancestry = kinship_given_ancestry(
        fileset,
        components,
        samples[inside],
        np.isin(inside, unrelated),
        np.searchsorted(inside, first),
        np.searchsorted(inside, second),
        threads,
    )
    related = given_ancestry >= _RELATIVE_ERROR * min_kinship
    log.info("%d pairs are not related given their ancestry", (~related).sum())
    return pairs[related].reset_index(drop=True), summary
