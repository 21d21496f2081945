"""LD pruning, for kinship and principal components."""

import numpy as np

from snpgen.genetics.ld import unit_columns
from snpgen.io.plink import Fileset, allele_frequency
from snpgen.job import log

_SAMPLES = 2_000  # individuals; enough to estimate an r2 of 0.1
_BLOCK = 256
_CHUNK = 4_096


def prune(dosages: np.ndarray, position: np.ndarray, max_r2: float, kb: float) -> np.ndarray:
    """Mask of the variants of one chromosome to keep, bool (n_variants,).

    `dosages` int8 (n_samples, n_variants) with `MISSING`; `position` in bp, ascending. Variants are processed
    in the order of positions. Each kept variant removes the later variants within `kb` if their squared
    dosage correlation with the kept variant exceeds `max_r2`. Missing calls are replaced by the mean.
    """
    n_variants = dosages.shape[1]
    keep = np.ones(n_variants, dtype=bool)
    window = np.searchsorted(position, position + 1000 * kb, side="right")
    for start in range(0, n_variants, _BLOCK):
        rows = start + np.flatnonzero(keep[start : start + _BLOCK])
        if not len(rows):
            continue
        columns = start + np.flatnonzero(keep[start : window[rows[-1]]])
        values = unit_columns(dosages[:, columns])
        own = values[:, np.searchsorted(columns, rows)]
        linked = (own.T @ values) ** 2 > max_r2
        for row, pairs in zip(rows, linked, strict=True):
            if keep[row]:
                later = columns[pairs]
                keep[later[(later > row) & (later < window[row])]] = False
    return keep


def prune_fileset(
    fileset: Fileset,
    variants: np.ndarray,
    samples: np.ndarray,
    min_maf: float,
    max_r2: float,
    kb: float,
    threads: int,
) -> np.ndarray:
    """Keep the `variants` (ascending rows of `fileset.variants`) that pass the MAF filter and `prune`.

    Frequencies and LD are estimated from at most 2,000 of `samples` (rows of the .fam), evenly spaced.
    One chromosome is in memory at a time.
    """
    step = max(1, -(-len(samples) // _SAMPLES))
    individuals = np.asarray(samples)[::step]
    table = fileset.variants.iloc[variants]
    kept = []
    for chromosome, rows in table.groupby("chromosome", sort=False).groups.items():
        parts, dosages = [], []
        for part, chunk in fileset.chunks(rows.to_numpy(), individuals, _CHUNK, threads):
            frequency = allele_frequency(chunk)
            common = np.minimum(frequency, 1 - frequency) >= min_maf
            parts.append(part[common])
            dosages.append(chunk[:, common])
        common_rows = np.concatenate(parts)
        position = fileset.variants.position.to_numpy()[common_rows]
        left = common_rows[prune(np.concatenate(dosages, axis=1), position, max_r2, kb)]
        log.info("chromosome %s: %d of %d variants kept", chromosome, len(left), len(rows))
        kept.append(left)
    return np.sort(np.concatenate(kept))
