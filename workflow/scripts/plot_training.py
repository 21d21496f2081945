"""Draw the loss curves of both models and effects by the scale of guidance."""

from snpgen.job import start_log

start_log(snakemake.log[0])


import pandas as pd

from snpgen.report.style import save
from snpgen.report.training import plot_training, training_rows

vae = pd.read_csv(snakemake.input.vae, sep="\t")
diffusion = pd.read_csv(snakemake.input.diffusion, sep="\t")
guidance = pd.read_csv(snakemake.input.guidance, sep="\t")
tables = vae, diffusion, guidance
save(plot_training(*tables), training_rows(*tables), snakemake.output.training)
