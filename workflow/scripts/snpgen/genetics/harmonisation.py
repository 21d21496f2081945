"""Another study's summary statistics on our variants: alleles, strands, frequencies, repeats."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from snpgen.association.external_sumstats import ExternalSumstats
from snpgen.cohort.qc import FUNNEL_COLUMNS
from snpgen.io.plink_tables import VARIANT_COLUMNS
from snpgen.job import log
from snpgen.messages import InputError

RANKING_COLUMNS = [
    "chromosome",
    "variant_id",
    "position",
    "effect_allele",
    "other_allele",
    "neg_log_10_p_value",
    "beta",
]
MAX_PALINDROME_MAF = 0.42  # above it, frequency does not tell the strand of an A/T or C/G variant
MAX_FREQUENCY_DIFFERENCE = 0.2
MAX_TURNED = 0.2  # share of variants whose frequency is that of the other allele
MIN_TOLD = 100  # variants, for that share to be looked at
MIN_MATCHED = 0.1  # share of our variants
COMPARED_P = 1e-3  # effects are compared below this p
MIN_COMPARED = 20

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


def harmonise(external: ExternalSumstats, gwas: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The file's evidence for our variants, with our alleles; and the funnel.

    `gwas` has the columns of `sumstats.COLUMNS`. The first result has, in the order of `gwas`,
    `RANKING_COLUMNS` (beta for our effect allele, NaN where the file has none), and the columns
    swapped, other_strand (bool) and our_beta. A variant that the file holds more than once takes the row
    on our strand, and of those the one with the smaller p. Raises `InputError` when fewer than
    `MIN_MATCHED` of our variants are left, and as `check_frequencies` does.
    """
    ours = gwas[[*VARIANT_COLUMNS, "effect_allele_frequency"]].assign(our_beta=gwas.beta)
    pairs = pair_alleles(external.table, ours)
    counts = [external.n_rows, external.n_complete, len(external.table), pairs.row.nunique()]
    check_frequencies(pairs, external.path)
    pairs = pairs[pairs.settled]
    counts.append(pairs.row.nunique())
    frequency = pairs.frequency.where(~pairs.swapped, 1 - pairs.frequency)
    pairs = pairs[~((frequency - pairs.our_frequency).abs() > MAX_FREQUENCY_DIFFERENCE)]
    counts.append(pairs.row.nunique())
    pairs = pairs.sort_values(
        ["our_row", "other_strand", "neg_log_10_p_value"],
        ascending=[True, True, False],
        kind="stable",
    ).drop_duplicates("our_row")
    counts.append(pairs.row.nunique())

    if len(pairs) < MIN_MATCHED * len(gwas):
        raise InputError(
            f"{external.path} holds only {len(pairs)} of our {len(gwas)} variants, which is too few "
            "to rank by: check panel.sumstats_build, that chromosomes are named 1 to 22, and that "
            "the file is of the whole genome and not cut at a p-value"
        )
    log.info("%d of our %d variants are in %s", len(pairs), len(gwas), external.path)
    reasons = [
        ("in the file", ""),
        ("complete", "no position, alleles or p-value"),
        ("position", "no variant of our GWAS there"),
        ("alleles", "other alleles than ours"),
        (
            "strand",
            f"A/T or C/G, and not rare enough (below {MAX_PALINDROME_MAF}) to tell the strand",
        ),
        ("frequency", f"differs from ours by more than {MAX_FREQUENCY_DIFFERENCE}"),
        ("repeats", "a variant again, on the other strand or with a larger p"),
    ]
    funnel = pd.DataFrame(
        {
            "step": [step for step, _ in reasons],
            "unit": "variants",
            "kept": counts,
            "dropped": -np.diff(counts, prepend=counts[0]),
            "reason": [reason for _, reason in reasons],
        }
    )
    ranking = pairs.reset_index(drop=True)
    ranking["beta"] = ranking.beta.where(~ranking.swapped, -ranking.beta)
    for name in ("effect_allele", "other_allele"):
        ranking[name] = gwas[name].to_numpy()[ranking.our_row]
    columns = [*RANKING_COLUMNS, "swapped", "other_strand", "our_beta"]
    return ranking[columns], funnel[FUNNEL_COLUMNS]


def compare_effects(ranking: pd.DataFrame) -> float | None:
    """Correlation of the file's effects with ours, over variants with p below `COMPARED_P` in it.

    None with fewer than `MIN_COMPARED` of them.
    """
    both = ranking[["beta", "our_beta"]][
        ranking.neg_log_10_p_value > -np.log10(COMPARED_P)
    ].dropna()
    return float(both.corr().iloc[0, 1]) if len(both) >= MIN_COMPARED else None


def summarise_ranking(
    external: ExternalSumstats, ranking: pd.DataFrame, build: str, independent: bool
) -> dict[str, Any]:
    """What `ranking.json` holds. Its warnings, whole sentences, are logged as well."""
    file, correlation = Path(external.path).name, compare_effects(ranking)
    warnings = []
    if not independent:
        warnings.append(
            f"Variants were ranked by {file}, whose study may have included people of this cohort: "
            "test people may have been seen, and figures on them may be too good."
        )
    if correlation is not None and correlation < 0:
        warnings.append(
            f"Effects in {file} and in our GWAS point in opposite directions (correlation "
            f"{correlation:.2f}): the file may be of another trait, or name its effect allele "
            "otherwise than its format does."
        )
    for warning in warnings:
        log.warning(warning)
    return {
        "file": file,
        "format": external.format,
        "build": build,
        "independent": independent,
        "n_matched": len(ranking),
        "n_swapped": int(ranking.swapped.sum()),
        "n_other_strand": int(ranking.other_strand.sum()),
        "effect_correlation": correlation,
        "warnings": warnings,
    }
