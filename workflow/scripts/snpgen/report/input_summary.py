"""The summary of the input that `snakemake check` prints: sample sizes, panel, privacy and memory."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Sizes:
    """Numbers of complete cases, of training individuals, and of variants before the GWAS and on the panel."""

    samples: int
    training: int
    variants: int
    panel: int


def make_sizes(samples: pd.DataFrame, variants: int, size: int) -> Sizes:
    """Return the sizes for complete cases `samples` (column split) and at most `size` of the variants."""
    training = int((samples.split == "train").sum())
    return Sizes(len(samples), training, variants, min(size, variants))


def describe_samples(genotyped: int, samples: pd.DataFrame, sizes: Sizes) -> list[Line]:
    """Lines on the individuals, their classes and split, the variants and the panel.

    `samples` are the complete cases with columns split, phenotype, and class if there are classes.
    """
    counts = count_classes(samples)
    kind = "classes" if "class" in samples else "phenotype"
    numbers = samples.split.value_counts()
    per_variant = sizes.training / sizes.panel
    return [
        ("individuals", f"{genotyped:,} genotyped, {len(samples):,} with phenotype and covariates"),
        (kind, ", ".join(f"{number:,} {name}" for name, number in counts.items())),
        ("split", ", ".join(f"{numbers.get(name, 0):,} {name}" for name in SPLITS)),
        ("variants", f"{sizes.variants:,} before the filters of the GWAS"),
        ("panel", f"{sizes.panel:,} variants, {per_variant:,.0f} training individuals per variant"),
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
    samples: pd.DataFrame, sizes: Sizes, chosen: int, limit: float, noise: float | None
) -> list[Line]:
    """Lines on the expected frequency attack, and on the noise that the calibration adds.

    All SNPs of the panel are taken as independent. `chosen` of them are selected by the GWAS of the
    training set; the ranges extend from a panel on which all of these have an effect to one on which none
    has (`max_selection_factor`). `limit` is the AUC that is kept if `noise` is None (`noise_for_auc`).
    """
    train, known = samples[samples.split == "train"], samples[samples.split == "validation"]
    (smallest, few), references = smallest_class(samples), count_classes(known)
    snps, others = sizes.panel, 1 - few / len(train)
    # SNPs that the GWAS did not select dilute its selection.
    most = 1 + (max_selection_factor(chosen, sizes.variants, others) - 1) * chosen / snps
    all_samples = expected_attack_auc(snps, len(train), len(train), len(known))
    of_few = [
        expected_attack_auc(snps, few, few, references.get(smallest, 0), k) for k in (1, most)
    ]
    ends = " to ".join(dict.fromkeys(f"{auc:.2f}" for auc in of_few))
    attack = (
        f"on frequencies, AUC {all_samples:.2f} for all training individuals, {ends} for the "
        f"{few:,} {smallest}, if all SNPs are independent"
    )
    lines = [("expected attack", attack)]
    if noise is not None:
        return [
            *lines,
            ("noise", f"{noise:g} standard errors on frequencies, as calibration.noise says"),
        ]
    needed = [noise_for_auc(limit, snps, few, k) for k in (1, most)]
    free = variants_for_auc(limit, 0, few, most)
    if needed[1] == 0:
        what = f"none expected; a panel of up to {free:,.0f} SNPs needs none"
    else:
        low = f"{needed[0]:.1f}" if needed[0] else "none"
        effects = f"{low} where every SNP has an effect, and where none has " if most > 1 else ""
        what = (
            f"{effects}{needed[1]:.1f} standard errors on frequencies expected, to keep an attack on the "
            f"{smallest} at AUC {limit:g}; a panel of {free:,.0f} SNPs needs none"
        )
    if needed[0] > LARGE_NOISE:
        what += (
            f". Effects drown in so much: set panel.size to {variants_for_auc(limit, LARGE_NOISE, few):,.0f} or "
            "less, or raise calibration.max_forecast_auc if you accept the risk"
        )
    elif needed[1] > LARGE_NOISE:
        what += (
            f". Effects drown in more than {LARGE_NOISE:g}: the log of calibrate_guidance then names a "
            "smaller panel"
        )
    return [*lines, ("noise", what)]


def describe_dp(
    samples: pd.DataFrame, snps: int, epsilon: float, delta: float, noise: float
) -> list[Line]:
    """A line on differential privacy, and on its noise in the frequencies of the smallest class.

    `noise` is the noise multiplier of the sums of genotypes, per unit of what one individual can change,
    for a generator without conditions.
    """
    smallest, few = smallest_class(samples)
    spread = noise * math.sqrt(snps) / (2 * few)
    own = math.sqrt(0.25 / (2 * few))
    what = (
        f"epsilon {epsilon:g} at delta {delta:.1g} for the generator; noise of {spread:.2g} on "
        f"frequencies of the {few:,} {smallest}, whose own standard error is {own:.2g} at a half"
    )
    if spread > LARGE_NOISE * own:
        what += ". Effects drown in so much: take a smaller panel.size, or a larger epsilon"
    return [("privacy budget", what)]


def describe_memory(rule: str, megabytes: int) -> list[Line]:
    """A line on the memory of the largest job, which is of this rule."""
    return [("memory", f"{megabytes / 1000:.1f} GB for the largest job ({rule})")]


def write_summary(path: str, name: str, lines: Sequence[Line]) -> None:
    """Write the summary of the phenotype `name`."""
    text = [f"Input of {name}", *(f"  {what:<{_WIDTH}}{text}" for what, text in lines)]
    Path(path).write_text("\n".join(text) + "\n")
