"""Genome-wide polygenic scores: matching to the cohort, and the scores of individuals."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from snpgen.association.variance_explained import score_samples
from snpgen.evaluation.scoring_files import ScoringFile
from snpgen.genetics.harmonisation import explain_unmatched, pair_alleles
from snpgen.io.matching import FEW
from snpgen.io.plink import Fileset, allele_frequency
from snpgen.io.plink_tables import VARIANT_COLUMNS
from snpgen.job import log
from snpgen.messages import Code, InputError

_CHUNK = 1_024


@dataclass(frozen=True)
class Weights:
    """A polygenic score: `rows` (m,) of the fileset, ascending, and float64 (m,) weights and frequencies.

    `weights` multiply the dosage of the effect allele of the cohort, `frequency` is its training
    frequency, which replaces missing calls, and `constant` is added.
    """

    rows: np.ndarray
    weights: np.ndarray
    frequency: np.ndarray
    constant: float = 0.0

    def take(self, kept: np.ndarray) -> "Weights":
        """The variants at these indices (integers or mask)."""
        rows, weights, frequency = self.rows[kept], self.weights[kept], self.frequency[kept]
        return Weights(rows, weights, frequency, self.constant)

    def score(self, fileset: Fileset, samples: np.ndarray, threads: int) -> np.ndarray:
        """Scores float64 (k,) of the individuals in these rows of the .fam."""
        weights = self.weights[:, None]
        scores = score_samples(fileset, self.rows, samples, weights, self.frequency, threads)
        return scores[:, 0] + self.constant


def match_score(
    scoring: ScoringFile,
    fileset: Fileset,
    chromosomes: Sequence[str],
    train: np.ndarray,
    threads: int,
) -> Weights:
    """Match a score to the variants of `chromosomes` by position and alleles.

    `train` are the rows of the training individuals in the .fam; their frequencies replace missing calls and
    resolve strands. Alleles are compared by `harmonisation.pair_alleles`. Of duplicates in the cohort, and of
    rows with the same effect allele of the same variant, the first is used, preferably on the same strand.
    Two rows with the two alleles of a variant as effect alleles both count. Raises `InputError` if no variant
    matches.
    """
    variants = fileset.variants
    scored = pd.MultiIndex.from_frame(scoring.table[["chromosome", "position"]])
    matching = pd.MultiIndex.from_frame(variants[["chromosome", "position"]]).isin(scored)
    rows = np.flatnonzero(matching & variants.chromosome.isin(chromosomes))
    parts = [np.empty(0)]
    parts += [allele_frequency(part) for _, part in fileset.chunks(rows, train, _CHUNK, threads)]
    ours = variants.loc[rows, VARIANT_COLUMNS].assign(effect_allele_frequency=np.concatenate(parts))
    paired = pair_alleles(scoring.table, ours)
    pairs = paired
    counts = [scoring.n_rows, len(scoring.table), pairs.row.nunique()]
    pairs = pairs[pairs.settled].sort_values(["other_strand", "row"], kind="stable")
    counts.append(pairs.row.nunique())
    here = variants[variants.chromosome.isin(chromosomes)]
    if pairs.empty:
        numbers, remedy = explain_unmatched(scoring.table, here, paired.row, pairs.row)
        raise InputError(
            Code.SCORE_OVERLAP,
            f"none of the {scoring.n_rows:,} rows matches a variant of the cohort. Of the "
            f"{len(scoring.table):,} complete rows, {numbers}",
            remedy,
            file=scoring.path,
        )
    pairs = pairs.drop_duplicates("row").drop_duplicates(["our_row", "swapped"])
    if len(pairs) < counts[-1]:
        log.warning(
            "warning: %s: %d rows repeat the effect allele of a variant; only the first is used",
            scoring.name,
            counts[-1] - len(pairs),
        )
    pairs = pairs.sort_values("our_row", kind="stable")
    log.info(
        "%s: %d rows, %d complete, %d matched to variants of the cohort, %d with a known strand, "
        "%d used (%.1f %%), %d of these with swapped alleles, %d on the other strand",
        scoring.name,
        *counts,
        len(pairs),
        100 * len(pairs) / max(scoring.n_rows, 1),
        pairs.swapped.sum(),
        pairs.other_strand.sum(),
    )
    if counts[-1] < FEW * len(scoring.table):
        numbers, _ = explain_unmatched(scoring.table, here, paired.row, pairs.row)
        log.warning(
            "warning: %s: few rows match the cohort. Of the others, %s", scoring.name, numbers
        )
    swapped, weight = pairs.swapped.to_numpy(bool), pairs.weight.to_numpy(np.float64)
    our_row, first = np.unique(pairs.our_row.to_numpy(int), return_index=True)
    return Weights(
        rows[our_row],
        np.add.reduceat(np.where(swapped, -weight, weight), first),
        np.nan_to_num(pairs.our_frequency.to_numpy(np.float64)[first]),
        constant=float(2 * weight[swapped].sum()),
    )
