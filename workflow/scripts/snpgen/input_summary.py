"""What `snakemake check` prints before a run: people, panel, privacy and memory."""

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

_WIDTH = 11  # of what a line of the plan is about


@dataclass(frozen=True)
class Sizes:
    """Numbers of people with everything that is asked for, of those in training, of variants and SNPs."""

    samples: int
    training: int
    variants: int
    panel: int


def make_sizes(samples: pd.DataFrame, variants: int, size: int) -> Sizes:
    """The sizes of `people` (split), that many variants and a panel of `size`, if there are as many."""
    training = int((samples.split == "train").sum())
    return Sizes(len(samples), training, variants, min(size, variants))


def describe_samples(genotyped: int, samples: pd.DataFrame, sizes: Sizes) -> list[tuple[str, str]]:
    """Lines on people (split, phenotype, class if there are classes), variants and the panel."""
    counts = count_labels(samples)
    labels = ", ".join(f"{number:,} {name}" for name, number in counts.items())
    numbers = samples.split.value_counts()
    splits = ", ".join(f"{numbers.get(name, 0):,} {name}" for name in SPLITS)
    return [
        (
            "samples",
            f"{genotyped:,} genotyped, {len(samples):,} with all that is asked for: {labels}",
        ),
        ("split", f"{splits}, if nobody is left out for few calls"),
        ("variants", f"{sizes.variants:,}, before the GWAS leaves any out"),
        (
            "panel",
            f"{sizes.panel:,} SNPs, {sizes.training / sizes.panel:,.0f} training people each",
        ),
    ]


def count_labels(samples: pd.DataFrame) -> dict[str, int]:
    """How many people have each label: their class, where there are classes, else controls and cases."""
    if "class" in samples:
        return {str(name): int(n) for name, n in samples["class"].value_counts().items()}
    cases = int((samples.phenotype == 1).sum())
    return {"controls": len(samples) - cases, "cases": cases}


def smallest_class(samples: pd.DataFrame) -> tuple[str, int]:
    """The label that the fewest training people have, and how many these are."""
    classes = count_labels(samples[samples.split == "train"])
    return min(classes.items(), key=lambda one: one[1])


def describe_privacy(
    samples: pd.DataFrame, sizes: Sizes, chosen: int, limit: float, noise: float | None
) -> list[tuple[str, str]]:
    """Lines on the frequency attack to expect, and on the noise that calibration would put.

    All SNPs of the panel count as independent; `chosen` of them are those with the smallest p in
    these people's own GWAS, which is told from what it is where each has an effect to what it is where
    none has (`max_selection_factor`). `limit` is the AUC that `noise` None keeps (`noise_for_auc`).
    """
    train, known = samples[samples.split == "train"], samples[samples.split == "validation"]
    (smallest, few), references = smallest_class(samples), count_labels(known)
    snps, others = sizes.panel, 1 - few / len(train)
    # The few SNPs that were not chosen thin the selection out.
    most = 1 + (max_selection_factor(chosen, sizes.variants, others) - 1) * chosen / snps
    all_samples = expected_attack_auc(snps, len(train), len(train), len(known))
    of_few = [
        expected_attack_auc(snps, few, few, references.get(smallest, 0), k) for k in (1, most)
    ]
    ends = " to ".join(dict.fromkeys(f"{auc:.2f}" for auc in of_few))
    attack = (
        f"by frequencies, AUC {all_samples:.2f} expected on all training people, {ends} on the "
        f"{few:,} {smallest}, if LD leaves all SNPs independent"
    )
    lines = [("attack", attack)]
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
) -> list[tuple[str, str]]:
    """A line on differential privacy, and on what its noise does to frequencies of the smallest class.

    `noise` on sums of genotypes over what one person can change, as of `private_frequencies` without
    conditions beside the label.
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
    return [("privacy", what)]


def describe_memory(rule: str, megabytes: int) -> list[tuple[str, str]]:
    """A line on the memory of the largest job, one of `rule`."""
    return [("memory", f"{megabytes / 1000:.1f} GB for the largest job ({rule})")]


def write_plan(path: str, name: str, lines: Sequence[tuple[str, str]]) -> None:
    """Write the plan of the phenotype `name`, a line for each thing."""
    text = [f"Plan of {name}", *(f"  {what:<{_WIDTH}}{said}" for what, said in lines)]
    Path(path).write_text("\n".join(text) + "\n")
