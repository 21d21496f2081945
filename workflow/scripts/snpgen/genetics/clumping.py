"""Clumping by linkage disequilibrium, with the same clumps as PLINK 2 --clump-unphased.

Variants are processed in the order of p-values. A variant that does not yet belong to a clump becomes the
index variant of a new clump. The clump takes all variants that lie within a window, have a large enough
squared dosage correlation with the index variant, and belong to no earlier clump.

Genotypes are held as bit planes (`packed.pack_planes`); a correlation is computed from nine bit counts.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numba import njit

from snpgen.genetics.ld import squared_correlation
from snpgen.genetics.loci import Loci, WindowIndex
from snpgen.genetics.packed import pack_planes
from snpgen.job import log
from snpgen.progress import Meter

BATCH = 128  # variants whose genotypes are read together

Reader = Callable[[np.ndarray], np.ndarray]  # ascending rows of a table -> dosages int8 (n, rows)


@dataclass(frozen=True)
class Clumps:
    """Clumps of the m variants of a table; variants are identified by their rows in the table.

    `index_variants` (k,) are in the order of p-values. `clumped_by` (m,) is the index variant of the clump of
    each variant, -1 for index variants and for variants that were not considered.
    """

    index_variants: np.ndarray
    clumped_by: np.ndarray


@njit(cache=True, nogil=True)
def _first_linked(held: np.ndarray, slots: np.ndarray, planes: np.ndarray, r2: float) -> int:
    """The first of `slots` (rows of `held`) whose r2 with `planes` (3, words) is at least `r2`, or -1."""
    for slot in slots:
        if squared_correlation(held[slot], planes) >= r2:
            return slot
    return -1


@njit(cache=True, nogil=True)
def _linked(
    planes: np.ndarray, position: np.ndarray, rows: np.ndarray, window: float, r2: float
) -> np.ndarray:
    """For each of `rows`, the earlier variants within `window` with an r2 >= `r2`, bool (rows, variants)."""
    linked = np.zeros((len(rows), len(planes)), np.bool_)
    for k in range(len(rows)):
        for i in range(rows[k] - 1, -1, -1):
            if position[rows[k]] - position[i] > window:
                break
            linked[k, i] = squared_correlation(planes[i], planes[rows[k]]) >= r2
    return linked


def association_order(table: pd.DataFrame) -> np.ndarray:
    """Rows of `table` by descending -log10 p; ties by chromosome, position and ID."""
    numbers = table.chromosome.astype(int)
    ids = pd.factorize(table.variant_id, sort=True)[0]
    return np.lexsort((ids, table.position, numbers, -table.neg_log_10_p_value))


class _IndexVariants:
    """Bit planes of the index variants, which can be searched by position."""

    def __init__(self, chromosome: np.ndarray, position: np.ndarray, window: float) -> None:
        self._slot: dict[int, int] = {}  # slot (position in `_planes`) of each row
        self._rows: list[int] = []
        self._planes = np.empty((0, 3, 0), np.uint64)
        self._near = WindowIndex(chromosome, position, window)

    def add(self, row: int, planes: np.ndarray) -> None:
        slot = len(self._rows)
        if slot >= len(self._planes):
            grown = np.empty((max(BATCH, 2 * slot), *planes.shape), np.uint64)
            grown[:slot] = self._planes[:slot] if slot else 0
            self._planes = grown
        self._planes[slot] = planes
        self._slot[row] = slot
        self._rows.append(row)
        self._near.add(row)

    def first_linked(self, row: int, planes: np.ndarray, r2: float) -> int:
        """The first index variant added within the window whose r2 with `row` is at least `r2`, or -1."""
        slots = sorted(self._slot[other] for other in self._near.within(row))
        if not slots:
            return -1
        slot = _first_linked(self._planes, np.array(slots), planes, r2)
        return self._rows[slot] if slot >= 0 else -1


def clump(
    table: pd.DataFrame,
    read: Reader,
    size: int,
    clump_kb: float,
    clump_r2: float,
    included: np.ndarray,
    loci: Loci,
) -> tuple[Clumps, int]:
    """Clump the variants of `table` in the order of p-values, until there are `size` index variants.

    The variants in `included` (m,) bool are index variants regardless of their p-value, and their clumps are
    formed first. `size` must not be smaller than their number. A variant is skipped if its locus in `loci` is
    full. `read` is called for `BATCH` variants at a time until the clumps are complete, and only the bit
    planes of index variants are kept. Returns the clumps and the number of skipped variants.
    """
    order = association_order(table)
    chromosome, position = table.chromosome.to_numpy(), table.position.to_numpy()
    chosen = _IndexVariants(chromosome, position, clump_kb * 1000)
    clumped_by = np.full(len(table), -1)
    first = order[included[order]]
    for start in range(0, len(first), BATCH):
        rows = first[start : start + BATCH]
        ascending = np.sort(rows)
        planes = pack_planes(read(ascending).T)
        for row in rows.tolist():
            chosen.add(row, planes[np.searchsorted(ascending, row)])

    index_variants: list[int] = []
    n_skipped = 0
    free = size - len(first)  # index variants to find besides `included`
    meter = Meter(size, "index variants")
    for start in range(0, len(order), BATCH):
        if not free:
            break
        batch = order[start : start + BATCH].tolist()
        rows = np.sort([row for row in batch if not included[row] and not loci.is_full(row)])
        if len(rows):
            planes = pack_planes(read(rows).T)
        for row in batch:
            if included[row]:
                index_variants.append(row)
                loci.add(row)
            elif free and not loci.has_room(row):
                n_skipped += 1
            elif free:
                own = planes[np.searchsorted(rows, row)]
                clumped_by[row] = chosen.first_linked(row, own, clump_r2)
                if clumped_by[row] < 0:
                    index_variants.append(row)
                    loci.add(row)
                    chosen.add(row, own)
                    free -= 1
        meter.add(len(index_variants) - meter.done)
    added = set(index_variants)
    for row in first.tolist():  # included variants with p-values above the last index variant
        if row not in added:
            index_variants.append(row)
            loci.add(row)
    return Clumps(np.array(index_variants, dtype=int), clumped_by), n_skipped


def _links(
    position: np.ndarray, read: Reader, window: float, r2: float, threads: int, meter: Meter
) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of variants of one chromosome within `window` with an r2 >= `r2`.

    Returns the rows of the left and of the right variants, (pairs,) each. `position` (m,) is ascending;
    `meter` counts variants. Only the bit planes of variants within `window` of the current batch are held.
    """
    held = np.empty((0, 3, 0), np.uint64)
    first = 0  # row of the first variant held
    left, right = [np.empty(0, int)], [np.empty(0, int)]
    with ThreadPoolExecutor(threads) as pool:
        for start in range(0, len(position), BATCH):
            new = np.arange(start, min(start + BATCH, len(position)))
            passed = int(np.searchsorted(position, position[start] - window)) - first
            planes = pack_planes(read(new).T)
            held = np.concatenate([held[passed:], planes]) if start else planes
            first += passed
            here = position[first : new[-1] + 1]

            def link(
                rows: np.ndarray, held: np.ndarray = held, here: np.ndarray = here
            ) -> np.ndarray:
                return _linked(held, here, rows, window, r2)

            linked = np.concatenate(list(pool.map(link, np.array_split(new - first, threads))))
            later, earlier = np.nonzero(linked)
            left.append(first + earlier)
            right.append(new[later])
            meter.add(len(new))
    return np.concatenate(left), np.concatenate(right)


def _clump_pairs(rank: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Greedy clumping: row of the index variant of each variant, -1 if it is an index variant, int (m,).

    `rank` (m,) is the rank of each variant by p-value; `left` and `right` (pairs,) are the rows of the pairs
    from `_links`.
    """
    one, other = np.concatenate([left, right]), np.concatenate([right, left])
    other = other[np.argsort(one, kind="stable")]
    starts = np.concatenate([[0], np.cumsum(np.bincount(one, minlength=len(rank)))])
    clumped_by = np.full(len(rank), -1)
    for row in np.argsort(rank):
        if clumped_by[row] < 0:
            linked = other[starts[row] : starts[row + 1]]
            clumped_by[linked[clumped_by[linked] < 0]] = row
    return clumped_by


def clump_all(
    table: pd.DataFrame, read: Reader, clump_kb: float, clump_r2: float, threads: int = 1
) -> Clumps:
    """Clump all variants of `table`, with the genotypes of only one window in memory.

    `clump` would hold the bit planes of all index variants. This function reads each chromosome once in the
    order of positions, finds the pairs in LD within the window, and forms the clumps from these pairs. It
    compares more pairs than `clump`, but holds only the bit planes of one window and one batch.
    """
    order = association_order(table)
    rank = np.empty(len(table), int)
    rank[order] = np.arange(len(table))
    clumped_by = np.full(len(table), -1)
    names, position = table.chromosome.to_numpy(), table.position.to_numpy()
    meter = Meter(len(table), "variants")
    for chromosome in table.chromosome.unique():
        rows = np.flatnonzero(names == chromosome)
        rows = rows[np.argsort(position[rows], kind="stable")]

        def read_places(places: np.ndarray, rows: np.ndarray = rows) -> np.ndarray:
            ascending = np.sort(rows[places])
            return read(ascending)[:, np.searchsorted(ascending, rows[places])]

        left, right = _links(position[rows], read_places, clump_kb * 1000, clump_r2, threads, meter)
        taken = _clump_pairs(rank[rows], left, right)
        clumped_by[rows] = np.where(taken < 0, -1, rows[taken])
        n_clumps = int((taken < 0).sum())
        log.info("chromosome %s: %d variants in %d clumps", chromosome, len(rows), n_clumps)
    return Clumps(order[clumped_by[order] < 0], clumped_by)
