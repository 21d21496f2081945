"""Compute the true effects of the variants of the panel, if the phenotype was simulated."""

from snpgen.job import start_log

start_log(snakemake.log[0])

from snpgen.evaluation.metrics_table import write_table
from snpgen.evaluation.truth import compute_true_effects, read_causal
from snpgen.io.panel import load_panel, read_variants
from snpgen.io.plink import open_fileset
from snpgen.job import log

panel = load_panel(snakemake.input.panel)
variants = read_variants(snakemake.input.variants)
fileset = open_fileset(snakemake.params.genotypes, snakemake.params.chromosomes)
truth = compute_true_effects(
    panel.dosages,
    variants,
    float(panel.phenotype.mean()),
    read_causal(snakemake.input.causal),
    fileset,
    fileset.sample_rows(panel.iid),
    snakemake.threads,
)
log.info(
    "%d of %d variants of the panel are causal, and %d more are in LD with a causal variant",
    truth.causal.sum(),
    len(variants),
    truth.has_effect.sum() - truth.causal.sum(),
)
write_table(truth.table(variants), snakemake.output.effects)
