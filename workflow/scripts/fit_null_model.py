"""Training people's phenotype, covariates and components in; the null model out."""

from snpgen.job import start_log

start_log(snakemake.log[0])

import pandas as pd

from snpgen.association.null_model import fit_null_model

split = pd.read_csv(snakemake.input.split, sep="\t", dtype={"IID": str})
covariates = pd.read_csv(snakemake.input.covariates, sep="\t", dtype={"IID": str}, index_col="IID")
scores = pd.read_csv(snakemake.input.scores, sep="\t", dtype={"IID": str}, index_col="IID")

train = split[split.split == "train"]
quantitative = "value" in train
model, coefficients = fit_null_model(
    train.IID.to_numpy(str),
    train["value" if quantitative else "phenotype"].to_numpy(float),
    covariates.join(scores).loc[train.IID],
    logistic=not quantitative,
)

model.save(snakemake.output.null_model)
coefficients.to_csv(snakemake.output.coefficients, sep="\t", index=False)
