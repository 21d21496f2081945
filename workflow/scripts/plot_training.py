"""Draw the loss curves of both models, effects by guidance, and what guidance and noise do."""

from snpgen.job import start_log

start_log(snakemake.log[0])


import pandas as pd

from snpgen.files import read_json
from snpgen.report.metrics import read_metrics
from snpgen.report.style import save
from snpgen.report.training import plot_calibration, plot_training, training_rows

vae = pd.read_csv(snakemake.input.vae, sep="\t")
diffusion = pd.read_csv(snakemake.input.diffusion, sep="\t")
guidance = pd.read_csv(snakemake.input.guidance, sep="\t")
tables = vae, diffusion, guidance
save(plot_training(*tables), training_rows(*tables), snakemake.output.training)

chosen = read_json(snakemake.input.chosen)
calibration = read_metrics(snakemake.input.calibration)
figure = plot_calibration(calibration, chosen["scale"], chosen["noise"])
save(figure, calibration, snakemake.output.calibration)
