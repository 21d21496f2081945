"""Figures of effects, utility and privacy."""

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
    dots,
    look,
    make_figure,
    order,
    say_empty,
)

MODELS = {"auc_prs": "Univariate PRS", "auc_ridge": "Ridge regression", "auc_xgboost": "XGBoost"}
ATTACKS = [
    ("distance", "Nearest distance", BLUE, "o"),
    ("frequency", "Frequency likelihood ratio", VERMILLION, "^"),
    ("density", "Density ratio", GREEN, "D"),
    ("loss", "Model loss", ORANGE, "s"),
    ("shadow", "Shadow models", PURPLE, "P"),
]


def plot_effects(effects: pd.DataFrame, subject: str) -> Figure:
    """Log odds ratios of synthetic, and of real test people, against those of training people.

    `effects` has variant_id, subject and beta. A third panel sets synthetic beside true effects
    where there are some; those stand on the liability scale, so no identity line is drawn.
    """
    wide = effects.pivot(index="variant_id", columns="subject", values="beta")
    pairs = [("real", subject), ("real", "test"), ("truth", subject)]
    pairs = [(x, y) for x, y in pairs if x in wide and y in wide]
    figure, panels = make_figure(3.2 * max(1, len(pairs)), 3.2, max(1, len(pairs)))
    names = {"real": "real training people", "test": "real test people"}
    names[subject] = look(subject).label
    for axes, (x, y) in zip(panels, pairs, strict=False):
        seen = wide[[x, y]].dropna()
        axes.axhline(0, color=GREY, linewidth=0.6)
        axes.axvline(0, color=GREY, linewidth=0.6)
        axes.scatter(seen[x], seen[y], **dots(y))
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


def plot_augmentation(metrics: pd.DataFrame, main: str) -> Figure:
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
