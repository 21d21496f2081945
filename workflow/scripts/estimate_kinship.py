"""Estimate KING-robust kinship of all pairs at LD-pruned variants; write the related pairs."""

from snpgen.job import start_log

start_log(snakemake.log[0])

import json
from pathlib import Path

from snpgen.cohort.qc import rows_on
from snpgen.genetics.kinship import check_size
from snpgen.genetics.pruning import prune_fileset
from snpgen.genetics.relatives import find_relatives
from snpgen.io.plink import open_fileset
from snpgen.io.samples import for_file
from snpgen.io.tables import read_own_table
from snpgen.job import derive_seed, log

settings = snakemake.params.kinship
kept = read_own_table(snakemake.input.samples, str, missing=())
check_size(len(kept), settings["max_samples"])

fileset = open_fileset(snakemake.params.genotypes, snakemake.params.chromosomes)
individuals = fileset.sample_rows(kept.IID)
variants = prune_fileset(
    fileset,
    rows_on(fileset, snakemake.params.chromosomes),
    individuals,
    settings["min_maf"],
    settings["prune_r2"],
    settings["prune_kb"],
    snakemake.threads,
)
log.info("%d LD-pruned variants, %d individuals", len(variants), len(individuals))
seed = derive_seed(snakemake.params.seed, "estimate_kinship")
pairs, summary = find_relatives(fileset, variants, individuals, seed, snakemake.threads)
log.info("%d pairs of related individuals written", len(pairs))

for_file(pairs).to_csv(snakemake.output.kinship, sep="\t", index=False)
Path(snakemake.output.summary).write_text(json.dumps(summary, indent=2) + "\n")
