"""Check lists of variants and external summary statistics before the GWAS."""

from snpgen.job import start_log

start_log(snakemake.log[0])

from snpgen.association.external_sumstats import check_external_sumstats
from snpgen.association.variant_lists import read_lists
from snpgen.genetics.builds import read_markers
from snpgen.io.plink import open_fileset

fileset = open_fileset(snakemake.params.genotypes, snakemake.params.chromosomes)
lists = read_lists(snakemake.input.include, snakemake.input.exclude, fileset.variants)
if snakemake.input.external:
    markers, build = read_markers(snakemake.input.markers), snakemake.params.panel["sumstats_build"]
    check_external_sumstats(snakemake.input.external, fileset.variants, markers, build)
lists.to_csv(snakemake.output.lists, sep="\t", index=False)
