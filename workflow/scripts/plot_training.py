"""Plot the training of both networks and the calibration of the guidance."""

from snpgen.job import start_log

start_log(snakemake.log[0])


from snpgen.report.figures import save_figures

save_figures("plot_training", dict(snakemake.input.items()), dict(snakemake.output.items()))
