"""Kinship of all pairs by KING-robust, and kinship tables of other programs."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
from numba import njit

from snpgen.genetics.packed import pack_planes, popcount
from snpgen.io.plink import Fileset
from snpgen.io.tables import read_strings, to_numbers
from snpgen.messages import InputError
from snpgen.progress import Meter

MIN_KINSHIP = 0.0221  # pairs below are not written: half of third degree
MAX_KINSHIP = 0.55  # 0.5, and what an estimate may be above it
KINSHIP_COLUMNS = ["IID1", "IID2", "kinship"]

_CHUNK = 1_024  # variants read at once, in whole words of 64
_TILE = 64  # people whose genotypes stay in the processor's cache


def check_size(n_samples: int, max_samples: int) -> None:
    """Raise `InputError` when kinship of so many people should not be computed here."""
    if n_samples > max_samples:
        raise InputError(
            f"{n_samples} people are more than kinship.max_samples ({max_samples}): name a table of "
            "related pairs in cohort.kinship, such as UK Biobank's own (ukb_rel.dat) or one that "
            "plink2 --bfile COHORT --maf 0.05 --indep-pairwise 500kb 0.1 and then plink2 --bfile "
            "COHORT --extract plink2.prune.in --make-king-table --king-table-filter "
            f"{MIN_KINSHIP} write (plink2.kin0), or raise kinship.max_samples"
        )


def read_planes(
    fileset: Fileset, variants: np.ndarray, samples: np.ndarray, threads: int
) -> np.ndarray:
    """Bit planes (`pack_planes`) of `samples` at `variants`, read in chunks of variants."""
    planes = np.empty((len(samples), 3, -(-len(variants) // 64)), dtype=np.uint64)
    first = 0
    for _, dosages in fileset.chunks(variants, samples, _CHUNK, threads):
        part = pack_planes(dosages)
        planes[:, :, first : first + part.shape[2]] = part
        first += part.shape[2]
    return planes


@njit(nogil=True, cache=True)
def king_coefficient(squared_distance: int, heterozygous: int) -> float:
    """KING-robust kinship of two samples (Manichaikul et al. 2010, Bioinformatics 26:2867).

    1/2 - sum (g_i - g_j)^2 / (4 min(het_i, het_j)), the estimator for samples of different families,
    from the sum and the smaller number of heterozygous genotypes, both over the variants at which both
    samples are called. -inf if one of the samples has no heterozygous genotype.
    """
    return 0.5 - squared_distance / (4.0 * heterozygous) if heterozygous else -np.inf


@njit(nogil=True, cache=True)
def king_robust(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Kinship (`king_coefficient`) of each sample in `rows` with each in `columns`, both bit planes.

    float64 (n_rows, n_columns), as PLINK 2 --make-king-table computes it.
    """
    kinship = np.empty((len(rows), len(columns)))
    for i in range(len(rows)):
        for j in range(len(columns)):
            het, two, hom = rows[i, 0], rows[i, 1], rows[i, 2]
            het_j, two_j, hom_j = columns[j, 0], columns[j, 1], columns[j, 2]
            both = only_i = only_j = opposite = 0  # heterozygous, opposite homozygotes
            for word in range(len(het)):
                both += popcount(het[word] & het_j[word])
                only_i += popcount(het[word] & hom_j[word])
                only_j += popcount(hom[word] & het_j[word])
                opposite += popcount(hom[word] & hom_j[word] & (two[word] ^ two_j[word]))
            kinship[i, j] = king_coefficient(
                only_i + only_j + 4 * opposite, both + min(only_i, only_j)
            )
    return kinship


def estimate_kinship(planes: np.ndarray, iid: np.ndarray, threads: int = 1) -> pd.DataFrame:
    """Pairs (`KINSHIP_COLUMNS`) with a kinship of at least `MIN_KINSHIP`, in the order of the people.

    `planes` are `pack`ed genotypes of independent variants, `iid` (n_people,).
    """
    n_samples = len(planes)

    def compare(start: int) -> pd.DataFrame:
        """Pairs of a tile's people with people who come later."""
        found = []
        for other in range(start, n_samples, _TILE):
            kinship = king_robust(planes[start : start + _TILE], planes[other : other + _TILE])
            i, j = np.nonzero(kinship >= MIN_KINSHIP)
            later = start + i < other + j
            i, j = i[later], j[later]
            found.append(pd.DataFrame({"i": start + i, "j": other + j, "kinship": kinship[i, j]}))
        return pd.concat(found)

    tables = []
    meter = Meter(n_samples * (n_samples - 1) // 2, "pairs of people")
    with ThreadPoolExecutor(threads) as pool:
        starts = range(0, n_samples, _TILE)
        for start, table in zip(starts, pool.map(compare, starts), strict=True):
            tables.append(table)
            later, own = n_samples - start, min(_TILE, n_samples - start)
            meter.add(own * later - own * (own + 1) // 2)
    pairs = pd.concat(tables).sort_values(["i", "j"])
    return pd.DataFrame(
        {"IID1": iid[pairs.i], "IID2": iid[pairs.j], "kinship": pairs.kinship.to_numpy().round(6)}
    )


def read_kinship(path: str) -> pd.DataFrame:
    """Pairs (`KINSHIP_COLUMNS`) of our table, KING's or PLINK 2's .kin0, or UK Biobank's.

    Raises `InputError` when a column is missing or a kinship is not a number up to `MAX_KINSHIP`.
    """
    table = read_strings(path)
    names = {name.lower(): name for name in table.columns}
    first, second = names.get("iid1", names.get("id1")), names.get("iid2", names.get("id2"))
    if first is None or second is None or "kinship" not in names:
        raise InputError(
            f"{path} has the columns {', '.join(table.columns)}: a kinship table needs ID1, ID2 and "
            "Kinship (or IID1, IID2, KINSHIP)"
        )
    text = table[names["kinship"]]
    kinship = to_numbers(text)
    wrong, high = text[kinship.isna()], text[kinship > MAX_KINSHIP]
    if len(wrong):
        raise InputError(
            f"{path}, line {wrong.index[0]}: kinship {wrong.iloc[0]} is not a number: correct it or "
            "leave the pair out"
        )
    if len(high):
        raise InputError(
            f"{path}, line {high.index[0]}: kinship {high.iloc[0]} is above 0.5, that of a person "
            "with herself: halve the values if they are of relatedness (PI_HAT), or correct them"
        )
    pairs = pd.DataFrame({"IID1": table[first], "IID2": table[second], "kinship": kinship})
    return pairs[KINSHIP_COLUMNS].reset_index(drop=True)
