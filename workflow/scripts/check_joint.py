"""Forecast the attack on individuals in the training sets of all phenotypes, if all cohorts are released."""

from snpgen.job import start_log

start_log(snakemake.log[0])

from snpgen.io.files import read_json
from snpgen.report.input_summary import describe_joint_release, write_summary

names, paths = snakemake.params.phenotypes, snakemake.input.forecasts
forecasts = {name: read_json(path) for name, path in zip(names, paths, strict=True)}
aucs = {name: one["auc"] for name, one in forecasts.items() if one["auc"] is not None}
limits = {name: one["limit"] for name, one in forecasts.items() if one["limit"] is not None}
title = f"Joint release of {len(forecasts)} phenotypes"
if len(aucs) < len(forecasts):
    title += f" ({len(aucs)} without differential privacy)"
write_summary(
    snakemake.output.summary,
    title,
    describe_joint_release(aucs, limits),
)
