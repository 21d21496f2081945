"""Correct the panel's class differences for winner's curse; write the target of calibration."""

from snpgen.job import start_log

start_log(snakemake.log[0])

import numpy as np

from snpgen.association.forecast import Sampling
from snpgen.association.selection import align_ranking
from snpgen.generator.conditions import fit_encoding
from snpgen.generator.hyperparameters import size_multiple
from snpgen.generator.target import TargetSettings, make_target
from snpgen.io.panel import load_panel, read_samples, read_variants
from snpgen.io.sumstats import read_sumstats
from snpgen.io.tables import read_own_table

panel = load_panel(snakemake.input.panel)
variants = read_variants(snakemake.input.variants)
conditions, calibration = snakemake.params.conditions, snakemake.params.calibration
scores = read_samples(snakemake.input.scores).set_index("IID")

external = None
if snakemake.params.independent_effects:
    ranking = align_ranking(variants, read_sumstats(snakemake.input.ranking))
    if ranking.beta_corrected.notna().any():
        external = ranking
frequencies = read_own_table(snakemake.input.frequencies, ["variant_id"])
sampling, n_train = snakemake.params.sampling, int((panel.split == "train").sum())
settings = TargetSettings(
    calibration["effects"] == "shrunken",
    calibration["max_forecast_auc"],
    Sampling(size_multiple(n_train, sampling["size"]), sampling["systematic"]),
)
made = make_target(
    panel,
    variants,
    read_sumstats(snakemake.input.sumstats),
    scores.loc[panel.iid].to_numpy(np.float64),
    fit_encoding(panel, conditions["sex"], conditions["group"] is not None),
    settings,
    snakemake.params.seed,
    external,
    frequencies.shared.to_numpy(np.float64),
)
made.target.save(snakemake.output.target)
for name in ("variants", "prior", "forecast", "by_size"):
    getattr(made, name).to_csv(snakemake.output[name], sep="\t", index=False)
