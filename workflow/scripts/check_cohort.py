"""Check fileset, kinship and INFO tables; write the samples with sufficient call rate, and their funnel."""

from snpgen.job import start_log

start_log(snakemake.log[0])

from pathlib import Path

import pandas as pd

from snpgen.cohort.qc import (
    check_info,
    check_kinship,
    check_samples,
    check_variants,
    exclude_samples,
)
from snpgen.genetics.builds import read_markers
from snpgen.genetics.kinship import read_kinship
from snpgen.io.imputation_quality import read_info
from snpgen.io.plink import open_fileset
from snpgen.io.samples import are_joined, for_file

params = snakemake.params
markers = read_markers(snakemake.input.markers)

fileset = open_fileset(params.genotypes, params.chromosomes)
variants = check_variants(fileset, params.chromosomes, markers, params.build)
present, match = exclude_samples(fileset.samples, snakemake.input.exclude)
matches = [match] if match else []
if snakemake.input.kinship:
    path = snakemake.input.kinship
    matches += check_kinship(
        read_kinship(path, are_joined(fileset.samples.IID)), fileset.samples, path
    )
if snakemake.input.info:
    info, path = read_info(snakemake.input.info), ", ".join(snakemake.input.info)
    matches.append(check_info(info, fileset.variants.iloc[variants], path))
multiallelic = [
    name for path in snakemake.input.multiallelic for name in Path(path).read_text().split()
]
samples, funnel = check_samples(
    fileset,
    variants,
    params.min_sample_call_rate,
    snakemake.threads,
    len(multiallelic),
    present.index.to_numpy() if match else None,
)

for_file(samples).to_csv(snakemake.output.samples, sep="\t", index=False)
funnel = pd.concat([funnel, *(match.funnel() for match in matches)])
funnel.to_csv(snakemake.output.funnel, sep="\t", index=False)
