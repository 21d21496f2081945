"""Positive control (planted copies) and negative control (no members) of the privacy audit."""

import numpy as np

from snpgen.cohort.split import find_families, place_families
from snpgen.evaluation.cohorts import Cohort
from snpgen.genetics.kinship import read_kinship
from snpgen.io.files import read_json
from snpgen.io.samples import are_joined

PLANTED_SHARE = 0.05


def plant_copies(release: Cohort, members: Cohort, seed: int) -> Cohort:
    """The release with `PLANTED_SHARE` of its individuals replaced by distinct members."""
    rng = np.random.default_rng(seed)
    n = min(round(PLANTED_SHARE * len(release)), len(members))
    places = rng.permutation(len(release))[:n]
    copies = rng.permutation(len(members))[:n]
    dosages, phenotype = release.dosages.copy(), release.phenotype.copy()
    dosages[places], phenotype[places] = members.dosages[copies], members.phenotype[copies]
    return Cohort(dosages, phenotype)


def read_families(kinship: str, split: str, iid: np.ndarray) -> np.ndarray:
    """Family number (n,) of each individual in `iid`, with the kinship threshold of the split.

    `kinship` is the path of the kinship table. If it is empty, every individual is a family of its own.
    `split` is the path of `split.json`.
    """
    if not kinship:
        return np.arange(len(iid))
    cuts = read_json(split)
    cut = cuts["kinship_cut"] or cuts["max_kinship_asked"]
    return find_families(
        read_kinship(kinship, are_joined(iid)), iid, cut, max(1, len(iid) // 2)
    ).family


def halve(phenotype: np.ndarray, family: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of two halves with the same share of cases; families are kept together.

    Otherwise, a non-member related to a released individual would resemble a member.
    """
    half = place_families(family, phenotype[:, None], (0.5, 0.5), seed)
    return np.flatnonzero(half == 0), np.flatnonzero(half == 1)
