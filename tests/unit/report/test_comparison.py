"""The page that compares phenotypes: their numbers, links, plots, table, and what is missing."""

import base64
import io
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from example_results import make_results

from snpgen.evaluation.metrics import DOMAINS
from snpgen.io.panel import read_variants
from snpgen.report.comparison import (
    Phenotype,
    compared_rows,
    domain_table,
    list_faults,
    plot_metric,
    render_comparison,
)
from snpgen.report.metrics import read_metrics

SETTINGS = {"external_cohort": None, "conditions": {"group": None}}
REPORT = Path(__file__).parents[3] / "workflow" / "report"


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return make_results(tmp_path_factory.mktemp("comparison"))


def make_phenotype(results, name, subject="snpgen", **facts):
    facts = {
        "settings": SETTINGS | {"phenotype": {"column": name}},
        "metrics": read_metrics(results / "metrics.tsv").assign(phenotype=name),
        "split": json.loads((results / "split.json").read_text()),
        "gwas": json.loads((results / "gwas/summary.json").read_text()),
        "panel": read_variants(results / "panel/variants.tsv"),
        "noise": 0.0,
        "subject": subject,
    } | facts
    return Phenotype(**facts)


@pytest.fixture(scope="module")
def phenotypes(results):
    """A case/control phenotype, and one of a given cohort without cost, causal SNPs or an independent."""
    first = make_phenotype(results, "demo")
    metrics = first.metrics.replace({"subject": {"snpgen": "external"}}).assign(phenotype="height")
    missing = (metrics.domain == "cost") | (metrics.subject == "independent")
    metrics = metrics[~missing & (metrics.metric != "causal_slope")].copy()
    metrics.loc[metrics.metric == "auc_ridge", ["value", "ci_low", "ci_high"]] *= 0.9
    own = {"column": "height", "coding": "quantitative", "threshold": 172.5}
    settings = SETTINGS | {"external_cohort": "elsewhere/cohort", "phenotype": own}
    panel = pd.concat([first.panel] * 20, ignore_index=True)
    height = make_phenotype(
        results, "height", "external", metrics=metrics, settings=settings, panel=panel
    )
    return {"demo": first, "height": height}


def render(phenotypes):
    template, style = (
        (REPORT / name).read_text() for name in ("comparison.html.jinja", "page.css")
    )
    return render_comparison(template, style, phenotypes)


@pytest.fixture(scope="module")
def page(phenotypes):
    return render(phenotypes)


def rows_of(page, start):
    """Texts of the cells of the table after `start`, one list a row."""
    table = page[page.index(start) :]
    table = table[: table.index("</table>")]
    return [
        [
            " ".join(re.sub(r"<[^>]+>", " ", cell).split())
            for cell in re.findall(r"<t[hd].*?</t[hd]>", row, re.DOTALL)
        ]
        for row in re.findall(r"<tr>.*?</tr>", table, re.DOTALL)
    ]


def test_each_phenotype_has_its_people_panel_and_report(page):
    header, demo, height = rows_of(page, 'id="phenotypes"')
    assert header[0] == "Phenotype" and header[-1] == "SNPs on the panel"
    assert demo == ["demo", "demo", "280", "70", "80", "20", "3,000", "14", "1.037", "120"]
    assert height[:2] == ["height", "height &gt;= 172.5"] and height[-1] == "2,400"
    for name in ("demo", "height"):
        assert page.count(f'<a href="{name}/report.html">{name}</a>') == 1 + len(DOMAINS)


def test_figures_stand_with_interval_ceiling_and_floor(page):
    header, demo, height = rows_of(page, 'id="utility"')
    assert [text.split(" trained")[0] for text in header[1:4]] == [
        "AUC, PRS",
        "AUC, ridge",
        "AUC, XGBoost",
    ]
    assert demo[2] == "0.757 0.744 to 0.770 ceiling 0.784 floor 0.501"
    assert height[2] == "0.681 0.670 to 0.693 ceiling 0.784 floor 0.501"


def test_what_was_not_measured_is_said_to_be(page):
    header, demo, height = rows_of(page, 'id="association"')
    assert header[-1].startswith("Causal slope")
    assert demo[-1].startswith("0.880") and height[-1] == "not measured"
    _, demo, height = rows_of(page, 'id="cost"')
    assert demo[1:] == ["119", "612"]  # 61.2 + 48.7 + 9.4 seconds; the largest memory
    assert height[1:] == ["not measured", "not measured"]


def test_a_metric_that_nobody_has_gets_no_column(phenotypes):
    columns = domain_table("association", {"height": phenotypes["height"]})["columns"]
    assert [column.label for column in columns] == ["Effect slope", "Effect r"]


def test_rows_are_main_metrics_of_generators_alone(phenotypes):
    rows = compared_rows(phenotypes)
    assert not set(rows.subject) & {"real", "negative_control", "positive_control"}
    main = {name for domain in DOMAINS.values() for name in domain.main}
    assert set(rows.metric) <= main and set(rows.stratum) == {"all"}
    assert not rows.duplicated(["phenotype", "metric", "subject"]).any()
    given = rows[(rows.phenotype == "height") & (rows.metric == "ld_slope")]
    assert given.subject.tolist() == ["external", "snpgen_balanced", "reconstruction"]


def test_strips_show_values_intervals_and_ceilings(phenotypes):
    rows = compared_rows(phenotypes)
    figure = plot_metric(rows[rows.metric == "auc_ridge"], list(phenotypes))
    demo, height = figure.axes
    assert demo.get_xlim() == height.get_xlim()
    names = [label.get_text() for label in demo.get_yticklabels()]
    assert names == [
        "SNPgen",
        "External cohort",
        "SNPgen, balanced",
        "Reconstruction",
        "Independent",
    ]

    def drawn(axes):
        """Value and interval by name, and the places of vertical lines."""
        points = {
            names[int(line.get_ydata()[0])]: line
            for line in axes.lines
            if line.get_marker() != "None"
        }
        bars = {
            names[int(line.get_ydata()[0])]: list(line.get_xdata())
            for line in axes.lines
            if line.get_marker() == "None" and line.get_ydata()[0] == line.get_ydata()[1]
        }
        bounds = [line.get_xdata()[0] for line in axes.lines if line.get_linestyle() in ("--", ":")]
        return {name: line.get_xdata()[0] for name, line in points.items()}, bars, bounds

    values, bars, bounds = drawn(demo)
    expected = {
        "SNPgen": 0.757,
        "SNPgen, balanced": 0.757,
        "Reconstruction": 0.772,
        "Independent": 0.7,
    }
    assert values == pytest.approx(expected)
    assert bars["SNPgen"] == pytest.approx([0.744, 0.77])
    assert bounds == [0.784]  # the floor of 0.501 would squeeze the rest
    values, _, _ = drawn(height)
    assert set(values) == {"External cohort", "SNPgen, balanced", "Reconstruction"}
    assert values["External cohort"] == pytest.approx(0.9 * 0.757)


def test_a_floor_among_the_generators_is_drawn(phenotypes):
    rows = compared_rows(phenotypes)
    figure = plot_metric(rows[rows.metric == "mia_distance_auc"], ["demo", "height"])
    dotted = [line.get_xdata()[0] for line in figure.axes[0].lines if line.get_linestyle() == ":"]
    assert dotted == [0.5]


def test_missing_values_leave_a_plot_without_points(phenotypes):
    rows = compared_rows(phenotypes)
    rows = rows[rows.metric == "auc_prs"].copy()
    rows[["value", "ci_low", "ci_high", "ceiling", "floor"]] = np.nan
    figure = plot_metric(rows, ["demo", "height"])
    figure.draw_without_rendering()
    rows = rows[rows.phenotype == "demo"]
    assert plot_metric(rows, ["demo", "height"]).axes[1].get_title("left") == "height: not measured"


def test_the_table_behind_the_plots_is_in_the_page(page, phenotypes):
    data = re.search(r'download="comparison.tsv" href="data:[^,]*;base64,([^"]+)"', page)[1]
    table = pd.read_csv(io.BytesIO(base64.b64decode(data)), sep="\t")
    pd.testing.assert_frame_equal(table, compared_rows(phenotypes).reset_index(drop=True))


def test_faults_name_their_phenotype(results, phenotypes):
    assert list_faults(phenotypes["demo"]) == []
    metrics = phenotypes["demo"].metrics.copy()
    metrics.loc[(metrics.metric == "exact_matches") & (metrics.subject == "snpgen"), "value"] = 0.02
    found = metrics.metric.eq("mia_distance_auc") & metrics.subject.eq("negative_control")
    metrics.loc[found, ["value", "ci_low", "ci_high"]] = 0.6, 0.58, 0.62
    bad = make_phenotype(results, "bad", metrics=metrics)
    bad.split["related_pairs_across"] = 3
    bad = replace(bad, noise=100.0)
    audit, copies, relatives, noise = list_faults(bad)
    assert (
        audit
        == "The privacy audit is void: an attack tells apart people of whom none was in training, as "
        "happens by chance in one audit of 20."
    )
    assert copies.startswith("2.00 % of the synthetic people equal a training person")
    assert relatives.startswith("3 pairs of a training and another person are closer than asked")
    assert noise.startswith("Noise of 1e+02 standard errors was put on the class frequencies")
    page = render({"demo": phenotypes["demo"], "bad": bad})
    assert page.count('role="alert"><strong>bad.</strong>') == page.count('role="alert"') == 4


def test_the_page_stands_alone_and_has_one_figure_a_metric(page, phenotypes):
    assert not re.search(r"(src|href)=[\"']?(https?:)?//", page) and "@import" not in page
    assert page.count("<svg") == compared_rows(phenotypes).metric.nunique()
    labels = re.findall(r'<svg role="img" aria-label="([^"]+)"', page)
    assert len(set(labels)) == len(labels) == page.count("<svg")
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(set(ids)) == len(ids)
    assert len(page.encode()) < 5_000_000


def test_names_are_escaped_and_the_same_input_gives_the_same_page(results, page, phenotypes):
    assert render(phenotypes) == page
    odd = make_phenotype(results, "demo", settings=SETTINGS | {"phenotype": {"column": "<b>&"}})
    assert "&lt;b&gt;&amp;" in render({"demo": odd}) and "<b>&" not in render({"demo": odd})
