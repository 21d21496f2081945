"""Plot the figures of the evaluation."""

from snpgen.job import start_log

start_log(snakemake.log[0])


from snpgen.report.figures import save_figures

save_figures(
    "plot_evaluation",
    dict(snakemake.input.items()),
    dict(snakemake.output.items()),
    snakemake.params.subject,
)
