"""How much of the phenotype's signal the panel holds: polygenic scores of it and of the genome.

Effects come from training people, where a score of many variants therefore fits chance, to a
liability r2 above 1 in the worst case. Validation people tell what holds.
"""

from typing import Any

import numpy as np
import pandas as pd
from numba import njit
from scipy.stats import norm

from snpgen.association.selection import PanelSettings, locate_variants
from snpgen.genetics.clumping import clump_all
from snpgen.io.plink import Fileset
from snpgen.job import log
from snpgen.progress import Meter

EFFECTS = {"marginal": "beta", "corrected": "beta_corrected"}
SPLITS = ["train", "validation"]

_CHUNK = 128  # variants read together
_TILE = 4096  # people whose scores stay in cache


def liability_r2(r2: float, prevalence: float, share: float) -> float:
    """r2 with a 0/1 phenotype, put on the scale of its liability (Lee et al. 2012).

    Lee, Goddard, Wray & Visscher, Genet Epidemiol 36:214. `prevalence` is the share of cases in
    the population, `share` that among the people in whom `r2` was measured.
    """
    threshold = norm.isf(prevalence)
    height = norm.pdf(threshold)
    spread = prevalence * (1 - prevalence)
    factor = spread**2 / (height**2 * share * (1 - share))
    excess = height / prevalence * (share - prevalence) / (1 - prevalence)
    return r2 * factor / (1 + r2 * factor * excess * (excess - threshold))


def added_r2(phenotype: np.ndarray, score: np.ndarray, covariates: np.ndarray) -> float:
    """What `score` adds to the r2 of a linear regression of `phenotype` on `covariates`.

    `phenotype` and `score` (n,), `covariates` (n, k) without an intercept, collinear ones allowed.
    NaN where the phenotype does not vary.
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
    """Add dosages (n, m) times `weights` (m, k) to `scores` (k, n); missing calls as `expected`."""
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
    """Sums (n, k) over m variants of dosage times `weights` (m, k), float64.

    `rows` (m,), ascending, of the fileset; a missing call counts as twice the `frequency` (m,).
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
    """A row for each of `SPLITS` and `EFFECTS`: r2 on the liability scale of both scores.

    `scores` (n, 2), columns as `EFFECTS`, and `n_variants` are by name: panel, genome_wide.
    `split`, `phenotype` (n,) and `covariates` (n, k) are those of the same people. r2 is what the
    score adds to the covariates; its standard error is the large-sample one of a squared
    correlation (Olkin & Finn 1995). The prevalence is the share of cases in training people.
    """
    prevalence = float(phenotype[split == "train"].mean())
    rows = []
    for name in SPLITS:
        individuals = split == name
        y, share = phenotype[individuals], float(phenotype[individuals].mean())
        for column, effects in enumerate(EFFECTS):
            row: dict[str, Any] = {"split": name, "effects": effects}
            row |= {"samples": len(y), "cases": int(y.sum()), "prevalence": prevalence}
            for score in ("panel", "genome_wide"):
                observed = added_r2(y, scores[score][individuals, column], covariates[individuals])
                r2 = liability_r2(observed, prevalence, share)
                error = 2 * np.sqrt(observed) * (1 - observed) / np.sqrt(len(y))
                row[f"{score}_variants"] = n_variants[score]
                row[f"{score}_r2"] = r2
                row[f"{score}_standard_error"] = error * r2 / observed if observed > 0 else observed
            row["ratio"] = row["panel_r2"] / row["genome_wide_r2"]
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
    """`describe_signal` of the panel and of the genome, from genotypes and summary statistics.

    The genome's score holds every variant of `table` (`sumstats.COLUMNS`, in the order of the
    fileset) that stands for a clump by the panel's rule, however many these are: neither size, lists
    nor regions limit it. `people` (IID, split, phenotype; no test people) and `covariates` (n, k)
    are in the same order; clumping sees those in training only.
    """
    all_samples = fileset.sample_rows(individuals.IID)
    train = all_samples[individuals.split == "train"]
    rows = locate_variants(fileset.variants, table)
    strong = np.flatnonzero(table.neg_log_10_p_value >= -np.log10(settings.max_p))
    clumps = clump_all(
        table.iloc[strong].reset_index(drop=True),
        lambda chosen: fileset.read(rows[strong[chosen]], train, threads),
        settings.clump_kb,
        settings.clump_r2,
        threads,
    )
    chosen = {
        "panel": np.sort(locate_variants(table, panel)),
        "genome_wide": np.sort(strong[clumps.index_variants]),
    }
    weights = table[list(EFFECTS.values())].to_numpy(np.float64)
    frequency = table.effect_allele_frequency.to_numpy(np.float64)
    scores = {}
    for name, these in chosen.items():
        log.info("score of %d variants (%s)", len(these), name)
        scores[name] = score_samples(
            fileset, rows[these], all_samples, weights[these], frequency[these], threads
        )
    return describe_variance_explained(
        scores,
        {name: len(these) for name, these in chosen.items()},
        individuals.split.to_numpy(),
        individuals.phenotype.to_numpy(),
        covariates,
    )
