"""Compute genome-wide polygenic scores of the test individuals, for comparison with the panel."""

from snpgen.job import start_log

start_log(snakemake.log[0])

import pandas as pd

from snpgen.baselines.registry import THRESHOLDING
from snpgen.evaluation.metrics_table import write_restricted, write_table
from snpgen.evaluation.scores import match_score
from snpgen.evaluation.scoring_files import read_scoring_files
from snpgen.evaluation.thresholding import fit_thresholding
from snpgen.genetics.builds import read_markers
from snpgen.io.panel import read_samples
from snpgen.io.plink import open_fileset
from snpgen.io.sumstats import read_sumstats

chromosomes, threads = snakemake.params.chromosomes, snakemake.threads
markers = read_markers(snakemake.input.markers)
published = read_scoring_files(snakemake.input.scoring_files, snakemake.params.build, markers)
split = read_samples(snakemake.input.split)
fileset = open_fileset(snakemake.params.genotypes, chromosomes)
train, test = (fileset.sample_rows(split.IID[split.split == name]) for name in ("train", "test"))

score, threshold = fit_thresholding(
    fileset, read_sumstats(snakemake.input.sumstats), split[split.split != "test"], threads
)
scores = {THRESHOLDING: score}
estimates = [(THRESHOLDING, "p_threshold", threshold)]
for scoring in published:
    scores[scoring.name] = match_score(scoring, fileset, chromosomes, train, threads)
    matched = len(scores[scoring.name].rows) / scoring.n_rows
    estimates.append((scoring.name, "match_rate", matched))
estimates += [(name, "n_snps", len(score.rows)) for name, score in scores.items()]

columns = {name: score.score(fileset, test, threads) for name, score in scores.items()}
table = pd.DataFrame({"IID": fileset.samples.IID.iloc[test], **columns})
write_restricted(table, snakemake.output.scores)
table = pd.DataFrame(estimates, columns=["subject", "metric", "value"])
write_table(table, snakemake.output.estimates)
