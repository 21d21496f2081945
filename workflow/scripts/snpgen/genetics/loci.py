"""Loci. A locus is an index variant, chosen in the order of p-values, and the variants in its window."""

import numpy as np
import pandas as pd

LOCUS_WINDOW = 500_000  # bp

LOCUS_COLUMNS = [
    "locus",
    "chromosome",
    "start",
    "end",
    "variant_id",
    "effect_allele",
    "neg_log_10_p_value",
    "beta",
    "beta_corrected",
    "n_variants",
]


class WindowIndex:
    """Index that finds rows of a variant table by their distance from another row."""

    def __init__(self, chromosome: np.ndarray, position: np.ndarray, window: float) -> None:
        """`chromosome` (m,) str and `position` (m,) in bp of all rows; `window` in bp."""
        self._chromosome, self._position, self._window = chromosome, position, window
        self._rows: dict[tuple[str, int], list[int]] = {}  # by chromosome and bin of `window` bp

    def _bin(self, row: int) -> int:
        return int(self._position[row] // max(self._window, 1))

    def add(self, row: int) -> None:
        """Add `row` to the rows that `within` searches."""
        self._rows.setdefault((self._chromosome[row], self._bin(row)), []).append(row)

    def within(self, row: int) -> list[int]:
        """Rows added so far that lie on the chromosome of `row`, at most `window` bp away."""
        return [
            other
            for shift in (-1, 0, 1)
            for other in self._rows.get((self._chromosome[row], self._bin(row) + shift), [])
            if abs(self._position[other] - self._position[row]) <= self._window
        ]


class Loci:
    """Loci to which variants are added in the order of p-values (their ranks).

    A variant belongs to the locus of the strongest index variant within `LOCUS_WINDOW`. If there is none, it
    becomes an index variant itself. Two index variants are therefore more than the window apart. A locus
    holds at most `max_variants` variants (None: any number). The rows `included` are added in any case, and a
    locus reserves places for them when it is formed.
    """

    def __init__(
        self,
        chromosome: np.ndarray,
        position: np.ndarray,
        max_variants: int | None,
        included: np.ndarray,
    ) -> None:
        """`chromosome` (m,) str and `position` (m,) of all variants; `included` (k,) are rows."""
        # Index variant of each variant that was added, and of included variants whose place is reserved.
        self.index_variant: dict[int, int] = {}
        self._chromosome, self._position = chromosome, position
        self._max_variants = np.inf if max_variants is None else max_variants
        self._included = included
        self._number: dict[int, int] = {}  # rank among index variants
        self._size: dict[int, int] = {}  # variants in the locus, by index variant
        self._index_variants = WindowIndex(chromosome, position, LOCUS_WINDOW)

    def _strongest_index_variant(self, row: int) -> int | None:
        found = self._index_variants.within(row)
        return min(found, key=self._number.__getitem__, default=None)

    def _reserved(self, row: int) -> list[int]:
        """Included rows that would belong to the locus of `row` if it became an index variant."""
        near = np.abs(self._position[self._included] - self._position[row]) <= LOCUS_WINDOW
        near &= self._chromosome[self._included] == self._chromosome[row]
        return [other for other in self._included[near].tolist() if other not in self.index_variant]

    def is_full(self, row: int) -> bool:
        """Whether the locus of `row` exists and is full."""
        index_variant = self._strongest_index_variant(row)
        return index_variant is not None and self._size[index_variant] >= self._max_variants

    def has_room(self, row: int) -> bool:
        """Whether `row`, which ranks after all variants added so far, may be added."""
        index_variant = self._strongest_index_variant(row)
        size = len(self._reserved(row)) if index_variant is None else self._size[index_variant]
        return size < self._max_variants

    def add(self, row: int) -> None:
        """Assign `row`, which ranks after all variants added so far, to its locus."""
        if row in self.index_variant:
            return
        index_variant = self._strongest_index_variant(row)
        if index_variant is None:
            index_variant = row
            self._number[row] = len(self._number)
            self._size[row] = 0
            self._index_variants.add(row)
            for other in self._reserved(row):
                if other != row:
                    self.index_variant[other] = row
                    self._size[row] += 1
        self.index_variant[row] = index_variant
        self._size[index_variant] += 1


def describe_loci(panel: pd.DataFrame) -> pd.DataFrame:
    """One row (`LOCUS_COLUMNS`) for each locus of a panel, in genomic order.

    `start` and `end` span the locus's variants on the panel. `variant_id`, p-value and effects refer to its
    index variant, the variant with the smallest rank.
    """
    by_locus = panel.groupby("locus")
    index_variants = panel.loc[by_locus["rank"].idxmin()].set_index("locus")
    index_variants["start"] = by_locus.position.min()
    index_variants["end"] = by_locus.position.max()
    index_variants["n_variants"] = by_locus.size()
    return index_variants.reset_index()[LOCUS_COLUMNS]
