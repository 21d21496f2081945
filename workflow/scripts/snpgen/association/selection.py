"""The panel: the variants most associated with the phenotype, thinned by linkage disequilibrium."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from snpgen.association.sumstats import GENOME_WIDE, SUGGESTIVE
from snpgen.job import InputError, log
from snpgen.plink import MISSING, VARIANT_COLUMNS

LOCUS_GAP = 500_000  # base pairs without a member that separate two loci
BATCH = 128  # candidates whose genotypes are read together

PANEL_COLUMNS = [
    "rank",
    "chromosome",
    "position",
    "variant_id",
    "effect_allele",
    "other_allele",
    "effect_allele_frequency",
    "beta",
    "standard_error",
    "neg_log_10_p_value",
    "locus",
    "reason",
]


def locate_variants(variants: pd.DataFrame, wanted: pd.DataFrame) -> np.ndarray:
    """Rows of `variants` that hold the `wanted` ones, int (n_wanted,).

    Both have `VARIANT_COLUMNS`, and a variant is all of them; of repeated rows the first counts.
    """
    first = variants[~variants.duplicated(VARIANT_COLUMNS)]
    keys = pd.MultiIndex.from_frame(first[VARIANT_COLUMNS])
    rows = keys.get_indexer(pd.MultiIndex.from_frame(wanted[VARIANT_COLUMNS]))
    return first.index.to_numpy()[rows]


def squared_correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Squared Pearson correlation of two variants' dosages, int8 (n,), over people called in both.

    0 where one of them does not vary among these people.
    """
    both = (one != MISSING) & (other != MISSING)
    x, y = one[both].astype(np.float64), other[both].astype(np.float64)
    x -= x.sum() / max(len(x), 1)
    y -= y.sum() / max(len(y), 1)
    variance = (x @ x) * (y @ y)
    return float((x @ y) ** 2 / variance) if variance > 0 else 0.0


def association_order(table: pd.DataFrame) -> np.ndarray:
    """Rows of `table` by falling -log10 p; ties by chromosome, position and id."""
    numbers = table.chromosome.astype(int)
    ids = table.variant_id.to_numpy(str)
    return np.lexsort((ids, table.position, numbers, -table.neg_log_10_p_value))


def clump(
    table: pd.DataFrame,
    read: Callable[[np.ndarray], np.ndarray],
    size: int,
    clump_kb: float,
    clump_r2: float,
) -> tuple[np.ndarray, int]:
    """Choose up to `size` members, going through `table` from the smallest p.

    A variant becomes a member unless a member within `clump_kb` has genotype r2 >= `clump_r2` with
    it: the index variants of PLINK 2 --clump-unphased. `read` gives the dosages of ascending rows
    of `table`, int8 (n, rows); it is asked for `BATCH` candidates at a time, and only members are
    kept. Returns the members' rows by rank, and how many variants were left out for LD.
    """
    order = association_order(table)
    chromosome, position = table.chromosome.to_numpy(), table.position.to_numpy()
    reach = clump_kb * 1000
    members: list[int] = []
    genotypes: dict[int, np.ndarray] = {}
    near: dict[tuple[str, int], list[int]] = {}  # members by chromosome and stretch of `reach`
    linked = 0
    for start in range(0, len(order), BATCH):
        batch = order[start : start + BATCH]
        rows = np.sort(batch)
        dosages = dict(zip(rows.tolist(), read(rows).T, strict=True))
        for row in batch.tolist():
            stretch = int(position[row] // max(reach, 1))
            around = [
                member
                for shift in (-1, 0, 1)
                for member in near.get((chromosome[row], stretch + shift), [])
                if abs(position[member] - position[row]) <= reach
            ]
            if any(
                squared_correlation(dosages[row], genotypes[member]) >= clump_r2
                for member in around
            ):
                linked += 1
                continue
            members.append(row)
            genotypes[row] = dosages[row].copy()
            near.setdefault((chromosome[row], stretch), []).append(row)
            if len(members) == size:
                return np.array(members), linked
        log.info("%d members after %d of %d variants", len(members), start + len(batch), len(order))
    return np.array(members, dtype=int), linked


def number_loci(chromosome: np.ndarray, position: np.ndarray) -> np.ndarray:
    """Locus of each member in genomic order, from 1: a gap of `LOCUS_GAP` starts a new one."""
    new = (chromosome[1:] != chromosome[:-1]) | (np.diff(position) >= LOCUS_GAP)
    return np.concatenate([[1], 1 + np.cumsum(new)])[: len(position)]


def select_panel(
    table: pd.DataFrame,
    read: Callable[[np.ndarray], np.ndarray],
    size: int,
    max_p: float,
    clump_kb: float,
    clump_r2: float,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The panel (`PANEL_COLUMNS`, genomic order) and its funnel, from summary statistics.

    `table` has `sumstats.COLUMNS` and a plain index; `read` is as in `clump`. A `size` larger than
    the variants left takes them all; none left raises `InputError`.
    """
    allowed = np.flatnonzero(table.neg_log_10_p_value >= -np.log10(max_p))
    candidates = table.iloc[allowed].reset_index(drop=True)
    members, linked = clump(candidates, lambda rows: read(allowed[rows]), size, clump_kb, clump_r2)
    panel = candidates.iloc[members].copy()
    panel["rank"] = np.arange(1, len(panel) + 1)
    order = association_order(panel.assign(neg_log_10_p_value=0.0))
    panel = panel.iloc[order].reset_index(drop=True)
    panel["locus"] = number_loci(panel.chromosome.to_numpy(), panel.position.to_numpy())
    panel["reason"] = np.select(
        [
            panel.neg_log_10_p_value > -np.log10(GENOME_WIDE),
            panel.neg_log_10_p_value > -np.log10(SUGGESTIVE),
        ],
        ["genome_wide", "suggestive"],
        "top_k",
    )

    if panel.empty:
        raise InputError(
            "no variant is left for the panel: relax panel.max_p or the filters under gwas, and see "
            "funnel/variants.tsv for what they dropped"
        )
    weaker = f"less associated than the {size} members"
    if len(panel) < size:
        weaker = (
            f"panel.size asks for {size}, but only {len(panel)} variants are left: all are used"
        )
        log.info(weaker)
    kept = [len(table), len(candidates), len(candidates) - linked, len(panel)]
    funnel = pd.DataFrame(
        {
            "step": ["association", "p-value", "clumping", "panel size"],
            "unit": "variants",
            "kept": kept,
            "dropped": [0, *(-np.diff(kept)).tolist()],
            "reason": [
                "",
                f"p above {max_p:g}",
                f"r2 >= {clump_r2:g} with a stronger member within {clump_kb:g} kb",
                weaker,
            ],
        }
    )
    return panel[PANEL_COLUMNS], funnel
