"""Kinship of all pairs by KING-robust, and kinship tables of other programs."""

import numpy as np
import pandas as pd
from scipy import sparse

from snpgen.job import InputError, log
from snpgen.plink import MISSING, Fileset

MIN_KINSHIP = 0.0221  # pairs below are not written: half of third degree
KINSHIP_COLUMNS = ["IID1", "IID2", "kinship"]

_BLOCK_BYTES = 100_000_000
_CHUNK = 1_024


def check_size(n_people: int, max_people: int) -> None:
    """Raise `InputError` when kinship of so many people should not be computed here."""
    if n_people > max_people:
        raise InputError(
            f"{n_people} people are more than kinship.max_samples ({max_people}): give a table in "
            "cohort.kinship (KING, PLINK 2 or UK Biobank format), or raise it"
        )


def read_called(
    fileset: Fileset, variants: np.ndarray, samples: np.ndarray, threads: int
) -> np.ndarray:
    """Dosages int8 (n_samples, n_variants), row-major, read in chunks."""
    dosages = np.empty((len(samples), len(variants)), dtype=np.int8)
    first = 0
    for rows, chunk in fileset.chunks(variants, samples, _CHUNK, threads):
        dosages[:, first : first + len(rows)] = chunk
        first += len(rows)
    return dosages


class _Block:
    """Some people's genotypes as `king_robust` multiplies them, float32."""

    def __init__(self, dosages: np.ndarray) -> None:
        missing = dosages == MISSING
        self.signed = np.where(missing, 0, dosages - 1).astype(np.float32)  # -1, 0 (het), 1
        self.missing = sparse.csr_array(missing, dtype=np.float32)
        self.n_missing = missing.sum(axis=1).astype(np.float32)
        self.homozygous = np.ascontiguousarray(np.abs(self.signed).T)  # as sparse products want it
        self.n_homozygous = self.homozygous.sum(axis=0)


def king_robust(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Kinship of every person in `rows` with every one in `columns`, float64 (n_rows, n_columns).

    Both are dosages int8 (n, n_variants). The estimator for people of different families of
    Manichaikul et al. 2010 (Bioinformatics 26:2867), over the variants at which both are
    called, as PLINK 2 --make-king-table computes it:
    1/2 - sum (g_i - g_j)^2 / (4 min(het_i, het_j)). -inf where one has no heterozygous call.
    """
    return _king_robust(_Block(rows), _Block(columns))


def _king_robust(a: _Block, b: _Block) -> np.ndarray:
    # Counts are whole numbers below 2^24, so float32 sums are exact.
    n_variants = a.signed.shape[1]
    product = (a.signed @ b.signed.T).astype(float)
    homozygous_a = a.n_homozygous[:, None] - (b.missing @ a.homozygous).T  # where b is called
    homozygous_b = b.n_homozygous[None] - a.missing @ b.homozygous
    either_missing = a.n_missing[:, None] + b.n_missing[None] - (a.missing @ b.missing.T).toarray()
    distance = homozygous_a + homozygous_b - 2 * product
    heterozygous = n_variants - either_missing - np.maximum(homozygous_a, homozygous_b)
    with np.errstate(divide="ignore", invalid="ignore"):
        kinship = 0.5 - distance / (4.0 * heterozygous)
    return np.where(heterozygous > 0, kinship, -np.inf)


def estimate_kinship(dosages: np.ndarray, iid: np.ndarray) -> pd.DataFrame:
    """Pairs (`KINSHIP_COLUMNS`) with a kinship of at least `MIN_KINSHIP`, in the order of the people.

    `dosages` int8 (n_people, n_variants) of independent variants, `iid` (n_people,).
    """
    n_people, n_variants = dosages.shape
    size = max(1, min(n_people, _BLOCK_BYTES // (4 * max(n_variants, 1))))
    starts = range(0, n_people, size)
    found = []
    for start in starts:
        rows = _Block(dosages[start : start + size])
        for other in starts[start // size :]:
            columns = rows if other == start else _Block(dosages[other : other + size])
            kinship = _king_robust(rows, columns)
            if other == start:
                kinship[np.tril_indices_from(kinship)] = -np.inf
            i, j = np.nonzero(kinship >= MIN_KINSHIP)
            found.append(pd.DataFrame({"i": start + i, "j": other + j, "kinship": kinship[i, j]}))
        log.info("%d of %d people compared with the rest", min(start + size, n_people), n_people)
    pairs = pd.concat(found).sort_values(["i", "j"])
    return pd.DataFrame(
        {"IID1": iid[pairs.i], "IID2": iid[pairs.j], "kinship": pairs.kinship.to_numpy().round(6)}
    )


def read_kinship(path: str) -> pd.DataFrame:
    """Pairs (`KINSHIP_COLUMNS`) of our table, KING's or PLINK 2's .kin0, or UK Biobank's.

    Raises `InputError` when a column is missing or a kinship is not a number.
    """
    table = pd.read_csv(path, sep=r"\s+", dtype=str, keep_default_na=False)
    names = {name.removeprefix("#").lower(): name for name in table.columns}
    first, second = names.get("iid1", names.get("id1")), names.get("iid2", names.get("id2"))
    if first is None or second is None or "kinship" not in names:
        raise InputError(
            f"{path} has the columns {', '.join(table.columns)}: a kinship table needs ID1, ID2 and "
            "Kinship (or IID1, IID2, KINSHIP)"
        )
    kinship = pd.to_numeric(table[names["kinship"]], errors="coerce")
    wrong = np.flatnonzero(kinship.isna())
    if len(wrong):
        raise InputError(
            f"{path}, line {wrong[0] + 2}: kinship {table[names['kinship']][wrong[0]]} is not a "
            "number: correct it or leave the pair out"
        )
    pairs = pd.DataFrame({"IID1": table[first], "IID2": table[second], "kinship": kinship})
    return pairs[KINSHIP_COLUMNS]
