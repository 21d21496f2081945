"""Variance of liability explained by polygenic scores of the panel and of the whole genome.

Effects are estimated in the training individuals. Scores of many variants are overfitted to these
individuals, and liability-scale R2 can exceed 1. Validation individuals give an unbiased estimate.
"""

from typing import Any

import numpy as np
import pandas as pd
from numba import njit
from scipy.special import ndtri

from snpgen.association.selection import PanelSettings, locate_variants
from snpgen.genetics.clumping import clump_all
from snpgen.io.plink import Fileset
from snpgen.job import log
from snpgen.progress import Meter

EFFECTS = {"marginal": "beta", "corrected": "beta_corrected"}
SPLITS = ["train", "validation"]

_CHUNK = 128  # variants read at a time
_TILE = 4096  # individuals whose scores fit in the cache


def liability_r2(r2: float, prevalence: float, case_share: float) -> float:
    """Transform an observed-scale R2 of a binary phenotype to the liability scale.

    Lee, Goddard, Wray & Visscher (2012), Genet Epidemiol 36:214. `prevalence` is the share of cases
    in the population, `case_share` the share of cases in the sample in which `r2` was estimated.
    """
    threshold = -ndtri(prevalence)
    height = np.exp(-(threshold**2) / 2) / np.sqrt(2 * np.pi)
    variance = prevalence * (1 - prevalence)
    factor = variance**2 / (height**2 * case_share * (1 - case_share))
    excess = height / prevalence * (case_share - prevalence) / (1 - prevalence)
    return r2 * factor / (1 + r2 * factor * excess * (excess - threshold))


def incremental_r2(phenotype: np.ndarray, score: np.ndarray, covariates: np.ndarray) -> float:
    """Increase in R2 when `score` is added to a linear regression of `phenotype` on `covariates`.

    `phenotype` and `score` (n,); `covariates` (n, k) have no intercept and may be collinear. NaN if the
    phenotype is constant.
    """
    spread = covariates.std(axis=0)
    standardised = (covariates - covariates.mean(axis=0)) / np.where(spread > 0, spread, 1)
    design = np.column_stack([np.ones(len(phenotype)), standardised])
    both = np.column_stack([phenotype, score]).astype(np.float64)
    y, s = (both - design @ np.linalg.lstsq(design, both)[0]).T
    total = np.square(both[:, 0] - both[:, 0].mean()).sum()
    if total == 0:
        return np.nan
    return float((y @ s) ** 2 / (s @ s) / total) if s @ s > 1e-12 * (score @ score) else 0.0


@njit(cache=True, nogil=True)
def _add_scores(
    dosages: np.ndarray, expected: np.ndarray, weights: np.ndarray, scores: np.ndarray
) -> None:
    """Add dosages (n, m) times `weights` (m, k) to `scores` (k, n); missing calls count as `expected` (m,)."""
    for start in range(0, dosages.shape[0], _TILE):
        stop = min(start + _TILE, dosages.shape[0])
        for j in range(dosages.shape[1]):
            column, missing = dosages[start:stop, j], expected[j]
            for k in range(weights.shape[1]):
                weight, sums = weights[j, k], scores[k, start:stop]
                for i in range(len(column)):
                    sums[i] += weight * (float(column[i]) if column[i] >= 0 else missing)


def score_samples(
    fileset: Fileset,
    rows: np.ndarray,
    samples: np.ndarray,
    weights: np.ndarray,
    frequency: np.ndarray,
    threads: int = 1,
) -> np.ndarray:
    """Polygenic scores (n, k), float64: sums over m variants of dosage times `weights` (m, k).

    `rows` (m,) of the variants in the fileset, ascending. Missing calls are imputed as twice the
    `frequency` (m,) of the effect allele.
    """
    scores = np.zeros((weights.shape[1], len(samples)))
    meter = Meter(len(rows), "variants")
    for start in range(0, len(rows), _CHUNK):
        here = slice(start, start + _CHUNK)
        dosages = np.asfortranarray(fileset.read(rows[here], samples, threads))
        _add_scores(dosages, 2 * frequency[here], np.ascontiguousarray(weights[here]), scores)
        meter.add(len(rows[here]))
    return scores.T


def describe_variance_explained(
    scores: dict[str, np.ndarray],
    n_variants: dict[str, int],
    split: np.ndarray,
    phenotype: np.ndarray,
    covariates: np.ndarray,
) -> pd.DataFrame:
    """Liability-scale R2 of both scores, a row for each of `SPLITS` and `EFFECTS`.

    `scores` and `n_variants` have the keys panel and genome_wide. A score (n, 2) has one column for each of
    `EFFECTS`. `split` (n,), `phenotype` (n,) and `covariates` (n, k) describe the same individuals. R2 is the
    increase over a model with covariates only. Its standard error is the large-sample approximation for a
    squared correlation (Olkin & Finn 1995). The prevalence is the share of cases in the training set.
    """
    prevalence = float(phenotype[split == "train"].mean())
    rows = []
    for name in SPLITS:
        individuals = split == name
        y, case_share = phenotype[individuals], float(phenotype[individuals].mean())
        for column, effects in enumerate(EFFECTS):
            row: dict[str, Any] = {"split": name, "effects": effects}
            row |= {"n": len(y), "n_cases": int(y.sum()), "prevalence": prevalence}
            for score in ("panel", "genome_wide"):
                observed = incremental_r2(
                    y, scores[score][individuals, column], covariates[individuals]
                )
                r2 = liability_r2(observed, prevalence, case_share)
                error = 2 * np.sqrt(observed) * (1 - observed) / np.sqrt(len(y))
                row[f"{score}_variants"] = n_variants[score]
                row[f"{score}_liability_r2"] = r2
                row[f"{score}_standard_error"] = error * r2 / observed if observed > 0 else observed
            row["liability_r2_ratio"] = row["panel_liability_r2"] / row["genome_wide_liability_r2"]
            rows.append(row)
    return pd.DataFrame(rows)


def measure_variance_explained(
    fileset: Fileset,
    table: pd.DataFrame,
    panel: pd.DataFrame,
    individuals: pd.DataFrame,
    covariates: np.ndarray,
    settings: PanelSettings,
    threads: int = 1,
) -> pd.DataFrame:
    """Return `describe_variance_explained` of the panel and the genome, computed from genotypes.

    The genome-wide score contains all index variants of `table` that the clumping and p-value settings of the
    panel give. `table` has `sumstats.COLUMNS` in the order of the fileset. The size, lists and excluded
    regions of the panel are not applied. `individuals` (IID, split, phenotype; without the test set) and
    `covariates` (n, k) are in the same order. LD for clumping is computed in the training set.
    """
    all_samples = fileset.sample_rows(individuals.IID)
    train = all_samples[individuals.split == "train"]
    rows = locate_variants(fileset.variants, table)
    significant = np.flatnonzero(table.neg_log_10_p_value >= -np.log10(settings.max_p))
    clumps = clump_all(
        table.iloc[significant].reset_index(drop=True),
        lambda chosen: fileset.read(rows[significant[chosen]], train, threads),
        settings.clump_kb,
        settings.clump_r2,
        threads,
    )
    score_variants = {
        "panel": np.sort(locate_variants(table, panel)),
        "genome_wide": np.sort(significant[clumps.index_variants]),
    }
    weights = table[list(EFFECTS.values())].to_numpy(np.float64)
    frequency = table.effect_allele_frequency.to_numpy(np.float64)
    scores = {}
    for name, these in score_variants.items():
        log.info("%s score: %d variants", name, len(these))
        scores[name] = score_samples(
            fileset, rows[these], all_samples, weights[these], frequency[these], threads
        )
    return describe_variance_explained(
        scores,
        {name: len(these) for name, these in score_variants.items()},
        individuals.split.to_numpy(),
        individuals.phenotype.to_numpy(),
        covariates,
    )
