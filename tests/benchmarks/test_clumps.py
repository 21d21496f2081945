"""Clumps of a simulated cohort against greedy clumping with all pairwise correlations."""

import numpy as np
import pandas as pd
import pytest
from example_processes import THREADS, measure, read_scan, scan_command

from snpgen.genetics.clumping import clump, clump_all
from snpgen.genetics.loci import Loci
from snpgen.io.plink import MISSING, open_fileset

N_VARIANTS = 3_000  # around the strongest
CLUMP_KB = 250


@pytest.fixture(scope="module", params=["variants25k", "missing25k"])
def scanned(request, folder, null, tmp_path_factory) -> tuple[str, pd.DataFrame, np.ndarray]:
    """Fileset, summary statistics of adjacent variants, and their dosages int8 (n, m)."""
    output = tmp_path_factory.mktemp("clumps") / "ours.tsv.gz"
    measure(scan_command(folder / request.param, null, output, 1e-3), THREADS)
    table = read_scan(output).reset_index()
    first = max(0, int(table.neg_log_10_p_value.argmax()) - N_VARIANTS // 2)
    table = table.iloc[first : first + N_VARIANTS].reset_index(drop=True)
    fileset = open_fileset(str(folder / request.param), [])
    rows = pd.Index(fileset.variants.variant_id).get_indexer(table.variant_id)
    return request.param, table, fileset.read(rows, np.arange(len(fileset.samples)), THREADS)


def _squared_correlations(dosages: np.ndarray) -> np.ndarray:
    """r2 of all pairs (m, m) over samples called at both; sums below 2^24 are exact in float32."""
    called = (dosages != MISSING).astype(np.float32)
    dosage = np.where(dosages == MISSING, 0, dosages).astype(np.float32)
    n, x, xx, xy = (
        (a.T @ b).astype(float)
        for a, b in (
            (called, called),
            (dosage, called),
            (np.square(dosage), called),
            (dosage, dosage),
        )
    )
    variance = n * xx - np.square(x)
    return np.square(n * xy - x * x.T) / (variance * variance.T)


def _greedy(table: pd.DataFrame, linked: np.ndarray) -> tuple[list[int], np.ndarray]:
    """Index variants by p-value, and the index variant of each clumped one (-1 for none)."""
    index_variants, clumped_by = [], np.full(len(table), -1)
    keys = [table.variant_id.to_numpy(str), table.position, -table.neg_log_10_p_value]
    for row in np.lexsort(keys):
        if clumped_by[row] < 0:
            free = linked[row] & (clumped_by < 0)
            free[[row, *index_variants]] = False
            clumped_by[free] = row
            index_variants.append(int(row))
    return index_variants, clumped_by


@pytest.mark.parametrize("r2", [0.1, 0.2])
def test_clumps_against_brute_force(scanned, say, r2):
    """Clumping for a panel (here without a limit) and of the whole genome."""
    name, table, dosages = scanned
    position = table.position.to_numpy()
    near = np.abs(position[:, None] - position) <= CLUMP_KB * 1000
    index_variants, clumped_by = _greedy(table, near & (_squared_correlations(dosages) >= r2))

    def read(rows: np.ndarray) -> np.ndarray:
        return dosages[:, rows]

    loci = Loci(table.chromosome.to_numpy(), position, None, np.array([], int))
    not_included = np.zeros(len(table), dtype=bool)
    by_rank, _ = clump(table, read, len(table), CLUMP_KB, r2, not_included, loci)
    genome_wide = clump_all(table, read, CLUMP_KB, r2, THREADS)
    say(
        f"{name}, r2 {r2:g}: {len(index_variants)} clumps of {len(table)} variants; differences from brute "
        f"force: {(by_rank.clumped_by != clumped_by).sum()} for the panel, {(genome_wide.clumped_by != clumped_by).sum()} of the "
        "whole genome (bar 0)"
    )
    for clumps in (by_rank, genome_wide):
        assert clumps.index_variants.tolist() == index_variants
        assert clumps.clumped_by.tolist() == clumped_by.tolist()
