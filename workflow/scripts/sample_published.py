"""Train the published design and write its synthetic cohort, with people as in training."""

from snpgen.job import start_log

start_log(snakemake.log[0])

from snpgen.generator.fitting import people
from snpgen.generator.published import sample_published
from snpgen.generator.synthetic import class_column, draw_people, write_cohort
from snpgen.job import derive_seed
from snpgen.panel import load_panel, read_variants

seed = derive_seed(snakemake.params.seed, "sample", "published")
panel = load_panel(snakemake.input.panel)
column = class_column(panel)
labels = panel.people("train")[column].to_numpy(int)
dosages, *_ = people(panel, "train", snakemake.params.seed)
synthetic = draw_people(panel, "published", len(labels), seed)
drawn = sample_published(dosages, labels, synthetic[column].to_numpy(int), seed)
variants = read_variants(snakemake.input.variants)
write_cohort(snakemake.output[0], drawn, synthetic, variants, panel.classes)
