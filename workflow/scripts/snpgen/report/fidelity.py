"""Figures of fidelity: allele frequencies, LD by distance and in one region, principal components."""

import re
from itertools import zip_longest
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from snpgen.baselines.registry import INK, REAL, TEST
from snpgen.evaluation.metrics_table import VARIANT
from snpgen.report.style import (
    GROUPS,
    look,
    make_axes,
    order,
    plot_line,
    scatter_style,
    show_message,
)

LD_METRICS = {
    "ld_r2": "Decay: mean r²",
    "ld_slope": "Regression slope of synthetic on real r",
    "ld_pearson": "Correlation of synthetic and real r",
    "ld_rmse": "RMSE of synthetic vs. real r",
}
DENSITY = LinearSegmentedColormap.from_list(  # transparent at low density, for light and dark pages
    "density", [(*to_rgb("#2f8fd0"), 0.25), (*to_rgb("#2f8fd0"), 1.0)]
)
BASES = {"bp": 1, "kb": 1_000, "mb": 1_000_000}


def widen(table: pd.DataFrame, keys: list[str], value: str, subject: str) -> pd.DataFrame:
    """One row for each of `keys`; columns are the `value` in training, synthetic and test individuals."""
    shown = table[table.subject.isin([REAL, subject, TEST, "truth"])]
    wide = shown.pivot(index=keys, columns="subject", values=value)
    return wide[order(shown.subject)].reset_index()


def plot_frequencies(frequencies: pd.DataFrame, subject: str) -> tuple[Figure, pd.DataFrame]:
    """Effect allele frequencies in synthetic and test individuals against training frequencies.

    `frequencies` has `VARIANT`, stratum, subject and frequency. The upper row shows frequencies, the
    lower row differences, for all individuals, cases and controls.
    """
    figure = Figure(figsize=(9, 5), layout="constrained")
    panels = figure.subplots(2, 3, sharex=True, sharey="row", height_ratios=[1.6, 1])
    titles = {"all": "All individuals", "case": "Cases", "control": "Controls"}
    for (above, below), (stratum, title) in zip(panels.T, titles.items(), strict=True):
        rows = frequencies[frequencies.stratum == stratum]
        wide = rows.pivot(index=VARIANT, columns="subject", values="frequency")
        for name in (TEST, subject):
            if name in wide and "real" in wide:
                above.scatter(wide.real, wide[name], **scatter_style(name))
                below.scatter(wide.real, wide[name] - wide.real, **scatter_style(name))
        above.axline((0, 0), slope=1, color=INK, linewidth=0.8)
        below.axhline(0, color=INK, linewidth=0.8)
        above.set_title(title)
        below.set_xlabel("Frequency, training individuals")
    panels[0, 0].set_ylabel("Frequency")
    panels[1, 0].set_ylabel("Difference from training")
    if panels[0, 0].get_legend_handles_labels()[0]:
        panels[0, 0].legend(markerscale=2)
    return figure, widen(frequencies, [*VARIANT, "stratum"], "frequency", subject)


def upper_bound(stratum: str) -> float | None:
    """End of a distance bin such as "10-50kb", in base pairs; None for any other stratum."""
    found = re.fullmatch(r"(?:.*[^\d.])?(\d+(?:\.\d+)?) ?(bp|kb|mb)", stratum.lower())
    return float(found[1]) * BASES[found[2]] if found else None


def plot_ld(metrics: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """Decay of LD and its agreement with real LD, by distance, for each cohort and the real-data reference."""
    distance = metrics.stratum.map(upper_bound)
    chosen = distance.notna() & (metrics.subject != REAL) & metrics.metric.isin(LD_METRICS)
    binned = metrics[chosen].assign(distance=distance)
    figure = Figure(figsize=(9, 5.6), layout="constrained")
    panels = figure.subplots(2, 2).ravel()
    for axes, (metric, title) in zip(panels, LD_METRICS.items(), strict=True):
        rows = binned[binned.metric == metric].sort_values("distance")
        if rows.empty:
            show_message(axes, "No pair of variants in any bin")
            continue
        bins = list(dict.fromkeys(rows.stratum))
        for subject in order(rows.subject):
            own = rows[rows.subject == subject]
            plot_line(axes, own, own.stratum.map(bins.index))
        real = rows.drop_duplicates("stratum")
        x = real.stratum.map(bins.index)
        axes.plot(x, real.ceiling, "--", color=INK, label="Real-data reference")
        axes.set_xticks(range(len(bins)), bins, rotation=30, ha="right", rotation_mode="anchor")
        axes.set_title(title)
        axes.set_xlabel("Distance between variants")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=6)
    return figure, binned


def plot_region(region: pd.DataFrame, subject: str) -> tuple[Figure, pd.DataFrame]:
    """Correlations of all pairs in the densest region, in training, synthetic and test individuals.

    `region` has subject, i and j (indices of two variants, from 0) and r (their correlation).
    """
    figure, panels = make_axes(9, 3.1, 3)
    for axes, name in zip(panels, (REAL, subject, TEST), strict=True):
        rows = region[region.subject == name]
        size = 1 + int(rows.j.max()) if len(rows) else 0
        axes.set_title(look(name).label)
        if size < 2:
            show_message(axes, "No region with two variants")
            continue
        matrix = np.eye(size)
        matrix[rows.i, rows.j] = matrix[rows.j, rows.i] = rows.r
        image = axes.imshow(matrix, cmap="RdBu_r", vmin=-1, vmax=1, interpolation="nearest")
        axes.grid(visible=False)
        axes.locator_params(integer=True, nbins=6)
        axes.set_xlabel("Variant, by position")
    panels[0].set_ylabel("Variant, by position")
    if any(axes.images for axes in panels):
        figure.colorbar(image, ax=panels, label="Correlation r of dosages", shrink=0.8)
    return figure, widen(region, ["i", "j", "first", "second"], "r", subject)


def plot_components(components: pd.DataFrame, subject: str) -> tuple[Figure, pd.DataFrame]:
    """Density of training, synthetic and test individuals along the first two components, by group.

    `components` has subject, group ("" for none), x and y of a cell, and samples, the number of individuals
    of the group in this cell. The largest groups have a colour and a marker each; without groups, colour
    shows the density.
    """
    cohorts = (REAL, subject, TEST)
    components = components[components.subject.isin(cohorts)]
    figure, panels = make_axes(9, 3.1, 3)
    totals = components.groupby("subject").samples.transform("sum")
    cells = components.assign(share=100 * components.samples / totals)
    many = cells[cells.subject != TEST]  # the test individuals are few and fill few cells
    largest = (many if len(many) else cells).share.max()
    named = cells[cells.group != ""].groupby("group").samples.sum()
    groups = list(named.sort_values(ascending=False).index)
    looks = dict(zip_longest(groups, GROUPS[: len(groups)], fillvalue=GROUPS[-1]))
    marks: dict[str, Any] = {"s": _cell_area(cells), "linewidth": 0, "rasterized": True}
    image = None
    for axes, name in zip(panels, cohorts, strict=True):
        axes.set_title(look(name).label)
        rows = cells[cells.subject == name]
        if rows.empty:
            show_message(axes, "Too few individuals in every cell")
            continue
        for group, (colour, marker) in looks.items():
            part = rows[rows.group == group]
            if part.empty:
                continue
            shade = 0.3 + 0.7 * np.minimum(part.share / largest, 1)
            axes.scatter(part.x, part.y, color=colour, marker=marker, alpha=shade, **marks)
        part = rows[rows.group == ""]
        if len(part):
            scale: dict[str, Any] = {"cmap": DENSITY, "vmin": 0, "vmax": largest}
            image = axes.scatter(part.x, part.y, c=part.share, marker="s", **scale, **marks)
        axes.set(xlim=_limits(cells.x), ylim=_limits(cells.y))
        axes.set_xlabel("Component 1, SD of training individuals")
    panels[0].set_ylabel("Component 2, SD")
    if image:
        figure.colorbar(image, ax=panels, label="Individuals in a cell, %", shrink=0.8)
    if groups:
        _add_group_legend(figure, groups, largest)
    return figure, components


def _add_group_legend(figure: Figure, groups: list[str], largest: float) -> None:
    """A legend of the groups, the largest first, and of the colour strength.

    All smaller groups have the last colour and share one entry. `largest` is the share of individuals (%) in
    a cell with the full colour.
    """
    names = groups[: len(GROUPS)]
    if len(groups) > len(GROUPS):
        names[-1] = f"{len(groups) - len(GROUPS) + 1} smaller groups"
    handles = [
        Line2D([], [], linewidth=0, color=colour, marker=marker)
        for colour, marker in GROUPS[: len(names)]
    ]
    strengths = {"few individuals in a cell": 0.3, f"{largest:.2g} % of individuals": 1.0}
    handles += [
        Line2D([], [], linewidth=0, color=INK, marker="s", alpha=alpha)
        for alpha in strengths.values()
    ]
    names += strengths
    figure.legend(handles, names, loc="outside upper left", ncols=-(-len(names) // 2))


def _cell_area(cells: pd.DataFrame) -> float:
    """Area (square points) of a marker that fills most of a cell."""
    steps = np.diff(np.unique(cells.x))
    across = (cells.x.max() - cells.x.min()) / steps.min() if len(steps) else 40.0
    return float((120 / max(across, 10)) ** 2)


def _limits(values: pd.Series) -> tuple[float, float]:
    """Limits of an axis with a margin around `values`."""
    margin = 0.05 * (values.max() - values.min()) + 0.05
    return values.min() - margin, values.max() + margin
