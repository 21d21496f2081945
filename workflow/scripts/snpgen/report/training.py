"""Figure of the generator: loss curves, and effect sizes by guidance scale."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from snpgen.baselines.registry import BLUE, INK, VERMILLION
from snpgen.report.style import make_axes

PARTS = {
    "reconstruction": ("genotypes", "Cross-entropy, nats per individual"),
    "kl": ("latents", "KL divergence, nats per individual"),
    "denoising": ("denoising", "Weighted squared error"),
}


def plot_training(
    vae: pd.DataFrame, diffusion: pd.DataFrame, guidance: pd.DataFrame
) -> tuple[Figure, pd.DataFrame]:
    """Plot each part of the loss of each model, and the effect slopes of the guidance scales.

    `vae` and `diffusion` have step, split, part and value; `guidance` has scale and effect_slope. The axis of
    the KL divergence begins at 0, because a divergence of 0 means that the latents carry no information.
    """
    parts = [("VAE", vae, part) for part in vae.part.unique()]
    parts += [("Diffusion", diffusion, part) for part in diffusion.part.unique()]
    figure, panels = make_axes(2.5 * (len(parts) + 1), 2.7, len(parts) + 1)
    for axes, (model, table, part) in zip(panels, parts, strict=False):
        _plot_losses(axes, table[table.part == part])
        title, unit = PARTS.get(part, (part, part))
        axes.set_title(f"{model}: {title}")
        axes.set_ylabel(unit)
        if part == "kl":
            axes.set_ylim(bottom=0)
    panels[0].legend()
    _plot_guidance(panels[-1], guidance)
    tried = guidance.assign(part="effect_slope").rename(columns={"effect_slope": "value"})
    tables = {"vae": vae, "diffusion": diffusion, "guidance": tried}
    named = [table.assign(model=name) for name, table in tables.items()]
    columns = ["model", "part", "split", "step", "scale", "value"]
    return figure, pd.concat(named).reindex(columns=columns).astype({"step": "Int64"})


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
    axes.set_ylabel("Slope of effects, synthetic on target")
