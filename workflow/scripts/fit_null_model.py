"""Training people's phenotype, covariates and components in; the logistic null model out."""

from snpgen.job import start_log

start_log(snakemake.log[0])

import pandas as pd

from snpgen.association.logistic import fit_null_model

split = pd.read_csv(snakemake.input.split, sep="\t", dtype={"IID": str})
covariates = pd.read_csv(snakemake.input.covariates, sep="\t", dtype={"IID": str}, index_col="IID")
scores = pd.read_csv(snakemake.input.scores, sep="\t", dtype={"IID": str}, index_col="IID")

train = split[split.split == "train"]
design = covariates.join(scores).loc[train.IID]
model, coefficients = fit_null_model(train.IID.to_numpy(str), train.phenotype.to_numpy(), design)

model.save(snakemake.output.null_model)
coefficients.to_csv(snakemake.output.coefficients, sep="\t", index=False)
