"""Extract the genotypes of all samples of the split at the panel's variants."""

from snpgen.job import start_log

start_log(snakemake.log[0])

import numpy as np
import pandas as pd

from snpgen.association.selection import locate_variants
from snpgen.cohort.phenotype import class_names
from snpgen.io.panel import make_panel, read_samples, read_variants
from snpgen.io.plink import allele_frequency, open_fileset
from snpgen.io.samples import are_joined, read_keep

split = read_samples(snakemake.input.split)
fileset = open_fileset(snakemake.params.genotypes, snakemake.params.chromosomes)
samples = fileset.sample_rows(split.IID)
variants = read_variants(snakemake.input.variants)
rows = locate_variants(fileset.variants, variants)

order = np.argsort(rows)  # `read` needs ascending rows; the panel is in genomic order
dosages = np.empty((len(samples), len(rows)), dtype=np.int8)
dosages[:, order] = fileset.read(rows[order], samples, snakemake.threads)

phenotype = snakemake.params.phenotype
classes = class_names(phenotype["coding"], phenotype.get("classes", []))
make_panel(dosages, split, classes).save(snakemake.output.genotypes)

is_training = (split.split == "train").to_numpy()
own = shared = allele_frequency(dosages[is_training])
counted = read_keep(snakemake.input.frequencies, are_joined(split.IID))
others = pd.Index(counted).difference(split.IID[is_training])  # NumPy compares all pairs of strings
if len(others):
    more = np.empty((len(others), len(rows)), dtype=np.int8)
    more[:, order] = fileset.read(rows[order], fileset.sample_rows(others), snakemake.threads)
    shared = allele_frequency(np.concatenate([dosages[is_training], more]))
frequencies = pd.DataFrame({"variant_id": variants.variant_id, "training": own, "shared": shared})
frequencies.to_csv(snakemake.output.frequencies, sep="\t", index=False)
