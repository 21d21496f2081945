"""Figures of the evaluation: frequencies, LD, effects, utility, privacy, and the calibration's."""

import re

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from snpgen.report.style import (
    BLUE,
    CONTROLS,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PURPLE,
    VERMILLION,
    add_legend,
    look,
    make_figure,
    order,
    say_empty,
)

MODELS = {"auc_prs": "Univariate PRS", "auc_ridge": "Ridge regression", "auc_xgboost": "XGBoost"}
LD_FIGURES = {
    "ld_slope": "Slope of synthetic on real r",
    "ld_pearson": "Correlation of synthetic and real r",
    "ld_rmse": "RMSE of r",
}
ATTACKS = [
    ("distance", "Nearest distance", BLUE, "o"),
    ("frequency", "Frequency likelihood ratio", VERMILLION, "^"),
    ("density", "Density ratio", GREEN, "D"),
    ("loss", "Model loss", ORANGE, "s"),
    ("shadow", "Shadow models", PURPLE, "P"),
]
CALIBRATION_FIGURES = {  # of each its panel's title, and the best value where it is known
    "effect_slope": ("Effect slope", 1.0),
    "auc_ridge": ("Ridge regression, AUC", None),
    "c2st_xgboost": ("C2ST, XGBoost", None),
    "mia_frequency_auc": ("Frequency attack, AUC", 0.5),
}
BASES = {"bp": 1, "kb": 1_000, "mb": 1_000_000}


def plot_frequencies(frequencies: pd.DataFrame) -> Figure:
    """Effect allele frequency of SNPgen and of real test people against that of training people.

    `frequencies` has variant_id, stratum, subject and frequency. Above, one against the other;
    below, the difference; a column for everybody, for cases and for controls.
    """
    figure, _ = make_figure(9, 5)
    figure.clear()
    panels = figure.subplots(2, 3, sharex=True, sharey="row", height_ratios=[1.6, 1])
    titles = {"all": "Everybody", "case": "Cases", "control": "Controls"}
    for (above, below), (stratum, title) in zip(panels.T, titles.items(), strict=True):
        rows = frequencies[frequencies.stratum == stratum]
        wide = rows.pivot(index="variant_id", columns="subject", values="frequency")
        for subject in ("test", "snpgen"):
            if subject in wide and "real" in wide:
                dots = _dots(subject)
                above.scatter(wide.real, wide[subject], **dots)
                below.scatter(wide.real, wide[subject] - wide.real, **dots)
        above.axline((0, 0), slope=1, color=INK, linewidth=0.8)
        below.axhline(0, color=INK, linewidth=0.8)
        above.set_title(title)
        below.set_xlabel("Frequency, real training people")
    panels[0, 0].set_ylabel("Frequency")
    panels[1, 0].set_ylabel("Difference from training")
    add_legend(panels[0, 0], markerscale=2)
    return figure


def _dots(subject: str) -> dict:
    style = look(subject)
    alone = {"s": 7, "linewidth": 0, "alpha": 0.7, "rasterized": True}
    return alone | {"color": style.colour, "marker": style.marker, "label": style.label}


def upper_bound(stratum: str) -> float | None:
    """End of a distance bin such as "10-50kb", in base pairs; None for any other stratum."""
    found = re.fullmatch(r"(?:.*[^\d.])?(\d+(?:\.\d+)?) ?(bp|kb|mb)", stratum.lower())
    return float(found[1]) * BASES[found[2]] if found else None


def plot_ld(metrics: pd.DataFrame) -> Figure:
    """Agreement of LD with the real one by distance of the SNPs, for each subject and the ceiling."""
    distance = metrics.stratum.map(upper_bound)
    binned = metrics[distance.notna() & (metrics.subject != "real")].assign(distance=distance)
    figure, panels = make_figure(9, 3.3, len(LD_FIGURES))
    for axes, (metric, title) in zip(panels, LD_FIGURES.items(), strict=True):
        rows = binned[binned.metric == metric].sort_values("distance")
        if rows.empty:
            say_empty(axes, "No pair of SNPs in any bin")
            continue
        bins = list(dict.fromkeys(rows.stratum))
        for subject in order(rows.subject):
            _plot_by_bin(axes, rows[rows.subject == subject], bins)
        ceiling = rows.drop_duplicates("stratum")
        axes.plot(
            ceiling.stratum.map(bins.index), ceiling.ceiling, "--", color=INK, label="Ceiling"
        )
        axes.set_xticks(range(len(bins)), bins, rotation=30, ha="right", rotation_mode="anchor")
        axes.set_title(title)
        axes.set_xlabel("Distance of the SNPs")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=6)
    return figure


def _plot_by_bin(axes: Axes, rows: pd.DataFrame, bins: list[str]) -> None:
    style = look(rows.subject.iloc[0])
    x = rows.stratum.map(bins.index).to_numpy()
    axes.fill_between(x, rows.ci_low, rows.ci_high, color=style.colour, alpha=0.15, linewidth=0)
    axes.plot(x, rows.value, color=style.colour, marker=style.marker, label=style.label)


def plot_effects(effects: pd.DataFrame) -> Figure:
    """Log odds ratios of SNPgen, and of real test people, against those of training people.

    `effects` has variant_id, subject and beta. A third panel sets SNPgen beside the true effects
    where there are some; those stand on the liability scale, so no identity line is drawn.
    """
    wide = effects.pivot(index="variant_id", columns="subject", values="beta")
    pairs = [("real", "snpgen"), ("real", "test"), ("truth", "snpgen")]
    pairs = [(x, y) for x, y in pairs if x in wide and y in wide]
    figure, panels = make_figure(3.2 * max(1, len(pairs)), 3.2, max(1, len(pairs)))
    names = {"real": "real training people", "test": "real test people", "snpgen": "SNPgen"}
    for axes, (x, y) in zip(panels, pairs, strict=False):
        seen = wide[[x, y]].dropna()
        axes.axhline(0, color=GREY, linewidth=0.6)
        axes.axvline(0, color=GREY, linewidth=0.6)
        axes.scatter(seen[x], seen[y], **_dots(y))
        if x == "truth":
            axes.set_xlabel("True effect, liability scale")
        else:
            limit = 1.05 * seen.abs().max().max() if len(seen) else 1.0
            axes.set(xlim=(-limit, limit), ylim=(-limit, limit))
            axes.axline((0, 0), slope=1, color=INK, linewidth=0.8)
            axes.set_xlabel(f"Log odds ratio, {names[x]}")
        axes.set_ylabel(f"Log odds ratio, {names[y]}")
    if not pairs:
        say_empty(panels[0], "No effect was estimated")
    return figure


def _plot_interval(axes: Axes, row: pd.Series, y: float, colour: str, marker: str) -> None:
    """A point with its interval, if it has one; nothing where the value is missing."""
    if np.isfinite([row.ci_low, row.ci_high]).all():
        axes.plot([row.ci_low, row.ci_high], [y, y], color=colour, linewidth=1.5)
    axes.plot([row.value], [y], color=colour, marker=marker, linestyle="none")


def _name_rows(axes: Axes, subjects: list[str]) -> None:
    axes.set_yticks(range(len(subjects)), [look(subject).label for subject in subjects])
    axes.set_ylim(len(subjects) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    axes.locator_params(axis="x", nbins=5)


def plot_utility(metrics: pd.DataFrame) -> Figure:
    """ROC-AUC on real test people of three models, by what each was trained on."""
    utility = metrics[(metrics.axis == "utility") & (metrics.stratum == "all")]
    utility = utility[utility.metric.isin(MODELS)]
    subjects = order(utility.subject)
    figure, panels = make_figure(9, 1.3 + 0.24 * len(subjects), len(MODELS))
    for axes, (metric, title) in zip(panels, MODELS.items(), strict=True):
        rows = utility[utility.metric == metric]
        if rows.empty:
            say_empty(axes, "Not measured")
            continue
        for _, row in rows.iterrows():
            style = look(row.subject)
            _plot_interval(axes, row, subjects.index(row.subject), style.colour, style.marker)
        first = rows.iloc[0]
        axes.axvline(first.ceiling, color=INK, linewidth=1, linestyle="--", label="Ceiling")
        axes.axvline(first.floor, color=GREY, linewidth=1, linestyle=":", label="Floor")
        _name_rows(axes, subjects)
        axes.set_title(title)
        axes.set_xlabel("ROC-AUC, real test people")
    for axes in panels[1:]:
        axes.set_yticklabels([])
    add_legend(panels[0], fontsize=7)
    return figure


def plot_augmentation(metrics: pd.DataFrame, main: str = "snpgen") -> Figure:
    """AUC of ridge regression on shares of real people with each cohort added, and what that gains.

    The shares are read from `auc_ridge_added_to_5` and the strata of `auc_gain_ridge`. The floor is
    the share alone, the ceiling all training people. Only the cohort `main` has its interval drawn,
    since all would hide the lines.
    """
    place = metrics.metric + " " + metrics.stratum
    share = place.str.extract(r"added_to_(\d+)")[0].astype(float)
    added = metrics[share.notna() & (metrics.axis == "utility")].assign(share=share)
    added = added.sort_values("share")
    shares = list(added.share.unique())
    parts = {"auc_ridge_added": "ROC-AUC, real test people", "auc_gain": "Gain in ROC-AUC"}
    figure, panels = make_figure(9, 3.4, len(parts))
    for axes, (metric, label) in zip(panels, parts.items(), strict=True):
        rows = added[added.metric.str.startswith(metric)]
        if rows.empty:
            say_empty(axes, "Not measured")
            continue
        each = rows.drop_duplicates("share")
        x = each.share.map(shares.index)
        axes.plot(x, each.ceiling, "--", color=INK, label="Ceiling: all real people")
        axes.plot(x, each.floor, ":", color=INK, marker=".", label="Floor: the share alone")
        for subject in order(rows[rows.subject != "real"].subject):
            _plot_shares(axes, rows[rows.subject == subject], shares, subject == main)
        axes.set_xticks(range(len(shares)), [f"{share:g}" for share in shares])
        axes.set_xlabel("Share of real training people, %")
        axes.set_ylabel(label)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=5)
    return figure


def _plot_shares(axes: Axes, rows: pd.DataFrame, shares: list[float], shaded: bool) -> None:
    """A subject's line over the shares, with its interval where it is to be `shaded`."""
    style, x = look(rows.subject.iloc[0]), rows.share.map(shares.index).to_numpy()
    if shaded:
        axes.fill_between(x, rows.ci_low, rows.ci_high, color=style.colour, alpha=0.15, linewidth=0)
    axes.plot(x, rows.value, color=style.colour, marker=style.marker, label=style.label)


def plot_privacy(metrics: pd.DataFrame) -> Figure:
    """Membership attacks on every subject: ROC-AUC, and TPR at the lowest FPRs that were measured."""
    attacks = metrics[(metrics.axis == "privacy") & (metrics.stratum == "all")]
    attacks = attacks[attacks.metric.str.startswith("mia_")]
    subjects = [name for name in order(attacks.subject) if name not in CONTROLS]
    subjects += [name for name in CONTROLS if name in set(attacks.subject)]
    rates = attacks.metric.str.extract(r"_(tpr_[\d.]+)$")[0].dropna().unique()
    made = [attack for attack in ATTACKS if f"mia_{attack[0]}_auc" in set(attacks.metric)]
    parts = ["auc", *sorted(rates, key=lambda rate: float(rate[4:]))[:2]]
    figure, panels = make_figure(9, 1.5 + 0.32 * max(1, len(subjects)), len(parts))
    for axes, part in zip(panels, parts, strict=True):
        for i, (attack, label, colour, marker) in enumerate(made):
            rows = attacks[attacks.metric == f"mia_{attack}_{part}"]
            for j, (_, row) in enumerate(rows.iterrows()):
                y = subjects.index(row.subject) + (i - (len(made) - 1) / 2) * 0.22
                _plot_interval(axes, row, y, colour, marker)
                if j == 0:
                    axes.lines[-1].set_label(label)
        chance = 0.5 if part == "auc" else float(part[4:])
        axes.axvline(chance, color=INK, linewidth=1, linestyle="--", label="No better than chance")
        _name_rows(axes, subjects)
        axes.set_xlabel("ROC-AUC" if part == "auc" else f"TPR at FPR {100 * chance:g} %")
    for axes in panels[1:]:
        axes.set_yticklabels([])
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=4)
    return figure


def plot_calibration(calibration: pd.DataFrame, scale: float, noise: float) -> Figure:
    """Four figures over guidance (above) and over noise (below), the chosen `scale` and `noise` marked.

    `calibration` has metric, subject (`guidance=1.5`, `noise=1`, or real), stratum, value and its
    interval, and ceiling.
    """
    figure, _ = make_figure(9, 4.4)
    figure.clear()
    panels = figure.subplots(2, len(CALIBRATION_FIGURES), sharey="col")
    names = {"guidance": ("Scale of guidance", scale), "noise": ("Noise, standard errors", noise)}
    place = calibration.subject.str.extract(r"^(?P<name>guidance|noise)=(?P<x>.*)$")
    placed = calibration.assign(name=place.name, x=place.x.astype(float))
    for row, (name, (label, chosen)) in zip(panels, names.items(), strict=True):
        for axes, (metric, (title, best)) in zip(row, CALIBRATION_FIGURES.items(), strict=True):
            rows = placed[(placed.name == name) & (placed.metric == metric)].sort_values("x")
            axes.axvline(chosen, color=GREY, linewidth=5, alpha=0.3, label="Chosen")
            _plot_points(axes, rows[rows.stratum == "case"], VERMILLION, "^", "Cases alone")
            _plot_points(axes, rows[rows.stratum == "all"], BLUE, "o", "Everybody")
            best = rows.ceiling.iloc[0] if best is None and len(rows) else best
            if best is not None and np.isfinite(best):
                axes.axhline(best, color=INK, linewidth=1, linestyle="--", label="Best")
            axes.set_xlabel(label)
            axes.set_xticks(rows.x.unique())
            axes.margins(x=0.1)
            if name == "guidance":
                axes.set_title(title)
    handles, labels = panels[0, -1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=4)
    return figure


def _plot_points(axes: Axes, rows: pd.DataFrame, colour: str, marker: str, label: str) -> None:
    """Values over `x` joined by a line, with their intervals as bars."""
    if rows.empty:
        return
    axes.vlines(rows.x, rows.ci_low, rows.ci_high, color=colour, alpha=0.5, linewidth=1.5)
    axes.plot(rows.x, rows.value, color=colour, marker=marker, label=label)
