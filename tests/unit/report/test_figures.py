"""Figures of the report: what they show, reproducible bytes, missing values, and the registry."""

from itertools import groupby
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from example_results import BINS, ROOT, add_groups, make_results
from matplotlib.colors import to_hex

from snpgen.baselines.registry import BASELINES, CONTROLS, SUBJECTS
from snpgen.evaluation.metrics_table import VARIANT
from snpgen.io.sumstats import read_sumstats
from snpgen.report.association import manhattan_rows, plot_manhattan, plot_qq, qq_rows
from snpgen.report.estimates import read_metrics
from snpgen.report.evaluation import (
    plot_augmentation,
    plot_effects,
    plot_privacy,
    plot_roc,
    plot_utility,
)
from snpgen.report.fidelity import (
    plot_components,
    plot_frequencies,
    plot_ld,
    plot_region,
    upper_bound,
    widen,
)
from snpgen.report.figures import read_input, read_table, save_figures
from snpgen.report.groups import plot_groups
from snpgen.report.registry import FIGURES, figure_names, figures_of
from snpgen.report.style import order, save_svg

NUMBERS = ["value", "ci_low", "ci_high", "ceiling", "floor"]


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return make_results(tmp_path_factory.mktemp("figures"))


@pytest.fixture(scope="module")
def metrics(results):
    return read_metrics(results / "metrics.tsv")


@pytest.fixture(scope="module")
def sumstats(results):
    return read_sumstats(results / "gwas/sumstats.tsv.gz")


@pytest.fixture(scope="module")
def tables(results):
    names = ("frequencies", "effects", "components")
    read = {name: read_table(results / f"evaluation/{name}.tsv") for name in names}
    return read | {"region": read_table(results / "evaluation/ld_region.tsv")}


def make_figures(results: Path, folder: Path) -> None:
    """Every figure of the registry below `folder`."""
    inputs = {name: f"evaluation/{name}.tsv" for name in ("frequencies", "effects", "components")}
    inputs |= {name: f"model/{name}.training.tsv" for name in ("vae", "diffusion")}
    inputs |= {"guidance": "model/guidance.tsv", "region": "evaluation/ld_region.tsv"}
    inputs |= {"summary": "gwas/summary.json", "sumstats": "gwas/sumstats.tsv.gz"}
    inputs |= {"panel": "panel/variants.tsv", "metrics": "metrics.tsv"}
    paths = {name: str(results / file) for name, file in inputs.items()}
    paths["curves"] = [str(results / "evaluation/curves.tsv")]
    for rule in ("plot_association", "plot_training", "plot_evaluation"):
        outputs = {figure.name: str(folder / f"{figure.name}.svg") for figure in figures_of(rule)}
        save_figures(rule, paths, outputs, "snpgen")


@pytest.fixture(scope="module")
def folders(results, tmp_path_factory):
    """Every figure, made twice."""
    made = [tmp_path_factory.mktemp(name) for name in ("first", "second")]
    for folder in made:
        make_figures(results, folder)
    return made


def test_figures_are_reproducible_small_and_need_no_font(folders):
    first, second = folders
    names = {f"{name}.{end}" for name in figure_names(True) for end in ("svg", "tsv")}
    assert {path.name for path in first.iterdir()} == names
    assert all((second / name).read_bytes() == (first / name).read_bytes() for name in names)
    for path in first.glob("*.svg"):
        root = ElementTree.fromstring(path.read_bytes())
        assert path.stat().st_size < 500_000 and b"<dc:date>" not in path.read_bytes()
        assert not [one for one in root.iter() if one.tag.endswith("}text")], path.name


def test_registry_has_a_caption_and_a_unique_name_for_each_figure():
    names = figure_names(with_model=True)
    assert len(set(names)) == len(names)
    assert [name for name in names if not (ROOT / f"workflow/report/{name}.rst").is_file()] == []
    assert set(names) - set(figure_names(with_model=False)) == {"training"}
    sections = [section for section, _ in groupby(figure.section for figure in FIGURES)]
    assert len(set(sections)) == len(sections)  # the figures of a section follow each other


def test_cohorts_are_ordered_and_distinguishable():
    names = ["real", "shuffled", "snpgen", *BASELINES]
    assert order(pd.Series(sorted(names))) == sorted(names, key=list(SUBJECTS).index)
    for looks in ("label", "colour"):
        assert len({getattr(SUBJECTS[name], looks) for name in names}) == len(names)


def test_a_whole_genome_stays_small(tmp_path):
    n = 200_000
    sumstats = pd.DataFrame(
        {
            "chromosome": np.repeat([str(c) for c in range(1, 21)], n // 20),
            "position": np.tile(np.arange(n // 20) * 1000, 20),
            "variant_id": np.arange(n).astype(str),
            "effect_allele": "A",
            "other_allele": "G",
            "neg_log_10_p_value": np.random.default_rng(1).exponential(0.4343, n),
        }
    )
    panel = sumstats[:500].assign(locus=1, rank=1)
    for figure, _ in (plot_manhattan(sumstats, panel), plot_qq(sumstats, {"lambda_gc": 1.0})):
        save_svg(figure, tmp_path / "figure.svg")
        assert (tmp_path / "figure.svg").stat().st_size < 500_000


def test_chromosomes_are_in_genomic_order(sumstats):
    renamed = sumstats.assign(chromosome=sumstats.chromosome.replace({"2": "10"}))
    (axes,) = plot_manhattan(renamed, renamed[:0].assign(locus=1, rank=1))[0].axes
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert labels == ["1", "3", "4", "5", "6", "7", "8", "10"]
    assert list(axes.get_xticks()) == sorted(axes.get_xticks())


def test_manhattan_table_has_the_panel_and_the_smallest_p_values(sumstats, monkeypatch):
    monkeypatch.setattr("snpgen.report.association.MAX_VARIANTS", 50)
    panel = sumstats.dropna().nsmallest(10, "neg_log_10_p_value")
    rows = manhattan_rows(sumstats, panel)
    assert len(rows) == 60 and rows.on_panel.sum() == 10
    others = sumstats[~sumstats.variant_id.isin(rows.variant_id)].neg_log_10_p_value
    assert rows[rows.on_panel == 0].neg_log_10_p_value.min() >= others.max()


def test_variants_with_the_same_id_are_kept_apart(sumstats, tables, monkeypatch):
    monkeypatch.setattr("snpgen.report.association.MAX_VARIANTS", 0)
    same = sumstats.assign(variant_id=".")
    same.loc[21, ["position", "other_allele"]] = same.position[20], "C"
    panel = same.iloc[[2900, 20]].assign(rank=[1, 2], locus=[2, 1])
    figure, table = plot_manhattan(same, panel)
    (axes,) = figure.axes
    shown = axes.collections[2].get_offsets()
    circles = [line.get_xydata()[0] for line in axes.lines if line.get_marker() == "o"]
    assert table.index.tolist() == [20, 2900]
    assert len(shown) == 2 and np.array_equal(circles, shown)

    expected = widen(tables["effects"], VARIANT, "beta", "snpgen").set_index("position").real
    frequencies, effects = (
        tables[name].assign(variant_id=".") for name in ("frequencies", "effects")
    )
    for axes in plot_frequencies(frequencies, "snpgen")[0].axes:
        assert all(len(points.get_offsets()) == 120 for points in axes.collections)
    figure, table = plot_effects(effects, "snpgen")
    points = [axes.collections[0].get_offsets() for axes in figure.axes]
    assert [len(part) for part in points] == [119, 119]  # one effect in the test set is missing
    found = table.set_index("position").real
    assert len(found) == 120 and sorted(found.items()) == sorted(expected.items())
    figure, table = plot_region(tables["region"].assign(first=".", second="."), "snpgen")
    assert figure.axes[0].images[0].get_array().shape == (6, 6) and len(table) == 15


def test_qq_of_uniform_p_values_follows_the_diagonal():
    p = pd.DataFrame({"neg_log_10_p_value": -np.log10((np.arange(5000) + 0.5) / 5000)})
    figure, rows = plot_qq(p, {"lambda_gc": 1.0})
    points = figure.axes[0].collections[-1].get_offsets()
    np.testing.assert_allclose(points[:, 0], points[:, 1], atol=1e-12)
    assert figure.axes[0].texts[0].get_text() == "λ = 1.000"
    assert len(rows) <= 1000 and rows["rank"].iloc[[0, -1]].tolist() == [1, 5000]
    np.testing.assert_allclose(rows.observed, rows.expected)
    assert ((rows.null_low < rows.expected) & (rows.expected < rows.null_high)).all()
    assert qq_rows(pd.Series([np.nan])).empty


def test_ld_bins_are_ordered_by_distance(metrics):
    axes = plot_ld(metrics.sample(frac=1, random_state=3))[0].axes[1]
    assert [label.get_text() for label in axes.get_xticklabels()] == BINS
    line = next(line for line in axes.lines if line.get_label() == "SNPgen")
    np.testing.assert_allclose(line.get_ydata(), [0.92, 0.86, 0.80, 0.74])


@pytest.mark.parametrize(
    ("stratum", "bound"),
    [("0-10kb", 1e4), ("250-1000kb", 1e6), ("0.5-1Mb", 1e6), ("all", None), ("maf<0.05", None)],
)
def test_distance_bins_differ_from_other_strata(stratum, bound):
    assert upper_bound(stratum) == bound


def test_controls_are_the_last_rows_of_the_attacks(metrics):
    labels = [label.get_text() for label in plot_privacy(metrics)[0].axes[0].get_yticklabels()]
    assert labels[-2:] == [SUBJECTS[name].label for name in CONTROLS]


def test_augmentation_by_share(metrics):
    left, right = plot_augmentation(metrics, "snpgen")[0].axes
    assert [label.get_text() for label in left.get_xticklabels()] == ["5", "20", "100"]
    lines = {line.get_label(): line.get_ydata().tolist() for line in left.lines}
    assert lines["SNPgen"] == [0.74, 0.75, 0.76]
    assert lines["Share of the training individuals alone"] == [0.7, 0.73, 0.784]
    gains = {line.get_label(): line.get_ydata().tolist() for line in right.lines}
    assert gains["SNPgen"] == pytest.approx([0.04, 0.02, -0.024])
    assert not {SUBJECTS[name].label for name in ("real", "clumping_thresholding")} & set(lines)


def test_true_effects_have_a_panel_of_their_own(tables):
    effects = tables["effects"]
    truth = effects[effects.subject == "real"].assign(subject="truth")
    assert len(plot_effects(effects, "snpgen")[0].axes) == 2
    assert len(plot_effects(pd.concat([effects, truth.iloc[:20]]), "snpgen")[0].axes) == 3


def test_matrix_of_a_region_is_symmetric_and_in_order(tables):
    region = tables["region"]
    figure, _ = plot_region(region, "snpgen")
    images = [axes.images[0].get_array() for axes in figure.axes[:3]]
    real = region[region.subject == "real"].reset_index(drop=True)
    assert images[0].shape == (6, 6) and np.all(images[0] == images[0].T)
    assert images[0][0, 1:].tolist() == real.r[:5].tolist()
    assert images[1][4, 5] == region[region.subject == "snpgen"].r.iloc[-1]


def test_groups_have_a_colour_and_a_marker_each_and_small_ones_share_the_last(tables):
    cells = tables["components"]
    names = [f"ancestry {number}" for number in range(1, 11)]
    parts = [cells.assign(group=name, samples=50 - i) for i, name in enumerate(names)]
    parts[8] = parts[8][parts[8].subject == "real"]  # a group without synthetic individuals
    figure, _ = plot_components(pd.concat(parts), "snpgen")
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.texts][:8] == [*names[:7], "3 smaller groups"]
    assert len(figure.axes[1].collections) == 9
    drawn = figure.axes[0].collections
    shown = [(to_hex(part.get_facecolor()[0]), part.get_paths()[0].vertices) for part in drawn]
    assert len(shown) == 10 and len({colour for colour, _ in shown}) == 8
    assert len({vertices.tobytes() for _, vertices in shown}) == 8
    handles = dict(zip(names, legend.legend_handles, strict=False))
    assert to_hex(handles["ancestry 2"].get_color()) == shown[1][0]
    assert not plot_components(cells, "snpgen")[0].legends


def test_groups_have_a_row_per_cohort_and_a_marker_per_group(metrics):
    figure, table = plot_groups(add_groups(metrics))
    assert set(table.stratum) == {"group:north", "group:south"}  # the third is not judged
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == [SUBJECTS[name].label for name in ("real", "snpgen", "independent")]
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.texts] == ["north", "south", "Chance"]
    markers = {line.get_marker() for line in figure.axes[0].lines if len(line.get_xdata()) == 1}
    assert len(markers) == 2
    values = [line.get_xdata()[0] for line in figure.axes[1].lines if len(line.get_xdata()) == 1]
    assert {0.55, 0.68} <= set(values)


def test_roc_curves_have_logarithmic_axes_and_show_the_controls(results, metrics):
    curves = read_input("curves", [str(results / "evaluation/curves.tsv")])
    panels = plot_roc(curves, metrics, "snpgen")[0].axes
    assert [axes.get_xscale() + axes.get_yscale() for axes in panels] == ["loglog"] * 2
    for axes, lowest in zip(panels, (0.001, 0.05095), strict=True):
        curve = next(line for line in axes.lines if line.get_label() == "Nearest distance")
        np.testing.assert_allclose(curve.get_ydata()[0], lowest)
        np.testing.assert_allclose(curve.get_xdata()[[0, -1]], [0.001, 1])
    label = SUBJECTS["negative_control"].label
    grey = [line for line in panels[1].lines if line.get_label() == label]
    np.testing.assert_allclose(grey[0].get_xdata(), grey[0].get_ydata())


def test_figures_accept_missing_values_and_empty_tables(sumstats, metrics, tables, tmp_path):
    blank = add_groups(metrics).assign(**dict.fromkeys(NUMBERS, np.nan))
    untested = sumstats.assign(neg_log_10_p_value=np.nan)
    made = [plot_manhattan(untested, untested.assign(locus=1, rank=1))]
    made += [plot_qq(untested, {"lambda_gc": None})]
    for size in (None, 0):
        made += [plot(blank[:size]) for plot in (plot_ld, plot_utility, plot_privacy, plot_groups)]
        for plot, table in (
            (plot_frequencies, tables["frequencies"].assign(frequency=np.nan)),
            (plot_effects, tables["effects"].assign(beta=np.nan)),
            (plot_region, tables["region"].assign(r=np.nan)),
            (plot_components, tables["components"]),
            (plot_augmentation, blank),
        ):
            made.append(plot(table[:size], "snpgen"))
    for figure, _ in made:
        save_svg(figure, tmp_path / "figure.svg")


def test_tables_have_a_column_per_cohort(tables):
    effects = tables["effects"]
    wide = widen(effects, ["variant_id"], "beta", "snpgen")
    assert list(wide) == ["variant_id", "real", "test", "snpgen"] and len(wide) == 120
    real = effects[effects.subject == "real"].set_index("variant_id").beta
    assert (wide.set_index("variant_id").real == real).all()
