"""The summary of the input that `snakemake check` prints: sample sizes, panel, privacy and memory."""

import math
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from snpgen.association.frequency_attack import (
    LARGE_NOISE,
    expected_attack_auc,
    max_selection_factor,
    noise_for_auc,
    variants_for_auc,
)
from snpgen.cohort.split import SPLITS

Line = tuple[str, str]  # a name and its description

_WIDTH = 16  # of the names


def describe_samples(genotyped: int, samples: pd.DataFrame, variants: int, size: int) -> list[Line]:
    """Lines on the individuals, their classes and split, the variants and the panel.

    `samples` are the complete cases with columns split, phenotype, and class if there are classes;
    `size` is the number of variants of the panel.
    """
    kind = "classes" if "class" in samples else "phenotype"
    numbers = samples.split.value_counts()
    per_variant = numbers["train"] / size
    return [
        ("individuals", f"{genotyped:,} genotyped, {len(samples):,} with phenotype and covariates"),
        (kind, ", ".join(f"{number:,} {name}" for name, number in count_classes(samples).items())),
        ("split", ", ".join(f"{numbers.get(name, 0):,} {name}" for name in SPLITS)),
        ("variants", f"{variants:,} before the filters of the GWAS"),
        ("panel", f"{size:,} variants, {per_variant:,.0f} training individuals per variant"),
    ]


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
    samples: pd.DataFrame, variants: int, size: int, chosen: int, limit: float, noise: float | None
) -> list[Line]:
    """Lines on the expected frequency attack, and on the noise that the calibration adds.

    All `size` variants of the panel are taken as independent. `chosen` of them are selected from `variants`
    by the GWAS of the training set; the ranges extend from a panel on which all of these have an effect to one on which none
    has (`max_selection_factor`). `limit` is the AUC that is kept if `noise` is None (`noise_for_auc`).
    """
    train, known = samples[samples.split == "train"], samples[samples.split == "validation"]
    (smallest, few), references = smallest_class(samples), count_classes(known)
    others = 1 - few / len(train)
    # Variants that the GWAS did not select dilute its selection.
    most = 1 + (max_selection_factor(chosen, variants, others) - 1) * chosen / size
    all_samples = expected_attack_auc(size, len(train), len(train), len(known))
    of_few = [
        expected_attack_auc(size, few, few, references.get(smallest, 0), k) for k in (1, most)
    ]
    ends = " to ".join(dict.fromkeys(f"{auc:.2f}" for auc in of_few))
    attack = (
        f"frequency attack, expected AUC {all_samples:.2f} on all training individuals, {ends} on "
        f"the {few:,} {smallest} (if variants are independent)"
    )
    if noise is not None:
        what = f"{noise:g} standard errors of the class frequencies, as set by calibration.noise"
        return [("expected attack", attack), ("noise", what)]
    needed = [noise_for_auc(limit, size, few, k) for k in (1, most)]
    free = f"{variants_for_auc(limit, 0, few, most):,.0f} variants"
    if needed[1] == 0:
        what = f"none expected; a panel of up to {free} needs none"
    else:
        low = f"{needed[0]:.1f}" if needed[0] else "none"
        effects = f"{low} if all variants have effects, and if none has, " if most > 1 else ""
        what = (
            f"{effects}{needed[1]:.1f} standard errors of the class frequencies, to limit the AUC of the "
            f"attack on the {smallest} to {limit:g}; a panel of {free} needs none"
        )
    if needed[0] > LARGE_NOISE:
        smaller = variants_for_auc(limit, LARGE_NOISE, few)
        what += (
            f". This noise would exceed most effects. Reduce panel.size to {smaller:,.0f} or less, or "
            "increase calibration.max_forecast_auc if you accept the risk"
        )
    elif needed[1] > LARGE_NOISE:
        what += (
            f". Noise above {LARGE_NOISE:g} would exceed most effects; the log of calibrate_guidance then "
            "recommends a smaller panel"
        )
    return [("expected attack", attack), ("noise", what)]


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


def write_summary(path: str, name: str, lines: Sequence[Line]) -> None:
    """Write the summary of the phenotype `name`."""
    text = [f"Input of {name}", *(f"  {what:<{_WIDTH}}{text}" for what, text in lines)]
    Path(path).write_text("\n".join(text) + "\n")
