"""The target of calibration: allele frequencies whose differences between classes are shrunken.

The panel was selected by a GWAS of the same individuals, so its class differences are larger than in the
population (winner's curse). What they exceed by chance also identifies the training individuals. Each
difference is therefore multiplied by its shrinkage factor (`association.shrinkage`), and the least certain
differences are set to zero, until the forecast of an attack that knows the method is below a limit
(`association.forecast`). Differences are those given principal components of ancestry, which every cohort has
(`genetics.ancestry`); if all variants are on one chromosome, those of the whole genome. Differences by sex and
group remain those of the training individuals, and so do overall frequencies, unless phenotypes share them
(`cohort.split.frequency_sets`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from snpgen.association.forecast import (
    Sampling,
    forecast_adaptive,
    forecast_naive,
    keep_differences,
    make_differences,
    measure_exposure,
)
from snpgen.association.shrinkage import fit_prior
from snpgen.generator.conditions import ConditionEncoding
from snpgen.generator.frequencies import (
    adjusted_frequencies,
    deviations,
    overall_frequency,
    training_frequencies,
)
from snpgen.generator.joint_effects import remove_distant_effects
from snpgen.generator.synthetic import class_column
from snpgen.generator.validation_slope import fit_slopes
from snpgen.genetics.ancestry import AncestryComponents, fit_ancestry
from snpgen.genetics.imputation import impute_genotypes
from snpgen.io.panel import Panel
from snpgen.io.sumstats import CONTRAST
from snpgen.job import log

SIZES = (1.0, 2.0, 4.0, 10.0)  # of synthetic cohorts, whose attacks are forecast
_PREFIX = "ancestry_"  # of the arrays of the components in the file of a target


@dataclass(frozen=True)
class Target:
    """Target allele frequencies of a cohort.

    `frequencies` float64 (c, m) by column of the conditions, and `classes` float64 (k, m) by class (controls
    and cases for a quantitative trait). With `ancestry`, differences are shrunken, and the label rows of
    `frequencies` are those given these components: differences that follow from ancestry are added in
    calibration. They are part of `classes`, for baselines without latents.
    """

    frequencies: np.ndarray
    classes: np.ndarray
    ancestry: AncestryComponents | None = None

    @property
    def shrunken(self) -> bool:
        """Whether the differences between classes are shrunken."""
        return self.ancestry is not None

    def save(self, path: str) -> None:
        """Write as `.npz` without pickled objects."""
        arrays: dict[str, Any] = {"frequencies": self.frequencies, "classes": self.classes}
        if self.ancestry is not None:
            arrays |= {_PREFIX + name: array for name, array in vars(self.ancestry).items()}
        np.savez(path, **arrays)


def load_target(path: str) -> Target:
    """Read a target that `Target.save` wrote."""
    with np.load(path, allow_pickle=False) as arrays:
        found = {
            name.removeprefix(_PREFIX): arrays[name] for name in arrays if name.startswith(_PREFIX)
        }
        ancestry = AncestryComponents(**found) if found else None
        return Target(arrays["frequencies"], arrays["classes"], ancestry)


class Contrasts(NamedTuple):
    """Differences between levels of the label, k of them, and how they return to the levels.

    For classes, there is a contrast of each class with the first. For a quantitative trait, the only
    contrast is the slope per standard deviation of the value. Rows of `weights` float64 (k, classes) turn
    the label rows of a table of frequencies into contrasts. Rows of `levels` float64 (classes, k) turn
    contrasts into deviations from the mean of the training individuals. `label` float64 (n, k) holds the
    label of each training individual, standardised over the individuals that the contrast compares, and NaN for
    all others.
    """

    weights: np.ndarray
    levels: np.ndarray
    label: np.ndarray


@dataclass(frozen=True)
class TargetSettings:
    """Whether effects are `shrunken`, the `limit` of the forecast AUC, and the sampling of the cohorts."""

    shrunken: bool
    limit: float
    sampling: Sampling


class Shrinkage(NamedTuple):
    """The `target`, and tables of how it was made.

    `variants` are those of the panel with the columns shrinkage and kept (1 or 0). `prior` has the columns
    variance, weight, slope and contrast, `forecast` the columns stratum, attack and auc, and `by_size` also size, the size of
    the cohort as a multiple of the training set.
    """

    target: Target
    variants: pd.DataFrame
    prior: pd.DataFrame
    forecast: pd.DataFrame
    by_size: pd.DataFrame


def make_target(
    panel: Panel,
    variants: pd.DataFrame,
    sumstats: pd.DataFrame,
    scores: np.ndarray,
    encoding: ConditionEncoding,
    settings: TargetSettings,
    seed: int,
    external: np.ndarray | None = None,
    frequency_shift: np.ndarray | float = 0.0,
) -> Shrinkage:
    """Make the target of the training individuals of `panel`.

    `variants` are those of the panel and `sumstats` all variants of the GWAS, with beta and
    standard_error, and the z-score of each class if there are more than two; `scores` float64 (n, p) are
    principal components of the individuals of the panel. Without shrinkage, the target has the class
    differences of the training individuals, except the chance contribution of distant variants. With
    `external`, corrected log odds ratios (m,) of an independent study, shrunken differences are those that
    follow from these effects, and 0 where they are NaN; the training individuals then contribute only
    overall frequencies. `frequency_shift` (m,) is added to the frequencies of all conditions; it is not 0 if
    overall frequencies are not those of the training individuals (`cohort.split.frequency_sets`).
    """
    dosages, _ = impute_genotypes(panel, "train", seed)
    conditions = encoding.encode_split(panel, "train")
    frequencies, ancestry = training_frequencies(dosages, conditions), None
    frequencies[: encoding.n_classes] += frequency_shift
    where = variants.chromosome.to_numpy(), variants.position.to_numpy()
    samples, classes = panel.samples("train"), encoding.n_classes
    names, own_scores = contrast_names(panel.classes), scores[panel.split == "train"]
    components = standardise(own_scores)
    scans = [z_scores(sumstats, name) for name in names]
    priors = [fit_prior(scan[np.isfinite(scan)]) for scan in scans]
    z = np.stack([z_scores(variants, name) for name in names])
    observed = make_differences(z, priors, shrunken=settings.shrunken)
    exposure = measure_exposure(
        dosages,
        samples.label.to_numpy(),
        len(panel.classes),
        name_strata(samples, panel.classes),
        own_scores,
    )
    if settings.shrunken:
        ancestry = fit_ancestry(dosages, samples.phenotype.to_numpy(), variants)
        genome_wide = [(np.arange(len(variants)), components)]
        adjusted = adjusted_frequencies(dosages, conditions, genome_wide)
        implied = deviations(frequencies - adjusted, conditions, classes)
        contrasts = make_contrasts(encoding, conditions)
        if external is None:
            if ancestry.exist:
                adjusted = adjusted_frequencies(dosages, conditions, ancestry.project(dosages))
            adjusted = remove_distant_effects(
                adjusted, dosages, conditions, classes, components, *where, seed
            )
            differences = 2 * contrasts.weights @ adjusted[:classes]
            slopes = fit_slopes(
                differences * observed.shrinkage,
                panel,
                dosages.var(axis=0, dtype=np.float64),
                encoding,
                contrasts.weights,
                scores,
                seed,
            )
            priors = [
                prior._replace(slope=slope) for prior, slope in zip(priors, slopes, strict=True)
            ]
            observed = make_differences(z, priors)
            kept = keep_differences(exposure, observed, settings.limit)
            observed = replace(observed, kept=kept)
            differences *= observed.shrinkage * kept
        else:
            observed = replace(
                observed, z=0 * z, mean=0 * z, variance=0 * z, kept=np.isfinite(external)[None]
            )
            p = overall_frequency(frequencies, conditions)
            differences = (np.nan_to_num(external) * 2 * p * (1 - p))[None]
        frequencies = shrunken_frequencies(frequencies, conditions, contrasts, differences)
        complete = frequencies.copy()
        complete[:classes] += implied
    else:
        frequencies = complete = remove_distant_effects(
            frequencies, dosages, conditions, classes, components, *where, seed
        )
    labels = samples[class_column(panel)].to_numpy(int)
    by_class = frequencies_by_class(complete, conditions, labels)
    table = variants.assign(
        shrinkage=observed.shrinkage.max(axis=0).round(6),
        kept=observed.kept.any(axis=0).astype(int),
    )
    log.info(
        "%d of %d differences are kept; the mean shrinkage factor is %.3f",
        *(table.kept.sum(), len(table), table.shrinkage.mean()),
    )
    known = panel.samples("validation")
    references = {name: int(mask.sum()) for name, mask in name_strata(known, panel.classes).items()}

    def forecast(sampling: Sampling) -> pd.DataFrame:
        attacks = {
            "naive": forecast_naive(exposure, observed, sampling, references),
            "adaptive": forecast_adaptive(exposure, observed, sampling, len(known)),
        }
        rows = [
            (stratum, attack, round(auc, 4))
            for attack, by_stratum in attacks.items()
            for stratum, auc in by_stratum.items()
        ]
        return pd.DataFrame(rows, columns=["stratum", "attack", "auc"])

    own = forecast(settings.sampling)
    for row in own.itertuples(index=False):
        log.info("forecast for %s: AUC of the %s attack %.3f", *row)
    by_size = [forecast(replace(settings.sampling, size=size)).assign(size=size) for size in SIZES]
    return Shrinkage(
        Target(frequencies, by_class, ancestry),
        table,
        pd.concat(
            [
                pd.DataFrame(prior._asdict()).assign(contrast=name)
                for prior, name in zip(priors, names, strict=True)
            ],
            ignore_index=True,
        ),
        own,
        pd.concat(by_size, ignore_index=True),
    )


def name_strata(samples: pd.DataFrame, classes: Sequence[str]) -> dict[str, np.ndarray]:
    """Masks (n,) of all individuals, cases, controls and, if there are more than two, each class."""
    strata = {
        "all": np.ones(len(samples), bool),
        "case": (samples.phenotype == 1).to_numpy(),
        "control": (samples.phenotype == 0).to_numpy(),
    }
    if len(classes) > 2:
        strata |= {name: (samples.label == k).to_numpy() for k, name in enumerate(classes)}
    return strata


def contrast_names(classes: Sequence[str]) -> tuple[str, ...]:
    """Names of the contrasts: each class but the first if there are more than two, otherwise ""."""
    return tuple(classes[1:]) if len(classes) > 2 else ("",)


def z_scores(table: pd.DataFrame, contrast: str) -> np.ndarray:
    """z of the contrast in summary statistics, float64 (m,)."""
    if contrast:
        return table[CONTRAST + contrast].to_numpy(np.float64)
    return table.beta.to_numpy(np.float64) / table.standard_error.to_numpy(np.float64)


def make_contrasts(encoding: ConditionEncoding, conditions: np.ndarray) -> Contrasts:
    """Contrasts of the training individuals with `conditions` float32 (n, c).

    The value of a quantitative trait is clipped at the outer knots of its encoding. The slope of a table
    of frequencies by knot is the least-squares slope over the training individuals.
    """
    label = conditions[:, : encoding.n_classes].astype(np.float64)
    share = label.mean(axis=0)
    if encoding.knots is None:
        one_hot = np.eye(encoding.n_classes)[:, 1:]
        compared = label[:, 1:] + label[:, :1] > 0
        standardised = np.where(compared, label[:, 1:], np.nan)
        standardised -= np.nanmean(standardised, axis=0)
        standardised /= np.nanstd(standardised, axis=0)
        return Contrasts(
            one_hot.T - np.eye(encoding.n_classes)[0], one_hot - share[1:], standardised
        )
    knots = np.array(encoding.knots)
    value = label @ knots
    deviation = knots - value.mean()
    slope = deviation @ (label.T @ label)
    spread = value.std()
    weights = spread * slope / (slope @ deviation)
    return Contrasts(
        weights[None], deviation[:, None] / spread, ((value - value.mean()) / spread)[:, None]
    )


def standardise(scores: np.ndarray) -> np.ndarray:
    """Columns of mean 0 and standard deviation 1; constant columns are 0."""
    spread = scores.std(axis=0)
    return (scores - scores.mean(axis=0)) / np.where(spread > 0, spread, 1)


def shrunken_frequencies(
    frequencies: np.ndarray,
    conditions: np.ndarray,
    contrasts: Contrasts,
    differences: np.ndarray,
) -> np.ndarray:
    """Frequencies float64 (c, m) whose label rows have these `differences` (k, m) of the mean dosage.

    `frequencies` (c, m) are those of the training individuals by condition. Rows of other conditions and the
    overall frequencies do not change.
    """
    target = frequencies.copy()
    classes = len(contrasts.levels)
    share = conditions[:, :classes].mean(axis=0, dtype=np.float64)
    target[:classes] = share @ frequencies[:classes] + contrasts.levels @ differences / 2
    return target


def frequencies_by_class(
    frequencies: np.ndarray, conditions: np.ndarray, labels: np.ndarray
) -> np.ndarray:
    """Mean frequency of the individuals of each class, float64 (classes, m).

    `frequencies` (c, m) by condition; `conditions` (n, c) and integer `labels` (n,) of the individuals.
    """
    members: Sequence[np.ndarray] = [
        conditions[labels == label].mean(axis=0, dtype=np.float64) for label in np.unique(labels)
    ]
    return np.stack(members) @ frequencies
