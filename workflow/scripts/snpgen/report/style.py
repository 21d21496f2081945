"""One look for every figure: sizes, colours and markers of the subjects, and how they are saved.

The style is set when this module is imported. Colours are those of Okabe & Ito (2008), which all
kinds of colour vision tell apart; every subject has a marker of its own as well.
"""

from pathlib import Path
from typing import TextIO

import matplotlib as mpl
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

GRID = "#d0d7de"  # the page replaces it, and INK, by colours of its own

mpl.rcParams.update(
    {
        "axes.axisbelow": True,
        "axes.edgecolor": INK,
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
        "font.family": "DejaVu Sans",  # ships with matplotlib
        "font.size": 8,
        "grid.color": GRID,
        "grid.linewidth": 0.6,
        "legend.frameon": False,
        "lines.linewidth": 1.5,
        "lines.markersize": 4.5,
        "svg.fonttype": "path",  # text looks the same whatever fonts the reader has
        "svg.hashsalt": "snpgen",  # the same figure gives the same bytes
        "text.color": INK,
        "xtick.color": INK,
        "ytick.color": INK,
    }
)


GROUPS = [  # colour and marker of groups of people, the largest first; the last is for all others
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
    """The registered subject; a grey one under its own name for others, such as published scores."""
    other = Subject(subject, subject.replace("_", " "), GREY, "d", "")
    return SUBJECTS.get(subject, other)


def order(subjects: pd.Series) -> list[str]:
    """The distinct subjects of a column in the order of `SUBJECTS`, then others by name."""
    known = list(SUBJECTS)
    return sorted(
        subjects.unique(), key=lambda name: (known.index(name) if name in known else 99, name)
    )


def dots(subject: str) -> dict:
    """How a subject's SNPs are scattered."""
    style = look(subject)
    alone = {"s": 7, "linewidth": 0, "alpha": 0.7, "rasterized": True}
    return alone | {"color": style.colour, "marker": style.marker, "label": style.label}


def make_figure(width: float, height: float, columns: int = 1) -> tuple[Figure, list[Axes]]:
    """A figure (inches) with `columns` axes side by side."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, list(figure.subplots(1, columns, squeeze=False)[0])


def add_legend(axes: Axes, **options: float) -> None:
    """A legend, if anything in the plot has a label."""
    if axes.get_legend_handles_labels()[0]:
        axes.legend(**options)


def say_empty(axes: Axes, text: str = "Nothing to show") -> None:
    """Put a sentence in the place of a plot that has no data."""
    axes.text(0.5, 0.5, text, ha="center", va="center", transform=axes.transAxes)
    axes.set_axis_off()


def save_svg(figure: Figure, path: str | TextIO) -> None:
    """Write SVG, to a path or an open file, without a date; what is rasterised in it has 150 dots an inch."""
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    figure.savefig(path, format="svg", dpi=150, metadata=nothing)


def save(figure: Figure, table: pd.DataFrame, path: str) -> None:
    """Write a figure as SVG to `path`, and the table behind it beside it, as TSV of the same name."""
    save_svg(figure, path)
    table.to_csv(
        Path(path).with_suffix(".tsv"), sep="\t", index=False, na_rep="NA", float_format="%.6g"
    )
