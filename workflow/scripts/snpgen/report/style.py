"""Style of the figures: sizes, fonts, and colours and markers of the cohorts.

The matplotlib style is set when this module is imported. The colours of Okabe & Ito (2008) can be
distinguished with colour vision deficiency. Every cohort also has its own marker.
"""

from collections.abc import Sequence
from typing import Any, TextIO

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from snpgen.baselines.registry import (
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PURPLE,
    SKY,
    SUBJECTS,
    VERMILLION,
    Subject,
)

GRID = "#d0d7de"

mpl.rcParams.update(
    {
        "axes.axisbelow": True,
        "axes.edgecolor": INK,
        "axes.formatter.useoffset": False,
        "axes.grid": True,
        "axes.labelcolor": INK,
        "axes.linewidth": 0.8,
        "axes.spines.right": False,
        "axes.spines.top": False,
        "axes.titlelocation": "left",
        "axes.titlesize": 9,
        "axes.titleweight": "bold",
        "figure.facecolor": "none",
        "axes.facecolor": "none",
        "savefig.facecolor": "none",
        "font.family": "DejaVu Sans",  # included in matplotlib
        "font.size": 8,
        "grid.color": GRID,
        "grid.linewidth": 0.6,
        "legend.frameon": False,
        "lines.linewidth": 1.5,
        "lines.markersize": 4.5,
        "svg.fonttype": "path",  # text does not depend on the fonts of the reader
        "svg.hashsalt": "snpgen",  # makes SVG files reproducible
        "text.color": INK,
        "xtick.color": INK,
        "ytick.color": INK,
    }
)


GROUPS = [  # of ancestry groups, the largest group first; the last entry is for all others
    (VERMILLION, "o"),
    (BLUE, "s"),
    (GREEN, "^"),
    (ORANGE, "D"),
    (PURPLE, "v"),
    (SKY, "P"),
    ("#8b5a2b", "X"),
    (GREY, "."),
]


def look(subject: str) -> Subject:
    """The registry's entry of a cohort; an unknown cohort is grey and has its name as label."""
    unknown = Subject(subject, subject.replace("_", " "), GREY, "d", "")
    return SUBJECTS.get(subject, unknown)


def order(subjects: pd.Series) -> list[str]:
    """The distinct cohorts of a column in the order of the registry; unknown cohorts follow by name."""
    known = list(SUBJECTS)
    return sorted(
        subjects.unique(), key=lambda name: (known.index(name) if name in known else 99, name)
    )


def scatter_style(subject: str) -> dict[str, Any]:
    """Arguments of `Axes.scatter` for a cohort, with one point per variant."""
    style = look(subject)
    alone = {"s": 7, "linewidth": 0, "alpha": 0.7, "rasterized": True}
    return alone | {"color": style.colour, "marker": style.marker, "label": style.label}


def make_axes(width: float, height: float, columns: int = 1) -> tuple[Figure, list[Axes]]:
    """A figure of this size (inches) with `columns` axes side by side."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, list(figure.subplots(1, columns, squeeze=False)[0])


def label_rows(axes: Axes, subjects: list[str]) -> None:
    """Name the rows of a plot with one row per cohort, the first at the top."""
    axes.set_yticks(range(len(subjects)), [look(subject).label for subject in subjects])
    axes.set_ylim(len(subjects) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    axes.locator_params(axis="x", nbins=5)


def add_legend(figure: Figure, panels: Sequence[Axes], columns: int) -> None:
    """One legend above the panels, with each label once."""
    handles = {
        label: handle
        for axes in panels
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(handles.values(), handles.keys(), loc="outside upper left", ncols=columns)


def plot_interval(axes: Axes, row: pd.Series, y: float, colour: str, marker: str) -> None:
    """Plot an estimate, and its interval if there is one; plot nothing if the value is missing."""
    if np.isfinite([row.ci_low, row.ci_high]).all():
        axes.plot([row.ci_low, row.ci_high], [y, y], color=colour, linewidth=1.5)
    axes.plot([row.value], [y], color=colour, marker=marker, linestyle="none")


def plot_line(axes: Axes, rows: pd.DataFrame, x: pd.Series, shaded: bool = True) -> None:
    """The line of a cohort (`rows` of metrics.tsv) over `x`, with its interval if `shaded`."""
    style = look(rows.subject.iloc[0])
    if shaded:
        axes.fill_between(x, rows.ci_low, rows.ci_high, color=style.colour, alpha=0.15, linewidth=0)
    axes.plot(x, rows.value, color=style.colour, marker=style.marker, label=style.label)


def show_message(axes: Axes, text: str) -> None:
    """Show a message instead of a plot that has no data."""
    axes.text(0.5, 0.5, text, ha="center", va="center", transform=axes.transAxes)
    axes.set_axis_off()


def save_svg(figure: Figure, path: str | TextIO) -> None:
    """Write SVG without a date to a path or an open file; rasterised parts have 150 dots per inch."""
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    figure.savefig(path, format="svg", dpi=150, metadata=nothing)
