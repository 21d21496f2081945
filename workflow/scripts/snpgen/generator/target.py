"""The target of calibration: allele frequencies whose differences between classes are shrunken.

The panel was selected by a GWAS of the same individuals, so its class differences are larger than in the
population (winner's curse). What they exceed by chance also identifies the training individuals. Each
difference is therefore multiplied by its shrinkage factor (`association.shrinkage`), and the least certain
differences are set to zero, until the forecast of an attack that knows the method is below a limit
(`association.forecast`). Differences are those given principal components of ancestry, which every cohort has
(`genetics.ancestry`); if all variants are on one chromosome, those of the whole genome. Differences by sex and
group remain those of the training individuals, and so do overall frequencies, unless phenotypes share them
(`cohort.shared_frequencies.frequency_sets`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from snpgen.association.forecast import (
    Differences,
    Exposure,
    Sampling,
    forecast_adaptive,
    forecast_naive,
    keep_differences,
    make_differences,
    measure_exposure,
)
from snpgen.association.selection import shrinkage_factor
from snpgen.association.shrinkage import fit_prior
from snpgen.generator.conditions import ConditionEncoding
from snpgen.generator.contrasts import (
    Contrasts,
    contrast_names,
    make_contrasts,
    shrunken_frequencies,
    standardise,
    z_scores,
)
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
from snpgen.io.plink import dosage_variance
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


@dataclass(frozen=True)
class TargetSettings:
    """Whether effects are `shrunken`, the `limit` of the forecast AUC, and the sampling of the cohorts."""

    shrunken: bool
    limit: float
    sampling: Sampling


class Shrinkage(NamedTuple):
    """The `target`, and tables of how it was made.

    `variants` are those of the panel with the columns shrinkage and kept (1 or 0). `prior` has the columns
    variance, weight, slope, smallest (as in `ReleaseRule`), contrast and source (of the effects: training or
    external), `forecast` the columns stratum, attack and auc, and `by_size` also size, the size of the cohort
    as a multiple of the training set.
    """

    target: Target
    variants: pd.DataFrame
    prior: pd.DataFrame
    forecast: pd.DataFrame
    by_size: pd.DataFrame


class _Training(NamedTuple):
    """The training individuals of a `panel`, whose `variants` are those of its columns.

    `dosages` int8 (n, m) without missing genotypes, `conditions` float32 (n, c), and the `scores` float64 (N, p) of all
    individuals of the panel on principal components.
    """

    panel: Panel
    variants: pd.DataFrame
    scores: np.ndarray
    encoding: ConditionEncoding
    seed: int
    dosages: np.ndarray
    conditions: np.ndarray

    def scores_of(self, part: str) -> np.ndarray:
        """Scores of the individuals of a part of the split."""
        return self.scores[self.panel.split == part]

    @property
    def components(self) -> np.ndarray:
        """Standardised scores of the training individuals."""
        return standardise(self.scores_of("train"))

    def remove_distant_effects(self, frequencies: np.ndarray) -> np.ndarray:
        """Frequencies (c, m) without the chance contribution of distant variants."""
        return remove_distant_effects(
            frequencies,
            self.dosages,
            self.conditions,
            self.encoding.n_classes,
            self.components,
            self.variants.chromosome.to_numpy(),
            self.variants.position.to_numpy(),
            self.seed,
        )


def make_target(
    panel: Panel,
    variants: pd.DataFrame,
    sumstats: pd.DataFrame,
    scores: np.ndarray,
    encoding: ConditionEncoding,
    settings: TargetSettings,
    seed: int,
    external: pd.DataFrame | None = None,
    overall: np.ndarray | None = None,
) -> Shrinkage:
    """Make the target of the training individuals of `panel`.

    `variants` are those of the panel and `sumstats` all variants of the GWAS, with beta and
    standard_error, and the z-score of each class if there are more than two; `scores` float64 (n, p) are
    principal components of the individuals of the panel. Without shrinkage, the target has the class
    differences of the training individuals, except the chance contribution of distant variants. With
    `external`, the log odds ratios beta and beta_corrected (m,) of an independent study, shrunken differences are
    those that follow from the corrected effects, and 0 where they are NaN; the training individuals then
    contribute only overall frequencies. `overall` (m,) are the overall frequencies, those of the training individuals
    by default; phenotypes may share them (`cohort.shared_frequencies.frequency_sets`).
    """
    dosages = impute_genotypes(panel, "train", seed)[0]
    conditions, classes = encoding.encode_split(panel, "train"), encoding.n_classes
    training = _Training(panel, variants, scores, encoding, seed, dosages, conditions)
    frequencies, ancestry = training_frequencies(dosages, conditions), None
    if overall is not None:
        frequencies[:classes] += overall - overall_frequency(frequencies, conditions)
    names, samples = contrast_names(panel.classes), panel.samples("train")
    scans = [z_scores(sumstats, name) for name in names]
    priors = [fit_prior(scan[np.isfinite(scan)]) for scan in scans]
    z = np.stack([z_scores(variants, name) for name in names])
    observed = make_differences(z, priors, shrunken=settings.shrunken)
    exposure = measure_exposure(
        dosages,
        samples.label.to_numpy(),
        len(panel.classes),
        name_strata(samples, panel.classes),
        training.scores_of("train"),
    )
    if settings.shrunken:
        ancestry = fit_ancestry(dosages, samples.phenotype.to_numpy(), variants)
        contrasts = make_contrasts(encoding, conditions)
        genome_wide = [(np.arange(len(variants)), training.components)]
        adjusted = adjusted_frequencies(dosages, conditions, genome_wide)
        implied = deviations(frequencies - adjusted, conditions, classes)
        if external is None:
            differences, observed = _own_differences(
                training, adjusted, contrasts, ancestry, observed, exposure, settings.limit
            )
        else:
            frequency = overall_frequency(frequencies, conditions)
            differences, observed = _external_differences(external, frequency, observed)
        frequencies = shrunken_frequencies(frequencies, conditions, contrasts, differences)
        complete = frequencies.copy()
        complete[:classes] += implied
    else:
        frequencies = complete = training.remove_distant_effects(frequencies)
    labels = samples[class_column(panel)].to_numpy(int)
    by_class = frequencies_by_class(complete, conditions, labels)
    target = Target(frequencies, by_class, ancestry)
    source = "training" if external is None or not settings.shrunken else "external"
    return _describe(target, training, observed, source, exposure, settings.sampling)


def _own_differences(
    training: _Training,
    adjusted: np.ndarray,
    contrasts: Contrasts,
    ancestry: AncestryComponents,
    observed: Differences,
    exposure: Exposure,
    limit: float,
) -> tuple[np.ndarray, Differences]:
    """Differences (k, m) of the mean dosage of the training individuals, shrunken until the forecast is below `limit`.

    `adjusted` (c, m) are their frequencies given the genome-wide components, which are used if `ancestry`
    has none. What is `observed` of the differences is returned with their slopes, and with those that are kept.
    """
    dosages, encoding = training.dosages, training.encoding
    if ancestry.exist:
        projected = ancestry.project(dosages)
        adjusted = adjusted_frequencies(dosages, training.conditions, projected)
    adjusted = training.remove_distant_effects(adjusted)
    differences = 2 * contrasts.weights @ adjusted[: encoding.n_classes]
    slopes = fit_slopes(
        differences * observed.shrinkage,
        training.panel,
        dosage_variance(dosages),
        encoding,
        contrasts.weights,
        ancestry,
        training.scores_of("validation"),
        training.seed,
    )
    priors = zip(observed.priors, slopes, strict=True)
    observed = make_differences(
        observed.z, [prior._replace(slope=slope) for prior, slope in priors]
    )
    kept = keep_differences(exposure, observed, limit)
    observed = replace(observed, kept=kept)
    return differences * observed.shrinkage * kept, observed


def _external_differences(
    external: pd.DataFrame, frequency: np.ndarray, observed: Differences
) -> tuple[np.ndarray, Differences]:
    """Differences (1, m) of the mean dosage that follow from `external` effects and the `frequency` (m,).

    Nothing is then `observed` of the training individuals.
    """
    effects, nothing = external.beta_corrected.to_numpy(np.float64), 0 * observed.z
    observed = replace(
        make_differences(nothing, observed.priors),
        shrinkage=np.nan_to_num(shrinkage_factor(external))[None],
        variance=nothing,
        kept=np.isfinite(effects)[None],
        external=True,
    )
    differences = np.nan_to_num(effects) * 2 * frequency * (1 - frequency)
    return differences[None], observed


def _describe(
    target: Target,
    training: _Training,
    observed: Differences,
    source: str,
    exposure: Exposure,
    sampling: Sampling,
) -> Shrinkage:
    """The target with its tables; `observed` are its differences, and `source` is that of its effects."""
    table = training.variants.assign(
        shrinkage=observed.shrinkage.max(axis=0).round(6),
        kept=observed.kept.any(axis=0).astype(int),
    )
    log.info(
        "%d of %d differences are kept; the mean shrinkage factor is %.3f",
        *(table.kept.sum(), len(table), table.shrinkage.mean()),
    )
    forecast = partial(_forecast_attacks, training.panel, exposure, observed)
    own = forecast(sampling)
    for row in own.itertuples(index=False):
        log.info("forecast for %s: AUC of the %s attack %.3f", *row)
    by_size = [forecast(replace(sampling, size=size)).assign(size=size) for size in SIZES]
    names = contrast_names(training.panel.classes)
    tables = [
        pd.DataFrame(rule.prior._asdict()).assign(
            smallest=rule.smallest, contrast=name, source=source
        )
        for rule, name in zip(observed.rules(0.0), names, strict=True)
    ]
    by_contrast = pd.concat(tables, ignore_index=True)
    return Shrinkage(target, table, by_contrast, own, pd.concat(by_size, ignore_index=True))


def _forecast_attacks(
    panel: Panel, exposure: Exposure, observed: Differences, sampling: Sampling
) -> pd.DataFrame:
    """The forecast AUC of both attacks: columns stratum, attack and auc."""
    known = panel.samples("validation")
    references = {name: int(mask.sum()) for name, mask in name_strata(known, panel.classes).items()}
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
