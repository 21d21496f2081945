"""Genome builds: lengths of chromosomes, markers, and detection of the build."""

from functools import partial

import pandas as pd
import pytest
from broken_input import MARKERS, check_refusal

from snpgen.genetics.builds import CENTROMERES, LENGTHS, check_build, detect_build
from snpgen.messages import Code


def make_variants(rows: list[tuple[str, str, int]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["chromosome", "variant_id", "position"])


def test_markers_fit_their_chromosomes() -> None:
    assert MARKERS.variant_id.is_unique and len(MARKERS) >= 40
    for build, column in (("GRCh37", "grch37"), ("GRCh38", "grch38")):
        assert (MARKERS[column] < MARKERS.chromosome.map(LENGTHS[build])).all()
    # Adjacent markers are shifted alike between builds, so a typing error would be detected.
    near = MARKERS.sort_values(["chromosome", "grch37"])
    together = (near.chromosome == near.chromosome.shift()) & (near.grch37.diff() < 1_000_000)
    assert together.sum() >= 8
    assert ((near.grch38 - near.grch37).diff()[together].abs() < 100).all()
    # A position counted from 0 on one build must not be a position on the other.
    assert ((MARKERS.grch38 - MARKERS.grch37).abs() > 1).all()


def test_lengths_of_the_builds() -> None:
    for build in LENGTHS.values():
        assert list(build) == list(CENTROMERES) == [str(number) for number in range(1, 23)]
    # Total length of the autosomes in the assembly reports of GRCh37.p13 and GRCh38.
    assert sum(LENGTHS["GRCh37"].values()) == 2_881_033_286
    assert sum(LENGTHS["GRCh38"].values()) == 2_875_001_522


@pytest.mark.parametrize("build", ["GRCh37", "GRCh38"])
def test_one_marker_proves_the_build(build: str) -> None:
    marker = MARKERS.iloc[7]
    variants = make_variants(
        [("1", "other", 10), (marker.chromosome, marker.variant_id, marker[build.lower()])]
    )
    assert detect_build(variants, MARKERS) == (build, marker.variant_id)
    check_build(variants, MARKERS, build)
    check_build(variants, MARKERS, "other")
    wrong = {"GRCh37": "GRCh38", "GRCh38": "GRCh37"}[build]
    call = partial(check_build, variants, MARKERS, wrong)
    check_refusal(call, Code.GENOTYPE_BUILD, variant=marker.variant_id)


def test_position_beyond_the_chromosome_of_the_other_build_proves_the_build() -> None:
    variants = make_variants([("1", "a", 249_000_000)])
    assert detect_build(variants, MARKERS) == ("GRCh37", "a")
    variants = make_variants([("20", "b", 64_000_000)])
    assert detect_build(variants, MARKERS) == ("GRCh38", "b")


def test_undetected_build_is_accepted() -> None:
    variants = make_variants([("1", "a", 1_000_000), ("9", "rs429358", 45_411_941)])
    assert detect_build(variants, MARKERS) == (None, None)
    check_build(variants, MARKERS, "GRCh37")
    check_build(variants, MARKERS, "GRCh38")
    mixed = MARKERS.iloc[:2].copy()
    mixed["position"] = [mixed.grch37.iloc[0], mixed.grch38.iloc[1]]
    assert detect_build(mixed[["chromosome", "variant_id", "position"]], MARKERS) == (None, None)


def test_position_beyond_the_chromosome_on_both_builds() -> None:
    variants = make_variants([("1", "a", 1_000), ("21", "far", 50_000_000)])
    call = partial(check_build, variants, MARKERS, "GRCh38")
    check_refusal(call, Code.GENOTYPE_BUILD, variant="far")
