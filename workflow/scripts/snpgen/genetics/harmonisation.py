"""Harmonisation of another file with the variants of the cohort: alleles, strands, frequencies."""

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

_COMPLEMENT = {"A": "T", "C": "G", "G": "C", "T": "A"}


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
