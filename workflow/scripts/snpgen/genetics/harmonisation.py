"""Another study's summary statistics on our variants: alleles, strands, frequencies, repeats."""

import numpy as np
import pandas as pd

from snpgen.messages import InputError

MAX_PALINDROME_MAF = 0.42  # above it, frequency does not tell the strand of an A/T or C/G variant
MAX_TURNED = 0.2  # share of variants whose frequency is that of the other allele
MIN_TOLD = 100  # variants, for that share to be looked at


_COMPLEMENT = {"A": "T", "C": "G", "G": "C", "T": "A"}


def align(pairs: pd.DataFrame) -> pd.DataFrame:
    """How the alleles of each pair of rows fit; columns matches, other_strand, swapped, settled.

    `pairs` has effect_allele, other_allele and frequency of the file and, with `our_` before, of our
    variant, in capitals. Single bases may stand on the other strand; longer alleles may not. An A/T
    or C/G variant reads the same on both strands: it takes the strand on which both frequencies lie
    on one side of one half, and is `settled` where both minor allele frequencies are below
    `MAX_PALINDROME_MAF`.
    """
    effect, other = pairs.effect_allele, pairs.other_allele
    ours, our_other = pairs.our_effect_allele, pairs.our_other_allele
    turned, turned_other = effect.map(_COMPLEMENT), other.map(_COMPLEMENT)
    swapped = (effect == our_other) & (other == ours)
    direct = swapped | ((effect == ours) & (other == our_other))
    turned_swapped = (turned == our_other) & (turned_other == ours)
    turned_match = ~direct & (turned_swapped | ((turned == ours) & (turned_other == our_other)))

    palindrome = direct & (turned == other)
    frequency = pairs.frequency.where(~swapped, 1 - pairs.frequency)
    other_side = palindrome & ((frequency < 0.5) != (pairs.our_frequency < 0.5))
    largest = np.fmax(  # of the two minor allele frequencies
        np.minimum(frequency, 1 - frequency),
        np.minimum(pairs.our_frequency, 1 - pairs.our_frequency),
    )
    known = frequency.notna() & pairs.our_frequency.notna()
    return pd.DataFrame(
        {
            "matches": direct | turned_match,
            "other_strand": turned_match | other_side,
            "swapped": np.where(turned_match, turned_swapped, swapped ^ other_side),
            "settled": ~palindrome | (known & (largest < MAX_PALINDROME_MAF)),
        }
    )


def pair_alleles(theirs: pd.DataFrame, ours: pd.DataFrame) -> pd.DataFrame:
    """Rows of a file and of our variants that are the same variant, with what `align` finds.

    `theirs` has chromosome, position, effect_allele, other_allele (in capitals) and frequency of the
    effect allele, NaN where not known; `ours` has `VARIANT_COLUMNS` and effect_allele_frequency.
    The result has a row a pair: `row` and `our_row` are their places, and other columns of ours
    stay. At a site with several variants the other strand counts only where none fits as it is.
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


def check_frequencies(pairs: pd.DataFrame, path: str) -> None:
    """Raise `InputError` where the frequencies in a file are not those of the effect allele.

    `pairs` has the columns of `align`, and its result. Told by variants with both frequencies clearly
    on a side of one half, but A/T and C/G: in each the alleles say which the effect allele is, and few
    of its frequencies may lie on the other side than ours. With minor allele frequencies about half
    of those do whose effect allele is the major one, with the two alleles interchanged all do.
    """
    frequency = pairs.frequency.where(~pairs.swapped, 1 - pairs.frequency)
    clear = ((frequency - 0.5).abs() > 0.1) & ((pairs.our_frequency - 0.5).abs() > 0.1)
    telling = clear & (pairs.effect_allele.map(_COMPLEMENT) != pairs.other_allele)
    turned = telling & ((frequency < 0.5) != (pairs.our_frequency < 0.5))
    if telling.sum() >= MIN_TOLD and turned.sum() > MAX_TURNED * telling.sum():
        raise InputError(
            f"{path}: at {turned.sum()} of {telling.sum()} variants the frequency is that of the other "
            "allele: the columns of the effect allele and the other one are interchanged, or the "
            "frequencies are of the minor allele: correct them"
        )
