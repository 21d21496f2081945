"""The comparison of phenotypes: numbers, links, plots, data behind them, and missing estimates."""

import base64
import io
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from example_results import SETTINGS, STYLE, TEMPLATES, change_metrics, make_results, read_example
from page_outline import Outline

from snpgen.baselines.registry import SUBJECTS
from snpgen.evaluation.metrics import DOMAINS
from snpgen.report.comparison import compared_rows, domain_table, plot_metric, render_comparison


@pytest.fixture(scope="module")
def phenotypes(tmp_path_factory):
    """A binary phenotype, and an external cohort without cost, causal variants or the baseline independent."""
    first = read_example(make_results(tmp_path_factory.mktemp("comparison")), models={})
    metrics = first.metrics.replace({"subject": {"snpgen": "external"}}).assign(phenotype="height")
    missing = (metrics.domain == "cost") | (metrics.subject == "independent")
    metrics = metrics[~missing & ~metrics.metric.str.startswith("true_")].copy()
    metrics.loc[metrics.metric == "auc_ridge", ["value", "ci_low", "ci_high"]] *= 0.9
    own = {"column": "height", "coding": "quantitative", "threshold": 172.5}
    height = replace(
        first,
        phenotype="height",
        subject="external",
        metrics=metrics,
        settings=SETTINGS | {"external_cohort": "elsewhere/cohort", "phenotype": own},
        panel=pd.concat([first.panel] * 20, ignore_index=True),
    )
    return {"demo": first, "height": height}


def render(phenotypes):
    return render_comparison(TEMPLATES, STYLE, phenotypes)


@pytest.fixture(scope="module")
def page(phenotypes):
    return render(phenotypes)


def rows_of(page, start):
    """Texts of the cells of the table after `start`, one list per row."""
    table = page[page.index(start) :]
    table = table[: table.index("</table>")]
    return [
        [
            " ".join(re.sub(r"<[^>]+>", " ", cell).split())
            for cell in re.findall(r"<t[hd].*?</t[hd]>", row, re.DOTALL)
        ]
        for row in re.findall(r"<tr>.*?</tr>", table, re.DOTALL)
    ]


def test_each_phenotype_has_its_sizes_and_links(page):
    header, demo, height = rows_of(page, 'id="phenotypes"')
    assert len(header) == 10
    assert demo == ["demo", "trait", "280", "70", "80", "20", "3,000", "14", "1.037", "120"]
    assert height[:2] == ["height", "height &gt;= 172.5"] and height[-1] == "2,400"
    for name in ("demo", "height"):
        assert page.count(f'<a href="{name}/report.html">{name}</a>') == 1 + len(DOMAINS)


def test_domains_without_estimates_are_left_out(page, phenotypes):
    assert 'id="cost"' in page
    assert 'id="cost"' not in render({"height": phenotypes["height"]})


def test_estimates_have_intervals_and_references(page):
    header, demo, height = rows_of(page, 'id="utility"')
    assert [text.startswith("AUC, ridge") for text in header[:4]] == [False, False, True, False]
    numbers = [re.findall(r"\d\.\d+", row[2]) for row in (demo, height)]
    assert numbers[0] == ["0.757", "0.744", "0.770", "0.784", "0.501"]
    assert numbers[1] == ["0.681", "0.670", "0.693", "0.784", "0.501"]


def test_missing_estimates_are_marked(page, phenotypes):
    _, demo, height = rows_of(page, 'id="association"')
    assert demo[-1].startswith("0.880") and height[-1] == "not measured"
    _, demo, height = rows_of(page, 'id="cost"')
    assert demo[1:] == ["119", "612"]  # 61.2 + 48.7 + 9.4 seconds; the largest memory
    assert height[1:] == ["not measured", "not measured"]
    columns = domain_table("association", {"height": phenotypes["height"]})["columns"]
    assert [column.name for column in columns] == ["heldout_slope", "heldout_pearson"]


def test_rows_are_main_metrics_of_generators(phenotypes):
    rows = compared_rows(phenotypes)
    assert not set(rows.subject) & {"real", "negative_control", "positive_control"}
    main = {name for domain in DOMAINS.values() for name in domain.main}
    assert set(rows.metric) <= main and set(rows.stratum) == {"all"}
    assert not rows.duplicated(["phenotype", "metric", "subject"]).any()
    external = rows[(rows.phenotype == "height") & (rows.metric == "ld_slope")]
    assert external.subject.tolist() == ["external", "snpgen_balanced", "reconstruction"]


def test_strips_show_values_intervals_and_references(phenotypes):
    rows = compared_rows(phenotypes)
    figure = plot_metric(rows[rows.metric == "auc_ridge"], list(phenotypes))
    demo, height = figure.axes
    assert demo.get_xlim() == height.get_xlim()
    names = [label.get_text() for label in demo.get_yticklabels()]
    subjects = ("snpgen", "external", "snpgen_balanced", "reconstruction", "independent")
    assert names == [SUBJECTS[name].label for name in subjects]

    def read(axes):
        """Value and interval by name, and the positions of vertical lines."""
        values, bars, bounds = {}, {}, []
        for line in axes.lines:
            x, y = line.get_data()
            if line.get_linestyle() in ("--", ":"):
                bounds.append(x[0])
            elif line.get_marker() != "None":
                values[names[int(y[0])]] = x[0]
            else:
                bars[names[int(y[0])]] = list(x)
        return values, bars, bounds

    values, bars, bounds = read(demo)
    expected = {"SNPgen": 0.757, "SNPgen, balanced": 0.757, "Reconstruction": 0.772}
    assert values == pytest.approx(expected | {"Independent": 0.7})
    assert bars["SNPgen"] == pytest.approx([0.744, 0.77])
    assert bounds == [0.784]  # the floor of 0.501 is outside the range
    values, _, _ = read(height)
    assert set(values) == {"External cohort", "SNPgen, balanced", "Reconstruction"}
    assert values["External cohort"] == pytest.approx(0.9 * 0.757)


def test_a_floor_among_the_generators_is_read(phenotypes):
    rows = compared_rows(phenotypes)
    figure = plot_metric(rows[rows.metric == "mia_distance_auc"], ["demo", "height"])
    dotted = [line.get_xdata()[0] for line in figure.axes[0].lines if line.get_linestyle() == ":"]
    assert dotted == [0.5]


def test_plots_accept_missing_values(phenotypes):
    rows = compared_rows(phenotypes)
    rows = rows[rows.metric == "auc_prs"].copy()
    rows[["value", "ci_low", "ci_high", "ceiling", "floor"]] = np.nan
    figure = plot_metric(rows, ["demo", "height"])
    figure.draw_without_rendering()
    rows = rows[rows.phenotype == "demo"]
    assert plot_metric(rows, ["demo", "height"]).axes[1].get_title("left") == "height: not measured"


def test_the_data_of_the_plots_can_be_downloaded(page, phenotypes):
    data = re.search(r'download="comparison.tsv" href="data:[^,]*;base64,([^"]+)"', page)[1]
    table = pd.read_csv(io.BytesIO(base64.b64decode(data)), sep="\t")
    pd.testing.assert_frame_equal(table, compared_rows(phenotypes).reset_index(drop=True))


def test_alarms_name_their_phenotype(page, phenotypes):
    assert 'role="alert"' not in page
    demo = phenotypes["demo"]
    metrics = change_metrics(demo.metrics, "exact_matches", value=0.02)
    outside = {"value": 0.6, "ci_low": 0.58, "ci_high": 0.62}
    metrics = change_metrics(metrics, "mia_distance_auc", "negative_control", **outside)
    bad = replace(
        demo,
        metrics=metrics,
        split=demo.split | {"related_pairs_across": 3},
        models={"calibration": {"effects": "shrunken"}},
        panel=demo.panel.assign(kept=0),
    )
    page = render({"demo": demo, "bad": bad})
    assert page.count('role="alert"><strong>bad.</strong>') == page.count('role="alert"') == 4


def test_page_is_self_contained_and_has_one_figure_per_metric(page, phenotypes):
    outline = Outline(page)
    reports = {f"{name}/report.html" for name in phenotypes}
    assert outline.open == [] and set(outline.fetched) == reports
    assert len(outline.images) == compared_rows(phenotypes).metric.nunique()
    assert len(set(outline.images)) == len(outline.images)
    assert len(set(outline.ids)) == len(outline.ids)
    assert "@import" not in page and len(page.encode()) < 5_000_000


def test_page_is_escaped_and_reproducible(page, phenotypes):
    assert render(phenotypes) == page
    own = {"phenotype": {"column": "<b>&", "coding": "0/1"}}
    page = render({"demo": replace(phenotypes["demo"], settings=SETTINGS | own)})
    assert "&lt;b&gt;&amp;" in page and "<b>&" not in page
