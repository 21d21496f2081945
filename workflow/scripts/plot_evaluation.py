"""Draw frequencies, LD, components, effects, utility and privacy from the tables of the evaluation."""

from snpgen.job import start_log

start_log(snakemake.log[0])

import pandas as pd

from snpgen.evaluation.metrics_table import VARIANT, is_replicate
from snpgen.report.evaluation import (
    augmentation_rows,
    plot_augmentation,
    plot_effects,
    plot_privacy,
    plot_roc,
    plot_utility,
    privacy_rows,
    utility_rows,
)
from snpgen.report.fidelity import (
    ld_rows,
    plot_components,
    plot_frequencies,
    plot_ld,
    plot_region,
    widen,
)
from snpgen.report.metrics import read_metrics
from snpgen.report.style import save


def read(path):
    text = ["variant_id", "chromosome", "effect_allele", "other_allele", "first", "second"]
    return pd.read_csv(
        path, sep="\t", dtype=dict.fromkeys(text, str), keep_default_na=False, na_values=["NA"]
    )


metrics = read_metrics(snakemake.input.metrics)
metrics = metrics[~metrics.subject.map(is_replicate)]  # their mean and range are drawn
frequencies, effects = read(snakemake.input.frequencies), read(snakemake.input.effects)
region, components = read(snakemake.input.region), read(snakemake.input.components)
curves = pd.concat(map(read, snakemake.input.curves))
subject, output = snakemake.params.subject, snakemake.output

table = widen(frequencies, [*VARIANT, "stratum"], "frequency", subject)
save(plot_frequencies(frequencies, subject), table, output.frequencies)
save(plot_effects(effects, subject), widen(effects, VARIANT, "beta", subject), output.effects)
table = widen(region, ["i", "j", "first", "second"], "r", subject)
save(plot_region(region, subject), table, output.region)
shown = components[components.subject.isin(["real", subject, "test"])]
save(plot_components(shown, subject), shown, output.components)
save(plot_ld(metrics), ld_rows(metrics), output.ld)
save(plot_utility(metrics), utility_rows(metrics), output.utility)
save(plot_augmentation(metrics, subject), augmentation_rows(metrics), output.augmentation)
save(plot_privacy(metrics), privacy_rows(metrics), output.privacy)
save(plot_roc(curves, metrics, subject), curves, output.roc)
