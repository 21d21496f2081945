"""Generate the synthetic cohort of a baseline that needs no trained model.

Baselines are fitted within classes. For a quantitative trait, the classes are controls and cases. Except for mosaics,
their target frequencies are those of the calibration.
"""

from snpgen.job import start_log

start_log(snakemake.log[0])

from snpgen.baselines.registry import BASELINES
from snpgen.generator.synthetic import (
    assign_phenotypes,
    class_column,
    count_synthetic,
    write_cohort,
)
from snpgen.generator.target import load_target
from snpgen.genetics.imputation import impute_genotypes
from snpgen.io.panel import load_panel, read_variants
from snpgen.job import derive_seed

baseline = snakemake.wildcards.baseline
seed = derive_seed(snakemake.params.seed, "sample", baseline)
panel = load_panel(snakemake.input.panel)
variants = read_variants(snakemake.input.variants)
column = class_column(panel)
labels = panel.samples("train")[column].to_numpy(int)
dosages = impute_genotypes(panel, "train", snakemake.params.seed)[0]
size = count_synthetic(len(labels), snakemake.params.sampling["size"])
synthetic = assign_phenotypes(panel, baseline, size, seed)
sample = BASELINES[baseline].load_sampler()
frequencies = load_target(snakemake.input.target).classes
genotypes = sample(dosages, labels, variants, frequencies, synthetic[column].to_numpy(int), seed)
write_cohort(snakemake.output[0], genotypes, synthetic, variants, panel.classes)
