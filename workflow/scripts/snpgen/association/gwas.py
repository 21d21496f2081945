"""The scan: filters and regression of one variant at a time, in training people."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from snpgen.association.firth import NO_EXPANSION, Expansion, expand, fit_firth
from snpgen.association.null_model import NullModel, neg_log_10_p, neg_log_10_p_of_t
from snpgen.association.segments import Samples, make_segments
from snpgen.association.tile import (
    CALL_RATE,
    EQUILIBRIUM,
    FITTED,
    FREQUENCY,
    NO_FIT,
    PASSED,
    TESTS,
    TO_FIRTH,
    fit_tile,
)
from snpgen.genetics.packed import DOSAGES_OF_BYTE, NO_CALL, mark, read_packed, unpack
from snpgen.io.plink import Fileset
from snpgen.io.plink_tables import VARIANT_COLUMNS
from snpgen.io.sumstats import COLUMNS
from snpgen.progress import Meter

TILE = 64  # variants that a thread reads and fits at a time
WAITING = 4  # tiles a thread may be ahead of the one that is collected


@dataclass(frozen=True)
class ScanSettings:
    """The section gwas of the configuration, as far as the scan reads it.

    What a variant must reach in the training people (`min_hwe_p` in training controls), the p of the
    score test below which it is fitted exactly, and the minor alleles expected in the smaller of the
    two classes below which it is fitted by Firth's likelihood.
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
        """From the section of the configuration, whose other keys are for the workflow."""
        return cls(**{field.name: settings[field.name] for field in fields(cls)})


@dataclass(frozen=True)
class Scan:
    """What all tiles share: who is fitted, and by which model."""

    fileset: Fileset
    rows: np.ndarray  # of the people in the .fam, ascending
    masks: tuple[np.ndarray, np.ndarray]  # the people, and the cases (nobody for a linear model)
    n_covariates: int
    individuals: Samples
    null: Expansion
    squares: float  # residual sum of squares of the null model
    thresholds: tuple[float, float, float, float, float, float]


def _prepare(
    fileset: Fileset, samples: np.ndarray, null: NullModel, settings: ScanSettings
) -> Scan:
    """Sort people as the .fam has them and lay out the null model for the compiled loops."""
    order = np.argsort(samples)
    rows, n_samples = np.asarray(samples)[order].astype(np.int64), len(fileset.samples)
    outcome, predictor = null.outcome[order].astype(float), null.linear_predictor[order]
    basis, weight = null.basis[order], null.weight[order]
    cases = rows[outcome == 1] if null.logistic else rows[:0]
    return Scan(
        fileset,
        rows,
        (mark(rows, n_samples), mark(cases, n_samples)),
        basis.shape[1],
        make_segments(outcome, predictor, weight, basis, null.logistic),
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
    """Firth's fit over all people of one packed variant: beta, standard error, z."""
    dosages = np.empty(len(scan.rows), dtype=np.uint8)
    unpack(packed, DOSAGES_OF_BYTE, scan.rows, np.empty(len(packed), np.uint32), dosages)
    called = dosages != NO_CALL
    null = scan.null
    return fit_firth(
        dosages[called].astype(float),
        null.outcome[called],
        null.basis[called],
        null.predictor[called],
    )


def _fit_rows(scan: Scan, variants: np.ndarray) -> np.ndarray:
    """The fits of `variants` (rows of the fileset): float64 (m, len(FITTED))."""
    packed = read_packed(scan.fileset, variants)
    fitted = np.empty((len(variants), len(FITTED)))
    fit_tile(
        packed,
        DOSAGES_OF_BYTE,
        scan.rows,
        scan.masks,
        scan.n_covariates,
        scan.individuals,
        scan.null,
        scan.squares,
        scan.thresholds,
        fitted,
    )
    for j in np.flatnonzero(fitted[:, -1] == TO_FIRTH):
        fitted[j, :3] = _fit_exactly(packed[j], scan)
        fitted[j, -1] = NO_FIT if np.isnan(fitted[j, 0]) else PASSED
    return fitted


def _fit_tiles(scan: Scan, variants: np.ndarray, threads: int) -> Iterator[np.ndarray]:
    """Fits of `TILE` variants after the other, `threads` tiles at a time, in their order."""
    waiting: deque[Future[np.ndarray]] = deque()
    meter = Meter(len(variants), "variants")
    with ThreadPoolExecutor(threads) as pool:
        for start in range(0, len(variants), TILE):
            waiting.append(pool.submit(_fit_rows, scan, variants[start : start + TILE]))
            if len(waiting) > WAITING * threads:
                yield _next_fits(waiting, meter)
        while waiting:
            yield _next_fits(waiting, meter)


def _next_fits(waiting: deque[Future[np.ndarray]], meter: Meter) -> np.ndarray:
    """The fits of the first tile that waits, when they are there."""
    fitted = waiting.popleft().result()
    meter.add(len(fitted))
    return fitted


def scan(
    fileset: Fileset,
    variants: np.ndarray,
    samples: np.ndarray,
    null: NullModel,
    settings: ScanSettings,
    info: pd.Series | None = None,
    threads: int = 1,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Associations of `variants` (ascending rows of the fileset) in `samples`, people as in `null`.

    `info` has the imputation quality by variant id. Returns the summary statistics (columns of
    `sumstats.COLUMNS`) and the funnel: step, unit, kept, dropped, reason. Of variants with the same
    chromosome, position, alleles and id the first in the fileset stays. The same bytes come out whatever the
    threads and however the variants are cut into calls.
    """
    chromosomes = fileset.variants.chromosome.iloc[variants].unique()
    there = fileset.variants[fileset.variants.chromosome.isin(chromosomes)]
    repeated = there.duplicated(VARIANT_COLUMNS).loc[variants].to_numpy()
    steps = {
        "genotype files": "",
        "duplicates": "same chromosome, position, alleles and id as an earlier variant",
        "imputation quality": f"INFO below {settings.min_info:g}, or not given",
        "call rate": f"called in less than {settings.min_call_rate:g} of the training people",
        "allele frequency": (
            f"minor allele frequency in training people below {settings.min_maf:g}, or fewer than "
            f"{max(settings.min_mac, 1)} minor alleles"
        ),
        "Hardy-Weinberg": "exact p in training "
        f"{'controls' if null.logistic else 'samples'} below {settings.min_hwe_p:g}",
        "regression": "collinear with the covariates, or no maximum of any likelihood",
    }
    dropped = dict.fromkeys(steps, 0)
    dropped["duplicates"] = int(repeated.sum())
    rows = variants[~repeated]
    if info is not None:
        quality = fileset.variants.variant_id.iloc[rows].map(info).to_numpy(float)
        good = quality >= settings.min_info
        dropped["imputation quality"] = int((~good).sum())
        rows = rows[good]

    prepared = _prepare(fileset, samples, null, settings)
    tiles = [np.empty((0, len(FITTED))), *_fit_tiles(prepared, rows, threads)]
    fitted = pd.DataFrame(np.concatenate(tiles), columns=FITTED, index=rows)
    for step, status in (
        ("call rate", CALL_RATE),
        ("allele frequency", FREQUENCY),
        ("Hardy-Weinberg", EQUILIBRIUM),
        ("regression", NO_FIT),
    ):
        dropped[step] = int((fitted.status == status).sum())
    fitted = fitted[fitted.status == PASSED]
    table = fileset.variants.loc[fitted.index].join(_finish(fitted, null))
    table = table.reindex(columns=COLUMNS)
    table = table.sort_values(["position", "variant_id"], ignore_index=True)

    counts = pd.Series(dropped)
    funnel = pd.DataFrame(
        {
            "step": steps.keys(),
            "unit": "variants",
            "kept": (len(variants) - counts.cumsum()).to_numpy(),
            "dropped": counts.to_numpy(),
            "reason": steps.values(),
        }
    )
    return table, funnel


def _finish(fitted: pd.DataFrame, null: NullModel) -> pd.DataFrame:
    """P-values, counts as whole numbers, and the name of the test."""
    table = fitted.drop(columns=["z", "status"])
    table["n"] = fitted.n.astype(np.int64)
    z = fitted.z.to_numpy()
    if null.logistic:
        table["neg_log_10_p_value"] = neg_log_10_p(z)
        table["n_cases"] = fitted.n_cases.astype(np.int64)
        table["n_effective"] = 4 * fitted.n_cases * (fitted.n - fitted.n_cases) / fitted.n
    else:
        freedom = (fitted.n - null.design.shape[1] - 1).to_numpy()
        table["neg_log_10_p_value"] = neg_log_10_p_of_t(z, freedom)
        table["n_effective"] = fitted.n
    table["test"] = TESTS[fitted.test.astype(int)]
    return table
