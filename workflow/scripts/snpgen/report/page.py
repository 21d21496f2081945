"""The report of one phenotype: a single self-contained HTML file."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import yaml

from snpgen.association.selection import MIN_SHRINKAGE
from snpgen.baselines.registry import BASELINES, SUBJECTS
from snpgen.evaluation.controls import PLANTED_SHARE
from snpgen.evaluation.metrics import ATTACKS, DOMAINS, describe
from snpgen.generator.synthetic import count_synthetic
from snpgen.io.sumstats import GENOME_WIDE
from snpgen.report import verdicts
from snpgen.report.association import top_loci
from snpgen.report.audit import GROUPS, attack_table
from snpgen.report.comparators import comparator_table
from snpgen.report.estimates import (
    audit_faults,
    copied_share,
    holds_copies,
    main_table,
)
from snpgen.report.groups import group_table, judged_strata
from snpgen.report.inline import inline_svg, make_download
from snpgen.report.registry import FIGURES
from snpgen.report.results import Results
from snpgen.report.style import look
from snpgen.report.templates import make_environment, number
from snpgen.report.warnings import few_matches, few_samples, list_warnings

LONGEST_LIST = 8  # a longer list is replaced by its length


@dataclass(frozen=True)
class Page:
    """Contents of the report of a phenotype.

    `figures` (SVG), `captions` (plain text) and `tables` (TSV) are texts by name of the figure. The report
    omits figures of the registry that are not in `figures`. `funnels` are tables by name (step, unit, kept,
    dropped, reason); `loci` and `variance_explained` describe the panel; `software` has names and versions,
    `files` the input files (name, bytes, sha256), and `commands` the commands that were run.
    """

    results: Results
    figures: dict[str, str]
    captions: dict[str, str]
    tables: dict[str, str]
    funnels: dict[str, pd.DataFrame]
    loci: pd.DataFrame
    variance_explained: pd.DataFrame
    software: list[tuple[str, str]]
    files: list[dict[str, Any]]
    commands: list[str]


def flatten(card: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """The entries of a model card as (name, text); names of nested entries contain their path."""
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
    """A float with four significant digits, an integer with thousands separators, or text."""
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def cost_table(metrics: pd.DataFrame) -> dict[str, Any]:
    """The cost of each step: `columns` are labels; `rows` are pairs of a step and its values as text."""
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


def variance_explained_rows(table: pd.DataFrame) -> list[dict[Any, Any]]:
    """Rows for the validation individuals, with R2 and its 95 % interval as text in `cells`."""
    rows = table[table.split == "validation"].to_dict("records")
    for row in rows:
        row["cells"] = []
        for score in ("panel", "genome_wide"):
            r2, half = row[f"{score}_liability_r2"], 1.96 * row[f"{score}_standard_error"]
            interval = f"{number(max(0, r2 - half), 3)} to {number(r2 + half, 3)}"
            row["cells"].append({"value": number(r2, 3), "interval": interval})
    return rows


def full_table(metrics: pd.DataFrame) -> dict[str, Any]:
    """All rows of metrics.tsv as text, numbers with four significant digits."""
    table = metrics.drop(columns="phenotype")
    numbers = table.select_dtypes("number")
    text = numbers.map(lambda value: f"{value:.4g}" if np.isfinite(value) else "NA")
    rows = table.assign(**text).to_numpy().tolist()
    return {"columns": list(table.columns), "rows": rows}


def locus_tips(loci: pd.DataFrame) -> dict[str, tuple[str, str]]:
    """The two lines of the tooltip of each locus, by its number."""
    return {
        str(row.locus): (
            f"{row.variant_id}, chromosome {row.chromosome}",
            f"−log10 p {row.neg_log_10_p_value:.1f}, effect of {row.effect_allele} {row.beta:.3f}",
        )
        for row in loci.itertuples()
    }


def list_sections(page: Page, loci: pd.DataFrame) -> list[dict[str, Any]]:
    """The sections of the report with figures; each has `title` and `figures`.

    A figure has name, title, svg, caption and table.
    """
    sections: dict[str, list[dict[str, Any]]] = {}
    tips: Mapping[str, dict[str, tuple[str, str]]] = {"manhattan": locus_tips(loci)}
    for figure in FIGURES:
        if figure.name not in page.figures:
            continue
        if figure.needs_groups and not judged_strata(page.results.metrics):
            continue
        name, caption = figure.name, " ".join(page.captions[figure.name].split())
        alt = caption.split(". ")[0]
        shown = {
            "name": name,
            "title": figure.title,
            "svg": inline_svg(page.figures[name], name, alt, tips.get(name, {})),
            "caption": caption,
            "table": make_download(f"{page.results.phenotype}.{name}.tsv", page.tables[name]),
        }
        sections.setdefault(figure.section, []).append(shown)
    return [{"title": title, "figures": figures} for title, figures in sections.items()]


def shared_context(results: Results) -> dict[str, Any]:
    """Variables of the partial templates, which the report and the model card share."""
    metrics, settings = results.metrics, results.settings
    copied, copied_by_chance = copied_share(metrics, results.subject)
    return {
        "results": results,
        "settings": settings,
        "split": results.split,
        "gwas": results.gwas,
        "models": results.models,
        "n_variants": len(results.panel),
        "n_synthetic": count_synthetic(results.n_train, settings["sampling"]["size"]),
        "min_shrinkage": MIN_SHRINKAGE,
        # for an external cohort, all variants are included unless they exceed the panel size
        "panel_is_selected": bool(results.models) or (results.panel.reason != "included").any(),
        "classes": settings["phenotype"].get("classes", []),
        "planted_share": PLANTED_SHARE,
        "domains": DOMAINS,
        "attack_labels": {name: attack.label for name, attack in ATTACKS.items()},
        "subjects": SUBJECTS,
        "faults": audit_faults(metrics, results.subject),
        "holds_copies": holds_copies(metrics, results.subject),
        "copied": copied,
        "copied_by_chance": copied_by_chance,
        "joint": results.joint_release,
        "warnings": list_warnings(results),
        "few": few_samples(results.n_train, len(results.panel)),
        "table": main_table(metrics),
        "by_group": group_table(metrics, results.subject),
        "labels": lambda names: [look(name).label for name in names],
    }


def render_page(templates: Mapping[str, str], style: str, page: Page) -> str:
    """The report as HTML; `templates` are texts by file name, `style` is the text of the style sheet."""
    results, loci = page.results, top_loci(page.loci)
    metrics, subject, settings = results.metrics, results.subject, results.settings
    context = shared_context(results)
    baselines = [SUBJECTS[name] for name in settings["baselines"] if name in BASELINES]
    tsv = metrics.to_csv(sep="\t", index=False, na_rep="NA")
    return (
        make_environment(templates)
        .get_template("report.html.jinja")
        .render(
            context
            | {"warnings": [*context["warnings"], *few_matches(pd.concat(page.funnels.values()))]},
            style=style,
            verdicts=verdicts.judge(metrics, subject, results.n_test),
            near=verdicts.NEAR,
            middle=verdicts.MIDDLE,
            unbiased=verdicts.UNBIASED,
            weak=verdicts.WEAK,
            strong=verdicts.STRONG,
            comparators=comparator_table(metrics, subject),
            groups=GROUPS,
            attacks=attack_table(results),
            sections=list_sections(page, loci),
            cost=cost_table(metrics),
            full=full_table(metrics),
            download=make_download(f"{results.phenotype}.metrics.tsv", tsv),
            funnels={name: table.to_dict("records") for name, table in page.funnels.items()},
            n_genome_wide=int((results.panel.neg_log_10_p_value > -np.log10(GENOME_WIDE)).sum()),
            loci=loci.to_dict("records"),
            n_loci=len(page.loci),
            variance_explained=variance_explained_rows(page.variance_explained),
            cards={name: flatten(card) for name, card in results.models.items()},
            # an external cohort has no VAE of its own to compare with
            baselines=[one for one in baselines if results.models or not one.needs_model],
            software=dict(page.software),
            files=page.files,
            commands=page.commands,
            yaml_settings=yaml.safe_dump(settings, sort_keys=False),
        )
    )
