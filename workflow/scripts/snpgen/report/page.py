"""The report of one phenotype: a single HTML file that asks for nothing outside itself."""

import re
from typing import Any

import jinja2
import numpy as np
import pandas as pd
import yaml

from snpgen.report.metrics import (
    AXES,
    audit_faults,
    copied_share,
    describe,
    main_figures,
    main_table,
    show,
)
from snpgen.report.style import GRID, INK, look

SECTIONS = {
    "Fidelity": ["frequencies", "ld", "region", "components"],
    "Association": ["manhattan", "qq", "effects"],
    "Utility": ["utility", "augmentation"],
    "Privacy": ["privacy"],
    "Generator": ["training", "calibration"],
}
LONGEST_LIST = 8  # longer ones are shown by their length
LOCI_SHOWN = 20


def inline_svg(svg: str, name: str, alt: str) -> str:
    """The <svg> element of a figure, to stand in HTML beside others.

    Ids get `name` before them, so that figures do not share any; `alt` is read out in its place;
    ink and grid follow the page's colours, so that the figure is readable on dark ground.
    """
    body = svg[svg.index("<svg ") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r' xmlns(:\w+)?="[^"]*"', "", body)
    body = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", body)
    body = body.replace(INK, "currentColor").replace(GRID, "var(--grid)")
    body = re.sub(r'^<svg width="[^"]*" height="[^"]*"', "<svg", body)
    label = alt.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    width = float(re.search(r'viewBox="0 0 ([\d.]+)', body)[1])  # type: ignore[index]
    return body.replace(
        "<svg", f'<svg role="img" aria-label="{label}" style="max-width:{width * 1.45:.0f}px"', 1
    )


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
        else:
            entries.append((name, f"{value:,}" if isinstance(value, int | float) else str(value)))
    return entries


def number(value: float | None, digits: int = 0) -> str:
    """A number with thousands apart; NA for None and NaN."""
    return "NA" if value is None else show(float(value), digits)


def describe_phenotype(phenotype: dict[str, Any]) -> str:
    """The column of a phenotype, with its classes, or the threshold of a quantitative one's cases."""
    column = phenotype["column"]
    if "classes" in phenotype:
        return f"{column} ({', '.join(phenotype['classes'])})"
    return f"{column} >= {phenotype['threshold']:g}" if "threshold" in phenotype else column


def describe_generator(cards: dict[str, dict[str, Any]], settings: dict[str, Any]) -> list[str]:
    """What a reader must know of the generator, a sentence each; the collapse of the latents first.

    `cards` by title; `settings` is the section calibration of the configuration.
    """
    vae, calibration = cards["Autoencoder"], cards["Calibration"]
    nats, limit = vae["nats_a_person"], f"{settings['max_forecast_auc']:g}"
    held = (
        f"The latents hold {nats['kl']:.2f} nats a person, and make the genotypes of validation people "
        f"{nats['explained']:.2f} nats likelier; {nats['reconstruction']:.1f} nats are left."
    )
    sentences = [held]
    if vae["collapsed"]:
        sentences.insert(
            0,
            "The latents are collapsed: they carry next to nothing, so that the decoder alone makes the "
            "synthetic people and the diffusion model adds nothing; right where people differ in nothing "
            "that spans their genomes, else a sign that training failed.",
        )
    sentences.append(
        f"Guidance has a scale of {calibration['scale']:g}; by it alone synthetic effects have a slope of "
        f"{calibration['effect_slope_before_matching']:.2f} on those of training people. Then the "
        "allele frequencies of each class were matched with theirs, less what effects of variants "
        "far away add by chance."
    )
    asked, noise = settings["noise"] is not None, calibration["noise"]
    what = f"Gaussian noise of {noise:.2g} standard errors" if noise else "No noise"
    reached = f"the forecast frequency attack stays within an AUC of {limit}"
    how = f"the least at which {reached}" if noise else f"{reached} without"
    if asked:
        how = "as the configuration asks; the forecast attack was not limited"
    sentences.append(f"{what} was put on these frequencies: {how}.")
    if calibration["epsilon"] is None:
        sentences.append("Without noise there is no bound of differential privacy.")
    else:
        sentences.append(
            f"The frequencies alone are differentially private with an epsilon of "
            f"{number(calibration['epsilon'])} at a delta of {calibration['delta']:.1g}; the networks and "
            "what is taken off for variants far away are not."
        )
    return sentences


def cost_table(metrics: pd.DataFrame) -> dict[str, Any]:
    """The cost of each step: `columns`, and `rows` of (step, texts)."""
    cost = metrics[metrics.axis == "cost"]
    names = list(dict.fromkeys(cost.metric))
    rows = []
    for step, group in cost.groupby("stratum", sort=False):
        values = group.drop_duplicates("metric").set_index("metric").value
        shown = [
            number(values[name], describe(name).digits) if name in values else "" for name in names
        ]
        rows.append((str(step), shown))
    return {"columns": [describe(name).label for name in names], "rows": rows}


def signal_table(signal: pd.DataFrame) -> list[dict[Any, Any]]:
    """The panel's signal in validation people, r2 and their 95 % intervals as text in `cells`."""
    rows = signal[signal.split == "validation"].to_dict("records")
    for row in rows:
        row["cells"] = []
        for score in ("panel", "genome_wide"):
            r2, reach = row[f"{score}_r2"], 1.96 * row[f"{score}_standard_error"]
            interval = f"{number(max(0, r2 - reach), 3)} to {number(r2 + reach, 3)}"
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


def render_page(
    template: str,
    phenotype: str,
    settings: dict[str, Any],
    metrics: pd.DataFrame,
    figures: dict[str, str],
    captions: dict[str, str],
    funnels: dict[str, pd.DataFrame],
    split: dict[str, Any],
    gwas: dict[str, Any],
    panel: pd.DataFrame,
    loci: pd.DataFrame,
    signal: pd.DataFrame,
    cards: dict[str, dict[str, Any]],
    subject: str,
) -> str:
    """The page as HTML, about the cohort `subject`.

    `figures` are SVG texts and `captions` plain texts by name of figure; `funnels` tables by title
    (step, unit, kept, dropped, reason); `split` and `gwas` the two summaries; `panel` its variants,
    `loci` and `signal` its loci and how much of the signal it holds; `cards` those of
    the autoencoder, the diffusion model and the calibration by title, none where the cohort was made
    elsewhere; what has no figure is left out.
    """
    captions = {name: " ".join(text.split()) for name, text in captions.items()}
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["number"] = number
    table = main_table(metrics)
    return environment.from_string(template).render(
        phenotype=phenotype,
        settings=yaml.safe_dump(settings, sort_keys=False),
        column=describe_phenotype(settings["phenotype"]),
        classes=settings["phenotype"].get("classes", []),
        seed=settings["seed"],
        given=settings["synthetic"],
        axes=[
            {
                "name": name,
                "question": axis.question,
                "figures": main_figures(metrics, name, subject),
            }
            for name, axis in AXES.items()
            if cards or name != "cost"
        ],
        faults=audit_faults(metrics, subject),
        copied=copied_share(metrics, subject),
        sections=[
            {
                "title": title,
                "figures": [
                    {
                        "name": name,
                        "svg": inline_svg(figures[name], name, captions[name].split(". ")[0]),
                        "caption": captions[name],
                    }
                    for name in names
                ],
            }
            for title, names in SECTIONS.items()
            if set(names) <= set(figures)
        ],
        subjects=[look(name).label for name in table["subjects"]],
        main=table["rows"],
        cost=cost_table(metrics),
        long=long_table(metrics),
        funnels={title: table.to_dict("records") for title, table in funnels.items()},
        split=split,
        gwas=gwas,
        panel_size=len(panel),
        panel_hits=int((panel.neg_log_10_p_value > -np.log10(5e-8)).sum()),
        loci=loci.nlargest(LOCI_SHOWN, "neg_log_10_p_value").to_dict("records"),
        n_loci=len(loci),
        signal=signal_table(signal),
        cards={title: flatten(card) for title, card in cards.items()},
        generator=describe_generator(cards, settings["calibration"]) if cards else [],
        collapsed=bool(cards) and cards["Autoencoder"]["collapsed"],
    )
