"""Draw the Manhattan and the QQ plot of the GWAS from its summary statistics and the panel."""

from snpgen.job import start_log

start_log(snakemake.log[0])

import json
from pathlib import Path

from snpgen.association.sumstats import read_sumstats
from snpgen.panel import read_variants
from snpgen.report.association import plot_manhattan, plot_qq
from snpgen.report.style import save_svg

sumstats = read_sumstats(snakemake.input.sumstats)
summary = json.loads(Path(snakemake.input.summary).read_text())
panel = read_variants(snakemake.input.variants)
save_svg(plot_manhattan(sumstats, panel.variant_id), snakemake.output.manhattan)
save_svg(plot_qq(sumstats.neg_log_10_p_value, summary["lambda_gc"]), snakemake.output.qq)
