"""Figures of effects, utility and privacy."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from snpgen.baselines.registry import CONTROLS, NEGATIVE_CONTROL, POSITIVE_CONTROL
from snpgen.evaluation.metrics import ATTACKS, MODELS, describe
from snpgen.evaluation.metrics_table import VARIANT
from snpgen.report.style import (
    GREY,
    INK,
    add_legend,
    dots,
    look,
    make_figure,
    order,
    say_empty,
)

MODEL_AUCS = [f"auc_{model}" for model in MODELS]


def plot_effects(effects: pd.DataFrame, subject: str) -> Figure:
    """Log odds ratios of synthetic, and of real test people, against those of training people.

    `effects` has `VARIANT`, subject and beta. A third panel sets synthetic beside true effects
    where there are some; those stand on the liability scale, so no identity line is drawn.
    """
    wide = effects.pivot(index=VARIANT, columns="subject", values="beta")
    pairs = [("real", subject), ("real", "test"), ("truth", subject)]
    pairs = [(x, y) for x, y in pairs if x in wide and y in wide]
    figure, panels = make_figure(3.2 * max(1, len(pairs)), 3.2, max(1, len(pairs)))
    names = {"real": "real training people", "test": "real test people"}
    names[subject] = look(subject).label
    columns = sorted({name for pair in pairs for name in pair} - {"truth"})
    limit = 1.05 * wide[columns].abs().max().max()
    limit = limit if np.isfinite(limit) and limit else 1.0  # one scale, so that clouds compare
    for axes, (x, y) in zip(panels, pairs, strict=False):
        seen = wide[[x, y]].dropna()
        axes.axhline(0, color=GREY, linewidth=0.6)
        axes.axvline(0, color=GREY, linewidth=0.6)
        axes.scatter(seen[x], seen[y], **dots(y))
        if x == "truth":
            axes.set_xlabel("True effect, liability scale")
        else:
            axes.set(xlim=(-limit, limit), ylim=(-limit, limit))
            axes.locator_params(nbins=5)
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


def utility_rows(metrics: pd.DataFrame) -> pd.DataFrame:
    """The rows of the metrics that `plot_utility` draws."""
    utility = metrics[(metrics.domain == "utility") & (metrics.stratum == "all")]
    return utility[utility.metric.isin(MODEL_AUCS)]


def plot_utility(metrics: pd.DataFrame) -> Figure:
    """ROC-AUC on real test people of three models, by what each was trained on."""
    utility = utility_rows(metrics)
    subjects = order(utility.subject)
    figure, panels = make_figure(9, 1.3 + 0.24 * len(subjects), len(MODEL_AUCS))
    for axes, metric in zip(panels, MODEL_AUCS, strict=True):
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
        axes.set_title(describe(metric).label)
        axes.set_xlabel("ROC-AUC, real test people")
    for axes in panels[1:]:
        axes.set_yticklabels([])
    add_legend(panels[0], fontsize=7)
    return figure


def augmentation_rows(metrics: pd.DataFrame) -> pd.DataFrame:
    """The rows of the metrics on cohorts added to a share (%) of the training people, by `share`."""
    place = metrics.metric + " " + metrics.stratum
    share = place.str.extract(r"added_to_(\d+)")[0].astype(float)
    added = metrics[share.notna() & (metrics.domain == "utility")].assign(share=share)
    return added.sort_values("share")


def plot_augmentation(metrics: pd.DataFrame, main: str) -> Figure:
    """AUC of ridge regression on shares of real people with each cohort added, and what that gains.

    The shares are read from `auc_ridge_added_to_5` and the strata of `auc_gain_ridge`. The floor is
    the share alone, the ceiling all training people. Only the cohort `main` has its interval drawn,
    since all would hide the lines.
    """
    added = augmentation_rows(metrics)
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


def privacy_rows(metrics: pd.DataFrame) -> pd.DataFrame:
    """The rows of the metrics on membership attacks on everybody."""
    attacks = metrics[(metrics.domain == "privacy") & (metrics.stratum == "all")]
    return attacks[attacks.metric.str.startswith("mia_")]


def plot_privacy(metrics: pd.DataFrame) -> Figure:
    """Membership attacks on every subject: ROC-AUC, and TPR at the lowest FPRs that were measured."""
    attacks = privacy_rows(metrics)
    subjects = [name for name in order(attacks.subject) if name not in CONTROLS]
    subjects += [name for name in CONTROLS if name in set(attacks.subject)]
    rates = attacks.metric.str.extract(r"_(tpr_[\d.]+)$")[0].dropna().unique()
    made = [name for name in ATTACKS if f"mia_{name}_auc" in set(attacks.metric)]
    parts = ["auc", *sorted(rates, key=lambda rate: float(rate[4:]))[:2]]
    figure, panels = make_figure(9, 1.5 + 0.32 * max(1, len(subjects)), len(parts))
    for axes, part in zip(panels, parts, strict=True):
        for i, attack in enumerate(made):
            style = ATTACKS[attack]
            rows = attacks[attacks.metric == f"mia_{attack}_{part}"]
            for j, (_, row) in enumerate(rows.iterrows()):
                y = subjects.index(row.subject) + (i - (len(made) - 1) / 2) * 0.22
                _plot_interval(axes, row, y, style.colour, style.marker)
                if j == 0:
                    axes.lines[-1].set_label(style.label)
        chance = 0.5 if part == "auc" else float(part[4:])
        axes.axvline(chance, color=INK, linewidth=1, linestyle="--", label="No better than chance")
        _name_rows(axes, subjects)
        axes.set_xlabel("ROC-AUC" if part == "auc" else f"TPR at FPR {100 * chance:g} %")
    for axes in panels[1:]:
        axes.set_yticklabels([])
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=4)
    return figure


def plot_roc(curves: pd.DataFrame, metrics: pd.DataFrame, subject: str) -> Figure:
    """ROC curves of the attacks on logarithmic axes: on the cohort `subject`, and on the planted copies.

    `curves` has subject, attack, fpr and tpr; those of the control `null` are drawn in grey. Bars are
    the intervals of the TPRs in `metrics`, at their FPRs.
    """
    figure, panels = make_figure(9, 4.2, 2)
    rates = privacy_rows(metrics)
    for axes, name in zip(panels, (subject, POSITIVE_CONTROL), strict=True):
        axes.set_title(look(name).label)
        mine, null = curves[curves.subject == name], curves[curves.subject == NEGATIVE_CONTROL]
        if mine.tpr.isna().all():
            say_empty(axes, "Not measured")
            continue
        for i, (_, curve) in enumerate(null.groupby("attack")):
            label = None if i else look(NEGATIVE_CONTROL).label
            axes.plot(curve.fpr, curve.tpr, color=GREY, linewidth=1, alpha=0.6, label=label)
        for i, (attack, style) in enumerate(ATTACKS.items()):
            curve = mine[mine.attack == attack]
            if not curve.empty:
                axes.plot(curve.fpr, curve.tpr, color=style.colour, label=style.label)
                marked = rates[rates.subject == name]
                least = curve.fpr.min()
                shift = 0.94 + 0.04 * i
                _plot_rates(axes, marked, attack, least, shift, style.colour, style.marker)
        axes.plot(
            [0.001, 1], [0.001, 1], "--", color=INK, linewidth=1, label="No better than chance"
        )
        axes.set_xscale("log")
        axes.set_yscale("log", nonpositive="clip")
        axes.set(xlim=(0.0008, 1.1), ylim=(0.0002, 1.3))
        axes.set_xlabel("False-positive rate: test people taken for members")
    panels[0].set_ylabel("True-positive rate: members found")
    handles = {
        label: handle
        for axes in panels
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(handles.values(), handles.keys(), loc="outside upper left", ncols=4)
    return figure


def _plot_rates(
    axes: Axes,
    rates: pd.DataFrame,
    attack: str,
    least: float,
    shift: float,
    colour: str,
    marker: str,
) -> None:
    """TPRs of an attack with their intervals, moved aside by a factor so that none hides another.

    From the FPR `least` on, where the curve begins: less would be less than one person.
    """
    fpr = rates.metric.str.extract(rf"^mia_{attack}_tpr_([\d.]+)$")[0].astype(float)
    rows = rates[fpr >= least]
    x = fpr[fpr >= least] * shift
    axes.vlines(
        x, rows.ci_low.clip(lower=1e-5), rows.ci_high, color=colour, linewidth=1.5, alpha=0.5
    )
    axes.plot(x, rows.value, color=colour, marker=marker, linestyle="none")
