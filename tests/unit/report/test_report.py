"""The report: complete, self-contained, accessible and escaped, with the numbers of its tables."""

import base64
import gzip
import io
import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from example_results import (
    MODELS,
    ROOT,
    STYLE,
    TEMPLATES,
    add_groups,
    change_metrics,
    make_results,
    read_example,
)
from page_outline import Outline, text_of
from test_figures import make_figures

from snpgen.io.matching import Match
from snpgen.io.panel import read_variants
from snpgen.report.association import top_loci
from snpgen.report.audit import GROUPS, attack_table
from snpgen.report.estimates import audit_faults, main_estimate, main_table, suppress_cells
from snpgen.report.figures import read_table
from snpgen.report.inline import inline_svg, make_download
from snpgen.report.page import Page, flatten, render_page
from snpgen.report.provenance import describe_software
from snpgen.report.registry import figure_names
from snpgen.report.style import make_axes, save_svg
from snpgen.report.templates import (
    describe_phenotype,
    duration,
    enumerate_words,
    one_line,
    read_texts,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_results(tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def content(folder, tmp_path_factory):
    """What the report of the example is made of."""
    figures = tmp_path_factory.mktemp("figures")
    make_figures(folder, figures)
    results = read_example(folder)
    results = replace(results, metrics=suppress_cells(add_groups(results.metrics), 10))
    inflation = {"lambda_gc": 1.4, "lambda_1000": 1.25, "quantitative": False, "loco": False}
    warnings = [
        {"kind": "small_class", "facts": {"count": 123, "class": "cases", "minimum": 200}},
        {"kind": "relatives", "facts": {"share": 0.678}},
        {"kind": "inflation", "facts": inflation},
        {"kind": "inflation", "facts": inflation | {"quantitative": True, "loco": True}},
    ]
    return Page(
        replace(results, gwas=results.gwas | {"warnings": warnings}),
        figures=read_texts(figures.glob("*.svg")),
        captions=read_texts((ROOT / "workflow/report").glob("*.rst")),
        tables={name: f"figure\tvalue\n{name}\t1\n" for name in figure_names(True)},
        funnels={"funnel": read_table(folder.parent / "cohort/funnel.tsv")},
        loci=read_variants(folder / "panel/loci.tsv"),
        variance_explained=read_table(folder / "panel/variance_explained.tsv"),
        software=describe_software("version: 1.2.3"),
        files=[{"name": "<cohort>.bed", "bytes": 10**12, "sha256": None}],
        commands=["snakemake --configfile a&b.yaml"],
    )


def render(content, **changes):
    """The report with `changes` of its results."""
    page = replace(content, results=replace(content.results, **changes))
    return render_page(TEMPLATES, STYLE, page)


@pytest.fixture(scope="module")
def page(content):
    return render(content)


@pytest.fixture(scope="module")
def metrics(content):
    return content.results.metrics


def test_page_is_well_formed_and_self_contained(page):
    outline = Outline(page)
    assert outline.open == [] and outline.fetched == []
    assert not re.search(r"https?:|//[a-z]|@import|url\((?!#)", re.sub(r"base64,[^\"]*", "", page))
    assert len(outline.ids) == len(set(outline.ids))
    assert set(re.findall(r'(?:url\(|href=")#([^")]+)', page)) <= set(outline.ids)
    assert "<script" not in page and len(page) < 5_000_000


def test_headings_tables_and_images_are_accessible(page):
    outline = Outline(page)
    assert outline.headings[0] == 1 and outline.headings.count(1) == 1
    steps = zip(outline.headings, outline.headings[1:], strict=False)
    assert all(below <= above + 1 for above, below in steps)
    assert outline.unscoped == []
    tables = re.findall(r"<table.*?</table>", page, flags=re.DOTALL)
    assert len(tables) > 8 and all("<caption>" in table for table in tables)
    assert page.count("<main") == page.count("<header") == page.count("<nav") == 1
    assert page.index('class="skip" href="#main"') < page.index("<header")
    assert len(outline.images) == len(figure_names(True))
    assert all(role in ("img", "group") and len(label) > 30 for role, label in outline.images)
    assert len({label for _, label in outline.images}) == len(outline.images)


def test_tables_behind_figures_can_be_downloaded(page, metrics):
    downloads = Outline(page).downloads
    for name in figure_names(True):
        kind, data = downloads[f"demo.{name}.tsv"].split(";base64,")
        assert kind == "data:text/tab-separated-values"
        assert base64.b64decode(data).decode() == f"figure\tvalue\n{name}\t1\n"
    taken = next(name for name in downloads if name.startswith("demo.metrics"))
    data = base64.b64decode(downloads[taken].split(";base64,")[1])
    table = gzip.decompress(data) if taken.endswith(".gz") else data
    assert len(table.decode().splitlines()) == len(metrics) + 1


def test_a_table_that_is_too_long_is_named_instead(content):
    noise = np.random.default_rng(1).normal(size=60_000)
    text = "value\n" + "\n".join(map(str, noise)) + "\n"
    assert make_download("long.tsv", text) is None
    short = make_download("short.tsv", "a\tb\n" + "1\t2\n" * 20_000)
    assert short.name == "short.tsv.gz" and short.rows == 20_000
    page = render_page(TEMPLATES, STYLE, replace(content, tables=content.tables | {"ld": text}))
    assert "results/demo/figures/ld.tsv" in page and "demo.ld.tsv" not in Outline(page).downloads


def test_circles_of_the_manhattan_plot_link_to_the_rows_of_their_loci(page, folder):
    loci = top_loci(read_variants(folder / "panel/loci.tsv"))
    figure = page[page.index('id="figure-manhattan"') : page.index('id="figure-qq"')]
    links = dict(re.findall(r'<a href="#(locus-\d+)" aria-label="([^"]*)"', figure))
    assert list(links) == [f"locus-{locus}" for locus in loci.locus]
    rows = dict(re.findall(r'<tr id="(locus-\d+)" tabindex="-1"><th scope="row">(.*?)</th>', page))
    assert all(label.startswith(f"{rows[link]}, chromosome") for link, label in links.items())
    assert 'role="group"' in figure  # screen readers skip the content of an image


@pytest.mark.parametrize(
    "numbers",
    [
        ("0.757", "0.744 to 0.770", "0.784", "0.501"),  # utility
        ("0.571", "0.560 to 0.582", "0.501", "1.000"),  # privacy
        ("119 seconds",),
    ],
)
def test_summary_has_estimates_intervals_and_references(page, numbers):
    summary = text_of(page[page.index('id="summary"') : page.index('id="baselines"')])
    place = 0
    for number in numbers:
        place = summary.index(number, place)


def test_page_has_the_numbers_of_its_tables(page):
    text = text_of(page)
    for part in ("280", "712,345", "λ 1.037", "20260310", "fewer than 0.95 of genotypes", "NA"):
        assert part in text, part


def test_loci_and_variance_explained_are_in_the_section_on_association(page, folder):
    section = page[page.index('id="association"') : page.index('id="utility"')]
    explained, loci = re.findall(r"<table>(.*?)</table>", section, flags=re.DOTALL)
    numbers = ("1,500", "0.098<small>0.059 to 0.137", ">0.82</td>", "0.004<small>0.000 to 0.012")
    assert all(number in explained for number in numbers)
    assert "0.310" not in explained  # training individuals
    table = read_variants(folder / "panel/loci.tsv").sort_values("neg_log_10_p_value")
    shown = re.findall(r'<th scope="row">(.*?)</th>', loci)
    assert sorted(shown) == sorted(table.variant_id[::-1][:20])


def test_warnings_precede_the_estimates(page):
    alarms = re.findall(
        r'<div class="alarm"><strong>.+?</strong>(.*?)</div>',
        page[: page.index("<main")],
        re.DOTALL,
    )
    numbers = [("123", "200"), ("68",), ("1.40", "1.25", "controls"), ("1.25", "pcs.count")]
    for alarm, expected in zip(alarms, numbers, strict=True):
        assert all(number in alarm for number in expected), alarm


def test_warnings_of_external_summary_statistics(content):
    overlap = {"kind": "sample_overlap", "facts": {"file": "<study>.tsv"}}
    opposite = {"file": "study.tsv", "correlation": -0.456}
    warnings = [overlap, {"kind": "opposite_effects", "facts": opposite}]
    page = render(content, external_sumstats={"file": "study.tsv", "warnings": warnings})
    header = page[: page.index("<main")]
    assert "&lt;study&gt;.tsv" in header and re.search(r"[-−]0\.46", header)


def test_page_escapes_text_of_the_user(page):
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


def test_a_void_audit_is_an_alarm(content, metrics):
    assert audit_faults(metrics, "snpgen") == []
    blind = metrics.copy()
    blind.loc[blind.subject == "positive_control", "ci_low"] = 0.005
    assert audit_faults(blind, "snpgen") == ["positive_control"]
    aucs = (metrics.subject == "positive_control") & metrics.metric.str.endswith("_auc")
    assert audit_faults(metrics[~aucs], "snpgen") == []  # the TPR at a low FPR is enough
    outside = {"value": 0.56, "ci_low": 0.55, "ci_high": 0.57}
    above = change_metrics(metrics, "mia_distance_auc", "negative_control", **outside)
    assert audit_faults(above, "snpgen") == ["negative_control"]
    assert render(content, metrics=above).count('role="alert"') == 1


def test_copies_are_an_alarm_and_explain_the_positive_control(content, metrics):
    copied = change_metrics(metrics, "exact_matches", value=0.5)
    attacks = (copied.subject == "snpgen") & copied.metric.str.startswith("mia_")
    copied.loc[attacks, "value"] = 0.99
    assert audit_faults(copied, "snpgen") == []
    page = render(content, metrics=copied)
    assert page.count('role="alert"') == 1 and "50.00\u00a0%" in page


def test_differential_privacy_is_stated_first(content, page):
    assert "epsilon" not in page[: page.index("<main")]
    dp = MODELS["vae"] | {"differential_privacy": {"epsilon": 4, "delta": 7.6e-5}}
    header = render(content, models=content.results.models | {"vae": dp})
    header = text_of(header[: header.index("<main")])
    assert "epsilon 4" in header and "8e-05" in header and "seed" in header


def test_collapse_and_effects_change_the_section_on_the_generator(content):
    def sentences(**changes):
        models = {
            name: card | changes.get(name, {}) for name, card in content.results.models.items()
        }
        page = render(content, models=models)
        section = page[page.index('id="generator"') : page.index('id="metrics"')]
        return [text_of(item) for item in re.findall(r"<li>(.*?)</li>", section, flags=re.DOTALL)]

    latents, guidance, effects, protection, guarantee = sentences()
    assert "3.21" in latents and "2.10" in latents and "51.2" in latents
    assert "1.5" in guidance and "0.97" in guidance
    # Shrinkage factors of 120 variants fall from 0.9 to 0.02 in equal steps: 82 exceed 0.3, 109 exceed 0.1.
    for part in ("Stephens 2017", "0.7", "82 of 120", "109 variants", "0.460"):
        assert part in effects, part
    assert "adaptive attack" in protection and "epsilon" not in guarantee
    collapsed = sentences(vae={"posterior_collapse": True})
    assert len(collapsed) == 6 and "collapse" in collapsed[0]
    inflated = sentences(calibration={"effects": "training"})
    assert "calibration.effects" in inflated[2] and "82" not in inflated[2]
    assert "higher" in inflated[3]
    dp = {"differential_privacy": {"epsilon": 4, "delta": 7.6e-5}}
    private = sentences(vae=dp, calibration={"effects": "training"})
    assert len(private) == 3 and "epsilon 4" in private[2] and "8e-05" in private[2]


def test_an_external_cohort_has_a_report_without_a_generator(content):
    results = content.results
    metrics = results.metrics[results.metrics.subject != "snpgen_balanced"]
    metrics = metrics[metrics.domain != "cost"].replace("snpgen", "external")
    page = replace(
        content,
        results=replace(
            results,
            settings=results.settings | {"external_cohort": "elsewhere/cohort"},
            subject="external",
            metrics=metrics,
            models={},
        ),
        figures={name: content.figures[name] for name in figure_names(with_model=False)},
    )
    outline = Outline(html := render_page(TEMPLATES, STYLE, page))
    assert "elsewhere/cohort" in html and "External cohort" in html
    assert outline.open == [] and "generator" not in outline.ids and "#generator" not in html
    assert len(outline.images) == 12 and "Wall time" not in text_of(html)


def test_attacks_by_group_with_the_negative_control_and_the_forecast(content, metrics):
    own = metrics[(metrics.subject == "snpgen") & (metrics.metric == "mia_frequency_auc")]
    cases = own.assign(stratum="case", value=0.63, ci_low=0.58, ci_high=0.67, ceiling=0.57)
    rate = cases.assign(metric="mia_frequency_tpr_0.01", value=0.046)
    real = cases.assign(metric="forecast_auc", subject="real", value=0.684)
    table = pd.concat([metrics, cases, rate, real])

    def rows(**changes):
        results = replace(content.results, metrics=table, **changes)
        return {
            row["attack"]: dict(zip(GROUPS, row["cells"], strict=True))
            for row in attack_table(results)
        }

    found = rows()
    assert list(found) == ["distance", "frequency"]
    expected = {"value": "0.630", "interval": "0.580 to 0.670", "ceiling": "0.570", "tpr": "0.046"}
    assert found["frequency"]["case"] == expected | {"forecast": "0.612"}
    assert found["frequency"]["control"] is None and found["distance"]["all"]["forecast"] == ""
    external = rows(models={}, forecast=None)["frequency"]
    assert external["case"]["forecast"] == "0.684" and external["all"]["forecast"] == ""


def test_estimates_by_ancestry_are_beside_those_of_real_individuals(content, folder):
    page = render(content)
    section = text_of(page[page.index('id="by-ancestry"') : page.index('id="metrics"')])
    assert "Groups were found in the training individuals by a Gaussian mixture" in section
    assert "Too few test individuals for an evaluation (fewer than 100): east." in section
    assert "few synthetic" in section  # 35 individuals, from which those of east would follow
    assert re.search(r"0\.680\s*0\.660 to 0\.700\s*real 0\.510", section)
    assert "In the worst ancestry group (south), it does so in 68 % of pairs" in text_of(page)
    assert "is evaluated. These estimates" not in section
    metrics = read_example(folder).metrics
    without = render(content, metrics=metrics)
    assert "by-ancestry" not in without and "worst ancestry group" not in without


def test_a_single_evaluated_group_is_named(content):
    metrics = content.results.metrics
    alone = metrics[~metrics.stratum.isin(["group:south"])]
    page = render(content, metrics=alone)
    section = text_of(page[page.index('id="by-ancestry"') : page.index('id="metrics"')])
    assert "Only the group north is evaluated" in section


def test_costs_are_summed_and_memory_is_the_largest(metrics):
    assert main_estimate(metrics, "wall_seconds", "snpgen")["value"] == "119"  # 61.2 + 48.7 + 9.4
    assert main_estimate(metrics, "peak_rss_mb", "snpgen")["value"] == "612"
    assert main_estimate(metrics, "wall_seconds", "mosaic") is None


def test_main_table_has_a_column_per_cohort_and_no_control(metrics):
    table = main_table(metrics)
    cohorts = ["snpgen", "snpgen_balanced", "reconstruction", "independent"]
    assert table["subjects"] == [*cohorts, "clumping_thresholding"]
    rows = {row["metric"].name: row for row in table["rows"]}
    values = [cell and cell["value"] for cell in rows["auc_ridge"]["cells"]]
    assert values == ["0.757", "0.757", "0.772", "0.700", None]
    ceiling = rows["auc_ridge"]["ceiling"]
    assert (ceiling["value"], ceiling["interval"]) == ("0.784", "0.771 to 0.797")
    assert [rows["n_snps"]["cells"][i]["value"] for i in (0, 4)] == ["120", "62"]
    assert rows["auc_prs"]["cells"][4]["value"] == "0.771"
    domains = [row["domain"] for row in table["rows"]]
    assert domains == sorted(domains, key=["fidelity", "association", "utility", "privacy"].index)


def test_an_embedded_figure_is_shorter_and_complete():
    figure, (axes,) = make_axes(3, 2)
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
    np.testing.assert_allclose(placed, widths, atol=1)  # hundredths of the size of a glyph


def test_values_are_formatted():
    assert describe_phenotype({"column": "trait", "coding": "0/1"}) == "trait"
    height = {"column": "height", "coding": "quantitative", "threshold": 0}
    assert describe_phenotype(height) == "height >= 0"
    severity = {"column": "severity", "coding": "classes", "classes": ["none", "mild"]}
    assert describe_phenotype(severity) == "severity (controls: none; cases: mild)"
    words = [enumerate_words(list(letters)) for letters in ("a", "ab", "abc")]
    assert words == ["a", "a and b", "a, b and c"]
    assert one_line(" a\n  b\u00a0%\n") == "a b\u00a0%"
    texts = {45: "45 seconds", 119: "119 seconds", 313: "5.2 minutes", 5400: "90 minutes"}
    texts |= {7400: "2.1 hours", 4e5: "4.6 days"}
    assert {seconds: duration(seconds) for seconds in texts} == texts


def test_entries_of_a_card_are_flattened_and_long_lists_are_counted():
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


def test_no_rule_of_the_report_reads_restricted_files():
    rules = (ROOT / "workflow/rules/report.smk").read_text()
    assert "results/{phenotype}/metrics.tsv" in rules
    assert "restricted" not in rules


def test_cards_of_the_example_are_those_of_the_files(folder, content):
    card = json.loads((folder / "model/vae.json").read_text())
    assert content.results.models["vae"] == card == MODELS["vae"]


def test_tables_with_few_matching_ids_are_named(content, page):
    matches = [Match("kinship table", 400, 900, 200), Match("phenotype table", 900, 900, 850)]
    funnels = content.funnels | {"samples": pd.concat(match.funnel() for match in matches)}
    text = one_line(render_page(TEMPLATES, STYLE, replace(content, funnels=funnels)))
    assert "In the kinship table, 200 IDs match the cohort, and 200 do not" in text
    assert 'IDs in the phenotype table</td><td class="number">850</td>' in text
    assert text.count("Few IDs match.") == 1 and "Few IDs match." not in page
