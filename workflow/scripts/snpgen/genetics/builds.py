"""Genome builds: lengths of the autosomes, centromeres, and checks of positions against the build."""

from pathlib import Path

import numpy as np
import pandas as pd

from snpgen.io.plink import Fileset
from snpgen.job import log
from snpgen.messages import Code, InputError

LENGTHS = {
    "GRCh37": {
        "1": 249_250_621,
        "2": 243_199_373,
        "3": 198_022_430,
        "4": 191_154_276,
        "5": 180_915_260,
        "6": 171_115_067,
        "7": 159_138_663,
        "8": 146_364_022,
        "9": 141_213_431,
        "10": 135_534_747,
        "11": 135_006_516,
        "12": 133_851_895,
        "13": 115_169_878,
        "14": 107_349_540,
        "15": 102_531_392,
        "16": 90_354_753,
        "17": 81_195_210,
        "18": 78_077_248,
        "19": 59_128_983,
        "20": 63_025_520,
        "21": 48_129_895,
        "22": 51_304_566,
    },
    "GRCh38": {
        "1": 248_956_422,
        "2": 242_193_529,
        "3": 198_295_559,
        "4": 190_214_555,
        "5": 181_538_259,
        "6": 170_805_979,
        "7": 159_345_973,
        "8": 145_138_636,
        "9": 138_394_717,
        "10": 133_797_422,
        "11": 135_086_622,
        "12": 133_275_309,
        "13": 114_364_328,
        "14": 107_043_718,
        "15": 101_991_189,
        "16": 90_338_345,
        "17": 83_257_441,
        "18": 80_373_285,
        "19": 58_617_616,
        "20": 64_444_167,
        "21": 46_709_983,
        "22": 50_818_468,
    },
}

# Centromeres with the adjacent heterochromatin, and the short arms of 13, 14, 15, 21 and 22:
# (start, end) on GRCh38, bp, from the cytogenetic bands of the UCSC browser.
CENTROMERES = {
    "1": (121_700_000, 143_200_000),
    "2": (91_800_000, 96_000_000),
    "3": (87_800_000, 94_000_000),
    "4": (48_200_000, 51_800_000),
    "5": (46_100_000, 51_400_000),
    "6": (58_500_000, 62_600_000),
    "7": (58_100_000, 62_100_000),
    "8": (43_200_000, 47_200_000),
    "9": (42_200_000, 65_000_000),
    "10": (38_000_000, 41_600_000),
    "11": (51_000_000, 55_800_000),
    "12": (33_200_000, 37_800_000),
    "13": (0, 18_900_000),
    "14": (0, 18_200_000),
    "15": (0, 20_500_000),
    "16": (35_300_000, 47_000_000),
    "17": (22_700_000, 27_400_000),
    "18": (15_400_000, 21_500_000),
    "19": (24_200_000, 28_100_000),
    "20": (25_700_000, 30_400_000),
    "21": (0, 13_000_000),
    "22": (0, 17_400_000),
}


def read_markers(path: str | Path) -> pd.DataFrame:
    """Read `build_markers.tsv`: variants whose positions differ between builds."""
    text = {"variant_id": str, "chromosome": str}
    return pd.read_csv(path, sep="\t", comment="#", dtype=text)


def detect_build(variants: pd.DataFrame, markers: pd.DataFrame) -> tuple[str | None, str | None]:
    """Detect the genome build from positions; return it and the ID of a variant that proves it.

    `variants` has variant_id, chromosome and position; `markers` variant_id, chromosome, grch37 and
    grch38. The proof is a marker, found by its ID, or a variant beyond the end of its chromosome on the
    other build. Returns (None, None) if there is no proof, or if proofs contradict each other.
    """
    both = variants.merge(markers, on=["variant_id", "chromosome"])
    on37 = both[(both.position == both.grch37) & (both.position != both.grch38)].variant_id
    on38 = both[(both.position == both.grch38) & (both.position != both.grch37)].variant_id
    if len(on37) or len(on38):
        if len(on37) and len(on38):
            return None, None
        return ("GRCh37", on37.iloc[0]) if len(on37) else ("GRCh38", on38.iloc[0])
    last = {build: variants.chromosome.map(length) for build, length in LENGTHS.items()}
    beyond = {build: variants[variants.position > last[build]] for build in LENGTHS}
    if len(beyond["GRCh38"]) and not len(beyond["GRCh37"]):
        return "GRCh37", beyond["GRCh38"].variant_id.iloc[0]
    if len(beyond["GRCh37"]) and not len(beyond["GRCh38"]):
        return "GRCh38", beyond["GRCh37"].variant_id.iloc[0]
    return None, None


def check_build(variants: pd.DataFrame, markers: pd.DataFrame, build: str) -> None:
    """Raise `InputError` if the positions of `variants` contradict the declared `build`.

    Build `other` is not checked. A build that cannot be detected is logged and accepted.
    """
    if build == "other":
        return
    last = variants.chromosome.map(LENGTHS[build])
    beyond = variants[variants.position > last]
    found, proof = detect_build(variants, markers)
    if found and found != build:
        position = variants.position[variants.variant_id == proof].iloc[0]
        raise InputError(
            Code.GENOTYPE_BUILD,
            f"Variant {proof} at position {position} shows that the genotypes are on {found}, not {build}",
            "Correct 'cohort.build', or lift the genotypes over",
            variant=proof,
        )
    if len(beyond):
        row = beyond.iloc[0]
        raise InputError(
            Code.GENOTYPE_BUILD,
            f"Variant {row.variant_id} at {row.chromosome}:{row.position} is beyond the end of the "
            f"chromosome on {build}",
            "Correct 'cohort.build', or set it to other",
            variant=row.variant_id,
        )
    if found:
        log.info("genome build %s, proved by variant %s", found, proof)
    else:
        log.info("no variant proves the genome build; %s is assumed", build)


def name_bim(fileset: Fileset) -> str:
    """Name the .bim of a fileset in messages."""
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
            f"variant {row.variant_id} is at position {row.position} of chromosome {row.chromosome}",
            "Correct the position, or exclude the variant",
            file=name_bim(fileset),
            variant=row.variant_id,
        )
