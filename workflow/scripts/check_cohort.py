"""Check fileset, kinship and INFO tables; write the samples with sufficient call rate, and their funnel."""

from snpgen.job import start_log

start_log(snakemake.log[0])

from pathlib import Path

from snpgen.cohort.qc import check_info, check_kinship, check_samples, check_variants
from snpgen.genetics.builds import read_markers
from snpgen.genetics.kinship import read_kinship
from snpgen.io.imputation_quality import read_info
from snpgen.io.plink import open_fileset

params = snakemake.params
markers = read_markers(snakemake.input.markers)

fileset = open_fileset(params.genotypes, params.chromosomes)
variants = check_variants(fileset, params.chromosomes, markers, params.build)
if snakemake.input.kinship:
    path = snakemake.input.kinship
    check_kinship(read_kinship(path), fileset.samples, path)
if snakemake.input.info:
    info = read_info(snakemake.input.info)
    check_info(info, fileset.variants, ", ".join(snakemake.input.info))
multiallelic = [
    name for path in snakemake.input.multiallelic for name in Path(path).read_text().split()
]
samples, funnel = check_samples(
    fileset, variants, params.min_sample_call_rate, snakemake.threads, len(multiallelic)
)

samples.to_csv(snakemake.output.samples, sep="\t", index=False)
funnel.to_csv(snakemake.output.funnel, sep="\t", index=False)
