"""Loci: each is a lead, taken from the strongest on, and the variants within reach of it."""

import numpy as np
import pandas as pd

LOCUS_WINDOW = 500_000  # base pairs

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


class Loci:
    """Loci as they form, while variants are added by rank.

    A variant belongs to the strongest lead within `LOCUS_REACH`. Without one it becomes a lead, so
    that no two leads are closer. A locus has room for `cap` variants (None: for any number); the
    rows `awaited` are added even where there is none, and hold their places from the start.
    """

    def __init__(
        self, chromosome: np.ndarray, position: np.ndarray, cap: int | None, awaited: np.ndarray
    ) -> None:
        """`chromosome` (m,) str and `position` (m,) of all variants; `awaited` (k,) rows of them."""
        self.index_variant: dict[
            int, int
        ] = {}  # of each variant added, and of those awaited near a lead
        self._chromosome, self._position = chromosome, position
        self._cap = np.inf if cap is None else cap
        self._awaited = awaited
        self._number: dict[int, int] = {}  # of each lead, by rank
        self._size: dict[int, int] = {}  # by lead
        self._near: dict[tuple[str, int], list[int]] = {}  # leads by chromosome and stretch

    def _strongest_index_variant(self, row: int) -> int | None:
        stretch = self._position[row] // LOCUS_WINDOW
        around = [
            index_variant
            for shift in (-1, 0, 1)
            for index_variant in self._near.get((self._chromosome[row], stretch + shift), [])
            if abs(self._position[index_variant] - self._position[row]) <= LOCUS_WINDOW
        ]
        return min(around, key=self._number.__getitem__, default=None)

    def _held_places(self, row: int) -> list[int]:
        """Those awaited that belong to the locus of `row`, should it become a lead."""
        near = np.abs(self._position[self._awaited] - self._position[row]) <= LOCUS_WINDOW
        near &= self._chromosome[self._awaited] == self._chromosome[row]
        return [other for other in self._awaited[near].tolist() if other not in self.index_variant]

    def is_full(self, row: int) -> bool:
        """Whether the locus of `row` stands and is full, now and for ever."""
        index_variant = self._strongest_index_variant(row)
        return index_variant is not None and self._size[index_variant] >= self._cap

    def has_room(self, row: int) -> bool:
        """Whether `row`, of lower rank than all that were added, may be added, too."""
        index_variant = self._strongest_index_variant(row)
        return (
            len(self._held_places(row)) if index_variant is None else self._size[index_variant]
        ) < self._cap

    def add(self, row: int) -> None:
        """Give `row`, of lower rank than all that were added, its locus."""
        if row in self.index_variant:
            return
        index_variant = self._strongest_index_variant(row)
        if index_variant is None:
            index_variant = row
            self._number[row] = len(self._number)
            self._size[row] = 0
            stretch = self._position[row] // LOCUS_WINDOW
            self._near.setdefault((self._chromosome[row], stretch), []).append(row)
            for other in self._held_places(row):
                if other != row:
                    self.index_variant[other] = row
                    self._size[row] += 1
        self.index_variant[row] = index_variant
        self._size[index_variant] += 1


def describe_loci(panel: pd.DataFrame) -> pd.DataFrame:
    """One row (`LOCUS_COLUMNS`) for each locus of a panel, in genomic order.

    `start` and `end` are those of its members on the panel; `variant_id`, p and effects its lead's,
    the member of the smallest rank.
    """
    by_locus = panel.groupby("locus")
    index_variants = panel.loc[by_locus["rank"].idxmin()].set_index("locus")
    index_variants["start"] = by_locus.position.min()
    index_variants["end"] = by_locus.position.max()
    index_variants["n_variants"] = by_locus.size()
    return index_variants.reset_index()[LOCUS_COLUMNS]
