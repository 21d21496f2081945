"""The scan: filters and regression of one variant at a time, in training people."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd
from numba import njit
from scipy.special import ndtri

from snpgen.association.equilibrium import hardy_weinberg_p
from snpgen.association.firth import NO_EXPANSION, Expansion, expand, fit_firth, fit_sparse
from snpgen.association.likelihood import maximise, score_test
from snpgen.association.null_model import NullModel, neg_log_10_p, neg_log_10_p_of_t
from snpgen.association.segments import SEGMENT, People, make_people
from snpgen.association.sumstats import COLUMNS
from snpgen.packed import DOSAGES_OF_BYTE, NO_CALL, count_genotypes, mark, read_packed, unpack
from snpgen.plink import VARIANT_COLUMNS, Fileset
from snpgen.progress import Meter

TILE = 64  # variants that a thread reads and fits at a time
WAITING = 4  # tiles a thread may be ahead of the one that is collected

PASSED, CALL_RATE, FREQUENCY, EQUILIBRIUM, NO_FIT, TO_FIRTH = range(6)
TESTS = np.array(["score", "logistic", "firth", "linear"])
SCORE, LOGISTIC, FIRTH, LINEAR = range(4)

_FITTED = ["beta", "standard_error", "z", "effect_allele_frequency", "frequency_cases"]
_FITTED += ["frequency_controls", "hwe_p", "n", "n_cases", "test", "status"]


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
    people: People
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
        make_people(outcome, predictor, weight, basis, null.logistic),
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


@njit(nogil=True, cache=True)
def _fit_tile(
    packed: np.ndarray,
    dosages_of_byte: np.ndarray,
    rows: np.ndarray,
    masks: tuple[np.ndarray, np.ndarray],
    n_covariates: int,
    people: People,
    null: Expansion,
    squares: float,
    thresholds: tuple[float, float, float, float, float, float],
    fitted: np.ndarray,
) -> None:
    """Fill `fitted` float64 (m, len(_FITTED)) from m packed variants, uint8 (m, n_bytes)."""
    min_maf, min_mac, min_call_rate, min_hwe_p, exact_z, firth_mac = thresholds
    n_people, n_segments = len(rows), len(people.outcome)
    words = packed.view(np.uint64)
    by_byte = np.empty(packed.shape[1], dtype=np.uint32)
    padded = np.zeros(n_segments * SEGMENT, dtype=np.uint8)
    dosages = padded.reshape(n_segments, SEGMENT)
    genotype = np.empty((n_segments, SEGMENT), dtype=np.float32)
    n_cases = 0
    for segment in range(n_segments if people.logistic else 0):
        n_cases += int(people.outcome[segment].sum())
    fitted[:] = np.nan
    for j in range(len(packed)):
        counts = count_genotypes(words[j], masks[0], masks[1])
        het, hom, missing = counts[0], counts[1], counts[2]
        called, called_cases = n_people - missing, n_cases - counts[5]
        copies, copies_cases = het + 2 * hom, counts[3] + 2 * counts[4]
        called_controls = called - called_cases
        frequency = copies / (2.0 * max(called, 1))
        mac = min(copies, 2 * called - copies)
        het_controls, hom_controls = het - counts[3], hom - counts[4]
        hwe_p = hardy_weinberg_p(
            hom_controls, het_controls, called_controls - het_controls - hom_controls
        )
        fitted[j, 3] = frequency
        if people.logistic:
            fitted[j, 4] = copies_cases / (2.0 * max(called_cases, 1))
            fitted[j, 5] = (copies - copies_cases) / (2.0 * max(called_controls, 1))
            fitted[j, 8] = called_cases
        fitted[j, 6] = hwe_p
        fitted[j, 7] = called
        if called < min_call_rate * n_people:
            fitted[j, 10] = CALL_RATE
            continue
        if mac == 0 or mac < min_mac or mac < min_maf * 2.0 * called:
            fitted[j, 10] = FREQUENCY
            continue
        if hwe_p < min_hwe_p:
            fitted[j, 10] = EQUILIBRIUM
            continue

        unpack(packed[j], dosages_of_byte, rows, by_byte, padded[:n_people])
        flip = frequency > 0.5
        sign = -1.0 if flip else 1.0
        score, information, slope, shift, metric, lost = score_test(
            dosages, flip, missing > 0, n_covariates, people
        )
        fitted[j, 10] = PASSED
        if not information > 1e-7 * mac / n_people:  # the covariates explain the variant
            fitted[j, 10] = NO_FIT
            continue
        beta = score / information
        if not people.logistic:
            freedom = called - n_covariates - 1
            left = squares - lost - score * beta
            error = np.sqrt(left / freedom / information)
            fitted[j, 0], fitted[j, 1], fitted[j, 2] = sign * beta, error, sign * beta / error
            fitted[j, 9] = LINEAR
            continue
        z = score / np.sqrt(information)
        if abs(z) < exact_z:
            fitted[j, 0], fitted[j, 1] = sign * beta, 1.0 / np.sqrt(information)
            fitted[j, 2] = sign * z
            fitted[j, 9] = SCORE
            continue
        reached = False
        if mac * min(called_cases, called_controls) >= firth_mac * called:
            beta, error, reached = maximise(
                dosages,
                flip,
                missing > 0,
                n_covariates,
                people,
                score,
                information,
                slope,
                shift,
                metric,
                genotype,
            )
            z = beta / error
            fitted[j, 9] = LOGISTIC
        if not reached:
            carriers = called - hom if flip else het + hom
            beta, error, z = fit_sparse(padded[:n_people], flip, carriers + missing, null)
            fitted[j, 9] = FIRTH
            if np.isnan(beta):
                fitted[j, 10] = TO_FIRTH
        fitted[j, 0], fitted[j, 1], fitted[j, 2] = sign * beta, error, sign * z


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
    """The fits of `variants` (rows of the fileset): float64 (m, len(_FITTED))."""
    packed = read_packed(scan.fileset, variants)
    fitted = np.empty((len(variants), len(_FITTED)))
    _fit_tile(
        packed,
        DOSAGES_OF_BYTE,
        scan.rows,
        scan.masks,
        scan.n_covariates,
        scan.people,
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
        f"{'controls' if null.logistic else 'people'} below {settings.min_hwe_p:g}",
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
    tiles = [np.empty((0, len(_FITTED))), *_fit_tiles(prepared, rows, threads)]
    fitted = pd.DataFrame(np.concatenate(tiles), columns=_FITTED, index=rows)
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
