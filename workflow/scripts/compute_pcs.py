"""Fit principal components on the training individuals; write the scores of all individuals."""

from snpgen.job import start_log

start_log(snakemake.log[0])

import numpy as np
import pandas as pd

from snpgen.genetics.ld import read_long_range_ld
from snpgen.genetics.pca import choose_variants, fit_components, project, supported_count
from snpgen.io.panel import read_samples
from snpgen.io.plink import open_fileset
from snpgen.io.samples import for_file
from snpgen.job import derive_seed, log

settings = dict(snakemake.params.pcs)
count = settings.pop("count")

split = read_samples(snakemake.input.split)
fileset = open_fileset(snakemake.params.genotypes, snakemake.params.chromosomes)
all_samples = fileset.sample_rows(split.IID)
in_training = (split.split == "train").to_numpy()
train = all_samples[in_training]
regions = read_long_range_ld(snakemake.input.long_range_ld, snakemake.params.build)

variants = np.flatnonzero(fileset.variants.chromosome.isin(snakemake.params.chromosomes))
rows, frequency = choose_variants(
    fileset,
    variants,
    train,
    regions,
    snakemake.params.min_call_rate,
    **settings,
    threads=snakemake.threads,
)
supported = supported_count(count, len(rows), len(train))
if supported < count:
    log.warning("%d LD-pruned variants support only %d components", len(rows), supported)
count = supported
names = [f"PC{number}" for number in range(1, count + 1)]
seed = derive_seed(snakemake.params.seed, "compute_pcs")
components = fit_components(fileset, rows, train, frequency, count, seed, snakemake.threads)
scores = project(fileset, components, all_samples, in_training, snakemake.threads)

scores = pd.DataFrame(scores, columns=names)
scores.insert(0, "IID", split.IID)
for_file(scores).to_csv(snakemake.output.scores, sep="\t", index=False)

where = ["variant_id", "chromosome", "position", "effect_allele", "other_allele"]
loadings = fileset.variants.loc[components.rows, where].reset_index(drop=True)
loadings["frequency"] = components.frequency
loadings[names] = components.loadings
loadings.to_csv(snakemake.output.loadings, sep="\t", index=False)

eigenvalues = pd.DataFrame({"component": names, "eigenvalue": components.eigenvalues})
eigenvalues.to_csv(snakemake.output.eigenvalues, sep="\t", index=False)
