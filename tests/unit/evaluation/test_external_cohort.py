"""External cohorts are aligned with the variants and alleles of the panel, or refused."""

import numpy as np
import pandas as pd
import pytest
from broken_input import check_refusal
from example_association import make_samples
from example_cohorts import cohort, variants

from snpgen.evaluation.external_cohort import align_cohort, match_variants, open_external_cohort
from snpgen.io.plink import MISSING, open_fileset, write_fileset
from snpgen.messages import Code, InputError

N, M = 50, 30


@pytest.fixture
def ours():
    return variants(M)


def swap(table, rows):
    """The table with the two alleles of some rows exchanged."""
    table = table.copy()
    alleles = ["effect_allele", "other_allele"]
    table.loc[rows, alleles] = table.loc[rows, alleles[::-1]].to_numpy()
    return table


def write(prefix, dosages, table, phenotype):
    samples = make_samples(len(dosages)).assign(phenotype=phenotype)
    write_fileset(str(prefix), dosages, samples, table)
    return open_fileset(str(prefix), [])


def test_swapped_alleles_and_another_order_are_corrected(tmp_path, ours):
    individuals = cohort(N, M, 1)
    dosages = individuals.dosages.copy()
    dosages[3, 2] = MISSING
    order = np.random.default_rng(1).permutation(M)
    swapped = np.arange(0, M, 3)
    theirs = dosages.copy()
    theirs[:, swapped] = np.where(theirs[:, swapped] == MISSING, MISSING, 2 - theirs[:, swapped])
    table = swap(ours, swapped).assign(variant_id=[f"other{j}" for j in range(M)])
    external = write(
        tmp_path / "external", theirs[:, order], table.iloc[order], individuals.phenotype + 1
    )
    matched, funnel = match_variants(external.variants, ours, "external.bed")
    assert funnel.kept.tolist() == [M, M, M]
    assert matched.swapped.sum() == len(swapped)
    panel = ours.iloc[[1, 3, 2, 20]]
    assert (align_cohort(external, matched, panel, np.arange(N)) == dosages[:, [1, 3, 2, 20]]).all()


def test_other_positions_and_alleles_are_dropped_and_counted(ours):
    theirs = ours.copy()
    theirs.loc[0, "position"] += 1
    theirs.loc[1, "other_allele"] = "T"
    theirs = pd.concat([theirs, theirs.iloc[[5]]], ignore_index=True)
    matched, funnel = match_variants(theirs, ours, "external.bed")
    assert funnel.kept.tolist() == [M + 1, M, M - 2]
    assert funnel.dropped.tolist() == [0, 1, 2]
    assert matched.variant_id.tolist() == ours.variant_id[2:].tolist()


def test_monomorphic_variants_match_by_their_known_allele(tmp_path, ours):
    """PLINK 1 writes 0 for the allele that no individual has; it has a frequency of 0."""
    individuals = cohort(N, M, 1)
    dosages = individuals.dosages.copy()
    dosages[:, 2:6] = 0
    dosages[4, 2] = MISSING
    theirs, table = dosages.copy(), ours.copy()
    table.loc[2, "effect_allele"] = "0"
    table.loc[3, "effect_allele"] = "."
    # The other allele is unknown, and counted: 0 is the second allele of the cohort.
    table.loc[4, ["effect_allele", "other_allele"]] = [ours.other_allele[4], "0"]
    theirs[:, 4] = 2
    table.loc[5, ["effect_allele", "other_allele"]] = ["0", ours.effect_allele[5]]
    dosages[:, 5] = 2
    external = write(tmp_path / "external", theirs, table, individuals.phenotype + 1)
    matched, funnel = match_variants(external.variants, ours, "external.bed")
    assert funnel.kept.tolist() == [M, M, M]
    assert (align_cohort(external, matched, ours, np.arange(N)) == dosages).all()
    unknown = table.assign(effect_allele=table.effect_allele.mask(table.index == 2, "0"))
    unknown.loc[2, "other_allele"] = "0"  # no call at all
    assert len(match_variants(unknown, ours, "external.bed")[0]) == M - 1


def test_monomorphic_variants_of_a_multiallelic_site_are_told_apart_by_their_id(ours):
    site = ours.copy()
    place = ["chromosome", "position", "other_allele"]
    site.loc[1, place] = site.loc[0, place]
    site.loc[[0, 1], "effect_allele"] = ["AT", "ATT"]
    theirs = site.copy()
    theirs.loc[1, "effect_allele"] = "0"
    matched, _ = match_variants(theirs.iloc[::-1], site, "external.bed")
    assert matched.variant_id.tolist() == site.variant_id.tolist()
    assert matched.row.tolist() == list(range(M))[::-1] and not matched.swapped.any()
    theirs.loc[0, "effect_allele"] = "0"  # both are monomorphic
    matched, _ = match_variants(theirs.iloc[::-1], site, "external.bed")
    assert matched.row.tolist() == list(range(M))[::-1]


def test_a_cohort_of_other_variants_is_refused(ours):
    with pytest.raises(InputError) as error:
        match_variants(ours.assign(position=ours.position + 1), ours, "external.bed")
    assert (error.value.code, error.value.file) == (Code.EXTERNAL_OVERLAP, "external.bed")


def test_a_sample_without_a_phenotype_is_refused(tmp_path, ours):
    individuals = cohort(N, M, 1)
    phenotype = (individuals.phenotype + 1).astype(str)
    phenotype[4] = "-9"
    write(tmp_path / "external", individuals.dosages, ours, phenotype)
    with pytest.raises(InputError) as error:
        open_external_cohort(str(tmp_path / "external.bed"))
    assert error.value.code is Code.EXTERNAL_PHENOTYPE
    assert (error.value.file, error.value.line) == (str(tmp_path / "external.fam"), 5)


def test_other_codes_of_sex_are_unknown(tmp_path, ours):
    individuals = cohort(N, M, 1)
    write(tmp_path / "external", individuals.dosages, ours, individuals.phenotype + 1)
    fam = pd.read_csv(tmp_path / "external.fam", sep=r"\s+", header=None, dtype=str)
    fam[4] = (["M", "F", "NA", "1", "2", "-9", "0", "male"] * N)[:N]
    fam.to_csv(tmp_path / "external.fam", sep="\t", header=False, index=False, na_rep="NA")
    external = open_external_cohort(str(tmp_path / "external.bed"))
    assert external.samples.sex[:8].tolist() == ["1", "2", "0", "1", "2", "0", "0", "1"]
    write_fileset(str(tmp_path / "aligned"), individuals.dosages, external.samples, ours)
    again = open_fileset(str(tmp_path / "aligned"), []).samples
    assert again.sex.tolist() == external.samples.sex.tolist()


@pytest.mark.parametrize("share", [0.3, 1])
def test_a_cohort_on_the_other_strand_is_refused(ours, share):
    """A/T variants match by their letters; they must not be used on the wrong strand."""
    alleles = ["effect_allele", "other_allele"]
    ours.loc[::3, alleles] = ["A", "T"]
    theirs = ours.copy()
    rows = theirs.index < share * M
    complement = dict(zip("ACGT", "TGCA", strict=True))
    for name in alleles:
        theirs.loc[rows, name] = theirs.loc[rows, name].map(complement)
    theirs.loc[M - 1, "other_allele"] = "AAA"
    error = check_refusal(
        lambda: match_variants(theirs, ours, "external.bed"), Code.EXTERNAL_OVERLAP, "external.bed"
    )
    assert "other strand" in error.what and "--flip" in error.remedy
    assert f"{(rows & (np.arange(M) % 3 > 0)).sum() - (share == 1)} of the {M} " in error.what


def test_a_variant_that_fits_on_the_other_strand_by_chance_is_dropped(ours):
    theirs = ours.copy()
    theirs.loc[1, ["effect_allele", "other_allele"]] = ["T", "C"]
    ours.loc[1, ["effect_allele", "other_allele"]] = ["A", "G"]
    assert len(match_variants(theirs, ours, "external.bed")[0]) == M - 1


def test_a_cohort_of_one_class_is_refused(tmp_path, ours):
    individuals = cohort(N, M, 1)
    write(tmp_path / "external", individuals.dosages, ours, np.full(N, 2))
    error = check_refusal(
        lambda: open_external_cohort(str(tmp_path / "external.bed")),
        Code.EXTERNAL_PHENOTYPE,
        "external.fam",
    )
    assert f"all {N} individuals is 2" in error.what
