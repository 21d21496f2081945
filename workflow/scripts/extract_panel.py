"""The panel's variants and the split in; the genotypes of everybody in the split out."""

from snpgen.job import start_log

start_log(snakemake.log[0])

import numpy as np
import pandas as pd

from snpgen.association.selection import locate_variants
from snpgen.cohort.phenotype import class_names
from snpgen.panel import make_panel, read_variants
from snpgen.plink import open_fileset
from snpgen.vcf import check_alleles

text = {"IID": str, "class": str, "group": str}
split = pd.read_csv(snakemake.input.split, sep="\t", dtype=text, keep_default_na=False)
fileset = open_fileset(snakemake.params.genotypes, snakemake.params.chromosomes)
samples = fileset.sample_rows(split.IID)
variants = read_variants(snakemake.input.variants)
if "vcf" in snakemake.params.formats:
    check_alleles(variants)  # before days of training
rows = locate_variants(fileset.variants, variants)

order = np.argsort(rows)  # the reader wants the order of the files, the panel has the genome's
dosages = np.empty((len(samples), len(rows)), dtype=np.int8)
dosages[:, order] = fileset.read(rows[order], samples, snakemake.threads)

phenotype = snakemake.params.phenotype
classes = class_names(phenotype["coding"], phenotype.get("classes", []))
make_panel(dosages, split, classes).save(snakemake.output.genotypes)
