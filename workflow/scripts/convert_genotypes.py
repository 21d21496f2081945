"""Convert a PLINK 2 fileset to PLINK 1 (hard calls of biallelic variants), which all other jobs read."""

from snpgen.job import start_log

start_log(snakemake.log[0])

from pathlib import Path

from snpgen.io.pgen import convert_pgen, read_psam, read_pvar
from snpgen.io.plink import check_same_samples
from snpgen.job import log

pgen, pvar, psam = (Path(path) for path in snakemake.input.fileset)
first = Path(snakemake.input.first)

samples = read_psam(psam)
check_same_samples(psam, samples, first, read_psam(first))
variants = read_pvar(pvar)
multiallelic = convert_pgen(pgen, variants, samples, Path(snakemake.output.bed))
log.info("%d of %d variants are multiallelic and are excluded", len(multiallelic), len(variants))
Path(snakemake.output.multiallelic).write_text("".join(f"{name}\n" for name in multiallelic))
