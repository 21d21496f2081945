"""Genome builds: lengths of the autosomes, centromeres, and checks of positions against the build."""

from pathlib import Path

import numpy as np
import pandas as pd

from snpgen.io.plink import Fileset
from snpgen.job import log
from snpgen.messages import Code, InputError

# Autosome; length on GRCh37 and on GRCh38; start and end of the centromere on GRCh38. All in bp. The
# centromere includes the adjacent heterochromatin and, on 13, 14, 15, 21 and 22, the short arm. Centromeres are
# from the cytogenetic bands of UCSC.
_AUTOSOMES = """
 1 249250621 248956422 121700000 143200000
 2 243199373 242193529  91800000  96000000
 3 198022430 198295559  87800000  94000000
 4 191154276 190214555  48200000  51800000
 5 180915260 181538259  46100000  51400000
 6 171115067 170805979  58500000  62600000
 7 159138663 159345973  58100000  62100000
 8 146364022 145138636  43200000  47200000
 9 141213431 138394717  42200000  65000000
10 135534747 133797422  38000000  41600000
11 135006516 135086622  51000000  55800000
12 133851895 133275309  33200000  37800000
13 115169878 114364328         0  18900000
14 107349540 107043718         0  18200000
15 102531392 101991189         0  20500000
16  90354753  90338345  35300000  47000000
17  81195210  83257441  22700000  27400000
18  78077248  80373285  15400000  21500000
19  59128983  58617616  24200000  28100000
20  63025520  64444167  25700000  30400000
21  48129895  46709983         0  13000000
22  51304566  50818468         0  17400000
"""
_ROWS = [row.split() for row in _AUTOSOMES.strip().splitlines()]

LENGTHS = {
    "GRCh37": {row[0]: int(row[1]) for row in _ROWS},
    "GRCh38": {row[0]: int(row[2]) for row in _ROWS},
}
CENTROMERES = {row[0]: (int(row[3]), int(row[4])) for row in _ROWS}


def read_markers(path: str | Path) -> pd.DataFrame:
    """Read `build_markers.tsv`: variants whose positions differ between builds."""
    text = {"variant_id": str, "chromosome": str}
    return pd.read_csv(path, sep="\t", comment="#", dtype=text)


def detect_build(variants: pd.DataFrame, markers: pd.DataFrame) -> tuple[str | None, str | None]:
    """Detect the genome build from positions; also return the ID of a variant that identifies it.

    `variants` has variant_id, chromosome and position; `markers` has variant_id, chromosome, grch37 and
    grch38. The position of a marker, matched by its ID, identifies the build. If no marker does, a position
    beyond the end of the chromosome on one build identifies the other build. Returns (None, None) if no
    variant identifies a build, or if variants identify different builds.
    """
    both = variants.merge(markers, on=["variant_id", "chromosome"])
    on37 = both[(both.position == both.grch37) & (both.position != both.grch38)].variant_id
    on38 = both[(both.position == both.grch38) & (both.position != both.grch37)].variant_id
    if len(on37) or len(on38):
        if len(on37) and len(on38):
            return None, None
        return ("GRCh37", on37.iloc[0]) if len(on37) else ("GRCh38", on38.iloc[0])
    beyond = {
        build: variants[variants.position > variants.chromosome.map(length)]
        for build, length in LENGTHS.items()
    }
    if len(beyond["GRCh38"]) and not len(beyond["GRCh37"]):
        return "GRCh37", beyond["GRCh38"].variant_id.iloc[0]
    if len(beyond["GRCh37"]) and not len(beyond["GRCh38"]):
        return "GRCh38", beyond["GRCh37"].variant_id.iloc[0]
    return None, None


def refuse_other_build(
    variants: pd.DataFrame,
    markers: pd.DataFrame,
    build: str,
    what: str,
    code: Code,
    remedy: str,
    path: str | Path | None = None,
) -> None:
    """Raise `InputError` with `code` and `remedy` if positions of `variants` contradict the declared `build`.

    `variants` and `markers` as in `detect_build`; `what` names the variants in the message, as in "the file
    is". Build `other` is not checked. If the build cannot be detected, this is logged, and `build` is
    accepted.
    """
    if build == "other":
        return
    found, proof = detect_build(variants, markers)
    if found and found != build:
        row = variants[variants.variant_id == proof].iloc[0]
        raise InputError(
            code,
            f"variant {proof} at {row.chromosome}:{row.position:.0f} shows that {what} on {found}, not "
            f"{build}",
            remedy,
            file=path,
            variant=proof,
        )
    if found:
        log.info("%s on %s, identified from variant %s", what, found, proof)
    else:
        log.info("the genome build cannot be detected; %s assumed to be on %s", what, build)


def check_build(variants: pd.DataFrame, markers: pd.DataFrame, build: str) -> None:
    """Raise `InputError` if the positions of the cohort's `variants` contradict the declared `build`.

    No position may be beyond the end of its chromosome; see also `refuse_other_build`.
    """
    if build == "other":
        return
    remedy = "Correct 'cohort.build', or lift the genotypes over"
    refuse_other_build(variants, markers, build, "the genotypes are", Code.GENOTYPE_BUILD, remedy)
    beyond = variants[variants.position > variants.chromosome.map(LENGTHS[build])]
    if len(beyond):
        row = beyond.iloc[0]
        raise InputError(
            Code.GENOTYPE_BUILD,
            f"variant {row.variant_id} at {row.chromosome}:{row.position} is beyond the end of the "
            f"chromosome on {build}",
            "Correct 'cohort.build', or set it to other if the genotypes are on neither GRCh37 nor "
            "GRCh38",
            variant=row.variant_id,
        )


def name_bim(fileset: Fileset) -> str:
    """Name of the .bim of a fileset, for messages."""
    others = " and the other .bim files" if len(fileset.beds) > 1 else ""
    return f"{fileset.beds[0].with_suffix('.bim')}{others}"


def check_positions(fileset: Fileset, variants: np.ndarray, build: str) -> None:
    """Raise `InputError` if one of `variants` (rows) has an invalid position.

    Position 0 is valid on build `other`, whose positions may be counted from 0.
    """
    position = fileset.variants.position.iloc[variants]
    invalid = position < (0 if build == "other" else 1)
    if invalid.any():
        row = fileset.variants.loc[position[invalid].index[0]]
        raise InputError(
            Code.INVALID_VARIANT,
            f"variant {row.variant_id} has the invalid position {row.position} on chromosome "
            f"{row.chromosome}",
            "Correct the position, or exclude the variant",
            file=name_bim(fileset),
            variant=row.variant_id,
        )
