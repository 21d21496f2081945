"""The GWAS: filters and regression of one variant at a time, in the training individuals."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from snpgen.association.firth import NO_EXPANSION, Expansion, expand, fit_firth
from snpgen.association.null_model import NullModel, neg_log_10_p, neg_log_10_p_of_t
from snpgen.association.segments import SegmentedModel, segment_model
from snpgen.association.tile import (
    ALLELE_FREQUENCY,
    CALL_RATE,
    FITTED,
    HARDY_WEINBERG,
    NEEDS_EXACT_FIRTH,
    NO_FIT,
    PASSED,
    TESTS,
    fit_tile,
)
from snpgen.genetics.packed import DOSAGES_OF_BYTE, NO_CALL, mark, read_packed, unpack
from snpgen.io.imputation_quality import Info, find_info
from snpgen.io.plink import Fileset
from snpgen.io.plink_tables import VARIANT_COLUMNS
from snpgen.io.sumstats import COLUMNS, CONTRAST
from snpgen.io.tables import make_funnel
from snpgen.progress import Meter

TILE = 64  # variants that a thread reads and fits at a time


@dataclass(frozen=True)
class ScanSettings:
    """Filters and tests, from the section `gwas` of the configuration.

    The minimum values apply to the training individuals (`min_hwe_p` to the training controls of the largest
    homogeneous group). A variant whose score test has a p-value below `exact_p` is fitted by maximum likelihood, or by
    Firth's method if fewer than `firth_mac` minor alleles are expected in the smaller class.
    """

    min_maf: float
    min_mac: int
    min_call_rate: float
    min_hwe_p: float
    min_info: float
    exact_p: float
    firth_mac: float

    @classmethod
    def of(cls, settings: dict[str, Any]) -> "ScanSettings":
        """Take the fields from the section; the workflow reads the other keys of the section."""
        return cls(**{field.name: settings[field.name] for field in fields(cls)})


@dataclass(frozen=True)
class Scan:
    """Data shared by all tiles: the individuals and the null model."""

    fileset: Fileset
    rows: np.ndarray  # of the individuals in the .fam, ascending
    # Of the individuals, of the cases (empty if linear), and of the individuals of the Hardy-Weinberg test.
    masks: tuple[np.ndarray, np.ndarray, np.ndarray]
    n_covariates: int
    model: SegmentedModel
    expansion: Expansion
    rss: float  # residual sum of squares of the null model
    thresholds: tuple[float, float, float, float, float, float]


# Contrasts of classes have a z-score for each variant that passes the filters of the GWAS.
NO_FILTERS = ScanSettings(0.0, 1, 0.0, 0.0, 0.0, 1.0, 0.0)


def _prepare(
    fileset: Fileset, samples: np.ndarray, null: NullModel, settings: ScanSettings
) -> Scan:
    """Sort individuals in the order of the .fam, and arrange the null model for the compiled loops."""
    order = np.argsort(samples)
    rows, n_samples = np.asarray(samples)[order].astype(np.int64), len(fileset.samples)
    outcome, predictor = null.outcome[order].astype(float), null.linear_predictor[order]
    basis, weight = null.basis[order], null.weight[order]
    is_case = (outcome == 1) & null.logistic
    tested = null.homogeneous[order] & ~is_case
    return Scan(
        fileset,
        rows,
        (mark(rows, n_samples), mark(rows[is_case], n_samples), mark(rows[tested], n_samples)),
        basis.shape[1],
        segment_model(outcome, predictor, weight, basis, null.logistic),
        expand(outcome, predictor, basis) if null.logistic else NO_EXPANSION,
        float(np.square(outcome - predictor).sum()),
        (
            settings.min_maf,
            settings.min_mac,
            settings.min_call_rate,
            settings.min_hwe_p,
            float(-ndtri(settings.exact_p / 2)),
            settings.firth_mac,
        ),
    )


def _fit_exactly(packed: np.ndarray, scan: Scan) -> tuple[float, float, float]:
    """Firth regression of one packed variant over all individuals: beta, standard error, z."""
    dosages = np.empty(len(scan.rows), dtype=np.uint8)
    unpack(packed, DOSAGES_OF_BYTE, scan.rows, np.empty(len(packed), np.uint32), dosages)
    called = dosages != NO_CALL
    expansion = scan.expansion
    return fit_firth(
        dosages[called].astype(float),
        expansion.outcome[called],
        expansion.basis[called],
        expansion.predictor[called],
    )


def _fit_packed(scan: Scan, packed: np.ndarray) -> np.ndarray:
    """Fit m packed variants; returns float64 (m, len(FITTED))."""
    fitted = np.empty((len(packed), len(FITTED)))
    fit_tile(
        packed,
        DOSAGES_OF_BYTE,
        scan.rows,
        scan.masks,
        scan.n_covariates,
        scan.model,
        scan.expansion,
        scan.rss,
        scan.thresholds,
        fitted,
    )
    for j in np.flatnonzero(fitted[:, -1] == NEEDS_EXACT_FIRTH):
        fitted[j, :3] = _fit_exactly(packed[j], scan)
        fitted[j, -1] = NO_FIT if np.isnan(fitted[j, 0]) else PASSED
    return fitted


def _fit_tile(scan: Scan, contrasts: Sequence[Scan], variants: np.ndarray) -> np.ndarray:
    """Fit `variants` (rows of the fileset); returns float64 (m, len(FITTED) + len(contrasts)).

    The last columns are the z-scores of the contrasts, NaN for variants that do not pass the filters.
    """
    packed = read_packed(scan.fileset, variants)
    fitted = _fit_packed(scan, packed)
    passed = fitted[:, FITTED.index("status")] == PASSED
    z = np.full((len(variants), len(contrasts)), np.nan)
    for column, contrast in enumerate(contrasts):
        z[passed, column] = _fit_packed(contrast, packed[passed])[:, FITTED.index("z")]
    return np.column_stack([fitted, z])


def _fit_tiles(
    scan: Scan, contrasts: Mapping[str, Scan], variants: np.ndarray, threads: int
) -> pd.DataFrame:
    """Fit tiles of `TILE` variants, `threads` in parallel; index `variants`.

    The columns are `FITTED` and the names of the contrasts.
    """
    meter = Meter(len(variants), "variants")
    tiles = [variants[start : start + TILE] for start in range(0, len(variants), TILE)]
    columns = [*FITTED, *contrasts]
    fitted = [np.empty((0, len(columns)))]
    with ThreadPoolExecutor(threads) as pool:
        for tile in pool.map(lambda rows: _fit_tile(scan, list(contrasts.values()), rows), tiles):
            fitted.append(tile)
            meter.add(len(tile))
    return pd.DataFrame(np.concatenate(fitted), columns=columns, index=variants)


def scan(
    fileset: Fileset,
    variants: np.ndarray,
    samples: np.ndarray,
    null: NullModel,
    settings: ScanSettings,
    info: Info | None = None,
    threads: int = 1,
    contrasts: Mapping[str, NullModel] | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Test `variants` (ascending rows of the fileset) for association.

    `samples` are the rows in the fileset of the individuals of `null`, in the same order. `info` is
    the imputation quality (`read_info`), `contrasts` are the null models of `fit_contrasts`. Returns
    the summary statistics (`sumstats.COLUMNS`, then the z-scores of the contrasts) and the funnel
    (step, unit, kept, dropped, reason). Of duplicate variants (same chromosome, position, alleles and
    ID) the first in the fileset is kept. The result depends neither on `threads` nor on how variants
    are divided among calls.
    """
    chromosomes = fileset.variants.chromosome.iloc[variants].unique()
    on_chromosomes = fileset.variants[fileset.variants.chromosome.isin(chromosomes)]
    duplicated = on_chromosomes.duplicated(VARIANT_COLUMNS).loc[variants].to_numpy()
    rows = variants[~duplicated]
    steps = [
        ("genotype files", len(variants), ""),
        (
            "duplicates",
            len(rows),
            "same chromosome, position, alleles and ID as an earlier variant",
        ),
    ]
    if info is not None:
        quality = find_info(info, fileset.variants.iloc[rows])
        rows = rows[quality >= settings.min_info]
    steps.append(("imputation quality", len(rows), f"INFO below {settings.min_info:g}, or missing"))

    prepared = {
        CONTRAST + name: _prepare(fileset, fileset.sample_rows(model.iid), model, NO_FILTERS)
        for name, model in (contrasts or {}).items()
    }
    fitted = _fit_tiles(_prepare(fileset, samples, null, settings), prepared, rows, threads)
    individuals = "controls" if null.logistic else "individuals"
    rare = (
        f"minor allele frequency in the training set below {settings.min_maf:g}, or minor "
        f"allele count below {max(settings.min_mac, 1)}"
    )
    unbalanced = (
        f"exact test in training {individuals} of the largest homogeneous group: p-value below "
        f"{settings.min_hwe_p:g}"
    )
    kept = len(rows)
    for step, status, reason in (
        ("call rate", CALL_RATE, f"call rate in the training set below {settings.min_call_rate:g}"),
        ("allele frequency", ALLELE_FREQUENCY, rare),
        ("Hardy-Weinberg", HARDY_WEINBERG, unbalanced),
        ("regression", NO_FIT, "collinear with the covariates, or the regression did not converge"),
    ):
        kept -= int((fitted.status == status).sum())
        steps.append((step, kept, reason))
    fitted = fitted[fitted.status == PASSED]
    table = fileset.variants.loc[fitted.index].join(_add_statistics(fitted, null))
    table = table[[*COLUMNS, *prepared]].sort_values(["position", "variant_id"], ignore_index=True)
    return table, make_funnel(steps)


def _add_statistics(fitted: pd.DataFrame, null: NullModel) -> pd.DataFrame:
    """Add p-values, integer counts, effective sample size, and the name of the test.

    `beta_corrected` is NaN: the correction needs the effects of all chromosomes.
    """
    table = fitted.drop(columns=["z", "status"])
    table["n"] = fitted.n.astype(np.int64)
    z = fitted.z.to_numpy()
    if null.logistic:
        table["neg_log_10_p_value"] = neg_log_10_p(z)
        table["n_cases"] = fitted.n_cases.astype(np.int64)
        table["n_effective"] = 4 * fitted.n_cases * (fitted.n - fitted.n_cases) / fitted.n
    else:
        df = (fitted.n - null.design.shape[1] - 1).to_numpy()
        table["neg_log_10_p_value"] = neg_log_10_p_of_t(z, df)
        table["n_effective"] = fitted.n
    table["test"] = TESTS[fitted.test.astype(int)]
    table["beta_corrected"] = np.nan
    return table
