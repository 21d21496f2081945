"""The report of one phenotype: a single HTML file that asks for nothing outside itself."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import yaml

from snpgen.evaluation.metrics import describe
from snpgen.report.association import GENOME_WIDE, top_loci
from snpgen.report.audit import attack_table
from snpgen.report.comparators import comparator_table
from snpgen.report.generator import describe_generator
from snpgen.report.inline import html_environment, inline_svg, make_download
from snpgen.report.methods import describe_limits, describe_methods
from snpgen.report.metrics import (
    audit_faults,
    copied_share,
    holds_copies,
    main_table,
    show,
)
from snpgen.report.style import look
from snpgen.report.verdict import NEAR, SHORT, STRONG, WEAK, judge
from snpgen.report.warnings import list_warnings, warn_of_noise

SECTIONS = {
    "Fidelity": ["frequencies", "ld", "region", "components"],
    "Association": ["manhattan", "qq", "effects"],
    "Utility": ["utility", "augmentation"],
    "Privacy": ["roc", "privacy"],
    "Generator": ["training"],
}
LONGEST_LIST = 8  # longer ones are shown by their length
TITLES = {
    "frequencies": "Allele frequencies",
    "ld": "Linkage disequilibrium by distance",
    "region": "Linkage disequilibrium of one region",
    "components": "Principal components",
    "manhattan": "Manhattan plot",
    "qq": "Quantile-quantile plot",
    "effects": "Effects",
    "utility": "Trained on synthetic, tested on real people",
    "augmentation": "Synthetic people added to few real ones",
    "roc": "Membership attacks, ROC curves",
    "privacy": "Membership attacks on every cohort",
    "training": "Training",
}


def flatten(card: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """The entries of a model's card as (name, text), nested ones by the path to them."""
    entries: list[tuple[str, str]] = []
    for key, value in card.items():
        name = f"{prefix}{key.replace('_', ' ')}"
        if isinstance(value, dict):
            entries += flatten(value, f"{name}: ")
        elif isinstance(value, list) and len(value) > LONGEST_LIST:
            entries.append((name, f"{len(value):,} values"))
        elif isinstance(value, bool):
            entries.append((name, "yes" if value else "no"))
        elif value is None or value == []:
            entries.append((name, "none"))
        elif isinstance(value, list):
            entries.append((name, ", ".join(map(_short, value))))
        else:
            entries.append((name, _short(value)))
    return entries


def _short(value: object) -> str:
    """A single entry as text: a float with four digits, a whole number with thousands apart."""
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def number(value: float | None, digits: int = 0) -> str:
    """A number with thousands apart; NA for None and NaN."""
    return "NA" if value is None else show(float(value), digits)


def describe_phenotype(phenotype: dict[str, Any]) -> str:
    """The column of a phenotype, with its classes, or the threshold of a quantitative one's cases."""
    column = phenotype["column"]
    if "classes" in phenotype:
        control, *cases = phenotype["classes"]
        return f"{column} ({control}; cases {', '.join(cases)})"
    return f"{column} >= {phenotype['threshold']:g}" if "threshold" in phenotype else column


def cost_table(metrics: pd.DataFrame) -> dict[str, Any]:
    """The cost of each step: `columns`, and `rows` of (step, texts)."""
    cost = metrics[metrics.domain == "cost"]
    names = list(dict.fromkeys(cost.metric))
    rows = []
    for step, group in cost.groupby("stratum", sort=False):
        values = group.drop_duplicates("metric").set_index("metric").value
        shown = [
            number(values[name], describe(name).digits) if name in values else "" for name in names
        ]
        rows.append((str(step), shown))
    return {"columns": [describe(name).label for name in names], "rows": rows}


def variance_explained_table(signal: pd.DataFrame) -> list[dict[Any, Any]]:
    """The panel's signal in validation people, r2 and their 95 % intervals as text in `cells`."""
    rows = signal[signal.split == "validation"].to_dict("records")
    for row in rows:
        row["cells"] = []
        for score in ("panel", "genome_wide"):
            r2, window = row[f"{score}_r2"], 1.96 * row[f"{score}_standard_error"]
            interval = f"{number(max(0, r2 - window), 3)} to {number(r2 + window, 3)}"
            row["cells"].append({"value": number(r2, 3), "interval": interval})
    return rows


def long_table(metrics: pd.DataFrame) -> dict[str, Any]:
    """Every row of the metrics table as text, numbers with four significant digits."""

    def text(value: object) -> str:
        if isinstance(value, float | np.floating):
            return f"{value:.4g}" if np.isfinite(value) else "NA"
        return str(value)

    table = metrics.drop(columns="phenotype")
    return {
        "columns": list(table.columns),
        "rows": [[text(value) for value in row] for row in table.itertuples(index=False)],
    }


def locus_tips(loci: pd.DataFrame) -> dict[str, tuple[str, str]]:
    """Two lines on each of the loci, by its number, to stand beside its peak."""
    return {
        str(row.locus): (
            f"{row.variant_id}, chromosome {row.chromosome}",
            f"−log10 p {row.neg_log_10_p_value:.1f}, effect of {row.effect_allele} {row.beta:.3f}",
        )
        for row in loci.itertuples()
    }


def list_figures(
    figures: Mapping[str, str],
    captions: Mapping[str, str],
    tables: Mapping[str, str],
    loci: pd.DataFrame,
    phenotype: str,
) -> list[dict[str, Any]]:
    """The sections of figures: title and figures, with name, title, SVG, caption and table of each."""
    captions = {name: " ".join(text.split()) for name, text in captions.items()}
    tips = {"manhattan": locus_tips(loci)}
    return [
        {
            "title": title,
            "figures": [
                {
                    "name": name,
                    "title": TITLES[name],
                    "svg": inline_svg(
                        figures[name], name, captions[name].split(". ")[0], tips.get(name, {})
                    ),
                    "caption": captions[name],
                    "table": make_download(f"{phenotype}.{name}.tsv", tables[name]),
                }
                for name in names
            ],
        }
        for title, names in SECTIONS.items()
        if set(names) <= set(figures)
    ]


def render_page(
    template: str,
    style: str,
    phenotype: str,
    settings: dict[str, Any],
    metrics: pd.DataFrame,
    figures: dict[str, str],
    captions: dict[str, str],
    tables: dict[str, str],
    funnels: dict[str, pd.DataFrame],
    split: dict[str, Any],
    gwas: dict[str, Any],
    panel: pd.DataFrame,
    loci: pd.DataFrame,
    signal: pd.DataFrame,
    cards: dict[str, dict[str, Any]],
    software: list[tuple[str, str]],
    files: list[dict[str, Any]],
    commands: list[str],
    subject: str,
) -> str:
    """The page as HTML, about the cohort `subject`.

    `template` and `style` are the texts of its Jinja template and style sheet; `figures` are SVG texts,
    `captions` plain texts and `tables` TSV texts by name of figure; `funnels` tables by title (step,
    unit, kept, dropped, reason); `split` and `gwas` the two summaries; `panel` its variants, `loci` and
    `signal` its loci and how much of the signal it holds; `cards` those of the autoencoder, the
    diffusion model and the calibration by title, none where the cohort was made elsewhere; `software`
    names and versions, `files` the user's (name, bytes, sha256), `commands` what was run. What has no
    figure is left out.
    """
    environment = html_environment()
    environment.filters["number"] = number
    table, loci_shown = main_table(metrics), top_loci(loci)
    generator = describe_generator(cards, settings["calibration"]) if cards else []
    noise = cards["Calibration"]["noise"] if cards else 0.0
    methods = describe_methods(settings, split, gwas, len(panel), cards, generator, dict(software))
    return environment.from_string(template).render(
        style=style,
        phenotype=phenotype,
        settings=yaml.safe_dump(settings, sort_keys=False),
        column=describe_phenotype(settings["phenotype"]),
        build=settings["cohort"]["build"],
        classes=settings["phenotype"].get("classes", []),
        seed=settings["seed"],
        given=settings["external_cohort"],
        verdicts=judge(
            metrics, subject, split["splits"]["test"]["samples"], bool(warn_of_noise(panel, noise))
        ),
        thresholds={"near": NEAR, "short": SHORT, "weak": WEAK, "strong": STRONG},
        faults=audit_faults(metrics, subject),
        holds_copies=holds_copies(metrics, subject),
        copied=copied_share(metrics, subject),
        noise=noise,
        warnings=list_warnings(metrics, subject, panel, noise, settings),
        ladder=comparator_table(metrics, subject),
        attacks=attack_table(metrics, subject),
        sections=list_figures(figures, captions, tables, loci_shown, phenotype),
        subjects=[look(name).label for name in table["subjects"]],
        main=table["rows"],
        cost=cost_table(metrics),
        long=long_table(metrics),
        metrics=make_download(
            f"{phenotype}.metrics.tsv", metrics.to_csv(sep="\t", index=False, na_rep="NA")
        ),
        funnels={title: table.to_dict("records") for title, table in funnels.items()},
        split=split,
        gwas=gwas,
        panel_size=len(panel),
        panel_hits=int((panel.neg_log_10_p_value > GENOME_WIDE).sum()),
        loci=loci_shown.to_dict("records"),
        n_loci=len(loci),
        signal=variance_explained_table(signal),
        cards={title: flatten(card) for title, card in cards.items()},
        generator=generator,
        promise=cards["Autoencoder"]["differential_privacy"] if cards else None,
        collapsed=bool(cards) and cards["Autoencoder"]["posterior_collapse"],
        methods=methods,
        limits=describe_limits(settings, split["splits"]["train"]["samples"], len(panel), noise),
        software=software,
        files=files,
        commands=commands,
    )
