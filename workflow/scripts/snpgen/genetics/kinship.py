"""KING-robust kinship of all pairs, and kinship tables of other programs."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
from numba import njit

from snpgen.genetics.packed import pack_planes, popcount
from snpgen.io.cells import to_numbers
from snpgen.io.headers import Layout
from snpgen.io.plink import Fileset
from snpgen.io.samples import join_fids
from snpgen.io.tables import describe_columns, read_strings
from snpgen.messages import Code, InputError
from snpgen.progress import Meter

MIN_KINSHIP = 0.0221  # pairs below it are not written; half the limit for third degree
MAX_KINSHIP = 0.55  # 0.5, with a margin for estimation error
KINSHIP_COLUMNS = ["IID1", "IID2", "kinship"]

# ukb_rel.dat of UK Biobank without its header.
_UKB_REL = Layout(
    ("ID1", "ID2", "HetHet", "IBS0", "Kinship"), ("ID1", "ID2", "HetHet", "IBS0", "Kinship")
)
_CHUNK = 1_024  # variants read at once, a multiple of 64
_TILE = 64  # samples whose genotypes stay in the processor's cache


def check_size(n_samples: int, max_samples: int) -> None:
    """Raise `InputError` if the cohort is too large to compute the kinship of all pairs."""
    if n_samples > max_samples:
        raise InputError(
            Code.TOO_MANY_SAMPLES,
            f"the cohort has {n_samples} individuals, more than the limit of {max_samples}",
            "Give a table of related pairs in 'cohort.kinship' (UK Biobank's ukb_rel.dat, or plink2 "
            "--make-king-table), or increase the limit",
            key="kinship.max_samples",
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

    1/2 - sum (g_i - g_j)^2 / (4 min(het_i, het_j)), the estimator for samples of different families.
    `squared_distance` is the sum in the numerator, and `heterozygous` is min(het_i, het_j). Both are computed
    from the variants at which both samples are called. -inf if one of the samples has no heterozygous
    genotype.
    """
    return 0.5 - squared_distance / (4.0 * heterozygous) if heterozygous else -np.inf


@njit(nogil=True, cache=True)
def king_robust(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Kinship (`king_coefficient`) of each sample in `rows` with each sample in `columns` (bit planes).

    float64 (n_rows, n_columns), as PLINK 2 --make-king-table computes it.
    """
    kinship = np.empty((len(rows), len(columns)))
    for i in range(len(rows)):
        for j in range(len(columns)):
            het, two, hom = rows[i, 0], rows[i, 1], rows[i, 2]
            het_j, two_j, hom_j = columns[j, 0], columns[j, 1], columns[j, 2]
            both = only_i = only_j = opposite = 0  # numbers of variants
            for word in range(len(het)):
                both += popcount(het[word] & het_j[word])
                only_i += popcount(het[word] & hom_j[word])
                only_j += popcount(hom[word] & het_j[word])
                opposite += popcount(hom[word] & hom_j[word] & (two[word] ^ two_j[word]))
            kinship[i, j] = king_coefficient(
                only_i + only_j + 4 * opposite, both + min(only_i, only_j)
            )
    return kinship


def estimate_kinship(
    planes: np.ndarray, iid: np.ndarray, threads: int = 1, min_kinship: float = MIN_KINSHIP
) -> pd.DataFrame:
    """Pairs (`KINSHIP_COLUMNS`) with a kinship of at least `min_kinship`, in the order of the samples.

    `planes` are bit planes (`pack_planes`) of the samples at independent variants; `iid` (n_samples,) are
    their IIDs.
    """
    n_samples = len(planes)

    def compare(start: int) -> pd.DataFrame:
        """Related pairs of a sample of the tile and a later sample."""
        found = []
        for other in range(start, n_samples, _TILE):
            kinship = king_robust(planes[start : start + _TILE], planes[other : other + _TILE])
            i, j = np.nonzero(kinship >= min_kinship)
            later = start + i < other + j
            i, j = i[later], j[later]
            found.append(pd.DataFrame({"i": start + i, "j": other + j, "kinship": kinship[i, j]}))
        return pd.concat(found)

    tables = []
    meter = Meter(n_samples * (n_samples - 1) // 2, "pairs of individuals")
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


def read_kinship(path: str, with_fid: bool = False) -> pd.DataFrame:
    """Read pairs (`KINSHIP_COLUMNS`) from a table of SNPgen, KING, PLINK 2 (.kin0) or UK Biobank.

    UK Biobank's ukb_rel.dat may have lost its header. If FID and IID together identify samples (`with_fid`), they
    are joined; the FIDs are in the columns FID1 and FID2, or FID (pairs within families). The index holds line
    numbers. Of several rows with the same pair, in either order, the one with the largest kinship is kept. Raises
    `InputError` if a column is missing, or if a kinship is not a number or exceeds `MAX_KINSHIP`.
    """
    table = read_strings(path, layouts=[_UKB_REL])
    names = {name.lower(): name for name in table.columns}
    first, second = names.get("iid1", names.get("id1")), names.get("iid2", names.get("id2"))
    if first is None or second is None or "kinship" not in names:
        raise InputError(
            Code.MISSING_COLUMN,
            "the kinship table has no columns of sample IDs or of kinship; "
            f"{describe_columns(table.columns.tolist())}",
            "Name the columns ID1, ID2 and Kinship, or IID1, IID2 and KINSHIP",
            file=path,
        )
    text = table[names["kinship"]]
    kinship = to_numbers(text)
    wrong, high = text[kinship.isna()], text[kinship > MAX_KINSHIP]
    if len(wrong):
        raise InputError(
            Code.INVALID_VALUE,
            f"the kinship coefficient is {wrong.iloc[0] or 'empty'}, not a number",
            "Correct the value, or delete the line",
            file=path,
            line=wrong.index[0],
        )
    if len(high):
        raise InputError(
            Code.KINSHIP_SCALE,
            f"the kinship coefficient is {high.iloc[0]}, but the maximum is 0.5 (identical twins "
            "or duplicates)",
            "If the values are PI_HAT or another measure that is 1 for identical twins, divide "
            "them by 2; otherwise correct them",
            file=path,
            line=high.index[0],
        )
    pairs = pd.DataFrame(
        {"IID1": table[first].str.strip(), "IID2": table[second].str.strip(), "kinship": kinship}
    )
    if with_fid and len(pairs):
        for number, name in (("1", first), ("2", second)):
            fid = names.get(f"fid{number}", names.get("fid", f"FID{number}"))
            pairs[f"IID{number}"] = join_fids(path, table, fid, name)
    ordered = pairs.IID1 < pairs.IID2
    ids = [pairs.IID1.where(ordered, pairs.IID2), pairs.IID2.where(ordered, pairs.IID1)]
    kept = pairs.groupby(ids, sort=False).kinship.idxmax()
    return pairs.loc[kept.sort_values(), KINSHIP_COLUMNS]
