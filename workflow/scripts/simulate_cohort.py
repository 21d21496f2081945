"""Simulate the demo cohort: a PLINK fileset, a table of phenotypes, and the causal variants."""

from snpgen.job import start_log

start_log(snakemake.log[0])

from snpgen.cohort.simulation import simulate_cohort
from snpgen.genetics.ld import read_long_range_ld
from snpgen.io.plink import write_fileset
from snpgen.job import log

cohort = simulate_cohort(
    **snakemake.params.simulation,
    chromosomes=snakemake.params.chromosomes,
    avoid=read_long_range_ld(snakemake.input.long_range_ld, "GRCh38"),
    seed=snakemake.params.seed,
    threads=snakemake.threads,
)
log.info(
    "%d individuals, %d variants, %d of them causal", *cohort.dosages.shape, len(cohort.causal)
)

write_fileset(
    snakemake.output.bed.removesuffix(".bed"), cohort.dosages, cohort.samples, cohort.variants
)
cohort.phenotypes.to_csv(snakemake.output.phenotypes, sep="\t", index=False)
cohort.causal.to_csv(snakemake.output.causal, sep="\t", index=False)
