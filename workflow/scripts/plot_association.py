"""Draw the Manhattan and the QQ plot of the GWAS from its summary statistics and the panel."""

from snpgen.job import start_log

start_log(snakemake.log[0])


from snpgen.io.files import read_json
from snpgen.io.panel import read_variants
from snpgen.io.sumstats import read_sumstats
from snpgen.report.association import manhattan_rows, plot_manhattan, plot_qq, qq_rows
from snpgen.report.style import save

sumstats = read_sumstats(snakemake.input.sumstats)
summary = read_json(snakemake.input.summary)
panel = read_variants(snakemake.input.variants)
figure = plot_manhattan(sumstats, panel)
save(figure, manhattan_rows(sumstats, panel), snakemake.output.manhattan)
p = sumstats.neg_log_10_p_value
save(plot_qq(p, summary["lambda_gc"]), qq_rows(p), snakemake.output.qq)
