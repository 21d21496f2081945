"""All phenotypes of a run side by side: a single self-contained HTML file."""

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from snpgen.baselines.registry import CONTROLS, GREY, INK, REAL
from snpgen.evaluation.metrics import ATTACKS, DOMAINS, describe
from snpgen.evaluation.metrics_table import is_replicate
from snpgen.report.estimates import main_estimate
from snpgen.report.inline import inline_svg, make_download
from snpgen.report.page import shared_context
from snpgen.report.results import Results
from snpgen.report.style import label_rows, look, order, save_svg
from snpgen.report.templates import make_environment

ROW, STRIP = 0.17, 0.32  # inches: a row (one cohort); title and margin of a strip (one phenotype)
LABELS = 0.45  # inches below the last strip


def compared_rows(phenotypes: Mapping[str, Results]) -> pd.DataFrame:
    """Rows of metrics.tsv to compare: main metrics except costs, in their main stratum, of all generators."""
    rows = pd.concat([one.metrics for one in phenotypes.values()], ignore_index=True)
    names = [name for domain in DOMAINS.values() for name in domain.main]
    rows = rows[rows.metric.isin(names) & (rows.domain != "cost")]
    rows = rows[rows.stratum == rows.metric.map(lambda name: describe(name).stratum)]
    rows = rows[~(rows.subject.isin([*CONTROLS, REAL]) | rows.subject.map(is_replicate))]
    return rows.sort_values("metric", key=lambda column: column.map(names.index), kind="stable")


def plot_metric(rows: pd.DataFrame, phenotypes: list[str]) -> Figure:
    """Estimates of the generators with their intervals, one strip per phenotype, on a common scale.

    `rows` of metrics.tsv have one metric and stratum. A dashed line is the ceiling, and a dotted line is the
    floor. The floor is omitted if it lies outside the range of the other values.
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
        ceiling, floor = own.ceiling.max(), own.floor.max()  # equal in all rows
        if np.isfinite(ceiling):
            axes.axvline(ceiling, color=INK, linewidth=1, linestyle="--")
        if len(ends) and ends.min() <= floor <= ends.max():
            axes.axvline(floor, color=GREY, linewidth=1, linestyle=":")
        axes.set_title(phenotype if len(own) else f"{phenotype}: not measured", fontsize=8)
        label_rows(axes, subjects)
    metric = describe(rows.metric.iloc[0])
    strips[-1].set_xlabel(metric.label)
    return figure


def embed_figure(rows: pd.DataFrame, phenotypes: list[str]) -> dict[str, Any]:
    """The figure of a metric for the page: a dictionary of `metric` and the element `svg`."""
    text, metric = io.StringIO(), describe(rows.metric.iloc[0])
    save_svg(plot_metric(rows, phenotypes), text)
    alt = f"{metric.label} of every generator, by phenotype"
    return {
        "metric": metric,
        "svg": inline_svg(text.getvalue(), metric.name.replace(".", "_"), alt),
    }


def domain_table(domain: str, phenotypes: Mapping[str, Results]) -> dict[str, Any]:
    """Main metrics of a domain, on the main cohort of each phenotype.

    `columns` are the `Metric`s that were measured for at least one phenotype. `rows` have `name` and `cells`,
    one `main_estimate` per column.
    """
    measured = {name for one in phenotypes.values() for name in one.metrics.metric}
    columns = [describe(name) for name in DOMAINS[domain].main if name in measured]
    rows = [
        {
            "name": name,
            "cells": [main_estimate(one.metrics, metric.name, one.subject) for metric in columns],
        }
        for name, one in phenotypes.items()
    ]
    return {"columns": columns, "rows": rows}


def render_comparison(
    templates: Mapping[str, str],
    style: str,
    phenotypes: Mapping[str, Results],
    joint: dict[str, Any] | None = None,
) -> str:
    """The page that compares phenotypes (by name); `templates` are texts by file name.

    `joint` is the result of `describe_joint`, if several cohorts are released.
    The page links to `{name}/report.html` and contains the table behind its figures.
    """
    rows = compared_rows(phenotypes)
    table = rows.to_csv(sep="\t", index=False, na_rep="NA")
    groups = {str(name): group for name, group in rows.groupby("metric", sort=False)}
    tables = {name: domain_table(name, phenotypes) for name in DOMAINS}
    return (
        make_environment(templates)
        .get_template("comparison.html.jinja")
        .render(
            style=style,
            joint=joint,
            attack_labels={name: attack.label for name, attack in ATTACKS.items()},
            phenotypes={name: shared_context(one) for name, one in phenotypes.items()},
            domains=[
                {
                    "name": name,
                    "question": domain.question,
                    "table": tables[name],
                    "figures": [
                        embed_figure(groups[metric], list(phenotypes))
                        for metric in domain.main
                        if metric in groups
                    ],
                }
                for name, domain in DOMAINS.items()
                if tables[name]["columns"]  # external cohorts have no cost
            ],
            download=make_download("comparison.tsv", table),
        )
    )
