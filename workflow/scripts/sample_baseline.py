"""Write the synthetic cohort of a baseline as a PLINK fileset, with people as in training.

Baselines are fitted within classes; of a quantitative trait these are controls and cases.
"""

from snpgen.job import start_log

start_log(snakemake.log[0])

from snpgen.baselines.baselines import sample_copula, sample_independent, sample_mosaic
from snpgen.generator.fitting import impute_genotypes
from snpgen.generator.synthetic import assign_phenotypes, class_column, write_cohort
from snpgen.io.panel import load_panel, read_variants
from snpgen.job import derive_seed

baseline = snakemake.wildcards.baseline
seed = derive_seed(snakemake.params.seed, "sample", baseline)
panel = load_panel(snakemake.input.panel)
column = class_column(panel)
labels = panel.samples("train")[column].to_numpy(int)
dosages, *_ = impute_genotypes(panel, "train", snakemake.params.seed)
synthetic = assign_phenotypes(panel, baseline, len(labels), seed)
wanted = synthetic[column].to_numpy(int)
variants = read_variants(snakemake.input.variants)
if baseline == "mosaic":
    place = variants.chromosome.to_numpy(), variants.position.to_numpy()
    drawn = sample_mosaic(dosages, labels, *place, wanted, seed)
else:
    sample = {"independent": sample_independent, "copula": sample_copula}[baseline]
    drawn = sample(dosages, labels, wanted, seed)
write_cohort(snakemake.output[0], drawn, synthetic, variants, panel.classes)
