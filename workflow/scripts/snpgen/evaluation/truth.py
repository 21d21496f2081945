"""True effects of the variants of the panel, if the phenotype was simulated.

A variant of the panel that is not causal has an effect if it is in LD with a causal variant. The true effect
is therefore the marginal effect on liability of all causal variants within `WINDOW`, on the scale of log
odds ratios.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtri

from snpgen.evaluation.metrics_table import VARIANT
from snpgen.io.cells import to_numbers
from snpgen.io.matching import Match, match_variants
from snpgen.io.plink import Fileset, allele_frequency, fill_missing
from snpgen.io.tables import read_own_table, read_strings
from snpgen.job import log
from snpgen.messages import Code, InputError

CAUSAL = ["variant_id", "effect_allele", "other_allele", "beta_liability"]
WINDOW = 1_000_000  # bp between a variant and the causal variants that contribute to its effect
MIN_R2 = 0.01  # with a causal variant, for a variant with an effect
_CHUNK = 256  # causal variants in memory at once


@dataclass(frozen=True)
class TrueEffects:
    """True effects of the variants of the panel.

    `beta` (m,) is the marginal log odds ratio per effect allele; `has_effect` bool (m,) marks variants with
    r2 > `MIN_R2` to a causal variant within `WINDOW`; `causal` bool (m,) marks the causal variants.
    """

    beta: np.ndarray
    has_effect: np.ndarray
    causal: np.ndarray

    def table(self, variants: pd.DataFrame) -> pd.DataFrame:
        """A row for each of the `variants` of the panel: `VARIANT`, beta, has_effect and causal (1 or 0)."""
        flags = {"has_effect": self.has_effect.astype(int), "causal": self.causal.astype(int)}
        return variants[VARIANT].assign(beta=self.beta, **flags)


def read_true_effects(path: str) -> TrueEffects:
    """Read the table that `TrueEffects.table` made."""
    table = read_own_table(
        path, ["variant_id", "chromosome", "effect_allele", "other_allele"], missing=()
    )
    flags = (table[name].to_numpy(bool) for name in ("has_effect", "causal"))
    return TrueEffects(table.beta.to_numpy(float), *flags)


def liability_to_log_odds(prevalence: float) -> float:
    """Log odds ratio per unit of liability, for small effects: phi(t) / (P (1 - P)) with threshold t.

    The liability has a variance of 1 (Falconer 1965).
    """
    density = np.exp(-(ndtri(prevalence) ** 2) / 2) / np.sqrt(2 * np.pi)
    return float(density / (prevalence * (1 - prevalence)))


def compute_true_effects(
    dosages: np.ndarray,
    variants: pd.DataFrame,
    prevalence: float,
    causal: pd.DataFrame,
    fileset: Fileset,
    samples: np.ndarray,
    threads: int = 1,
) -> TrueEffects:
    """True effects of the panel, `dosages` int8 (n, m) of `variants`, from all its individuals.

    The marginal effect of a variant with dosage g is Cov(g, liability) / Var(g) times
    `liability_to_log_odds`, where the liability is that of the causal variants on the chromosome within
    `WINDOW`. `causal` is the result of `read_causal`; genotypes of the causal variants are read from
    `fileset` for the individuals in the rows `samples` (n,).
    """
    effects = align_causal(causal, fileset.variants)
    rows = np.flatnonzero(effects)
    absent = len(causal) - len(rows)
    if absent:
        log.warning("warning: %d of %d causal variants are not in the cohort", absent, len(causal))
    x = _standardise(dosages)
    chromosome, position = variants.chromosome.to_numpy(), variants.position.to_numpy()
    covariance = np.zeros(len(variants))
    has_effect = np.zeros(len(variants), bool)
    for chunk, observed in fileset.chunks(rows, samples, _CHUNK, threads):
        places = fileset.variants.iloc[chunk]
        near = chromosome[:, None] == places.chromosome.to_numpy()
        near &= np.abs(position[:, None] - places.position.to_numpy()) <= WINDOW
        r = np.where(near, x.T @ _standardise(observed) / len(x), 0)
        covariance += r @ (effects[chunk] * _spread(observed))
        has_effect |= (np.square(r) > MIN_R2).any(axis=1)
    spread = _spread(dosages)
    beta = np.divide(covariance, spread, out=np.zeros(len(spread)), where=spread > 0)
    known = pd.MultiIndex.from_frame(fileset.variants.iloc[rows][VARIANT])
    is_causal = pd.MultiIndex.from_frame(variants[VARIANT]).isin(known)
    return TrueEffects(beta * liability_to_log_odds(prevalence), has_effect | is_causal, is_causal)


def _filled(dosages: np.ndarray) -> np.ndarray:
    return fill_missing(dosages, np.nan_to_num(allele_frequency(dosages)))


def _spread(dosages: np.ndarray) -> np.ndarray:
    """Standard deviations (m,) of the dosages, with missing calls set to the mean."""
    spread: np.ndarray = _filled(dosages).std(axis=0, dtype=np.float64)
    return np.where(spread > 1e-6, spread, 0)


def _standardise(dosages: np.ndarray) -> np.ndarray:
    """Dosages float32 (n, m) with mean 0 and variance 1, or 0 if monomorphic; missing calls are 0."""
    x, spread = _filled(dosages), _spread(dosages)
    x -= x.mean(axis=0, dtype=np.float64).astype(np.float32)
    return x / np.where(spread > 0, spread, np.inf).astype(np.float32)


def read_causal(path: str) -> pd.DataFrame:
    """Read the true causal variants: columns `CAUSAL`, beta_liability as float64.

    Raises `InputError` if a column is missing or a beta_liability is not a number.
    """
    table = read_strings(path, CAUSAL)
    beta = to_numbers(table.beta_liability)
    wrong = table[beta.isna()]
    if len(wrong):
        variant, value = wrong.variant_id.iloc[0], wrong.beta_liability.iloc[0] or "empty"
        raise InputError(
            Code.INVALID_VALUE,
            f"beta_liability of variant {variant} is {value}, not a number",
            "Correct the value, or delete the line",
            file=path,
            line=wrong.index[0],
            variant=variant,
        )
    return table.assign(beta_liability=beta)


def check_causal(causal: pd.DataFrame, variants: pd.DataFrame, path: str) -> Match:
    """Match the IDs of `causal`, the result of `read_causal`, with `variants` (`match_variants`)."""
    name = "table of causal variants"
    return match_variants(path, name, causal.variant_id, variants.variant_id)


def align_causal(causal: pd.DataFrame, variants: pd.DataFrame) -> np.ndarray:
    """Effect (m,) per effect allele of each of `variants` on the liability scale; 0 if it is not causal.

    `causal` is the result of `read_causal`. Effects of rows with swapped alleles change sign. Variants with
    other alleles, and ambiguous duplicates of an ID and alleles, are omitted and logged.
    """
    alleles = ["effect_allele", "other_allele"]
    known = causal[CAUSAL].drop_duplicates()
    ours = variants[["variant_id", *alleles]].assign(row=np.arange(len(variants)))
    pairs = ours.merge(
        known.assign(causal_row=np.arange(len(known))), on="variant_id", suffixes=("", "_true")
    )
    mine, true = (pairs[[f"{name}{suffix}" for name in alleles]] for suffix in ("", "_true"))
    same = (mine.to_numpy() == true.to_numpy()).all(axis=1)
    swapped = (mine.to_numpy() == true.to_numpy()[:, ::-1]).all(axis=1)
    fits = pairs[same | swapped]
    several = fits.row.duplicated(keep=False) | fits.causal_row.duplicated(keep=False)
    other = pairs[~pairs.row.isin(fits.row)].drop_duplicates("row")
    for what, rows in (
        ("alleles that differ from the cohort", other),
        ("a duplicate ID", fits[several]),
    ):
        if len(rows):
            ids = ", ".join(rows.variant_id.iloc[:5])
            log.warning("warning: causal variants with %s are excluded: %s", what, ids)
    fits = fits[~several]
    effects = np.zeros(len(variants))
    effects[fits.row] = np.where(same[fits.index], 1, -1) * fits.beta_liability.to_numpy(float)
    return effects
