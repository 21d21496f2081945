"""Figures of the generator: loss curves, effects by the scale of guidance, and the calibration."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from snpgen.report.style import BLUE, GREY, INK, VERMILLION, make_figure

PARTS = {
    "reconstruction": ("genotypes", "Cross-entropy, nats a person"),
    "kl": ("latents", "KL divergence, nats a person"),
    "denoising": ("denoising", "Weighted squared error"),
}
CALIBRATION_FIGURES = {  # of each its panel's title, and the best value where it is known
    "effect_slope": ("Effect slope", 1.0),
    "auc_ridge": ("Ridge regression, AUC", None),
    "c2st_xgboost": ("C2ST, XGBoost", None),
    "mia_frequency_auc": ("Frequency attack, AUC", 0.5),
}


def training_rows(
    vae: pd.DataFrame, diffusion: pd.DataFrame, guidance: pd.DataFrame
) -> pd.DataFrame:
    """The loss curves of both models, then the effect slope at each scale of guidance, as one table."""
    tried = guidance.assign(part="effect_slope").rename(columns={"effect_slope": "value"})
    tables = {"vae": vae, "diffusion": diffusion, "guidance": tried}
    named = [table.assign(model=name) for name, table in tables.items()]
    columns = ["model", "part", "split", "step", "scale", "value"]
    return pd.concat(named).reindex(columns=columns).astype({"step": "Int64"})


def plot_training(vae: pd.DataFrame, diffusion: pd.DataFrame, guidance: pd.DataFrame) -> Figure:
    """A panel for each part of each model's loss, and one for the scales of guidance that were tried.

    `vae` and `diffusion` have step, split, part and value; `guidance` scale and effect_slope. The
    panel of the KL divergence shows what the latents hold, so it begins at 0.
    """
    parts = [("VAE", vae, part) for part in vae.part.unique()]
    parts += [("Diffusion", diffusion, part) for part in diffusion.part.unique()]
    figure, panels = make_figure(2.5 * (len(parts) + 1), 2.7, len(parts) + 1)
    for axes, (model, table, part) in zip(panels, parts, strict=False):
        _plot_losses(axes, table[table.part == part])
        title, unit = PARTS.get(part, (part, part))
        axes.set_title(f"{model}: {title}")
        axes.set_ylabel(unit)
        if part == "kl":
            axes.set_ylim(bottom=0)
    panels[0].legend()
    _plot_guidance(panels[-1], guidance)
    return figure


def _plot_losses(axes: Axes, table: pd.DataFrame) -> None:
    for split, colour, style in (("train", BLUE, "-"), ("validation", VERMILLION, "--")):
        curve = table[table.split == split]
        axes.plot(curve.step, curve.value, style, color=colour, label=split)
    axes.set_xlabel("Training step")
    axes.locator_params(axis="x", nbins=4)


def _plot_guidance(axes: Axes, guidance: pd.DataFrame) -> None:
    axes.plot(guidance.scale, guidance.effect_slope, "o", color=BLUE)
    axes.axhline(1, color=INK, linewidth=1, linestyle="--")
    axes.set_xticks(guidance.scale)
    axes.margins(x=0.2)
    axes.set_title("Guidance")
    axes.set_xlabel("Scale")
    axes.set_ylabel("Slope of synthetic on training effects")


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
