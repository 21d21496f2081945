"""The release: files cleared for release, with a model card and checksums."""

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from snpgen.report.audit import forecast_aucs, list_attackers
from snpgen.report.estimates import main_estimate
from snpgen.report.page import shared_context
from snpgen.report.privacy import COHORTS, count_individuals
from snpgen.report.provenance import file_digest
from snpgen.report.results import Results
from snpgen.report.templates import make_environment

ENDINGS = ["bed", "bim", "fam", "pheno.tsv"]
CHECKSUMS = "SHA256SUMS"
RELEASED = {f"{cohort}.{ending}" for cohort in COHORTS for ending in ENDINGS}
RELEASED |= {"variants.tsv", "metrics.tsv", "model_card.md", "model_card.html"}
RELEASED |= {"privacy.json", "checklist.html"}
VARIANT_COLUMNS = ["chromosome", "position", "variant_id", "effect_allele", "other_allele"]
CARD_SECTIONS = ["pcs", "gwas", "panel", "conditions", "differential_privacy", "vae", "diffusion"]
CARD_SECTIONS += ["calibration", "sampling"]
PATHS = {"include", "exclude", "sumstats"}  # settings that contain paths of the user's machine
EXTERNAL_ONLY = {"sumstats_build", "sumstats_independent"}


def format_variants(variants: pd.DataFrame) -> str:
    """The panel as TSV with only `VARIANT_COLUMNS`; effects and p-values of real data are not released."""
    return variants[VARIANT_COLUMNS].to_csv(sep="\t", index=False, na_rep="NA")


def format_metrics(metrics: pd.DataFrame) -> str:
    """metrics.tsv of `Results`, without suppressed rows."""
    return metrics.to_csv(sep="\t", index=False, na_rep="NA", float_format="%.6g")


def count_ambiguous(variants: pd.DataFrame) -> int:
    """Number of strand-ambiguous variants, A/T or C/G."""
    pairs = variants.effect_allele.str.upper() + variants.other_allele.str.upper()
    return int(pairs.isin(["AT", "TA", "CG", "GC"]).sum())


def render_card(templates: Mapping[str, str], results: Results, citation: dict[str, Any]) -> str:
    """The model card as Markdown; `templates` are texts by file name, `citation` is CITATION.cff.

    Settings that contain paths are omitted. Settings of the networks are taken from the model cards of the
    networks. These contain the values that were used where the configuration has null.
    """
    panel = results.panel
    left_out = PATHS | (set() if results.external_sumstats else EXTERNAL_ONLY)
    used = {name: results.models[name]["settings"] for name in ("vae", "diffusion")}
    settings = results.settings | used
    counts = count_individuals(results.split["splits"], settings["release"]["min_cell"])
    return (
        make_environment(templates, html=False)
        .get_template("model_card.md.jinja")
        .render(
            shared_context(results),
            phenotype=results.phenotype,
            class_counts=counts["train"]["classes"],
            sections={
                name: {key: value for key, value in settings[name].items() if key not in left_out}
                for name in CARD_SECTIONS
            },
            estimate=lambda metric: main_estimate(results.metrics, metric, results.subject),
            chromosomes=list(dict.fromkeys(panel.chromosome)),
            ambiguous=count_ambiguous(panel),
            attackers=list_attackers(results.metrics, COHORTS),
            forecasts=forecast_aucs(results),
            cohorts=COHORTS,
            citation=citation,
        )
    )


def write_release(folder: Path, copies: list[Path], texts: dict[str, str]) -> None:
    """Replace `folder` by a new folder with `copies`, `texts` (by file name) and the checksums of all files.

    Raises `ValueError` unless the names are exactly the names in `RELEASED`.
    """
    names = [path.name for path in copies] + list(texts)
    if sorted(names) != sorted(RELEASED):
        wrong = sorted(RELEASED.symmetric_difference(names)) or sorted(names)
        raise ValueError(f"these are not files of a release: {', '.join(wrong)}")
    write_folder(folder, {**{path.name: path for path in copies}, **texts}, CHECKSUMS)


def write_folder(folder: Path, files: Mapping[str, str | Path], checksums: str = "") -> None:
    """Replace `folder` by a new folder with `files`: texts, or files to copy, by their path in the folder.

    `checksums` is the name of an additional file with the checksums of all files in the folder, "" for none.
    The files are written to a temporary folder, which is renamed at the end, so that the folder is never
    incomplete.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as temporary:
        new = Path(temporary) / folder.name
        new.mkdir()
        for name, content in files.items():
            place = new / name
            place.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, Path):
                shutil.copyfile(content, place)
            else:
                place.write_text(content)
        if checksums:
            lines = [f"{file_digest(path)}  {path.name}\n" for path in sorted(new.iterdir())]
            (new / checksums).write_text("".join(lines))
        if folder.exists():
            shutil.rmtree(folder)
        new.replace(folder)
