"""Figures and the page: complete, self-contained, reproducible, and calm when something is missing."""

import base64
import gzip
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
import yaml
from example_results import BINS, make_cards, make_results
from matplotlib.colors import to_hex

from snpgen.evaluation.metrics_table import VARIANT
from snpgen.io.panel import read_variants
from snpgen.io.sumstats import read_sumstats
from snpgen.report.association import (
    manhattan_rows,
    plot_manhattan,
    plot_qq,
    qq_rows,
    top_loci,
)
from snpgen.report.audit import attack_table
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
from snpgen.report.generator import describe_generator
from snpgen.report.inline import inline_svg, make_download
from snpgen.report.metrics import audit_faults, main_estimates, main_table, read_metrics
from snpgen.report.page import (
    describe_phenotype,
    flatten,
    render_page,
)
from snpgen.report.provenance import describe_software
from snpgen.report.style import look, make_figure, order, save_svg
from snpgen.report.training import plot_training

REPORT = Path(__file__).parents[3] / "workflow" / "report"
CONFIG = Path(__file__).parents[3] / "config"
SETTINGS = yaml.safe_load((CONFIG / "config.yaml").read_text()) | {
    "seed": 7,
    "phenotype": yaml.safe_load((CONFIG / "phenotypes" / "demo.yaml").read_text()),
}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return make_results(tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def metrics(results):
    return read_metrics(results / "metrics.tsv")


def read(path):
    return pd.read_csv(path, sep="\t", keep_default_na=False, na_values=["NA"])


def draw_all(results, metrics):
    sumstats = read_sumstats(results / "gwas/sumstats.tsv.gz")
    return {
        "manhattan": plot_manhattan(sumstats, read_variants(results / "panel/variants.tsv")),
        "qq": plot_qq(sumstats.neg_log_10_p_value, 1.037),
        "training": plot_training(
            read(results / "model/vae.training.tsv"),
            read(results / "model/diffusion.training.tsv"),
            read(results / "model/guidance.tsv"),
        ),
        "frequencies": plot_frequencies(read(results / "evaluation/frequencies.tsv"), "snpgen"),
        "ld": plot_ld(metrics),
        "region": plot_region(read(results / "evaluation/ld_region.tsv"), "snpgen"),
        "components": plot_components(read(results / "evaluation/components.tsv"), "snpgen"),
        "effects": plot_effects(read(results / "evaluation/effects.tsv"), "snpgen"),
        "utility": plot_utility(metrics),
        "augmentation": plot_augmentation(metrics, "snpgen"),
        "privacy": plot_privacy(metrics),
        "roc": plot_roc(read(results / "evaluation/curves.tsv"), metrics, "snpgen"),
    }


@pytest.fixture(scope="module")
def figures(results, metrics, tmp_path_factory):
    """Two drawings of every figure, as (first, second) SVG bytes by name."""
    folder = tmp_path_factory.mktemp("figures")
    pairs = {}
    for attempt in ("first", "second"):
        for name, figure in draw_all(results, metrics).items():
            save_svg(figure, folder / f"{attempt}.svg")
            pairs.setdefault(name, []).append((folder / f"{attempt}.svg").read_bytes())
    return pairs


def render(results, metrics, figures, cards, subject="snpgen", tables=None):
    def read_json(name):
        return json.loads((results / name).read_text())

    return render_page(
        template=(REPORT / "report.html.jinja").read_text(),
        style=(REPORT / "page.css").read_text(),
        phenotype="demo",
        settings=SETTINGS | {"external_cohort": None if cards else "elsewhere/cohort"},
        metrics=metrics,
        figures={name: pair[0].decode() for name, pair in figures.items()},
        captions={name: (REPORT / f"{name}.rst").read_text() for name in figures},
        tables={name: f"figure\tvalue\n{name}\t1\n" for name in figures} | (tables or {}),
        funnels={"Everybody": read(results.parent / "cohort/funnel.tsv")},
        split=read_json("split.json"),
        gwas=read_json("gwas/summary.json") | {"warnings": ["Effects <point> apart.", "Seen."]},
        panel=read_variants(results / "panel/variants.tsv"),
        loci=read_variants(results / "panel/loci.tsv"),
        signal=read(results / "panel/variance_explained.tsv"),
        cards=cards,
        software=describe_software("version: 1.2.3"),
        files=[{"name": "<cohort>.bed", "bytes": 10**12, "sha256": None}],
        commands=["snakemake --configfile a&b.yaml"],
        subject=subject,
    )


@pytest.fixture(scope="module")
def page(results, metrics, figures):
    return render(results, metrics, figures, make_cards())


class Outline(HTMLParser):
    """Headings, ids, links, and every attribute that makes a browser fetch something."""

    def __init__(self, text):
        super().__init__()
        self.open, self.headings, self.ids, self.fetched, self.images = [], [], [], [], []
        self.unscoped, self.downloads = [], {}
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.open += [] if tag in ("meta", "link", "img", "br", "input") else [tag]
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag in ("script", "link", "img", "iframe", "object"):
            self.fetched.append(tag)
        if tag == "svg":
            self.images.append((attributes.get("role"), attributes.get("aria-label")))
        self.ids += [attributes["id"]] if "id" in attributes else []
        for name in ("src", "href", "xlink:href"):
            if not attributes.get(name, "#").startswith(("#", "data:")):
                self.fetched.append(attributes[name])
        if "download" in attributes:
            self.downloads[attributes["download"]] = attributes["href"]
        self.unscoped += [attributes] if tag == "th" and "scope" not in attributes else []

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_figures_have_the_same_bytes_each_time(figures):
    assert [name for name, (first, second) in figures.items() if first != second] == []
    assert len({first for first, _ in figures.values()}) == len(figures) == 12


def test_figures_are_whole_and_small_and_need_no_font(figures):
    for name, (svg, _) in figures.items():
        root = ElementTree.fromstring(svg)
        assert root.tag.endswith("svg"), name
        assert len(svg) < 500_000, name
        assert not [one for one in root.iter() if one.tag.endswith("}text")], name
        assert b"<dc:date>" not in svg


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
    for figure in (
        plot_manhattan(sumstats, sumstats[:500].assign(locus=1, rank=1)),
        plot_qq(sumstats.neg_log_10_p_value, 1.0),
    ):
        save_svg(figure, tmp_path / "figure.svg")
        assert (tmp_path / "figure.svg").stat().st_size < 500_000


def test_chromosomes_stand_in_genomic_order(results):
    sumstats = read_sumstats(results / "gwas/sumstats.tsv.gz")
    sumstats.chromosome = sumstats.chromosome.replace({"2": "10"})
    (axes,) = plot_manhattan(sumstats, sumstats[:0].assign(locus=1, rank=1)).axes
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert labels == ["1", "3", "4", "5", "6", "7", "8", "10"]
    assert list(axes.get_xticks()) == sorted(axes.get_xticks())


def test_qq_of_uniform_p_values_follows_the_diagonal():
    p = (np.arange(1000) + 0.5) / 1000
    (axes,) = plot_qq(pd.Series(-np.log10(p)), 1.0).axes
    points = axes.collections[-1].get_offsets()
    np.testing.assert_allclose(points[:, 0], points[:, 1], atol=1e-12)
    assert axes.texts[0].get_text() == "λ = 1.000"


def test_ld_bins_stand_by_distance_whatever_their_order_in_the_table(metrics):
    axes = plot_ld(metrics.sample(frac=1, random_state=3)).axes[1]
    assert [label.get_text() for label in axes.get_xticklabels()] == BINS
    line = next(line for line in axes.lines if line.get_label() == "SNPgen")
    np.testing.assert_allclose(line.get_ydata(), [0.92, 0.86, 0.80, 0.74])


@pytest.mark.parametrize(
    ("stratum", "bound"),
    [("0-10kb", 1e4), ("250-1000kb", 1e6), ("0.5-1Mb", 1e6), ("all", None), ("maf<0.05", None)],
)
def test_distance_bins_are_told_from_other_strata(stratum, bound):
    assert upper_bound(stratum) == bound


def test_control_called_null_is_not_read_as_missing(metrics):
    assert {"negative_control", "positive_control"} <= set(metrics.subject)
    labels = [label.get_text() for label in plot_privacy(metrics).axes[0].get_yticklabels()]
    assert labels[-2:] == ["Positive control", "Negative control"]


def test_augmentation_is_drawn_share_by_share(metrics):
    left, right = plot_augmentation(metrics, "snpgen").axes
    assert [label.get_text() for label in left.get_xticklabels()] == ["5", "20", "100"]
    lines = {line.get_label(): line.get_ydata().tolist() for line in left.lines}
    assert lines["SNPgen"] == [0.74, 0.75, 0.76]
    assert lines["Floor: the share alone"] == [0.7, 0.73, 0.784]
    gains = {line.get_label(): line.get_ydata().tolist() for line in right.lines}
    assert gains["SNPgen"] == pytest.approx([0.04, 0.02, -0.024])
    assert "Real, training" not in lines and "Clumping and thresholding" not in lines


def test_comparators_stand_beside_the_panel_with_their_number_of_snps(metrics):
    table = main_table(metrics)
    column = table["subjects"].index("clumping_thresholding")
    rows = {row["label"]: row["cells"] for row in table["rows"]}
    assert rows["Variants"][column]["value"] == "62"
    assert rows["Variants"][table["subjects"].index("snpgen")]["value"] == "120"
    assert rows["AUC, PRS"][column]["value"] == "0.771" and rows["AUC, ridge"][column] is None


def test_figures_survive_missing_values_and_an_empty_table(results, metrics, tmp_path):
    values = ["value", "ci_low", "ci_high", "ceiling", "floor"]
    blank = metrics.assign(**dict.fromkeys(values, np.nan))
    frequencies = read(results / "evaluation/frequencies.tsv").assign(frequency=np.nan)
    effects = read(results / "evaluation/effects.tsv").assign(beta=np.nan)
    sumstats = read_sumstats(results / "gwas/sumstats.tsv.gz").assign(neg_log_10_p_value=np.nan)
    drawn = [
        plot(table)
        for plot in (plot_ld, plot_utility, plot_privacy)
        for table in (blank, metrics.iloc[:0])
    ]
    region = read(results / "evaluation/ld_region.tsv").assign(r=np.nan)
    components = read(results / "evaluation/components.tsv")
    drawn += [
        plot(part, "snpgen")
        for plot, table in (
            (plot_frequencies, frequencies),
            (plot_effects, effects),
            (plot_region, region),
            (plot_components, components),
            (plot_augmentation, blank),
        )
        for part in (table, table.iloc[:0])
    ]
    drawn += [
        plot_manhattan(sumstats, sumstats.assign(locus=1, rank=1)),
        plot_qq(sumstats.neg_log_10_p_value, None),
    ]
    for figure in drawn:
        save_svg(figure, tmp_path / "figure.svg")


def test_generator_is_told_in_sentences(page, results):
    cards, settings = make_cards(), SETTINGS["calibration"]
    text = re.sub(r"\s+", " ", page)
    told = describe_generator(cards, settings)
    assert all(sentence in text for sentence in told)
    for words in (
        "hold 3.21 nats a person, and make the genotypes of validation people 2.10 nats likelier",
        "Guidance has a scale of 1.5; by it alone synthetic effects have a slope of 0.97",
        "Gaussian noise of 0.53 standard errors was put on these frequencies: the least at which",
        "the forecast frequency attack stays within an AUC of 0.7.",
        "an epsilon of 1,235 at a delta of 0.004",
    ):
        assert words in " ".join(told), words
    assert "collapsed:" not in " ".join(told)
    cards["Autoencoder"] |= {
        "nats_per_individual": {"kl": 0.02, "log_likelihood_gain": 0.05, "reconstruction": 51}
    }
    cards["Autoencoder"] |= {"posterior_collapse": True}
    cards["Calibration"] |= {"noise": 0.0, "epsilon": None}
    told = describe_generator(cards, settings)
    assert told[0].startswith("The latents are collapsed: they carry next to nothing")
    assert "No noise was put on these frequencies: the forecast frequency attack stays" in told[3]
    assert told[4] == "Without noise there is no bound of differential privacy."
    assert "as the configuration asks" in describe_generator(cards, settings | {"noise": 0.5})[3]
    cards["Autoencoder"] |= {"differential_privacy": {"epsilon": 4, "delta": 7.6e-5}}
    told = describe_generator(cards, settings)
    assert told[2].endswith("of each class were matched with theirs, with noise.")
    assert "private, with an epsilon of 4 at a delta of 8e-05" in told[3] and len(told) == 4


def test_true_effects_get_a_panel_of_their_own(results):
    effects = read(results / "evaluation/effects.tsv")
    truth = effects[effects.subject == "real"].assign(subject="truth")
    assert len(plot_effects(effects, "snpgen").axes) == 2
    assert len(plot_effects(pd.concat([effects, truth.iloc[:20]]), "snpgen").axes) == 3


def test_matrix_of_a_region_is_symmetric_and_in_order(results):
    region = read(results / "evaluation/ld_region.tsv")
    images = [axes.images[0].get_array() for axes in plot_region(region, "snpgen").axes[:3]]
    real = region[region.subject == "real"].reset_index(drop=True)
    assert images[0].shape == (6, 6) and np.all(images[0] == images[0].T)
    assert images[0][0, 1:].tolist() == real.r[:5].tolist()
    assert images[1][4, 5] == region[region.subject == "snpgen"].r.iloc[-1]


def test_attacks_stand_by_group_beside_nobody_to_find_and_the_forecast(metrics):
    mine = metrics[(metrics.subject == "snpgen") & (metrics.metric == "mia_frequency_auc")]
    cases = mine.assign(stratum="case", value=0.63, ci_low=0.58, ci_high=0.67, ceiling=0.57)
    found = cases.assign(metric="mia_frequency_tpr_0.01", value=0.046)
    forecast = cases.assign(metric="forecast_auc", subject="real", value=0.684)
    table = attack_table(pd.concat([metrics, cases, found, forecast]), "snpgen")
    assert table["columns"] == ["all", "cases", "controls", "tenth with most rare alleles"]
    rows = {row["label"]: row["cells"] for row in table["rows"]}
    assert list(rows) == ["Nearest distance", "Frequency likelihood ratio", "Frequency, forecast"]
    told = {"auc": "0.630", "interval": "0.580 to 0.670", "nobody": "0.570", "tpr": "0.046"}
    assert (
        rows["Frequency likelihood ratio"][1] == told
        and rows["Frequency likelihood ratio"][2] is None
    )
    assert rows["Frequency, forecast"][1]["auc"] == "0.684"
    assert rows["Frequency, forecast"][0] is None


def test_groups_have_a_colour_and_a_marker_each_and_small_ones_share_the_last(results):
    cells = read(results / "evaluation/components.tsv")
    names = [f"ancestry {number}" for number in range(1, 11)]
    parts = [cells.assign(group=name, samples=50 - i) for i, name in enumerate(names)]
    parts[8] = parts[8][parts[8].subject == "real"]  # a group without cells among synthetic people
    figure = plot_components(pd.concat(parts), "snpgen")
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.texts] == [
        *names[:7],
        "3 smaller groups",
        "few people in a cell",
        f"{100 * 50 / 3780:.2g} % of the people",
    ]
    assert len(figure.axes[1].collections) == 9
    drawn = figure.axes[0].collections
    shown = [(to_hex(part.get_facecolor()[0]), part.get_paths()[0].vertices) for part in drawn]
    assert len(shown) == 10 and len({colour for colour, _ in shown}) == 8
    assert len({vertices.tobytes() for _, vertices in shown}) == 8
    handles = {text: handle for text, handle in zip(names, legend.legend_handles, strict=False)}
    assert to_hex(handles["ancestry 2"].get_color()) == shown[1][0]
    assert not plot_components(cells, "snpgen").legends


def test_a_cohort_made_elsewhere_has_a_page_without_a_generator(results, metrics, figures):
    given = metrics[~metrics.subject.isin(["snpgen_balanced"])].replace("snpgen", "given")
    shown = {name: pair for name, pair in figures.items() if name != "training"}
    page = render(results, given[given.domain != "cost"], shown, {}, "given")
    text = re.sub(r"\s+", " ", page)
    assert "A cohort made elsewhere, <code>elsewhere/cohort</code>, is judged on" in text
    assert "Given cohort" in text
    for word in ('href="#generator"', ">Generator<", "Autoencoder", "SNPgen learnt", "Wall time"):
        assert word not in text
    assert Outline(page).open == []


def test_page_is_well_formed_and_asks_for_nothing(page):
    outline = Outline(page)
    assert outline.open == []
    assert outline.fetched == []
    assert not re.search(r"https?:|//[a-z]|@import|url\((?!#)", re.sub(r"base64,[^\"]*", "", page))
    assert len(outline.ids) == len(set(outline.ids))
    targets = set(re.findall(r'(?:url\(|href=")#([^")]+)', page))
    assert targets <= set(outline.ids)
    assert "<script" not in page and len(page) < 5_000_000


def test_headings_descend_in_steps_and_tables_say_what_they_are(page):
    outline = Outline(page)
    assert outline.headings[0] == 1 and outline.headings.count(1) == 1
    steps = zip(outline.headings, outline.headings[1:], strict=False)
    assert all(below <= above + 1 for above, below in steps)
    assert outline.unscoped == []
    tables = re.findall(r"<table.*?</table>", page, flags=re.DOTALL)
    assert len(tables) > 8 and all("<caption>" in table for table in tables)
    assert page.count("<main") == page.count("<header") == page.count("<nav") == 1
    assert page.index('class="skip" href="#main"') < page.index("<header")


def test_the_table_behind_each_figure_can_be_taken_from_the_page(page, figures, metrics):
    downloads = Outline(page).downloads
    for name in figures:
        kind, content = downloads[f"demo.{name}.tsv"].split(";base64,")
        assert kind == "data:text/tab-separated-values"
        assert base64.b64decode(content).decode() == f"figure\tvalue\n{name}\t1\n"
    taken = next(name for name in downloads if name.startswith("demo.metrics"))
    content = base64.b64decode(downloads[taken].split(";base64,")[1])
    table = gzip.decompress(content) if taken.endswith(".gz") else content
    assert len(table.decode().splitlines()) == len(metrics) + 1


def test_a_table_too_long_for_the_page_is_named_in_its_place(results, metrics, figures):
    noise = np.random.default_rng(1).normal(size=60_000)
    text = "value\n" + "\n".join(map(str, noise)) + "\n"
    assert make_download("long.tsv", text) is None
    short = make_download("short.tsv", "a\tb\n" + "1\t2\n" * 20_000)
    assert short.name == "short.tsv.gz" and short.rows == 20_000
    page = render(results, metrics, figures, make_cards(), tables={"ld": text})
    assert "results/demo/figures/ld.tsv" in page and "demo.ld.tsv" not in Outline(page).downloads


def test_every_circle_of_the_manhattan_plot_tells_its_locus_and_links_to_its_row(page, results):
    loci = top_loci(read_variants(results / "panel/loci.tsv"))
    figure = page[page.index('id="figure-manhattan"') : page.index('id="figure-qq"')]
    links = dict(re.findall(r'<a href="#(locus-\d+)" aria-label="([^"]*)"', figure))
    assert list(links) == [f"locus-{locus}" for locus in loci.locus]
    rows = dict(re.findall(r'<tr id="(locus-\d+)" tabindex="-1"><th scope="row">(.*?)</th>', page))
    assert all(label.startswith(f"{rows[link]}, chromosome") for link, label in links.items())
    assert 'role="group"' in figure  # what is inside an image is not read out


def test_a_table_of_a_manhattan_plot_holds_the_panel_and_the_smallest_p(results, monkeypatch):
    monkeypatch.setattr("snpgen.report.association.VARIANTS_TOLD", 50)
    sumstats = read_sumstats(results / "gwas/sumstats.tsv.gz")
    panel = sumstats.dropna().nsmallest(10, "neg_log_10_p_value")
    rows = manhattan_rows(sumstats, panel)
    assert len(rows) == 60 and rows.on_panel.sum() == 10
    others = sumstats[~sumstats.variant_id.isin(rows.variant_id)].neg_log_10_p_value
    assert rows[rows.on_panel == 0].neg_log_10_p_value.min() >= others.max()


def test_variants_of_one_id_keep_apart_in_figures_and_tables(results, monkeypatch):
    monkeypatch.setattr("snpgen.report.association.VARIANTS_TOLD", 0)
    sumstats = read_sumstats(results / "gwas/sumstats.tsv.gz").assign(variant_id=".")
    sumstats.loc[21, ["position", "other_allele"]] = sumstats.position[20], "C"
    panel = sumstats.iloc[[2900, 20]].assign(rank=[1, 2], locus=[2, 1])
    assert manhattan_rows(sumstats, panel).index.tolist() == [20, 2900]
    (axes,) = plot_manhattan(sumstats, panel).axes
    shown = axes.collections[2].get_offsets()
    circles = [line.get_xydata()[0] for line in axes.lines if line.get_marker() == "o"]
    assert len(shown) == 2 and np.array_equal(circles, shown)

    frequencies = read(results / "evaluation/frequencies.tsv")
    effects = read(results / "evaluation/effects.tsv")
    expected = widen(effects, VARIANT, "beta", "snpgen").set_index("position").real
    for table in (frequencies, effects):
        table["variant_id"] = "."
    for axes in plot_frequencies(frequencies, "snpgen").axes:
        assert all(len(dots.get_offsets()) == 120 for dots in axes.collections)
    dots = [axes.collections[0].get_offsets() for axes in plot_effects(effects, "snpgen").axes]
    assert [len(part) for part in dots] == [120, 119]  # one effect of test people is missing
    found = widen(effects, VARIANT, "beta", "snpgen").set_index("position").real
    assert len(found) == 120 and sorted(found.items()) == sorted(expected.items())

    region = read(results / "evaluation/ld_region.tsv").assign(first=".", second=".")
    assert plot_region(region, "snpgen").axes[0].images[0].get_array().shape == (6, 6)
    assert len(widen(region, ["i", "j", "first", "second"], "r", "snpgen")) == 15


def test_table_of_a_qq_plot_follows_its_points():
    p = pd.Series(-np.log10((np.arange(5000) + 0.5) / 5000))
    rows = qq_rows(p)
    assert len(rows) <= 1000 and rows["rank"].iloc[[0, -1]].tolist() == [1, 5000]
    np.testing.assert_allclose(rows.observed, rows.expected)
    assert ((rows.null_low < rows.expected) & (rows.expected < rows.null_high)).all()
    assert qq_rows(pd.Series([np.nan])).empty


def test_tables_put_cohorts_side_by_side(results):
    effects = read(results / "evaluation/effects.tsv")
    wide = widen(effects, ["variant_id"], "beta", "snpgen")
    assert list(wide) == ["variant_id", "real", "test", "snpgen"] and len(wide) == 120
    real = effects[effects.subject == "real"].set_index("variant_id").beta
    assert (wide.set_index("variant_id").real == real).all()


def test_roc_curves_stand_on_logarithmic_axes_beside_chance_and_the_controls(results, metrics):
    panels = plot_roc(read(results / "evaluation/curves.tsv"), metrics, "snpgen").axes
    assert [axes.get_xscale() + axes.get_yscale() for axes in panels] == ["loglog"] * 2
    for axes, lowest in zip(panels, (0.001, 0.05095), strict=True):
        curve = next(line for line in axes.lines if line.get_label() == "Nearest distance")
        np.testing.assert_allclose(curve.get_ydata()[0], lowest)
        np.testing.assert_allclose(curve.get_xdata()[[0, -1]], [0.001, 1])
    grey = [line for line in panels[1].lines if line.get_label() == "Negative control"]
    np.testing.assert_allclose(grey[0].get_xdata(), grey[0].get_ydata())


def test_every_figure_stands_in_the_page_with_its_words(page):
    images = Outline(page).images
    assert len(images) == 12
    assert all(role in ("img", "group") and len(label) > 30 for role, label in images)
    for caption in ("Observed p-values", "How well an attacker", "Allele frequencies of synth"):
        assert page.count(caption) == 2  # read out, and below the figure


def test_numbers_of_the_tables_stand_in_the_page(page):
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
    for words in (
        "learnt 120 variants",
        "280 training people",
        "0.757 0.744 to 0.770 AUC, ridge 0.784 real people 0.501 useless generator",
        "0.571 0.560 to 0.582 Frequency attack, AUC 0.501 nobody to find 1.000",
        "GWAS and generator took 119 seconds",
        "712,345",
        "fewer than 0.95 of genotypes called",
        "λ 1.037",
        "seed 7",
    ):
        assert words in text, words
    assert "Causal SNPs found" in text
    assert "NA" in text


def test_page_escapes_what_comes_from_outside(page):
    svg = inline_svg(
        '<?xml?><svg width="1pt" height="1pt" viewBox="0 0 9 9"><a xlink:href="#locus-3" target="_blank">'
        '<use xlink:href="#m" x="2" y="3"/></a><a xlink:href="#locus-4"><use x="1" y="1"/></a></svg>',
        "a",
        'r < "1"',
        {"3": ("<b>rs1</b>", "it's")},
    )
    assert 'aria-label="r &lt; &quot;1&quot;"' in svg
    assert "&lt;b&gt;rs1&lt;/b&gt;, it&#x27;s" in svg and "<b>" not in svg
    assert svg.count("<a ") == 1 and 'xlink:href="#a-m"' in svg
    assert "&lt;cohort&gt;.bed" in page and "1,000,000,000,000" in page and "a&amp;b.yaml" in page


def test_void_audit_is_said_at_once(metrics):
    assert audit_faults(metrics, "snpgen") == []
    blind = metrics.copy()
    planted = blind.subject == "positive_control"
    blind.loc[planted, "ci_low"] = 0.005
    assert "planted" in audit_faults(blind, "snpgen")[0]
    weak = (metrics.subject == "positive_control") & metrics.metric.str.endswith("_auc")
    assert audit_faults(metrics[~weak], "snpgen") == []  # the TPR at a low FPR alone shows them
    nervous = metrics.copy()
    null = (nervous.subject == "negative_control") & (nervous.metric == "mia_distance_auc")
    nervous.loc[null, ["value", "ci_low", "ci_high"]] = [0.56, 0.55, 0.57]
    assert "none was in training" in audit_faults(nervous, "snpgen")[0]


def test_copies_are_said_at_once_and_excuse_the_control(results, metrics, figures):
    copied = metrics.copy()
    ours = copied.subject == "snpgen"
    copied.loc[ours & (copied.metric == "exact_matches"), "value"] = 0.5
    copied.loc[ours & copied.metric.str.startswith("mia_"), "value"] = 0.99
    assert audit_faults(copied, "snpgen") == []
    page = render(results, copied, figures, make_cards())
    assert "50.00 % of the synthetic" in page and "The cohort holds real people." in page


def test_ladder_stands_from_real_people_down_and_no_two_look_alike():
    ladder = ["real", "shuffled", "snpgen", "cvae", "mosaic", "copula", "independent"]
    assert order(pd.Series(sorted(ladder))) == ladder
    looks = [look(subject) for subject in ladder]
    assert len({one.colour for one in looks}) == len(ladder)
    assert len({one.label for one in looks}) == len(ladder)


def test_main_figures_add_up_times_and_keep_the_largest_memory(metrics):
    time, memory = main_estimates(metrics, "cost", "snpgen")
    assert time["value"] == "119"  # 61.2 + 48.7 + 9.4
    assert memory["value"] == "612"


def test_main_table_has_a_column_a_cohort_and_no_control(metrics):
    table = main_table(metrics)
    cohorts = ["snpgen", "snpgen_balanced", "reconstruction", "independent"]
    assert table["subjects"] == [*cohorts, "clumping_thresholding"]
    ridge = next(row for row in table["rows"] if row["label"] == "AUC, ridge")
    assert [cell["value"] for cell in ridge["cells"][:4]] == ["0.757", "0.757", "0.772", "0.700"]
    assert ridge["ceiling"] == {"value": "0.784", "interval": "0.771 to 0.797"}
    axes = [row["domain"] for row in table["rows"]]
    assert axes == sorted(axes, key=["fidelity", "association", "utility", "privacy"].index)


def test_loci_and_signal_of_the_panel_stand_in_the_section_on_association(page, results):
    section = page[page.index('id="association"') : page.index('id="utility"')]
    signal, table = re.findall(r"<table>(.*?)</table>", section, flags=re.DOTALL)
    assert "120 variants" in signal and "1,500 variants" in signal
    assert "0.098<small>0.059 to 0.137" in signal and ">0.82</td>" in signal
    assert "0.004<small>0.000 to 0.012" in signal
    assert "0.310" not in signal  # training people
    assert "The 20 loci with the smallest p of 30" in table
    loci = read_variants(results / "panel/loci.tsv").sort_values("neg_log_10_p_value")
    shown = re.findall(r'<th scope="row">(.*?)</th>', table)
    assert sorted(shown) == sorted(loci.variant_id[::-1][:20])


def test_every_warning_stands_above_the_figures(page):
    alarms = re.findall(r'<div class="alarm">(.*?)</div>', page[: page.index("<main")])
    assert alarms == ["Effects &lt;point&gt; apart.", "Seen."]


def test_a_promise_stands_first_and_says_what_the_seed_undoes(results, metrics, figures, page):
    assert "differentially private" not in page[: page.index("<main")]
    cards = make_cards()
    cards["Autoencoder"] |= {"differential_privacy": {"epsilon": 4, "delta": 7.6e-5}}
    top = render(results, metrics, figures, cards)
    top = " ".join(top[: top.index("<main")].split())
    assert "differentially private: epsilon 4, delta 8e-05." in top
    assert "tells the seed" in top and "must not leave" in top


def test_a_figure_is_shorter_in_the_page_and_lacks_nothing():
    figure, (axes,) = make_figure(3, 2)
    axes.plot([0, 1], [0.123456789, 1], marker="o")
    axes.set_title("A label with many letters, and many more of them")
    text = io.StringIO()
    save_svg(figure, text)
    svg = inline_svg(text.getvalue(), "one", "A line")
    assert len(svg) < 0.8 * len(text.getvalue())
    used = re.findall(r'(?:href="#|url\(#)([^")]+)', svg)
    assert set(used) == set(re.findall(r'\bid="([^"]+)"', svg))
    assert len(used) == len(re.findall(r'(?:href="#|url\(#)', text.getvalue()))
    widths = [float(x) for x in re.findall(r'translate\(([\d.]+) 0\)"', text.getvalue())]
    placed = [float(x) for x in re.findall(r'<use xlink:href="#one-[\w-]+" x="(\d+)"/>', svg)]
    assert len(widths) > 30
    np.testing.assert_allclose(placed, widths, atol=1)  # hundredths of a letter's size


def test_a_phenotype_is_named_with_its_threshold_or_classes():
    assert describe_phenotype({"column": "trait", "coding": "0/1"}) == "trait"
    height = {"column": "height", "coding": "quantitative", "threshold": 0}
    assert describe_phenotype(height) == "height >= 0"
    severity = {"column": "severity", "coding": "classes", "classes": ["none", "mild"]}
    assert describe_phenotype(severity) == "severity (none; cases mild)"


def test_long_lists_of_a_card_are_shown_by_their_length():
    card = {
        "architecture": {"chromosomes": ["1"] * 512, "hidden": 64},
        "collapsed": False,
        "steps": 80000,
        "delta": 0.000180050414,
        "epsilon": None,
    }
    assert flatten(card) == [
        ("architecture: chromosomes", "512 values"),
        ("architecture: hidden", "64"),
        ("collapsed", "no"),
        ("steps", "80,000"),
        ("delta", "0.0001801"),
        ("epsilon", "none"),
    ]


def test_no_rule_of_the_report_reads_what_is_private():
    rules = (REPORT.parent / "rules" / "report.smk").read_text()
    assert "results/{phenotype}/metrics.tsv" in rules
    assert "private" not in rules
