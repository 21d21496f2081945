"""Write the recipe: a folder from which others with access to the cohort can repeat the run."""

from snpgen.job import start_log

start_log(snakemake.log[0])

from pathlib import Path

from snpgen.config import read_schema
from snpgen.io.panel import read_variants
from snpgen.report.provenance import describe_software
from snpgen.report.recipe import (
    expected_checksums,
    make_configuration,
    render_readme,
)
from snpgen.report.release import format_variants, write_folder
from snpgen.report.templates import read_texts

paths, params = snakemake.input, snakemake.params
schemas = {name: read_schema(name) for name in ("config", "phenotype")}
files, inputs, with_seed = make_configuration(params.config, params.settings, schemas)
software = describe_software(Path(paths.citation).read_text())
templates = read_texts(paths.templates, suffix=True)
files["README.md"] = render_readme(templates, params.generated, inputs, with_seed, software)
files["versions.tsv"] = "".join(f"{name}\t{version}\n" for name, version in software)
files |= read_texts(paths.packages, suffix=True)
for name, panel, checksums in zip(params.generated, paths.panels, paths.checksums, strict=True):
    files[f"panel/{name}.tsv"] = format_variants(read_variants(panel))
    if with_seed:
        expected = expected_checksums(Path(checksums).read_text())
        files[f"expected/{name}.SHA256SUMS"] = expected
write_folder(Path(snakemake.output.readme).parent, files)
