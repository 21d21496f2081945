"""Clumping and thresholding, the plain polygenic score of the whole genome that others are held to.

Effects and clumps come from training people, the p-value threshold from validation people
(Choi, Mak & O'Reilly 2020, Nat Protoc 15:2759). It is a genetic score alone, without covariates, as
the models trained on a cohort are. Effects are those of the GWAS, which was adjusted for covariates.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from snpgen.association.selection import locate_variants
from snpgen.evaluation.roc import Ranking, roc_auc
from snpgen.evaluation.scores import Weights
from snpgen.genetics.clumping import clump
from snpgen.genetics.loci import Loci
from snpgen.io.plink import Fileset
from snpgen.job import log

THRESHOLDS = (5e-8, 1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.05, 0.1, 0.5, 1.0)
CLUMP_KB, CLUMP_R2 = 250.0, 0.1  # the defaults of PRSice-2


def find_index_variants(table: pd.DataFrame, fileset: Fileset, samples: np.ndarray) -> np.ndarray:
    """Rows of `table`, ascending, that stand for a clump (`CLUMP_KB`, `CLUMP_R2`) in these people.

    `table` is in the order of the fileset. A chromosome at a time, so that the genotypes of the
    leads of one, three bits a person, are held at once.
    """
    rows = locate_variants(fileset.variants, table)
    index_variants = [np.empty(0, int)]
    for chromosome in table.chromosome.unique():
        here = np.flatnonzero(table.chromosome == chromosome)
        part = table.iloc[here].reset_index(drop=True)
        nobody = np.zeros(len(part), bool)
        loci = Loci(part.chromosome.to_numpy(), part.position.to_numpy(), None, np.empty(0, int))

        def read(chosen: np.ndarray, here: np.ndarray = here) -> np.ndarray:
            return fileset.read(rows[here[chosen]], samples)

        clumps, _ = clump(part, read, len(part), CLUMP_KB, CLUMP_R2, nobody, loci)
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
    """The threshold with the largest AUC in these (validation) people, the smallest of equals.

    `neg_log_10_p` (m,) is that of the leads, `phenotype` (k,) 0 or 1. NaN where no threshold has an
    AUC, as when one class is empty or no variant is below any.
    """
    aucs = []
    scores = np.zeros(len(samples))
    for kept in _bins(neg_log_10_p):
        scores = scores + index_variants.take(kept).score(fileset, samples, threads)
        ranking = Ranking(phenotype, scores)
        aucs.append(float(roc_auc(*ranking.split(np.ones((1, len(scores)), np.float32)))[0]))
    shown = ", ".join(f"{p:g}: {auc:.4f}" for p, auc in zip(THRESHOLDS, aucs, strict=True))
    log.info("AUC in validation people by p-value threshold: %s", shown)
    return THRESHOLDS[int(np.nanargmax(aucs))] if np.isfinite(aucs).any() else np.nan


def _bins(neg_log_10_p: np.ndarray) -> Iterator[np.ndarray]:
    """Which variants each threshold adds to those before."""
    before = np.zeros(len(neg_log_10_p), bool)
    for threshold in THRESHOLDS:
        below = neg_log_10_p >= -np.log10(threshold)
        yield below & ~before
        before = below


def fit_thresholding(
    fileset: Fileset, table: pd.DataFrame, individuals: pd.DataFrame, threads: int
) -> tuple[Weights, float]:
    """The score, and the p-value threshold it has.

    `table` holds the GWAS of the training people (`sumstats.COLUMNS`), `people` IID, split and
    phenotype of training and validation people. No test person is looked at. A score without a
    threshold (NaN) has no variant.
    """
    fitted = np.isfinite(table.beta) & np.isfinite(table.neg_log_10_p_value)
    table = table[fitted]
    table = table.iloc[np.argsort(locate_variants(fileset.variants, table))].reset_index(drop=True)
    train, validation = (
        individuals[individuals.split == name].reset_index(drop=True)
        for name in ("train", "validation")
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
