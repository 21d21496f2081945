"""One look for every figure: sizes, colours and markers of the subjects, and how they are saved.

The style is set when this module is imported. Colours are those of Okabe & Ito (2008), which all
kinds of colour vision tell apart; every subject has a marker of its own as well.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK = "#24292f"  # text, axes and real people; the page turns it into the colour of its text
GRID = "#d0d7de"
BLUE, ORANGE, GREEN, VERMILLION = "#0072b2", "#e69f00", "#009e73", "#d55e00"
SKY, PURPLE, GREY = "#56b4e9", "#cc79a7", "#8c959f"

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


@dataclass(frozen=True)
class Look:
    """How a subject is named and drawn."""

    label: str
    colour: str
    marker: str


LOOKS = {
    "real": Look("Real, training", INK, "o"),
    "test": Look("Real, test", GREY, "X"),
    "shuffled": Look("Real, shuffled", "#b0407a", ">"),
    "snpgen": Look("SNPgen", BLUE, "o"),
    "external": Look("Given cohort", BLUE, "o"),
    "replicates": Look("SNPgen, mean of runs", BLUE, "d"),
    "snpgen_balanced": Look("SNPgen, balanced", SKY, "s"),
    "reconstruction": Look("Reconstruction", GREEN, "D"),
    "cvae": Look("Conditional VAE", "#999933", "<"),
    "mosaic": Look("Mosaic", PURPLE, "P"),
    "copula": Look("Copula", VERMILLION, "v"),
    "independent": Look("Independent", ORANGE, "^"),
    "clumping_thresholding": Look("Clumping and thresholding", "#7a68d8", "H"),
    "positive_control": Look("Control: copies planted", VERMILLION, "*"),
    "negative_control": Look("Control: nobody to find", GREY, "h"),
}
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
CONTROLS = ["positive_control", "null"]


def look(subject: str) -> Look:
    """The look of `subject`; a grey one, under its own name, for a subject not known here."""
    return LOOKS.get(subject, Look(subject.replace("_", " "), GREY, "d"))


def order(subjects: pd.Series) -> list[str]:
    """The distinct subjects of a column, in the order of `LOOKS`, others after them by name."""
    known = list(LOOKS)
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
