"""Compare all phenotypes of a run on one self-contained HTML page."""

from snpgen.job import start_log

start_log(snakemake.log[0])

from dataclasses import replace
from pathlib import Path

from snpgen.io.files import read_json
from snpgen.report.comparison import render_comparison
from snpgen.report.joint import describe_joint, read_joint
from snpgen.report.results import read_results
from snpgen.report.templates import read_texts

paths, params = dict(snakemake.input.items()), snakemake.params
cards = dict(zip(params.generated, map(read_json, paths["calibration"]), strict=True))
phenotypes = {}
for i, name in enumerate(params.phenotypes):
    files = {key: paths[key][i] for key in ("metrics", "split", "gwas", "panel")} | {"models": []}
    results = read_results(name, params.settings[i], params.subjects[i], files)
    models = {"calibration": cards[name]} if name in cards else {}
    phenotypes[name] = replace(results, models=models)
joint = None
if paths["joint"]:
    limits = [one.limit for one in phenotypes.values() if one.limit is not None]
    tables = (read_joint(str(paths[name])) for name in ("joint", "differences"))
    min_cell = max(one["release"]["min_cell"] for one in params.settings)
    joint = describe_joint(*tables, min(limits, default=None), min_cell)
html = render_comparison(
    read_texts(paths["templates"], suffix=True), Path(paths["style"]).read_text(), phenotypes, joint
)
Path(snakemake.output.html).write_text(html)
