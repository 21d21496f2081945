"""Find the ancestry groups of the training individuals, and assign all real individuals to them."""

from snpgen.job import start_log

start_log(snakemake.log[0])

import numpy as np
import pandas as pd

from snpgen.cohort.phenotype import read_groups
from snpgen.evaluation.cohorts import Cohort
from snpgen.evaluation.grouping import GroupClassifier, find_clusters, fit_structure_components
from snpgen.evaluation.metrics_table import write_restricted
from snpgen.io.panel import load_panel, read_variants
from snpgen.io.tables import read_own_table
from snpgen.job import derive_seed

panel = load_panel(snakemake.input.panel)
train = Cohort(*panel.of("train"))
components = fit_structure_components(train, read_variants(snakemake.input.variants))
is_training = panel.split == "train"
labels = panel.group  # of conditions.group, "" without this condition
if snakemake.params.group:
    samples = read_own_table(snakemake.input.samples, str, missing=())
    labels = read_groups(samples, snakemake.input.tables, snakemake.params.group, panel.iid)
elif not (labels != "").any():
    labels = np.full(len(panel.iid), "", "<U8")
    seed = derive_seed(snakemake.params.seed, "assign_groups", snakemake.wildcards.phenotype)
    labels[is_training] = find_clusters(components, train, seed)

classifier = GroupClassifier(components, train, labels[is_training])
groups = classifier.assign(Cohort(panel.dosages, panel.phenotype))
table = {"IID": panel.iid, "split": panel.split, "label": labels, "group": groups}
write_restricted(pd.DataFrame(table), snakemake.output.groups)
