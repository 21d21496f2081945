"""Write an external cohort with the variants and alleles of the panel, in the order of the panel."""

from snpgen.job import start_log

start_log(snakemake.log[0])

from snpgen.evaluation.external_cohort import align_cohort, open_external_cohort
from snpgen.io.panel import read_variants
from snpgen.io.plink import write_fileset

external = open_external_cohort(snakemake.input.cohort[0])
variants = read_variants(snakemake.input.variants)
samples = external.samples.sort_values(["IID", "FID"])
matched = read_variants(snakemake.input.matched)
dosages = align_cohort(external, matched, variants, samples.index.to_numpy())
write_fileset(snakemake.output[0].removesuffix(".bed"), dosages, samples, variants)
