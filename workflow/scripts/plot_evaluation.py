"""Draw frequencies, LD, effects, utility, privacy and the calibration from the tables of the evaluation."""

from snpgen.job import start_log

start_log(snakemake.log[0])

import json
from pathlib import Path

import pandas as pd

from snpgen.report.evaluation import (
    plot_augmentation,
    plot_calibration,
    plot_effects,
    plot_frequencies,
    plot_ld,
    plot_privacy,
    plot_utility,
)
from snpgen.report.metrics import read_metrics
from snpgen.report.style import save_svg

metrics = read_metrics(snakemake.input.metrics)
frequencies = pd.read_csv(snakemake.input.frequencies, sep="\t", dtype={"variant_id": str})
effects = pd.read_csv(snakemake.input.effects, sep="\t", dtype={"variant_id": str})
save_svg(plot_frequencies(frequencies), snakemake.output.frequencies)
save_svg(plot_effects(effects), snakemake.output.effects)
save_svg(plot_ld(metrics), snakemake.output.ld)
save_svg(plot_utility(metrics), snakemake.output.utility)
save_svg(plot_augmentation(metrics), snakemake.output.augmentation)
save_svg(plot_privacy(metrics), snakemake.output.privacy)

chosen = json.loads(Path(snakemake.input.guidance).read_text())
calibration = plot_calibration(
    read_metrics(snakemake.input.calibration), chosen["scale"], chosen["noise"]
)
save_svg(calibration, snakemake.output.calibration)
