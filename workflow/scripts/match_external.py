"""Match the variants of an external cohort to the variants of the genotype files, before the GWAS."""

from snpgen.job import start_log

start_log(snakemake.log[0])

from snpgen.evaluation.external_cohort import match_variants, open_external_cohort
from snpgen.io.plink import open_fileset

bed = snakemake.input.cohort[0]
fileset = open_fileset(snakemake.params.genotypes, snakemake.params.chromosomes)
variants = fileset.variants[fileset.variants.chromosome.isin(snakemake.params.chromosomes)]
matched, funnel = match_variants(open_external_cohort(bed).variants, variants, bed)
matched.to_csv(snakemake.output.variants, sep="\t", index=False)
funnel.to_csv(snakemake.output.funnel, sep="\t", index=False)
