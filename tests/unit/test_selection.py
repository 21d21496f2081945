"""The panel against greedy clumping written out over all pairs."""

import numpy as np
import pandas as pd
import pytest
from example_association import draw_dosages, make_variants

from snpgen.association.selection import (
    PANEL_COLUMNS,
    clump,
    locate_variants,
    number_loci,
    select_panel,
    squared_correlation,
)
from snpgen.job import InputError
from snpgen.plink import MISSING

N, M = 200, 400


@pytest.fixture(scope="module")
def scan():
    """Two chromosomes, 2 kb between variants, blocks of five in LD, tied p-values."""
    rng = np.random.default_rng(8)
    dosages = draw_dosages(N, M, rng, missing=0.05)
    half = M // 2
    table = pd.concat([make_variants(half, "2"), make_variants(M - half, "10")], ignore_index=True)
    table["neg_log_10_p_value"] = np.round(rng.exponential(1.5, M), 1)
    for column in ("beta", "standard_error", "effect_allele_frequency"):
        table[column] = rng.random(M)
    return table, dosages


def pairwise_r2(one, other):
    both = (one != MISSING) & (other != MISSING)
    return np.corrcoef(one[both], other[both])[0, 1] ** 2


def greedy_clumps(table, dosages, kb, r2):
    """Index variants: take the smallest p left, drop all that it tags, and again."""
    ranked = table.assign(number=table.chromosome.astype(int)).sort_values(
        ["neg_log_10_p_value", "number", "position", "variant_id"],
        ascending=[False, True, True, True],
    )
    left, index = list(ranked.index), []
    while left:
        top = left.pop(0)
        index.append(top)
        left = [
            other
            for other in left
            if table.chromosome[other] != table.chromosome[top]
            or abs(table.position[other] - table.position[top]) > kb * 1000
            or pairwise_r2(dosages[:, top], dosages[:, other]) < r2
        ]
    return index


@pytest.mark.parametrize(("kb", "r2"), [(10, 0.5), (4, 0.2), (2000, 0.02)])
def test_members_are_the_index_variants_of_greedy_clumping(scan, kb, r2):
    table, dosages = scan
    members, linked = clump(table, lambda rows: dosages[:, rows], M, kb, r2)
    expected = greedy_clumps(table, dosages, kb, r2)
    assert members.tolist() == expected
    assert linked == M - len(expected)
    assert 20 < len(expected) < M - 50


def test_squared_correlation_is_pearsons_over_people_called_in_both(scan):
    _, dosages = scan
    for j in range(1, 30):
        ours = squared_correlation(dosages[:, 0], dosages[:, j])
        assert ours == pytest.approx(pairwise_r2(dosages[:, 0], dosages[:, j]), rel=1e-9)
    assert squared_correlation(dosages[:, 0], np.full(N, 2, dtype=np.int8)) == 0
    assert squared_correlation(dosages[:, 0], np.full(N, MISSING)) == 0


def test_the_panel_is_in_genomic_order_with_its_ranks(scan):
    table, dosages = scan
    panel, funnel = select_panel(table, lambda rows: dosages[:, rows], 60, 1.0, 10, 0.5)
    assert list(panel.columns) == PANEL_COLUMNS
    assert panel.chromosome.drop_duplicates().tolist() == ["2", "10"]
    assert (panel.groupby("chromosome").position.diff().dropna() > 0).all()
    expected = table.variant_id[greedy_clumps(table, dosages, 10, 0.5)[:60]]
    assert panel.sort_values("rank").variant_id.tolist() == expected.tolist()
    assert panel["rank"].min() == 1 and panel["rank"].max() == 60
    assert funnel.kept.tolist()[0] == M and funnel.kept.tolist()[-1] == 60
    assert (funnel.kept.diff().dropna() == -funnel.dropped[1:]).all()


def test_a_panel_larger_than_what_is_left_takes_all_and_says_so(scan):
    table, dosages = scan
    panel, funnel = select_panel(table, lambda rows: dosages[:, rows], 10**6, 0.01, 10, 0.5)
    allowed = table[table.neg_log_10_p_value >= 2].reset_index(drop=True)
    kept = dosages[:, table.neg_log_10_p_value >= 2]
    assert len(panel) == len(greedy_clumps(allowed, kept, 10, 0.5)) > 10
    assert panel.neg_log_10_p_value.min() >= 2
    assert f"only {len(panel)} variants are left" in funnel.reason.iloc[-1]


def test_a_panel_without_candidates_is_refused(scan):
    table, dosages = scan
    with pytest.raises(InputError, match="no variant is left for the panel"):
        select_panel(table, lambda rows: dosages[:, rows], 10, 1e-300, 10, 0.5)


def test_genotypes_are_read_only_as_far_as_the_panel_needs(scan):
    table, dosages = scan
    asked = []

    def read(rows):
        asked.extend(rows)
        assert (np.diff(rows) > 0).all()
        return dosages[:, rows]

    select_panel(table, read, 5, 1.0, 10, 0.5)
    assert 5 <= len(asked) < M / 2


def test_reasons_follow_the_p_value(scan):
    table, dosages = scan
    table = table.assign(neg_log_10_p_value=0.5)
    table.loc[[0, 50, 100], "neg_log_10_p_value"] = -np.log10([4.9e-8, 5.1e-8, 1.1e-5])
    panel, _ = select_panel(table, lambda rows: dosages[:, rows], 4, 1.0, 10, 0.5)
    reason = panel.set_index("rank").reason.sort_index()
    assert reason.loc[1:4].tolist() == ["genome_wide", "suggestive", "top_k", "top_k"]


def test_loci_are_split_by_gaps_and_chromosomes():
    chromosome = np.array(["1", "1", "1", "2", "2"])
    position = np.array([1000, 500_999, 1_000_999, 1_001_000, 1_001_001])
    assert number_loci(chromosome, position).tolist() == [1, 1, 2, 3, 3]
    assert number_loci(chromosome[:0], position[:0]).tolist() == []


def test_variants_are_located_by_all_that_names_them():
    variants = make_variants(6)
    variants["variant_id"] = "."
    variants.loc[1, "position"] = variants.position[0]
    variants.loc[1, "effect_allele"] = "T"
    variants.loc[4] = variants.loc[3]
    wanted = variants.iloc[[5, 1, 0, 3]].reset_index(drop=True)
    assert locate_variants(variants, wanted).tolist() == [5, 1, 0, 3]
