"""Draw the loss curves of both models and the effects at each scale of guidance."""

from snpgen.job import start_log

start_log(snakemake.log[0])

import pandas as pd

from snpgen.report.style import save_svg
from snpgen.report.training import plot_training

vae = pd.read_csv(snakemake.input.vae, sep="\t")
diffusion = pd.read_csv(snakemake.input.diffusion, sep="\t")
guidance = pd.read_csv(snakemake.input.guidance, sep="\t")
save_svg(plot_training(vae, diffusion, guidance), snakemake.output.training)
