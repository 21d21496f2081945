"""List the individuals in the overall allele frequencies of each phenotype, which several phenotypes may share."""

from snpgen.job import start_log

start_log(snakemake.log[0])

from snpgen.cohort.shared_frequencies import frequency_sets
from snpgen.io.samples import SampleIds
from snpgen.io.tables import read_own_table

phenotypes = [read_own_table(path, str, missing=()) for path in snakemake.input.phenotypes]
samples = read_own_table(snakemake.input.split, str, missing=())
train = samples[samples.split == "train"]
training = {
    name: set(phenotype.IID) & set(train.IID)
    for name, phenotype in zip(snakemake.params.phenotypes, phenotypes, strict=True)
}
sets = frequency_sets(training, snakemake.params.include)
for name, path in zip(training, snakemake.output.frequencies, strict=True):
    SampleIds.of(train[train.IID.isin(sets[name])]).write_keep(path)
