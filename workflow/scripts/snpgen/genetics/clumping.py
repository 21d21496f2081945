"""Clumping by linkage disequilibrium: the clumps of PLINK 2 --clump-unphased, member by member.

From the smallest p on, a variant that no clump holds becomes the member that stands for a clump of
its own: all variants within reach whose squared dosage correlation with it is large enough, and
that no stronger member took.

Genotypes are held as three planes of bits (one effect allele or more, two of them, called), 64
people a word, so that the correlation of a pair is eleven counts of bits.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numba import njit

from snpgen.genetics.ld import squared_correlation
from snpgen.genetics.loci import Loci
from snpgen.genetics.packed import pack_planes
from snpgen.job import log
from snpgen.progress import Meter

BATCH = 128  # variants whose genotypes are read together
LOGGED = 32 * BATCH  # variants from one line of the log to the next

Reader = Callable[[np.ndarray], np.ndarray]  # ascending rows of a table -> dosages int8 (n, rows)


@dataclass(frozen=True)
class Clumps:
    """`members` (k,) by rank; `taker` (m,), the member that took each variant, -1 for none.

    Both hold rows of the table that was clumped; nobody took members and what was not looked at.
    """

    members: np.ndarray
    taker: np.ndarray


@njit(cache=True, nogil=True)
def _first_linked(held: np.ndarray, slots: np.ndarray, planes: np.ndarray, r2: float) -> int:
    """The first of `slots` (rows of `held`) whose r2 with `planes` (3, words) is enough, or -1."""
    for slot in slots:
        if squared_correlation(held[slot], planes) >= r2:
            return slot
    return -1


@njit(cache=True, nogil=True)
def _linked(
    planes: np.ndarray, position: np.ndarray, rows: np.ndarray, window: float, r2: float
) -> np.ndarray:
    """Which variants before each of `rows` are within `reach` and linked: bool (rows, variants)."""
    linked = np.zeros((len(rows), len(planes)), np.bool_)
    for k in range(len(rows)):
        for i in range(rows[k] - 1, -1, -1):
            if position[rows[k]] - position[i] > window:
                break
            linked[k, i] = squared_correlation(planes[i], planes[rows[k]]) >= r2
    return linked


def association_order(table: pd.DataFrame) -> np.ndarray:
    """Rows of `table` by falling -log10 p; ties by chromosome, position and id."""
    numbers = table.chromosome.astype(int)
    ids = pd.factorize(table.variant_id, sort=True)[0]
    return np.lexsort((ids, table.position, numbers, -table.neg_log_10_p_value))


class _Members:
    """The members' planes, and which members are near a variant."""

    def __init__(self, chromosome: np.ndarray, position: np.ndarray, window: float) -> None:
        self._chromosome, self._position, self._reach = chromosome, position, window
        self._rows: list[int] = []
        self._planes = np.empty((0, 3, 0), np.uint64)
        self._near: dict[tuple[str, int], list[int]] = {}  # by chromosome and stretch of `reach`

    def _stretch(self, row: int) -> int:
        return int(self._position[row] // max(self._reach, 1))

    def add(self, row: int, planes: np.ndarray) -> None:
        slot = len(self._rows)
        if slot >= len(self._planes):
            grown = np.empty((max(BATCH, 2 * slot), *planes.shape), np.uint64)
            grown[:slot] = self._planes[:slot] if slot else 0
            self._planes = grown
        self._planes[slot] = planes
        self._rows.append(row)
        self._near.setdefault((self._chromosome[row], self._stretch(row)), []).append(slot)

    def taker(self, row: int, planes: np.ndarray, r2: float) -> int:
        """The first member that takes `row`, or -1."""
        stretch = self._stretch(row)
        around = [
            slot
            for shift in (-1, 0, 1)
            for slot in self._near.get((self._chromosome[row], stretch + shift), [])
            if abs(self._position[self._rows[slot]] - self._position[row]) <= self._reach
        ]
        if not around:
            return -1
        slot = _first_linked(self._planes, np.array(sorted(around)), planes, r2)
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
    """Clumps of the strongest variants of `table`, until there are `size` members.

    `included` (m,) bool are members whatever their p, and take others before any other does;
    `size` is at least their number. A variant for which `loci` has no room is passed over. `read`
    is asked for `BATCH` variants at a time, as far as needed, and only members' planes are kept:
    three bits a person and member. Returns the clumps and how many variants were passed over.
    """
    order = association_order(table)
    chromosome, position = table.chromosome.to_numpy(), table.position.to_numpy()
    near = _Members(chromosome, position, clump_kb * 1000)
    taker = np.full(len(table), -1)
    wanted = order[included[order]]
    for start in range(0, len(wanted), BATCH):
        rows = wanted[start : start + BATCH]
        ascending = np.sort(rows)
        planes = pack_planes(read(ascending).T)
        for row in rows.tolist():
            near.add(row, planes[np.searchsorted(ascending, row)])

    members: list[int] = []
    crowded = 0
    free = size - len(wanted)  # places for variants that compete
    meter = Meter(size, "members")
    for start in range(0, len(order), BATCH):
        if not free:
            break
        batch = order[start : start + BATCH].tolist()
        rows = np.sort([row for row in batch if not included[row] and not loci.is_full(row)])
        if len(rows):
            planes = pack_planes(read(rows).T)
        for row in batch:
            if included[row]:
                members.append(row)
                loci.add(row)
            elif free and not loci.has_room(row):
                crowded += 1
            elif free:
                own = planes[np.searchsorted(rows, row)]
                taker[row] = near.taker(row, own, clump_r2)
                if taker[row] < 0:
                    members.append(row)
                    loci.add(row)
                    near.add(row, own)
                    free -= 1
        if (start + BATCH) % LOGGED == 0:
            log.info("%d members after %d of %d variants", len(members), start + BATCH, len(order))
        meter.add(len(members) - meter.done)
    met = set(members)
    for row in wanted.tolist():  # those weaker than the last member
        if row not in met:
            members.append(row)
            loci.add(row)
    return Clumps(np.array(members, dtype=int), taker), crowded


def _links(
    position: np.ndarray, read: Reader, window: float, r2: float, threads: int, meter: Meter
) -> tuple[np.ndarray, np.ndarray]:
    """Linked pairs of one chromosome's variants: rows (pairs,) and (pairs,), the left one first.

    `position` (m,) is ascending; `meter` counts variants. Only the planes of variants within `reach` are held.
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


def _take(rank: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Greedy clumping on linked pairs: the row that took each of m variants, -1 for none, (m,).

    `rank` (m,) is each variant's; `left` and `right` (pairs,) hold rows.
    """
    one, other = np.concatenate([left, right]), np.concatenate([right, left])
    other = other[np.argsort(one, kind="stable")]
    starts = np.concatenate([[0], np.cumsum(np.bincount(one, minlength=len(rank)))])
    taker = np.full(len(rank), -1)
    for row in np.argsort(rank):
        if taker[row] < 0:
            linked = other[starts[row] : starts[row + 1]]
            taker[linked[taker[linked] < 0]] = row
    return taker


def clump_all(
    table: pd.DataFrame, read: Reader, clump_kb: float, clump_r2: float, threads: int = 1
) -> Clumps:
    """Clumps of all variants of `table`, in memory that does not grow with their number.

    `clump` would hold the planes of every member. Here each chromosome is read once, along the
    positions, all pairs within reach are compared, and greedy clumping runs on the linked pairs:
    more pairs than `clump` looks at, but planes of one stretch of `clump_kb` and a batch only.
    """
    order = association_order(table)
    rank = np.empty(len(table), int)
    rank[order] = np.arange(len(table))
    taker = np.full(len(table), -1)
    names, position = table.chromosome.to_numpy(), table.position.to_numpy()
    meter = Meter(len(table), "variants")
    for chromosome in table.chromosome.unique():
        rows = np.flatnonzero(names == chromosome)
        rows = rows[np.argsort(position[rows], kind="stable")]

        def read_places(places: np.ndarray, rows: np.ndarray = rows) -> np.ndarray:
            ascending = np.sort(rows[places])
            return read(ascending)[:, np.searchsorted(ascending, rows[places])]

        left, right = _links(position[rows], read_places, clump_kb * 1000, clump_r2, threads, meter)
        taken = _take(rank[rows], left, right)
        taker[rows] = np.where(taken < 0, -1, rows[taken])
        n_members = int((taken < 0).sum())
        log.info("chromosome %s: %d variants in %d clumps", chromosome, len(rows), n_members)
    return Clumps(order[taker[order] < 0], taker)
