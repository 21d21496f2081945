"""Match phenotype and covariates with the genotyped samples; write the complete cases."""

from snpgen.job import start_log

start_log(snakemake.log[0])

from snpgen.cohort.covariates import check_collinear
from snpgen.cohort.phenotype import QUANTITATIVE, find_samples
from snpgen.cohort.separation import check_separation
from snpgen.cohort.split import check_numbers
from snpgen.io.samples import for_file
from snpgen.io.tables import read_own_table
from snpgen.job import log

samples = read_own_table(snakemake.input.samples, str, missing=())
settings, conditions = snakemake.params.phenotype, snakemake.params.conditions
individuals, funnel = find_samples(
    samples, snakemake.input.tables, settings, conditions, snakemake.params.min_matched
)
check_numbers(individuals, funnel, settings.get("classes", []))
covariates = settings.get("covariates", []), settings.get("categorical", [])
check_collinear(individuals, *covariates)
if settings["coding"] != QUANTITATIVE:
    check_separation(individuals, *covariates, "the included individuals")
log.info("%d individuals, %d cases", len(individuals), individuals.phenotype.sum())

for_file(individuals).to_csv(snakemake.output.samples, sep="\t", index=False)
funnel.to_csv(snakemake.output.funnel, sep="\t", index=False)
