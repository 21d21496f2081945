"""Figures of effects, utility and privacy."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from snpgen.baselines.registry import (
    CONTROLS,
    GREY,
    INK,
    NEGATIVE_CONTROL,
    POSITIVE_CONTROL,
    REAL,
    TEST,
)
from snpgen.evaluation.metrics import ATTACKS, MODELS, describe
from snpgen.evaluation.metrics_table import VARIANT
from snpgen.report.fidelity import widen
from snpgen.report.style import (
    add_legend,
    label_rows,
    look,
    make_axes,
    order,
    plot_interval,
    plot_line,
    scatter_style,
    show_message,
)


def plot_effects(effects: pd.DataFrame, subject: str) -> tuple[Figure, pd.DataFrame]:
    """Log odds ratios in test individuals against those in synthetic and in training individuals.

    `effects` has `VARIANT`, subject and beta. A third panel compares true with synthetic effects if these
    are known. Points on the line of identity are unbiased effects.
    """
    wide = effects.pivot(index=VARIANT, columns="subject", values="beta")
    pairs = [(subject, TEST), (REAL, TEST), (subject, "truth")]
    pairs = [(x, y) for x, y in pairs if x in wide and y in wide]
    figure, panels = make_axes(3.2 * max(1, len(pairs)), 3.2, max(1, len(pairs)))
    names = {REAL: "training", TEST: "test", "truth": "true", subject: look(subject).label}
    limit = 1.05 * wide[list({name for pair in pairs for name in pair})].abs().max().max()
    limit = limit if np.isfinite(limit) and limit else 1.0  # one scale for all panels
    for axes, (x, y) in zip(panels, pairs, strict=False):
        seen = wide[[x, y]].dropna()
        axes.axhline(0, color=GREY, linewidth=0.6)
        axes.axvline(0, color=GREY, linewidth=0.6)
        axes.scatter(seen[x], seen[y], **scatter_style(x))
        axes.set(xlim=(-limit, limit), ylim=(-limit, limit))
        axes.locator_params(nbins=5)
        axes.axline((0, 0), slope=1, color=INK, linewidth=0.8)
        axes.set_xlabel(f"Log odds ratio, {names[x]}")
        axes.set_ylabel(f"Log odds ratio, {names[y]}")
    if not pairs:
        show_message(panels[0], "No effect was estimated")
    return figure, widen(effects, VARIANT, "beta", subject)


def plot_utility(metrics: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """ROC-AUC of three models in the test individuals, by training cohort."""
    utility = metrics[(metrics.domain == "utility") & (metrics.stratum == "all")]
    utility = utility[utility.metric.isin([f"auc_{model}" for model in MODELS])]
    subjects = order(utility.subject)
    figure, panels = make_axes(9, 1.3 + 0.24 * len(subjects), len(MODELS))
    for axes, model in zip(panels, MODELS, strict=True):
        rows = utility[utility.metric == f"auc_{model}"]
        if rows.empty:
            show_message(axes, "Not measured")
            continue
        for _, row in rows.iterrows():
            style = look(row.subject)
            plot_interval(axes, row, subjects.index(row.subject), style.colour, style.marker)
        first = rows.iloc[0]
        axes.axvline(
            first.ceiling, color=INK, linewidth=1, linestyle="--", label="Real-data reference"
        )
        axes.axvline(
            first.floor, color=GREY, linewidth=1, linestyle=":", label="Permuted reference"
        )
        label_rows(axes, subjects)
        axes.set_title(describe(f"auc_{model}").label)
        axes.set_xlabel("ROC-AUC, test individuals")
    for axes in panels[1:]:
        axes.set_yticklabels([])
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=2)
    return figure, utility


def plot_augmentation(metrics: pd.DataFrame, subject: str) -> tuple[Figure, pd.DataFrame]:
    """AUC of ridge regression trained on a share of the training individuals plus a cohort, and its gain.

    The shares (%) are read from names such as `auc_ridge_added_to_5` and from the strata of `auc_gain_ridge`.
    The floor is the AUC of the share alone, and the ceiling is the AUC of the share of 100 %. Only the
    interval of the cohort `subject` is shown, because the intervals of all cohorts would hide the lines.
    """
    share = (metrics.metric + " " + metrics.stratum).str.extract(r"added_to_(\d+)")[0].astype(float)
    added = metrics[share.notna() & (metrics.domain == "utility")].assign(share=share)
    added = added.sort_values("share")
    shares = list(added.share.unique())
    parts = {"auc_ridge_added": "ROC-AUC, test individuals", "auc_gain": "Gain in ROC-AUC"}
    figure, panels = make_axes(9, 3.4, len(parts))
    for axes, (metric, label) in zip(panels, parts.items(), strict=True):
        rows = added[added.metric.str.startswith(metric)]
        if rows.empty:
            show_message(axes, "Not measured")
            continue
        each = rows.drop_duplicates("share")
        x = each.share.map(shares.index)
        axes.plot(x, each.ceiling, "--", color=INK, label="Share of 100 %")
        axes.plot(
            x,
            each.floor,
            ":",
            color=INK,
            marker=".",
            label="Share of the training individuals alone",
        )
        for name in order(rows[rows.subject != REAL].subject):
            own = rows[rows.subject == name]
            plot_line(axes, own, own.share.map(shares.index), name == subject)
        axes.set_xticks(range(len(shares)), [f"{share:g}" for share in shares])
        axes.set_xlabel("Share of the training individuals, %")
        axes.set_ylabel(label)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=5)
    return figure, added


def privacy_rows(metrics: pd.DataFrame) -> pd.DataFrame:
    """The rows of metrics.tsv on membership inference among all individuals."""
    attacks = metrics[(metrics.domain == "privacy") & (metrics.stratum == "all")]
    return attacks[attacks.metric.str.startswith("mia_")]


def plot_privacy(metrics: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """Membership inference on every cohort: ROC-AUC, and TPR at the two lowest measured FPRs."""
    attacks = privacy_rows(metrics)
    subjects = [name for name in order(attacks.subject) if name not in CONTROLS]
    subjects += [name for name in CONTROLS if name in set(attacks.subject)]
    rates = attacks.metric.str.extract(r"_(tpr_[\d.]+)$")[0].dropna().unique()
    made = [name for name in ATTACKS if f"mia_{name}_auc" in set(attacks.metric)]
    parts = ["auc", *sorted(rates, key=lambda rate: float(rate[4:]))[:2]]
    figure, panels = make_axes(9, 1.5 + 0.32 * max(1, len(subjects)), len(parts))
    gap = min(0.22, 0.9 / max(1, len(made)))
    for axes, part in zip(panels, parts, strict=True):
        for i, name in enumerate(made):
            attack, rows = ATTACKS[name], attacks[attacks.metric == f"mia_{name}_{part}"]
            for j, (_, row) in enumerate(rows.iterrows()):
                y = subjects.index(row.subject) + (i - (len(made) - 1) / 2) * gap
                plot_interval(axes, row, y, attack.colour, attack.marker)
                if j == 0:
                    axes.lines[-1].set_label(attack.label)
        chance = 0.5 if part == "auc" else float(part[4:])
        axes.axvline(chance, color=INK, linewidth=1, linestyle="--", label="Chance")
        label_rows(axes, subjects)
        axes.set_xlabel("ROC-AUC" if part == "auc" else f"TPR at FPR {100 * chance:g} %")
    for axes in panels[1:]:
        axes.set_yticklabels([])
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=4)
    return figure, attacks


def plot_roc(
    curves: pd.DataFrame, metrics: pd.DataFrame, subject: str
) -> tuple[Figure, pd.DataFrame]:
    """ROC curves of the attacks on logarithmic axes, on the cohort `subject` and on the positive control.

    `curves` has subject, attack, fpr and tpr; curves on the negative control are grey. Bars show the
    intervals of the TPRs in `metrics` at their FPRs.
    """
    figure, panels = make_axes(9, 4.2, 2)
    rates = privacy_rows(metrics)
    for axes, name in zip(panels, (subject, POSITIVE_CONTROL), strict=True):
        axes.set_title(look(name).label)
        own = curves[curves.subject == name]
        control = curves[curves.subject == NEGATIVE_CONTROL]
        if own.tpr.isna().all():
            show_message(axes, "Not measured")
            continue
        for i, (_, curve) in enumerate(control.groupby("attack")):
            label = None if i else look(NEGATIVE_CONTROL).label
            axes.plot(curve.fpr, curve.tpr, color=GREY, linewidth=1, alpha=0.6, label=label)
        for i, (attack, shown) in enumerate(ATTACKS.items()):
            curve = own[own.attack == attack]
            if curve.empty:
                continue
            axes.plot(curve.fpr, curve.tpr, color=shown.colour, label=shown.label)
            rows = rates[rates.subject == name]
            fpr = rows.metric.str.extract(rf"^mia_{attack}_tpr_([\d.]+)$")[0].astype(float)
            # A lower false-positive rate is less than one false positive.
            rows = rows[fpr >= curve.fpr.min()]
            x = fpr[rows.index] * (0.94 + 0.04 * i)  # so that bars do not overlap
            low = rows.ci_low.clip(lower=1e-5)
            axes.vlines(x, low, rows.ci_high, color=shown.colour, linewidth=1.5, alpha=0.5)
            axes.plot(x, rows.value, color=shown.colour, marker=shown.marker, linestyle="none")
        axes.plot([0.001, 1], [0.001, 1], "--", color=INK, linewidth=1, label="Chance")
        axes.set_xscale("log")
        axes.set_yscale("log", nonpositive="clip")
        axes.set(xlim=(0.0008, 1.1), ylim=(0.0002, 1.3))
        axes.set_xlabel("False-positive rate (non-members)")
    panels[0].set_ylabel("True-positive rate (members)")
    add_legend(figure, panels, 4)
    return figure, curves
