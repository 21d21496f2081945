"""The release: the files that may leave the secure machine, and nothing else."""

import hashlib
import shutil
import tempfile
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

from snpgen.evaluation.controls import PLANTED_SHARE
from snpgen.evaluation.metrics import DOMAINS
from snpgen.report.audit import describe_attacks, describe_forecasts
from snpgen.report.generator import describe_generator
from snpgen.report.methods import warn_of_few
from snpgen.report.metrics import (
    audit_faults,
    copied_share,
    holds_copies,
    main_estimates,
    main_table,
)
from snpgen.report.page import describe_phenotype, number
from snpgen.report.style import look
from snpgen.report.warnings import list_warnings

COHORTS = ["snpgen", "snpgen_balanced"]
ENDINGS = ["bed", "bim", "fam", "pheno.tsv"]
CHECKSUMS = "SHA256SUMS"
ALLOWED = {f"{cohort}.{ending}" for cohort in COHORTS for ending in ENDINGS} | {
    "variants.tsv",
    "metrics.tsv",
    "model_card.md",
    "model_card.html",
}
VARIANT_COLUMNS = ["chromosome", "position", "variant_id", "effect_allele", "other_allele"]
CARD_SECTIONS = [
    "pcs",
    "gwas",
    "panel",
    "conditions",
    "differential_privacy",
    "vae",
    "diffusion",
    "calibration",
    "sampling",
]
PATHS = {"include", "exclude", "sumstats"}  # settings that tell where files lie on the machine


def describe_variants(variants: pd.DataFrame) -> str:
    """The panel as TSV with `VARIANT_COLUMNS` only: effects and p-values of real people stay."""
    return variants[VARIANT_COLUMNS].to_csv(sep="\t", index=False, na_rep="NA")


def count_ambiguous(variants: pd.DataFrame) -> int:
    """Variants whose two alleles are the same on both strands, A/T or C/G."""
    pairs = variants.effect_allele.str.upper() + variants.other_allele.str.upper()
    return int(pairs.isin(["AT", "TA", "CG", "GC"]).sum())


def describe_entry(value: object) -> str:
    """A setting or figure as the card writes it, in YAML's words."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "null" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def render_card(
    template: str,
    phenotype: str,
    settings: dict[str, Any],
    metrics: pd.DataFrame,
    split: dict[str, Any],
    gwas: dict[str, Any],
    ranking: dict[str, Any] | None,
    variants: pd.DataFrame,
    models: dict[str, dict[str, Any]],
    citation: dict[str, Any],
) -> str:
    """The model card as Markdown; of the settings only those without paths.

    Those of the networks are taken from their cards (`models`, by title), which hold what null stood
    for. `ranking` is the summary of another study's summary statistics, if variants were ranked by them.
    `citation` is CITATION.cff.
    """
    environment = jinja2.Environment(
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["number"] = number
    environment.filters["entry"] = describe_entry
    table, main = main_table(metrics), COHORTS[0]
    noise, samples = models["Calibration"]["noise"], split["splits"]["train"]["samples"]
    warnings = [text for _, text in list_warnings(metrics, main, variants, noise, settings)]
    warnings += [warn_of_few(samples, len(variants))] + (ranking["warnings"] if ranking else [])
    left_out = PATHS | (set() if ranking else {"sumstats_build", "sumstats_independent"})
    used = {"vae": models["Autoencoder"], "diffusion": models["Diffusion model"]}
    settings = settings | {name: card["settings"] for name, card in used.items()}
    return environment.from_string(template).render(
        phenotype=phenotype,
        column=describe_phenotype(settings["phenotype"]),
        own=settings["phenotype"],
        conditions=settings["conditions"],
        release=settings["release"],
        build=settings["cohort"]["build"],
        sections={
            name: {key: value for key, value in settings[name].items() if key not in left_out}
            for name in CARD_SECTIONS
        },
        axes=[
            (name, domain.question, main_estimates(metrics, name, main))
            for name, domain in DOMAINS.items()
        ],
        subjects=[look(name).label for name in table["subjects"]],
        rows=table["rows"],
        faults=audit_faults(metrics, main),
        warnings=[text for text in warnings if text],
        copied=copied_share(metrics, main)[0] if holds_copies(metrics, main) else 0,
        split=split,
        gwas=gwas,
        ranking=ranking,
        n_variants=len(variants),
        chromosomes=list(dict.fromkeys(variants.chromosome)),
        ambiguous=count_ambiguous(variants),
        attacks=describe_attacks(metrics, COHORTS),
        forecasts=describe_forecasts(metrics),
        cohorts=COHORTS,
        planted=PLANTED_SHARE,
        citation=citation,
        models=models,
        generator=describe_generator(models, settings["calibration"]),
    )


def write_release(folder: Path, copies: list[Path], texts: dict[str, str]) -> None:
    """Make `folder` anew from `copies` and `texts` (by name), with their checksums.

    All files are written to a temporary folder that is renamed at the end, so that a release is never
    incomplete. Raises `ValueError` unless the names are exactly those of `ALLOWED`.
    """
    names = [path.name for path in copies] + list(texts)
    if sorted(names) != sorted(ALLOWED):
        wrong = sorted(ALLOWED.symmetric_difference(names)) or sorted(names)
        raise ValueError(f"not the files of a release: {', '.join(wrong)}")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".release.") as temporary:
        new = Path(temporary) / "release"
        new.mkdir()
        for path in copies:
            shutil.copyfile(path, new / path.name)
        for name, text in texts.items():
            (new / name).write_text(text)
        lines = [f"{digest(path)}  {path.name}\n" for path in sorted(new.iterdir())]
        (new / CHECKSUMS).write_text("".join(lines))
        if folder.exists():
            shutil.rmtree(folder)
        new.replace(folder)


def digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
