"""The summary of the input that `snakemake check` prints: sample sizes, panel, privacy and memory."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from snpgen.association.forecast import max_effective_variants
from snpgen.association.frequency_attack import expected_attack_auc
from snpgen.association.joint_forecast import equal_limit, forecast_joint
from snpgen.association.selection import MIN_SHRINKAGE, PanelSettings
from snpgen.cohort.split import SPLITS
from snpgen.genetics.kinship_error import (
    IDENTICAL,
    KING_ERROR,
    detectable_degree,
    smallest_kinship,
)
from snpgen.io.matching import matches_of

Line = tuple[str, str]  # a name and its description

LARGE_NOISE = 1.0  # standard errors on frequencies, above which noise exceeds most effects

_WIDTH = 16  # of the names


def describe_samples(genotyped: int, samples: pd.DataFrame, variants: int) -> list[Line]:
    """Lines on the individuals, their classes and split, and the variants.

    `samples` are the complete cases with columns split, phenotype, and class if there are classes.
    """
    kind = "classes" if "class" in samples else "phenotype"
    numbers = samples.split.value_counts()
    return [
        ("individuals", f"{genotyped:,} genotyped, {len(samples):,} with phenotype and covariates"),
        (kind, ", ".join(f"{number:,} {name}" for name, number in count_classes(samples).items())),
        ("split", ", ".join(f"{numbers.get(name, 0):,} {name}" for name in SPLITS)),
        ("variants", f"{variants:,} before the filters of the GWAS"),
    ]


def describe_divided(related: int) -> list[Line]:
    """A line on the number of pairs of relatives in different sets, if there are any."""
    if not related:
        return []
    return [
        ("relatives", f"{related:,} pairs are divided between the training set and another set")
    ]


def describe_matches(funnels: Sequence[pd.DataFrame]) -> list[Line]:
    """A line on the IDs that match in each table, from the funnels."""
    parts = [
        f"{row['kept']:,} of {row['kept'] + row['dropped']:,} in the {row['step']}"
        + (few if row["few"] else "")
        for row in matches_of(pd.concat(funnels)).to_dict("records")
        for few in [" (few: check the IDs)" if row["dropped"] else " (few of the cohort)"]
    ]
    return [("matching IDs", ", ".join(parts))]


def describe_panel(panel: PanelSettings, available: int, train: int) -> list[Line]:
    """A line on the size of the panel, of `available` variants, and on the `train` individuals per variant.

    Memory and the expected attack are those of the largest panel.
    """
    size = min(panel.largest, available)
    what = f"{size:,} variants, {train / size:,.0f} training individuals per variant"
    if panel.size is None:
        what = (
            f"as many variants as have a shrinkage factor of at least {MIN_SHRINKAGE:g}, from "
            f"{min(panel.min_size, size):,} to {size:,}; at {what}"
        )
    return [("panel", what)]


def describe_kinship(variants: int, samples: int, max_kinship: float) -> list[Line]:
    """A line if so few `variants`, even if they are independent, cannot detect a kinship of `max_kinship`."""
    limit = smallest_kinship(KING_ERROR / math.sqrt(max(variants, 1)), samples)
    if limit <= max_kinship:
        return []
    degree = detectable_degree(limit)
    found = f"only relatives up to the {degree} degree" if degree else "only duplicates"
    if limit >= IDENTICAL:
        found = "no relatives, so it will not be estimated"
    return [("kinship", f"{variants:,} variants can detect {found}")]


def count_classes(samples: pd.DataFrame) -> dict[str, int]:
    """Numbers of individuals by class, or of controls and cases."""
    if "class" in samples:
        return {str(name): int(n) for name, n in samples["class"].value_counts().items()}
    cases = int((samples.phenotype == 1).sum())
    return {"controls": len(samples) - cases, "cases": cases}


def smallest_class(samples: pd.DataFrame) -> tuple[str, int]:
    """Return the smallest class of the training set and its number of individuals."""
    classes = count_classes(samples[samples.split == "train"])
    return min(classes.items(), key=lambda one: one[1])


def describe_privacy(
    samples: pd.DataFrame,
    size: int,
    multiple: float,
    selection: float,
    limit: float | None,
) -> list[Line]:
    """Lines on the expected frequency attack, and on the panels that `limit` allows.

    All `size` variants of the panel are taken as independent. The synthetic cohort has `multiple` times the
    individuals of the training set (infinity if its frequencies are exact). If effects are shrunken, `limit`
    is the largest forecast AUC; the attack on a class then depends on the effects: without any, only overall
    frequencies are released, and with large effects the frequencies of the class. If `limit` is None, the
    frequencies of the class are released. Its variance is that of a panel selected in another study if all
    variants have effects, and larger by the factor `selection` (`max_selection_factor`) if none has.
    """
    train, known = samples[samples.split == "train"], samples[samples.split == "validation"]
    (smallest, few), references = smallest_class(samples), count_classes(known)
    n, reference = len(train), references.get(smallest, 0)
    overall = forecast_overall(samples, size, multiple)
    factors = {few / n: "no variant", 1: "every variant"}
    if limit is None:
        factors = {1: "every variant"} | ({selection: "no variant"} if selection > 1 else {})
    of_few = {
        which: expected_attack_auc(size, few, multiple * few, reference, factor)
        for factor, which in factors.items()
    }
    parts = [f"{auc:.2f} if {which} has an effect" for which, auc in of_few.items()]
    attack = (
        f"AUC {overall:.2f} on all training individuals (frequency attack); on the {few:,} "
        f"{smallest} {' and '.join(parts)} (if variants are independent)"
    )
    lines = [("expected attack", attack)]
    if limit is not None:
        most = max_effective_variants(n, limit)
        what = (
            f"forecast AUC of at most {limit:g} for an attacker who knows the method "
            f"(calibration.max_forecast_auc), so at most {most:,.0f} independent variants"
        )
        if size > most:
            what += ", which is checked when the panel is selected"
        lines.append(("limit", what))
    return lines


def forecast_overall(samples: pd.DataFrame, size: int, multiple: float) -> float:
    """Expected AUC of the frequency attack on all training individuals; arguments as in `describe_privacy`."""
    numbers = samples.split.value_counts()
    n = int(numbers["train"])
    return expected_attack_auc(size, n, multiple * n, int(numbers.get("validation", 0)))


def describe_joint_release(overall: Mapping[str, float], limits: Mapping[str, float]) -> list[Line]:
    """Lines on the attack on individuals in the training sets of all phenotypes, whose cohorts are released.

    `overall` are the results of `forecast_overall` by phenotype; `limits` the limits on the forecast AUC of the
    phenotypes that have one. Phenotypes with differential privacy have neither. The limits together exceed the
    smallest one, so the lines name the phenotype that contributes most.
    """
    aucs = list(overall.values())
    what = f"AUC {forecast_joint(aucs):.2f} on individuals in all training sets (frequency attack)"
    lines = [("expected attack", what)] if len(aucs) > 1 else []
    if len(limits) > 1:
        limit = min(limits.values())
        most = max(limits, key=lambda name: (limits[name], overall.get(name, 0.5)))
        others = [auc for name, auc in limits.items() if name != most]
        what = (
            f"forecast AUC of at most {forecast_joint(list(limits.values())):.2f} for an attacker who knows "
            f"the method, and without {most} of at most {forecast_joint(others):.2f}; "
            f"calibration.max_forecast_auc: {equal_limit(limit, len(limits)):g} keeps it at {limit:g}"
        )
        lines.append(("limit", what))
    return lines


def describe_dp(
    samples: pd.DataFrame, size: int, epsilon: float, delta: float, noise: float
) -> list[Line]:
    """A line on differential privacy, and on its noise in the frequencies of the smallest class.

    `size` is the number of variants of the panel. `noise` is the noise multiplier of the genotype sums: the
    standard deviation divided by the largest change by one individual. The line is for a generator without
    conditions.
    """
    smallest, few = smallest_class(samples)
    spread = noise * math.sqrt(size) / (2 * few)
    own = math.sqrt(0.25 / (2 * few))
    what = (
        f"epsilon {epsilon:g} at delta {delta:.1g} for the generator; noise with a standard "
        f"deviation of {spread:.2g} on the allele frequencies of the {few:,} {smallest}; without "
        f"noise, the standard error of a frequency of 0.5 is {own:.2g}"
    )
    if spread > LARGE_NOISE * own:
        what += ". This noise would exceed most effects. Reduce panel.size, or increase epsilon"
    return [("privacy budget", what)]


def describe_memory(rule: str, megabytes: int) -> list[Line]:
    """A line on the memory of the largest job, a job of `rule`."""
    return [("memory", f"{megabytes / 1000:.1f} GB for the largest job ({rule})")]


def write_summary(path: str, title: str, lines: Sequence[Line]) -> None:
    """Write a summary: its title, and indented lines."""
    text = [title, *(f"  {what:<{_WIDTH}}{text}" for what, text in lines)]
    Path(path).write_text("\n".join(text) + "\n")
