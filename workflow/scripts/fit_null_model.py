"""Fit the null model: phenotype on covariates and principal components, in the training set."""

from snpgen.job import start_log

start_log(snakemake.log[0])

from snpgen.association.null_model import fit_null_model
from snpgen.io.panel import read_samples

split = read_samples(snakemake.input.split)
covariates = read_samples(snakemake.input.covariates).set_index("IID")
scores = read_samples(snakemake.input.scores).set_index("IID")

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
