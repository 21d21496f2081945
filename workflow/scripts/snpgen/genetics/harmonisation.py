"""Harmonisation of another file with the variants of the cohort: alleles, strands, frequencies."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from snpgen.messages import Code, InputError

MAX_PALINDROME_MAF = (
    0.42  # at a higher MAF, frequencies do not identify the strand of an A/T or C/G variant
)

_MAX_INTERCHANGED = 0.2  # largest proportion of frequencies that may refer to the other allele
_MIN_INFORMATIVE = 100  # variants needed to estimate that proportion

_BEYOND_CHANCE = 3  # positions of two files agree if so many times more match than by chance,
_ENOUGH = 0.1  # or if this share matches
_RATIOS = (0.5, 2)  # range of most odds ratios
_MIN_EFFECTS = 20  # needed to recognise odds ratios

_COMPLEMENT = {"A": "T", "C": "G", "G": "C", "T": "A"}


@dataclass(frozen=True)
class Step:
    """A step of matching variants: `passed` bool (n,).

    `reason` completes "12 variants ..." for the variants that do not pass, and `remedy` is the remedy.
    """

    passed: np.ndarray
    reason: str
    remedy: str


def explain_losses(steps: Sequence[Step]) -> tuple[str, str]:
    """How many variants each step loses, and the remedy for the step that loses most.

    A variant counts at the first step that it does not pass.
    """
    left = np.ones(len(steps[0].passed), dtype=bool)
    lost: list[tuple[int, Step]] = []
    for step in steps:
        lost.append((int((left & ~step.passed).sum()), step))
        left &= step.passed
    lost = sorted((one for one in lost if one[0]), key=lambda one: -one[0])
    numbers = "; ".join(f"{number:,} {step.reason}" for number, step in lost)
    return numbers, lost[0][1].remedy if lost else ""


def show_alleles(ours: pd.DataFrame, theirs: pd.DataFrame) -> str:
    """The alleles of a variant of the cohort and of another file at the same position, for messages.

    Both have chromosome, position, effect_allele and other_allele; "" if they share no position.
    """
    both = ours.merge(theirs, on=["chromosome", "position"], suffixes=("", "_file"))
    if both.empty:
        return ""
    row = both.iloc[0]
    alleles = f"{row.effect_allele}/{row.other_allele}"
    others = f"{row.effect_allele_file}/{row.other_allele_file}"
    return f" ({alleles} in the cohort, {others} in the file at {row.chromosome}:{row.position})"


def explain_unmatched(
    theirs: pd.DataFrame, variants: pd.DataFrame, paired: pd.Series, settled: pd.Series
) -> tuple[str, str]:
    """Numbers of the rows `theirs` that match none of the cohort's `variants`, by reason, and a remedy.

    Both tables have chromosome, position, effect_allele and other_allele; `paired` are the numbers of the
    rows that have the same alleles as a variant, `settled` those of known strand. The remedy is for the most
    frequent reason.
    """
    keys = ["chromosome", "position"]
    places, known = (pd.MultiIndex.from_frame(table[keys]) for table in (theirs, variants))
    at_position = places.isin(known)
    matched = np.isin(np.arange(len(theirs)), paired)
    alleles = show_alleles(variants, theirs[at_position & ~matched])
    here = ", ".join(variants.chromosome.unique()[:3])
    steps = [
        Step(
            theirs.chromosome.isin(variants.chromosome).to_numpy(),
            f"are on other chromosomes than the cohort (which has {here})",
            "Give a file with the chromosomes of the cohort, named as in the .bim",
        ),
        Step(
            at_position,
            "are at positions that are not in the cohort",
            "Give a file on the genome build of the cohort ('cohort.build')",
        ),
        Step(
            matched,
            f"have other alleles than the cohort{alleles}",
            "Write the alleles of both files as bases (A, C, G, T) of the same variants",
        ),
        Step(
            np.isin(np.arange(len(theirs)), settled),
            "are A/T or C/G variants of unknown strand",
            "Add frequencies of the effect allele (the column allelefrequency_effect) to the file",
        ),
    ]
    return explain_losses(steps)


@dataclass(frozen=True)
class EffectRange:
    """Number of effects, their smallest and largest value, and how many are near 1."""

    number: int
    low: float
    high: float
    near_1: int

    @classmethod
    def of(cls, effects: pd.Series) -> "EffectRange":
        """The range of effects, NaN if missing."""
        near = int(effects.between(*_RATIOS).sum())
        return cls(int(effects.count()), effects.min(), effects.max(), near)

    @classmethod
    def combine(cls, parts: Sequence["EffectRange"]) -> "EffectRange":
        """The range of the effects of all parts."""
        lows, highs = [part.low for part in parts], [part.high for part in parts]
        numbers = sum(part.number for part in parts), sum(part.near_1 for part in parts)
        return cls(numbers[0], np.nanmin(lows), np.nanmax(highs), numbers[1])

    @property
    def are_odds_ratios(self) -> bool:
        """Whether values declared as log odds ratios or weights look like odds ratios.

        All odds ratios are positive and most are near 1. Equal weights are no odds ratios: they count
        alleles.
        """
        varied = bool(0 < self.low < self.high)
        return varied and self.number >= _MIN_EFFECTS and self.near_1 > self.number / 2


def align(pairs: pd.DataFrame) -> pd.DataFrame:
    """Compare alleles; returns the bool columns matches, other_strand, swapped and settled.

    Each row of `pairs` is a variant of the file and a variant of the cohort: effect_allele, other_allele and
    frequency of the file and, with the prefix `our_`, of the cohort; alleles in capitals. A pair matches if
    both have the same alleles. It is swapped if the effect allele of the file is the other allele of the
    cohort. Single-base alleles may be given for the other strand, longer alleles may not.

    An A/T or C/G variant has the same alleles on both strands. Its strand is chosen so that both frequencies
    are on the same side of 0.5. Such a variant is `settled` only if both minor allele frequencies are below
    `MAX_PALINDROME_MAF`. All other variants are `settled`.
    """
    effect, other = pairs.effect_allele, pairs.other_allele
    ours, our_other = pairs.our_effect_allele, pairs.our_other_allele
    complement, other_complement = effect.map(_COMPLEMENT), other.map(_COMPLEMENT)
    swapped = (effect == our_other) & (other == ours)
    direct = swapped | ((effect == ours) & (other == our_other))
    complement_swapped = (complement == our_other) & (other_complement == ours)
    complement_match = ~direct & (
        complement_swapped | ((complement == ours) & (other_complement == our_other))
    )

    palindrome = direct & (complement == other)
    frequency = pairs.frequency.where(~swapped, 1 - pairs.frequency)
    other_side = palindrome & ((frequency < 0.5) != (pairs.our_frequency < 0.5))
    max_maf = np.fmax(
        np.minimum(frequency, 1 - frequency),
        np.minimum(pairs.our_frequency, 1 - pairs.our_frequency),
    )
    known = frequency.notna() & pairs.our_frequency.notna()
    return pd.DataFrame(
        {
            "matches": direct | complement_match,
            "other_strand": complement_match | other_side,
            "swapped": np.where(complement_match, complement_swapped, swapped ^ other_side),
            "settled": ~palindrome | (known & (max_maf < MAX_PALINDROME_MAF)),
        }
    )


def pair_alleles(theirs: pd.DataFrame, ours: pd.DataFrame) -> pd.DataFrame:
    """Pair each row of a file with the same variants of the cohort, and compare their alleles (`align`).

    `theirs` has chromosome, position, effect_allele, other_allele (in capitals) and frequency of the effect
    allele, NaN if unknown; `ours` has `VARIANT_COLUMNS` and effect_allele_frequency. The result has one row
    per pair, with the row numbers `row` and `our_row` and the remaining columns of both. If a row matches a
    variant on the same strand, its matches on the other strand are dropped.
    """
    renamed = ours.rename(
        columns={
            "effect_allele": "our_effect_allele",
            "other_allele": "our_other_allele",
            "effect_allele_frequency": "our_frequency",
        }
    ).assign(our_row=np.arange(len(ours)))
    for name in ("our_effect_allele", "our_other_allele"):
        renamed[name] = renamed[name].str.upper()
    rows = theirs.assign(row=np.arange(len(theirs)))
    pairs = rows.merge(renamed, on=["chromosome", "position"])
    pairs = pairs.join(align(pairs))
    direct = pairs.matches & ~pairs.other_strand
    return pairs[direct | (pairs.matches & ~pairs.row.isin(pairs.row[direct]))]


def pair_without_frequencies(theirs: pd.DataFrame, variants: pd.DataFrame) -> pd.DataFrame:
    """The pairs of `pair_alleles` with the cohort's `variants` (`VARIANT_COLUMNS`), before frequencies are known."""
    keys = ["chromosome", "position"]
    places, known = (pd.MultiIndex.from_frame(table[keys]) for table in (theirs, variants))
    ours = variants[known.isin(places)]
    return pair_alleles(theirs, ours.assign(effect_allele_frequency=np.nan))


def exceeds_chance(
    n_matched: int, n_rows: int, variants: pd.DataFrame, times: float = _BEYOND_CHANCE
) -> bool:
    """Whether `n_matched` of `n_rows` positions are those of `variants` more than `times` as often as by chance.

    By chance, positions are uniform up to the last variant of each chromosome. `variants` has chromosome and
    position.
    """
    places = variants.drop_duplicates(["chromosome", "position"])
    density = len(places) / max(places.groupby("chromosome").position.max().sum(), 1)
    return n_matched > n_rows * min(times * density, _ENOUGH)


def check_positions(
    path: str,
    theirs: pd.DataFrame,
    variants: pd.DataFrame,
    n_rows: int,
    n_matched: int,
    code: Code,
    remedy: str,
) -> None:
    """Raise `InputError` with `code` unless rows of a file are at the positions of `variants` beyond chance.

    The file has `n_rows` rows with a position, of which `n_matched` are at the position of a variant; `theirs` are
    some of these rows. Both tables have chromosome and position.
    """
    if exceeds_chance(n_matched, n_rows, variants):
        return
    shared = theirs.chromosome.isin(variants.chromosome.unique())
    theirs = theirs[shared] if shared.any() else theirs
    shown = [
        f"{table.chromosome.iloc[0]}:{table.position.iloc[0]:.0f}" for table in (theirs, variants)
    ]
    found = f"only {n_matched}" if n_matched else "none"
    raise InputError(
        code,
        f"{found} of the {n_rows} rows with a position (such as {shown[0]}) "
        f"{'are' if n_matched else 'is'} at the position of a variant in the genotype files (such as {shown[1]})"
        f"{', no more than by chance' if n_matched else ''}"
        f"{'' if shared.any() else '; the files have no chromosome in common'}",
        remedy,
        file=path,
    )


def check_frequencies(pairs: pd.DataFrame, path: str) -> None:
    """Raise `InputError` if the frequencies in a file are not effect allele frequencies.

    `pairs` has the input and output columns of `align`. The check uses variants other than A/T and C/G for
    which both frequencies differ clearly from 0.5. The alleles of these variants identify the effect allele,
    so frequencies in the file and in the cohort should usually be on the same side of 0.5. Many are on
    opposite sides if the file has minor allele frequencies, and all are if its allele columns are
    interchanged.
    """
    frequency = pairs.frequency.where(~pairs.swapped, 1 - pairs.frequency)
    clear = ((frequency - 0.5).abs() > 0.1) & ((pairs.our_frequency - 0.5).abs() > 0.1)
    informative = clear & (pairs.effect_allele.map(_COMPLEMENT) != pairs.other_allele)
    interchanged = informative & ((frequency < 0.5) != (pairs.our_frequency < 0.5))
    n, n_interchanged = informative.sum(), interchanged.sum()
    if n >= _MIN_INFORMATIVE and n_interchanged > _MAX_INTERCHANGED * n:
        raise InputError(
            Code.SUMSTATS_ALLELES,
            f"at {n_interchanged} of {n} variants, the effect allele frequency in the file matches "
            "the frequency of the other allele in the cohort. Either the columns of the two "
            "alleles are interchanged, or the frequencies refer to the minor allele",
            "Correct the columns",
            file=path,
        )
