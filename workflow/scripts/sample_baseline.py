"""Write the synthetic cohort of a baseline as a PLINK fileset, with labels as in training."""

from snpgen.job import start_log

start_log(snakemake.log[0])

from snpgen.generator.baselines import sample_independent
from snpgen.generator.fitting import people
from snpgen.generator.synthetic import shuffled_labels, write_cohort
from snpgen.job import derive_seed
from snpgen.panel import load_panel, read_variants

seed = derive_seed(snakemake.params.seed, "sample", snakemake.wildcards.baseline)
dosages, _, labels = people(load_panel(snakemake.input.panel), "train", snakemake.params.seed)
synthetic_labels = shuffled_labels(labels, seed)
drawn = sample_independent(dosages, labels, synthetic_labels, seed)
write_cohort(snakemake.output[0], drawn, synthetic_labels, read_variants(snakemake.input.variants))
