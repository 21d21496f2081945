"""Greedy clumping over all pairs of variants, and summary statistics to clump."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from example_association import make_variants, simulate_dosages

from snpgen.io.plink import MISSING


def make_scan(n: int, m: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Two chromosomes, 2 kb between variants, LD blocks of five, missing calls, tied p-values."""
    rng = np.random.default_rng(8)
    dosages = simulate_dosages(n, m, rng, missing=0.05)
    half = m // 2
    table = pd.concat([make_variants(half, "2"), make_variants(m - half, "10")], ignore_index=True)
    table["neg_log_10_p_value"] = np.round(rng.exponential(1.5, m), 1)
    for column in ("beta", "standard_error", "effect_allele_frequency", "beta_corrected"):
        table[column] = rng.random(m)
    return table, dosages


def pairwise_r2(one: np.ndarray, other: np.ndarray) -> float:
    """Squared correlation of dosages (n,) over individuals called at both; 0 if one is constant."""
    both = (one != MISSING) & (other != MISSING)
    x, y = one[both], other[both]
    varies = len(x) and x.std() > 0 and y.std() > 0
    return np.corrcoef(x, y)[0, 1] ** 2 if varies else 0.0


def greedy_clumps(
    table: pd.DataFrame, kb: float, r2: float, pair_r2: Callable[[int, int], float]
) -> tuple[list[int], np.ndarray]:
    """Index variants, and the index variant of each clumped one (-1 for none), by ascending p-value."""
    ranked = table.assign(number=table.chromosome.astype(int)).sort_values(
        ["neg_log_10_p_value", "number", "position", "variant_id"],
        ascending=[False, True, True, True],
    )
    chromosome, position = table.chromosome.to_dict(), table.position.to_dict()
    left, index, taker = list(ranked.index), [], np.full(len(table), -1)
    while left:
        top = left.pop(0)
        index.append(top)
        for other in left:
            if (
                chromosome[other] == chromosome[top]
                and abs(position[other] - position[top]) <= kb * 1000
                and pair_r2(top, other) >= r2
            ):
                taker[other] = top
        left = [other for other in left if taker[other] < 0]
    return index, taker
