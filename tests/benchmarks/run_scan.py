"""Run the GWAS of scripts/run_gwas.py, without Snakemake, on all variants and samples of a fileset.

Arguments: prefix, null model, exact_p, firth_mac, threads, output.
"""

import sys

import numpy as np

from snpgen.association.gwas import ScanSettings, scan
from snpgen.association.null_model import load_null_model
from snpgen.io.plink import open_fileset
from snpgen.io.sumstats import write_sumstats

prefix, null_model, exact_p, firth_mac, threads, output = sys.argv[1:]

null = load_null_model(null_model)
fileset = open_fileset(prefix, [])
settings = ScanSettings(
    min_maf=0.0,
    min_mac=1,
    min_call_rate=0.0,
    min_hwe_p=0.0,
    min_info=0.0,
    exact_p=float(exact_p),
    firth_mac=float(firth_mac),
)
variants = np.arange(len(fileset.variants))
table, _ = scan(
    fileset, variants, fileset.sample_rows(null.iid), null, settings, threads=int(threads)
)
write_sumstats(output, table)
