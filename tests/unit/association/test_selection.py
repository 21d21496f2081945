"""Selection of the panel against greedy clumping, and its limits and lists."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from broken_input import check_refusal
from example_association import make_variants
from example_clumping import greedy_clumps, make_scan, pairwise_r2

from snpgen.association.selection import (
    PANEL_COLUMNS,
    PanelSettings,
    locate_variants,
    select_panel,
    shrinkage_factor,
)
from snpgen.association.variant_lists import read_ids
from snpgen.genetics.ld import effective_variants, effective_variants_of_first, unit_columns
from snpgen.genetics.loci import LOCUS_COLUMNS, LOCUS_WINDOW, Loci, describe_loci
from snpgen.messages import Code, InputError

M = 400


@pytest.fixture(scope="module")
def scan():
    return make_scan(200, M)


@pytest.fixture(scope="module")
def sparse(scan):
    """The same with 50 kb between variants: 10 Mb and about twenty loci per chromosome."""
    table, dosages = scan
    return table.assign(position=25 * table.position), dosages


def settings(
    size=60, max_p=1.0, clump_kb=10, clump_r2=0.5, max_per_locus=None, min_size=5, max_size=60
):
    return PanelSettings(size, min_size, max_size, max_p, clump_kb, clump_r2, max_per_locus)


def select(scan, *arguments, **others):
    table, dosages = scan
    panel, funnel = select_panel(table, lambda rows: dosages[:, rows], *arguments, **others)
    assert funnel.columns.tolist() == ["step", "unit", "kept", "dropped", "reason"]
    assert funnel.kept.iloc[0] == len(table) and funnel.kept.iloc[-1] == len(panel)
    assert (funnel.kept.diff().dropna() == -funnel.dropped[1:]).all()
    assert (funnel.dropped >= 0).all()
    assert sorted(panel["rank"]) == list(range(1, len(panel) + 1))
    return panel, funnel.set_index("step")


def greedy(scan, kb=10, r2=0.5):
    table, dosages = scan
    return greedy_clumps(table, kb, r2, lambda i, j: pairwise_r2(dosages[:, i], dosages[:, j]))[0]


def test_panel_is_in_genomic_order_with_ranks(scan):
    panel, funnel = select(scan, settings())
    assert list(panel.columns) == PANEL_COLUMNS
    assert panel.chromosome.drop_duplicates().tolist() == ["2", "10"]
    assert (panel.groupby("chromosome").position.diff().dropna() > 0).all()
    expected = scan[0].variant_id[greedy(scan)[:60]]
    assert panel.sort_values("rank").variant_id.tolist() == expected.tolist()
    assert funnel.index.tolist() == ["association", "p-value", "clumping", "panel size"]


def test_panel_contains_the_contrasts_of_classes(scan):
    table, dosages = scan
    table = table.assign(z_mild=np.arange(len(table)), **{"z_very severe": np.nan})
    panel, _ = select((table, dosages), settings())
    assert list(panel.columns) == [*PANEL_COLUMNS, "z_mild", "z_very severe"]
    assert panel.variant_id.tolist() == table.variant_id[panel.z_mild].tolist()
    assert (panel["z_very severe"] == 0).all()


def test_panel_larger_than_the_candidates_has_all_of_them(scan):
    panel, funnel = select(scan, settings(size=10**6, max_p=0.01))
    table, dosages = scan
    strong = (table.neg_log_10_p_value >= 2).to_numpy()
    expected = greedy((table[strong].reset_index(drop=True), dosages[:, strong]))
    assert len(panel) == len(expected) > 10
    assert panel.neg_log_10_p_value.min() >= 2
    assert funnel.dropped["p-value"] == (~strong).sum()
    assert f"{len(panel)} variants" in funnel.reason["panel size"]


def with_shrinkage(table, factor):
    return table.assign(beta_corrected=factor * table.beta)


@pytest.mark.parametrize("included", [0, 4])
@pytest.mark.parametrize(("n_signal", "size"), [(0, 5), (3, 5), (17, 17), (M, 60)])
def test_size_is_the_number_of_clumped_variants_with_signal(sparse, n_signal, size, included):
    """The same panel as with this number as the size, whatever the lists and the limit of loci."""
    table, dosages = sparse
    include = table.variant_id[table.neg_log_10_p_value.nsmallest(included).index].tolist()
    largest, _ = select(sparse, settings(size=60, max_per_locus=3), include=include)
    ranked = largest.sort_values("rank").variant_id
    ranked = ranked[~ranked.isin(include)].tolist()
    holds = table.variant_id.isin(ranked[:n_signal]) | (n_signal == M)
    table = with_shrinkage(table, np.where(holds, 0.101, 0.099))
    null = settings(size=None, max_per_locus=3)
    panel, funnel = select((table, dosages), null, include=include)
    expected, known = select(
        (table, dosages), settings(size=size, max_per_locus=3), include=include
    )
    pd.testing.assert_frame_equal(panel, expected)
    pd.testing.assert_frame_equal(funnel.drop(columns="reason"), known.drop(columns="reason"))
    for part in (f"{min(n_signal, 60)} variants", "0.1", "5 to 60"):
        assert part in funnel.reason["panel size"]


def test_size_counts_external_shrinkage_only_if_there_are_external_effects(scan):
    table, dosages = scan
    table = with_shrinkage(table, 0.5)
    ranking = with_shrinkage(table, 0.0)
    order = greedy(scan)
    ranking.loc[order[:9], "beta_corrected"] = 0.2 * ranking.beta[order[:9]]
    panel, _ = select((table, dosages), settings(size=None), ranking=ranking)
    assert len(panel) == 9
    assert panel.shrinkage.tolist() == pytest.approx([0.5] * 9)  # of the own GWAS
    unknown = ranking.assign(beta_corrected=np.nan)
    assert len(select((table, dosages), settings(size=None), ranking=unknown)[0]) == 60


def test_included_variants_count_even_if_they_exceed_those_with_signal(scan):
    table, dosages = scan
    include = table.variant_id[:20].tolist()
    scan = with_shrinkage(table, 0.0), dosages
    panel, _ = select(scan, settings(size=None), include=include)
    assert sorted(panel.variant_id) == sorted(include)
    with pytest.raises(InputError) as error:
        select(scan, settings(size=None, max_size=19), include=include)
    assert (error.value.code, error.value.key) == (Code.PANEL_LISTS, "panel.include")
    assert "panel.max_size" in error.value.what


def largest_within(dosages, order, limit):
    """Largest k for which the first k variants have an effective number of at most `limit`."""
    effective = [effective_variants(dosages[:, order[:k]]) for k in range(1, len(order) + 1)]
    return max(k for k, number in enumerate(effective, 1) if number <= limit)


def test_size_is_reduced_until_the_effective_number_is_within_the_limit(scan):
    table, dosages = scan
    scan = with_shrinkage(table, 0.3), dosages
    order = greedy(scan)[:60]
    expected = largest_within(dosages, order, 20.5)
    assert 15 < expected < 40
    panel, funnel = select(scan, settings(size=None), max_effective=20.5)
    assert len(panel) == expected
    assert set(panel.variant_id) == set(table.variant_id[order[:expected]])
    assert "20 independent variants" in funnel.reason["panel size"]
    # also below the minimum size
    assert len(select(scan, settings(size=None, min_size=50), max_effective=20.5)[0]) == expected
    whole, _ = select(scan, settings(size=None), max_effective=1e6)
    assert len(whole) == 60
    # of genotypes given principal components
    components = np.linalg.svd(unit_columns(dosages[:, order]).astype(float))[0][:, :9]
    given = effective_variants_of_first(dosages[:, order], components)
    panel, _ = select(scan, settings(size=None), max_effective=30, components=components)
    assert len(panel) == np.flatnonzero(given <= 30)[-1] + 1
    assert len(panel) != largest_within(dosages, order, 30)


def test_size_of_the_configuration_beyond_the_limit_is_refused_with_the_largest_panel(scan):
    table, dosages = scan
    largest = largest_within(dosages, greedy(scan)[:60], 20.5)
    with pytest.raises(InputError) as error:
        select(scan, settings(size=60), max_effective=20.5)
    assert (error.value.code, error.value.key) == (Code.PANEL_TOO_LARGE, "panel.size")
    assert f"at most {largest}," in error.value.remedy
    panel, _ = select(scan, settings(size=largest), max_effective=20.5)
    assert len(panel) == largest
    include = table.variant_id[:50].tolist()
    for size in (50, None):
        with pytest.raises(InputError) as error:
            select(scan, settings(size=size), include=include, max_effective=5)
        assert (error.value.code, error.value.key) == (Code.PANEL_TOO_LARGE, "panel.include")
    with pytest.raises(InputError) as error:
        select(scan, settings(size=None), max_effective=0.5)
    assert error.value.key == "calibration.max_forecast_auc"


def test_shrinkage_factor_is_the_corrected_effect_over_the_estimate():
    table = pd.DataFrame(
        {"beta": [0.2, -0.4, 0.0, np.nan], "beta_corrected": [0.1, -0.1, 0, np.nan]}
    )
    np.testing.assert_allclose(shrinkage_factor(table), [0.5, 0.25, 0, np.nan])


def test_panel_without_candidates_is_refused(scan):
    with pytest.raises(InputError) as error:
        select(scan, settings(max_p=1e-300))
    assert error.value.code is Code.EMPTY_PANEL


def test_reason_is_given_by_the_p_value(scan):
    table, dosages = scan
    table = table.assign(neg_log_10_p_value=0.5)
    table.loc[[0, 50, 100], "neg_log_10_p_value"] = -np.log10([4.9e-8, 5.1e-8, 1.1e-5])
    panel, _ = select((table, dosages), settings(size=4))
    reason = panel.set_index("rank").reason.sort_index()
    assert reason.tolist() == ["genome_wide", "suggestive", "top_k", "top_k"]


def define_loci(panel):
    """Index variant of each variant: the strongest within the window, or the variant itself."""
    index_variants, index_variant_of = [], {}
    for row in panel.sort_values("rank").itertuples():
        near = [
            index_variant
            for index_variant in index_variants
            if index_variant.chromosome == row.chromosome
            and abs(index_variant.position - row.position) <= LOCUS_WINDOW
        ]
        if not near:
            index_variants.append(row)
        index_variant_of[row.variant_id] = (near or [row])[0].variant_id
    return panel.variant_id.map(index_variant_of)


@pytest.mark.parametrize("cap", [None, 1, 3])
def test_loci_are_windows_around_the_strongest_index_variants(sparse, cap):
    panel, funnel = select(sparse, settings(size=M, max_per_locus=cap))
    index_variant = define_loci(panel)
    numbers = dict(zip(index_variant.drop_duplicates(), range(1, M), strict=False))
    assert panel.locus.tolist() == index_variant.map(numbers).tolist()
    assert panel.locus.is_monotonic_increasing
    assert panel.locus.max() > 20
    size = panel.locus.value_counts()
    if cap is None:
        assert "locus" not in funnel.index and size.max() > 5
    else:
        assert size.max() == cap
        assert funnel.dropped["locus"] > 50


def test_full_locus_drops_the_weakest_variants(sparse):
    """With a limit, each locus keeps its strongest variants, independently of other loci."""
    whole, _ = select(sparse, settings(size=M, clump_r2=1.0))
    capped, _ = select(sparse, settings(size=M, clump_r2=1.0, max_per_locus=2))
    strongest = whole.sort_values("rank").groupby("locus").head(2)
    assert set(strongest.variant_id) == set(capped.variant_id)


def test_full_loci_are_not_read(sparse):
    table, dosages = sparse
    asked = []

    def read(rows):
        asked.extend(rows)
        return dosages[:, rows]

    select_panel(table, read, settings(size=M, max_per_locus=1))
    assert len(asked) < 0.6 * M


def test_variants_in_the_window_of_an_index_variant_are_of_its_locus():
    position = np.array([0, 500_000, 1_000_000, 1_500_001, 400_000, 0])
    chromosome = np.array(["1", "1", "1", "1", "1", "2"])
    loci = Loci(chromosome, position, 3, np.array([4]))
    assert loci.has_room(0)
    loci.add(0)
    assert loci.index_variant == {0: 0, 4: 0}  # 4 is awaited and holds its place
    loci.add(1)
    assert loci.is_full(1) and not loci.has_room(1)
    loci.add(4)
    for row in (2, 3, 5):
        assert loci.has_room(row) and not loci.is_full(row)
        loci.add(row)
    assert loci.index_variant == {0: 0, 4: 0, 1: 0, 2: 2, 3: 3, 5: 5}


def test_awaited_variants_hold_their_places_from_the_start():
    position = np.array([0, 100, 200, 10**6])
    loci = Loci(np.full(4, "1"), position, 2, np.array([1, 2]))
    assert not loci.has_room(0) and not loci.is_full(0)  # 1 and 2 will fill its locus
    assert loci.has_room(3)
    loci = Loci(np.full(4, "1"), position, 3, np.array([1, 2]))
    assert loci.has_room(0)
    loci.add(0)
    assert loci.is_full(0)
    loci.add(1)
    assert loci.index_variant == {0: 0, 1: 0, 2: 0}


def test_loci_are_described_by_their_index_variants(sparse):
    panel, _ = select(sparse, settings(size=M))
    loci = describe_loci(panel)
    assert loci.columns.tolist() == LOCUS_COLUMNS
    assert loci.n_variants.sum() == len(panel)
    assert loci.locus.tolist() == list(range(1, panel.locus.max() + 1))
    for row in loci.itertuples():
        members = panel[panel.locus == row.locus]
        index_variant = members.loc[members["rank"].idxmin()]
        assert (row.start, row.end) == (members.position.min(), members.position.max())
        assert row.variant_id == index_variant.variant_id
        assert row.neg_log_10_p_value == members.neg_log_10_p_value.max()
        assert (row.beta, row.beta_corrected) == (index_variant.beta, index_variant.beta_corrected)


def test_included_variants_are_on_the_panel_despite_p_value_region_ld_and_limit(sparse):
    table, _ = sparse
    weakest = table.neg_log_10_p_value.nsmallest(8).index
    include = table.variant_id[weakest].tolist()
    regions = pd.DataFrame({"chromosome": ["2", "10"], "start": 0, "end": [10**9, 5 * 10**6]})
    panel, funnel = select(
        sparse, settings(20, 0.05, 200, 0.05, 1), include=include, regions=regions
    )
    ours = panel[panel.reason == "included"]
    assert sorted(ours.variant_id) == sorted(include)
    others = panel[panel.reason != "included"]
    assert (others.neg_log_10_p_value >= -np.log10(0.05)).all()
    assert (others.chromosome == "10").all() and (others.position > 5 * 10**6).all()
    assert len(others) > 5
    sizes = panel.groupby("locus").reason.agg(list)
    assert all(len(reasons) == 1 for reasons in sizes if "included" not in reasons)
    assert all(set(reasons) == {"included"} for reasons in sizes if "included" in reasons)
    assert (np.diff(panel.sort_values("rank").neg_log_10_p_value) <= 0).all()
    in_regions = (table.chromosome == "2") | (table.position <= 5 * 10**6)
    kept = ~in_regions | table.variant_id.isin(include)
    assert funnel.kept["long-range LD"] == kept.sum()


def test_included_variants_are_on_a_panel_of_stronger_variants(scan):
    table, _ = scan
    include = table.variant_id[table.neg_log_10_p_value.nsmallest(3).index].tolist()
    panel, _ = select(scan, settings(size=3), include=include)
    assert sorted(panel.variant_id) == sorted(include)
    panel, _ = select(scan, settings(size=5), include=include)
    assert set(include) < set(panel.variant_id) and len(panel) == 5
    with pytest.raises(InputError) as error:
        select(scan, settings(size=2), include=include)
    assert (error.value.code, error.value.key) == (Code.PANEL_LISTS, "panel.include")


def test_excluded_variants_are_not_on_the_panel(scan):
    best = select(scan, settings(size=10))[0].variant_id.tolist()
    panel, funnel = select(scan, settings(size=10), exclude=best[:4])
    assert not set(best[:4]) & set(panel.variant_id)
    assert funnel.dropped["exclusion"] == 4


def test_included_variants_that_the_gwas_removed_are_reported(scan, caplog):
    panel, funnel = select(scan, settings(), include=["rs200003", "gone2", "gone1"])
    assert panel.variant_id[panel.reason == "included"].tolist() == ["rs200003"]
    for text in (funnel.reason["association"], caplog.text):
        assert "2 of 3 variants" in text and "gone1, gone2" in text
    _, funnel = select(scan, settings(), include=[f"gone{i:02d}" for i in range(30)])
    assert funnel.reason["association"].endswith("gone08, gone09 and 20 more")


def test_ids_are_read_one_per_line(tmp_path):
    path = tmp_path / "include.txt"
    path.write_text("rs100002\n\n rs100000 \n")
    assert read_ids(str(path), make_variants(5)) == ["rs100002", "rs100000"]


def test_variants_are_also_named_by_position_and_alleles(tmp_path):
    variants = make_variants(5).assign(
        variant_id=["rs1", "1:200:G:A", "1:300:G:A", "1:400:T:<DEL>", "1:500:A:*"],
        position=[100, 200, 300, 400, 500],
        chromosome="1",
        effect_allele=["A", "A", "A", "<DEL>", "*"],
        other_allele=["G", "G", "G", "T", "A"],
    )
    path = tmp_path / "include.txt"
    path.write_text("chr1:200:A:G\n1:300:g:a\n1:100_G_A\n1:400:T:<DEL>\n1:500:*:A\n")
    assert read_ids(str(path), variants) == [variants.variant_id[row] for row in (1, 2, 0, 3, 4)]
    for name in (".", "1:200:A:T", "rs2"):
        path.write_text(f"rs1\n{name}\n")
        check_refusal(
            partial(read_ids, str(path), variants),
            Code.UNKNOWN_VARIANT,
            "include.txt",
            2,
            variant=name,
        )


def test_external_summary_statistics_rank_and_limit_the_variants(scan):
    table, dosages = scan
    rng = np.random.default_rng(3)
    known = np.sort(rng.choice(M, 250, replace=False))
    ranking = table.iloc[known[::-1]].assign(neg_log_10_p_value=rng.exponential(2, 250))
    panel, funnel = select(scan, settings(size=40, max_p=0.1), ranking=ranking)
    order = table.iloc[known].assign(neg_log_10_p_value=ranking.neg_log_10_p_value.to_numpy()[::-1])
    strong = order[order.neg_log_10_p_value >= 1].reset_index(drop=True)
    rows = known[(order.neg_log_10_p_value >= 1).to_numpy()]
    expected = strong.variant_id[greedy((strong, dosages[:, rows]))[:40]]
    ranked = panel.sort_values("rank")
    assert ranked.variant_id.tolist() == expected.tolist()
    assert set(panel.reason) == {"external"}
    ours = table.set_index("variant_id").neg_log_10_p_value
    assert (panel.neg_log_10_p_value == ours[panel.variant_id].to_numpy()).all()
    assert funnel.dropped["external summary statistics"] == M - 250
    assert funnel.dropped["p-value"] == 250 - len(strong)
    unknown = table.variant_id.drop(known).iloc[0]
    panel, _ = select(scan, settings(size=40), include=[unknown], ranking=ranking)
    assert panel["rank"][panel.variant_id == unknown].tolist() == [40]


def test_variants_are_located_by_position_alleles_and_id():
    variants = make_variants(6)
    variants["variant_id"] = "."
    variants.loc[1, "position"] = variants.position[0]
    variants.loc[1, "effect_allele"] = "T"
    variants.loc[4] = variants.loc[3]
    queries = variants.iloc[[5, 1, 0, 3]].reset_index(drop=True)
    assert locate_variants(variants, queries).tolist() == [5, 1, 0, 3]
    queries.loc[2, "other_allele"] = "C"
    with pytest.raises(InputError) as error:
        locate_variants(variants, queries)
    assert error.value.code is Code.OUTDATED_RESULT
