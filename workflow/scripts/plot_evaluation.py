"""Draw frequencies, LD, components, effects, utility and privacy from the tables of the evaluation."""

from snpgen.job import start_log

start_log(snakemake.log[0])

import pandas as pd

from snpgen.evaluation.table import is_replicate
from snpgen.report.evaluation import (
    plot_augmentation,
    plot_effects,
    plot_privacy,
    plot_utility,
)
from snpgen.report.fidelity import plot_components, plot_frequencies, plot_ld, plot_region
from snpgen.report.metrics import read_metrics
from snpgen.report.style import save_svg

metrics = read_metrics(snakemake.input.metrics)
metrics = metrics[~metrics.subject.map(is_replicate)]  # their mean and range are drawn
frequencies = pd.read_csv(snakemake.input.frequencies, sep="\t", dtype={"variant_id": str})
effects = pd.read_csv(snakemake.input.effects, sep="\t", dtype={"variant_id": str})
region = pd.read_csv(snakemake.input.region, sep="\t", dtype={"first": str, "second": str})
components = pd.read_csv(snakemake.input.components, sep="\t")
subject = snakemake.params.subject
save_svg(plot_frequencies(frequencies, subject), snakemake.output.frequencies)
save_svg(plot_effects(effects, subject), snakemake.output.effects)
save_svg(plot_region(region, subject), snakemake.output.region)
save_svg(plot_components(components, subject), snakemake.output.components)
save_svg(plot_ld(metrics), snakemake.output.ld)
save_svg(plot_utility(metrics), snakemake.output.utility)
save_svg(plot_augmentation(metrics, subject), snakemake.output.augmentation)
save_svg(plot_privacy(metrics), snakemake.output.privacy)
