"""All phenotypes of a run side by side: a single HTML file that asks for nothing outside itself."""

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from snpgen.baselines.registry import CONTROLS, REAL
from snpgen.evaluation.metrics import DOMAINS, describe
from snpgen.evaluation.metrics_table import is_replicate
from snpgen.report.inline import html_environment, inline_svg, make_download
from snpgen.report.metrics import (
    audit_faults,
    copied_share,
    holds_copies,
    interval,
    main_estimates,
    main_rows,
    show,
)
from snpgen.report.page import describe_phenotype, number
from snpgen.report.style import GREY, INK, look, order, save_svg
from snpgen.report.warnings import list_warnings

ROW, STRIP = 0.17, 0.32  # inches of a generator's row, and of a strip's title and margin
LABELS = 0.45  # inches below the last strip


@dataclass(frozen=True)
class Phenotype:
    """What is compared of one phenotype.

    `settings` are all of the phenotype's, `metrics` its metrics.tsv, `split` and `gwas` the summaries
    of these steps, `panel` its variants, `noise` that of the calibration (0 where nothing was
    calibrated), `subject` the cohort that its report is about.
    """

    settings: dict[str, Any]
    metrics: pd.DataFrame
    split: dict[str, Any]
    gwas: dict[str, Any]
    panel: pd.DataFrame
    noise: float
    subject: str


def compared_rows(phenotypes: dict[str, Phenotype]) -> pd.DataFrame:
    """Rows of metrics.tsv that are compared: main metrics, main strata, every generator, no cost."""
    rows = pd.concat([phenotype.metrics for phenotype in phenotypes.values()], ignore_index=True)
    places = {
        name: i
        for i, name in enumerate(name for domain in DOMAINS.values() for name in domain.main)
    }
    rows = rows[rows.metric.isin(list(places)) & (rows.domain != "cost")]
    rows = rows[rows.stratum == rows.metric.map(lambda name: describe(name).stratum)]
    rows = rows[~(rows.subject.isin([*CONTROLS, REAL]) | rows.subject.map(is_replicate))]
    return rows.sort_values("metric", key=lambda names: names.map(places), kind="stable")


def plot_metric(rows: pd.DataFrame, phenotypes: list[str]) -> Figure:
    """Generators with their intervals, one strip a phenotype, on one scale.

    `rows` of metrics.tsv, of one metric and stratum. A broken line is the ceiling, a dotted one the
    floor, which is left out where it lies outside what the generators reach: it would squeeze them.
    """
    subjects = order(rows.subject)
    height = len(phenotypes) * (STRIP + ROW * len(subjects)) + LABELS
    figure = Figure(figsize=(4.4, height), layout="constrained")
    strips = figure.subplots(len(phenotypes), 1, sharex=True, squeeze=False)[:, 0]
    ends = rows[["value", "ci_low", "ci_high", "ceiling"]].to_numpy()
    ends = ends[np.isfinite(ends)]
    for axes, phenotype in zip(strips, phenotypes, strict=True):
        own = rows[rows.phenotype == phenotype]
        for _, row in own.iterrows():
            style, y = look(row.subject), subjects.index(row.subject)
            axes.plot([row.ci_low, row.ci_high], [y, y], color=style.colour)
            axes.plot(row.value, y, color=style.colour, marker=style.marker, linestyle="none")
        ceiling, floor = own.ceiling.max(), own.floor.max()  # the same in every row that has one
        if np.isfinite(ceiling):
            axes.axvline(ceiling, color=INK, linewidth=1, linestyle="--")
        if len(ends) and ends.min() <= floor <= ends.max():
            axes.axvline(floor, color=GREY, linewidth=1, linestyle=":")
        axes.set_title(phenotype if len(own) else f"{phenotype}: not measured", fontsize=8)
        axes.set_yticks(range(len(subjects)), [look(subject).label for subject in subjects])
        axes.set_ylim(len(subjects) - 0.4, -0.6)
        axes.grid(visible=False, axis="y")
        axes.locator_params(axis="x", nbins=5)
    metric = describe(rows.metric.iloc[0])
    strips[-1].set_xlabel(metric.label)
    return figure


def draw(rows: pd.DataFrame, phenotypes: list[str]) -> dict[str, str]:
    """A metric's figure as the page shows it: label, meaning and the <svg> element."""
    text, name = io.StringIO(), rows.metric.iloc[0]
    save_svg(plot_metric(rows, phenotypes), text)
    metric = describe(name)
    alt = f"{metric.label} of every generator, by phenotype"
    svg = inline_svg(text.getvalue(), name.replace(".", "_"), alt)
    return {"label": metric.label, "meaning": metric.explanation, "svg": svg}


def domain_table(domain: str, phenotypes: dict[str, Phenotype]) -> dict[str, Any]:
    """The main metrics of an domain that any phenotype has, measured of the cohort its report is about.

    `columns` have label and meaning; `rows` name and `cells`, one a column: value, interval, ceiling
    and floor as text, or None where nothing was measured.
    """
    names = [
        name
        for name in DOMAINS[domain].main
        if any((one.metrics.metric == name).any() for one in phenotypes.values())
    ]
    rows = [
        {"name": name, "cells": [_cell(one, metric, domain) for metric in names]}
        for name, one in phenotypes.items()
    ]
    return {"columns": [describe(name) for name in names], "rows": rows}


def _cell(phenotype: Phenotype, name: str, domain: str) -> dict[str, str] | None:
    metrics, metric = phenotype.metrics, describe(name)
    if domain == "cost":
        shown = {one["label"]: one for one in main_estimates(metrics, domain, phenotype.subject)}
        return shown[metric.label] | {"floor": ""} if metric.label in shown else None
    rows = main_rows(metrics, name)
    rows = rows[rows.subject == phenotype.subject]
    if rows.empty:
        return None
    row = rows.iloc[0]
    ceiling, floor = (
        show(value, metric.digits) if np.isfinite(value) else ""
        for value in (row.ceiling, row.floor)
    )
    return {
        "value": show(row.value, metric.digits),
        "interval": interval(row, metric.digits),
        "ceiling": ceiling,
        "floor": floor,
    }


def list_faults(phenotype: Phenotype) -> list[str]:
    """What makes figures of a phenotype void or blurs them, a sentence or two each; nothing where all is well."""
    faults = audit_faults(phenotype.metrics, phenotype.subject)
    sentences = [f"The privacy audit is void: {'; '.join(faults)}."] if faults else []
    if holds_copies(phenotype.metrics, phenotype.subject):
        copied, _ = copied_share(phenotype.metrics, phenotype.subject)
        sentences.append(
            f"{show(100 * copied, 2)} % of the synthetic people equal a training person at every "
            "variant of the panel."
        )
    related = phenotype.split["related_pairs_across"]
    if related:
        sentences.append(
            f"{number(related)} pairs of a training and another person are closer than asked: figures on test "
            "people are too good, and attacks look too weak."
        )
    warnings = list_warnings(
        phenotype.metrics,
        phenotype.subject,
        phenotype.panel,
        phenotype.noise,
        phenotype.settings,
    )
    return sentences + [text for _, text in warnings]


def render_comparison(template: str, style: str, phenotypes: dict[str, Phenotype]) -> str:
    """The page from the text of its Jinja template and of its style sheet, phenotypes by name.

    It links to `{name}/report.html` beside it, and holds the table behind its figures.
    """
    environment = html_environment()
    environment.filters["number"] = number
    environment.filters["column"] = describe_phenotype
    rows = compared_rows(phenotypes)
    table = rows.to_csv(sep="\t", index=False, na_rep="NA")
    groups = {str(name): group for name, group in rows.groupby("metric", sort=False)}
    return environment.from_string(template).render(
        style=style,
        phenotypes=phenotypes,
        faults={name: list_faults(one) for name, one in phenotypes.items()},
        axes=[
            {
                "name": name,
                "question": domain.question,
                "table": domain_table(name, phenotypes),
                "figures": [
                    draw(groups[metric], list(phenotypes))
                    for metric in domain.main
                    if metric in groups
                ],
            }
            for name, domain in DOMAINS.items()
        ],
        download=make_download("comparison.tsv", table),
    )
