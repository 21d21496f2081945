"""Clumping and thresholding: the standard genome-wide polygenic score, as a comparator.

Effects and clumps are estimated in training individuals, and the p-value threshold is chosen in validation
individuals (Choi, Mak & O'Reilly 2020, Nat Protoc 15:2759). Effects come from the GWAS, which is adjusted
for covariates. The score itself has no covariates, like the risk models trained on the cohorts.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from snpgen.association.selection import locate_variants
from snpgen.evaluation.roc import RocCurve, roc_auc
from snpgen.evaluation.scores import Weights
from snpgen.genetics.clumping import clump
from snpgen.genetics.loci import Loci
from snpgen.io.plink import Fileset
from snpgen.job import log

THRESHOLDS = (5e-8, 1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.05, 0.1, 0.5, 1.0)
CLUMP_KB, CLUMP_R2 = 250.0, 0.1  # the defaults of PRSice-2


def find_index_variants(table: pd.DataFrame, fileset: Fileset, samples: np.ndarray) -> np.ndarray:
    """Rows of `table`, ascending, of the index variants of clumps (`CLUMP_KB`, `CLUMP_R2`).

    `table` is in the order of the fileset; `samples` are rows of the .fam. Chromosomes are processed one
    by one, which bounds the memory for the genotypes of index variants.
    """
    rows = locate_variants(fileset.variants, table)
    index_variants = [np.empty(0, int)]
    for chromosome in table.chromosome.unique():
        here = np.flatnonzero(table.chromosome == chromosome)
        part = table.iloc[here].reset_index(drop=True)
        none_forced = np.zeros(len(part), bool)
        loci = Loci(part.chromosome.to_numpy(), part.position.to_numpy(), None, np.empty(0, int))

        def read(chosen: np.ndarray, here: np.ndarray = here) -> np.ndarray:
            return fileset.read(rows[here[chosen]], samples)

        clumps, _ = clump(part, read, len(part), CLUMP_KB, CLUMP_R2, none_forced, loci)
        index_variants.append(here[clumps.index_variants])
        log.info(
            "chromosome %s: %d variants in %d clumps",
            chromosome,
            len(part),
            len(index_variants[-1]),
        )
    return np.sort(np.concatenate(index_variants))


def choose_threshold(
    index_variants: Weights,
    neg_log_10_p: np.ndarray,
    fileset: Fileset,
    samples: np.ndarray,
    phenotype: np.ndarray,
    threads: int,
) -> float:
    """The p-value threshold with the largest AUC in `samples`; the smallest threshold if tied.

    `neg_log_10_p` (m,) is from the index variants; `phenotype` (k,) is 0 or 1. NaN if the AUC is undefined
    for all thresholds, because a class is empty or no variant passes.
    """
    aucs = []
    scores = np.zeros(len(samples))
    for kept in _bins(neg_log_10_p):
        scores = scores + index_variants.take(kept).score(fileset, samples, threads)
        aucs.append(float(roc_auc(*RocCurve(phenotype, scores).counts())[0]))
    shown = ", ".join(f"{p:g}: {auc:.4f}" for p, auc in zip(THRESHOLDS, aucs, strict=True))
    log.info("AUC in validation individuals for each p-value threshold: %s", shown)
    return THRESHOLDS[int(np.nanargmax(aucs))] if np.isfinite(aucs).any() else np.nan


def _bins(neg_log_10_p: np.ndarray) -> Iterator[np.ndarray]:
    """Masks of the variants that each threshold adds."""
    before = np.zeros(len(neg_log_10_p), bool)
    for threshold in THRESHOLDS:
        below = neg_log_10_p >= -np.log10(threshold)
        yield below & ~before
        before = below


def fit_thresholding(
    fileset: Fileset, table: pd.DataFrame, samples: pd.DataFrame, threads: int
) -> tuple[Weights, float]:
    """Fit the score and its p-value threshold.

    `table` is the GWAS of the training individuals (`sumstats.COLUMNS`); `samples` has IID, split and
    phenotype of training and validation individuals. Test individuals are not used. If the threshold is
    NaN, the score has no variants.
    """
    fitted = np.isfinite(table.beta) & np.isfinite(table.neg_log_10_p_value)
    table = table[fitted]
    table = table.iloc[np.argsort(locate_variants(fileset.variants, table))].reset_index(drop=True)
    train, validation = (
        samples[samples.split == name].reset_index(drop=True) for name in ("train", "validation")
    )
    table = table.iloc[find_index_variants(table, fileset, fileset.sample_rows(train.IID))]
    index_variants = Weights(
        locate_variants(fileset.variants, table),
        table.beta.to_numpy(np.float64),
        table.effect_allele_frequency.to_numpy(np.float64),
    )
    strength = table.neg_log_10_p_value.to_numpy()
    threshold = choose_threshold(
        index_variants,
        strength,
        fileset,
        fileset.sample_rows(validation.IID),
        validation.phenotype.to_numpy(np.int8),
        threads,
    )
    return index_variants.take(strength >= -np.log10(threshold)), threshold
