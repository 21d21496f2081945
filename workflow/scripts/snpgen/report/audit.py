"""The privacy tests as the model card tells them: who attacks, with what, and what he found."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from snpgen.baselines.registry import NEGATIVE_CONTROL, POSITIVE_CONTROL
from snpgen.evaluation.metrics import ATTACKS, describe
from snpgen.report.metrics import interval, show

SAMPLES = {
    "all": "all",
    "top_tenth_rare": "tenth with most rare alleles",
    "case": "cases",
    "control": "controls",
    "nearest": "all, by the nearest",
}
GROUPS = ("all", "case", "control", "top_tenth_rare")


@dataclass(frozen=True)
class Attacker:
    """Somebody who would learn from a release who was in training, or something about them.

    `figures` are pairs of metric and stratum, in the order of the card, the main one first; `chance` is
    what the main one is where nothing is found.
    """

    title: str
    has: str
    wants: str
    does: str
    figures: tuple[tuple[str, str], ...]
    chance: float = 0.5


def _membership(attack: str, *strata: str) -> tuple[tuple[str, str], ...]:
    """The figures of a membership attack: AUC by stratum, and TPR at low FPRs, of groups at 1 %."""
    groups = ("all", "top_tenth_rare", *strata)
    areas = [(f"mia_{attack}_auc", stratum) for stratum in groups]
    rates = [(f"mia_{attack}_tpr_0.01", stratum) for stratum in groups]
    return (*areas, (f"mia_{attack}_tpr_0.001", "all"), *rates)


PERSON = "the genotypes of a person at these variants"
MEMBER = "to know whether that person was in training"
ATTACKERS = [
    Attacker(
        "Copies",
        "the synthetic people and the genotypes of the training people",
        "to find a training person among the synthetic ones",
        "looks for synthetic people who equal a training person at every variant, for the largest kinship "
        "of a synthetic with a training person, and for synthetic people who are nearer to training "
        "people than test people are",
        (
            ("exact_matches", "all"),
            ("max_kinship", "all"),
            ("dcr_ratio", "all"),
            ("privacy_loss", "all"),
        ),
        chance=0,
    ),
    Attacker(
        "Nearest neighbour",
        f"the synthetic people and {PERSON}",
        MEMBER,
        "takes a person for a member the fewer alleles the nearest synthetic person differs in",
        _membership("distance"),
    ),
    Attacker(
        "Density",
        f"the synthetic people, {PERSON}, and people of the same population (here those of validation)",
        MEMBER,
        "takes a person for a member the more synthetic people are near, beside people of his own",
        _membership("density"),
    ),
    Attacker(
        "Frequencies",
        f"the allele frequencies of the synthetic people, {PERSON}, and frequencies in people of the same "
        "population (here those of validation); no synthetic person is needed",
        MEMBER,
        "takes a person for a member the likelier the genotypes are under the frequencies of the "
        "synthetic people than under his own (Homer 2008; Sankararaman 2009)",
        _membership("frequency", "case", "control"),
    ),
    Attacker(
        "Loss of the models",
        f"the trained models, which are not in this release, {PERSON} and the phenotype",
        MEMBER,
        "takes a person for a member the lower the loss of the autoencoder and of the diffusion model "
        "(Yeom 2018)",
        _membership("loss"),
    ),
    Attacker(
        "Shadow models",
        f"the trained models, which are not in this release, {PERSON} and the phenotype, and people and "
        "computers to train many such models",
        MEMBER,
        "takes a person for a member where the loss is more like that of models that saw the person "
        "than of models that did not (Carlini 2022)",
        _membership("shadow"),
    ),
    Attacker(
        "Phenotype",
        f"the synthetic people with their phenotypes, and {PERSON}",
        "to guess the phenotype of that person better than that of somebody who was not in training",
        "guesses by a polygenic score with the effects in the synthetic people, or (nearest) takes the "
        "phenotype of the nearest synthetic person",
        (
            ("phenotype_inference", "all"),
            ("phenotype_inference", "top_tenth_rare"),
            ("phenotype_inference", "nearest"),
        ),
        chance=0,
    ),
]


def _by_name(metrics: pd.DataFrame) -> dict[tuple[str, str, str], pd.Series]:
    """Rows on privacy by metric, stratum and subject."""
    rows = metrics[metrics.domain == "privacy"]
    return {(row.metric, row.stratum, row.subject): row for _, row in rows.iterrows()}


def describe_attacks(metrics: pd.DataFrame, cohorts: list[str]) -> list[dict[str, Any]]:
    """Each attacker whose attack was made, with what was measured of `cohorts` and of both controls.

    `attacker`; `finding`, where the main figure of the first cohort lies; and `rows` of label, meaning,
    people and `cells`: value and interval as text, empty where not measured, for each of `cohorts`,
    for nobody to find (null) and for planted copies.
    """
    found = _by_name(metrics)

    def cell(metric: str, stratum: str, subject: str) -> str:
        row = found.get((metric, stratum, subject))
        if row is None:
            return ""
        value, between = (
            show(row.value, describe(metric).digits),
            interval(row, describe(metric).digits),
        )
        return f"{value} ({between})" if between else value

    return [
        {
            "attacker": attacker,
            "finding": _place(found[*measured[0], cohorts[0]], attacker.chance),
            "rows": [
                {
                    "label": describe(metric).label,
                    "meaning": describe(metric).explanation,
                    "samples": SAMPLES.get(stratum, stratum),
                    "cells": [
                        cell(metric, stratum, name)
                        for name in (*cohorts, NEGATIVE_CONTROL, POSITIVE_CONTROL)
                    ],
                }
                for metric, stratum in measured
            ],
        }
        for attacker in ATTACKERS
        if (measured := [key for key in attacker.figures if (*key, cohorts[0]) in found])
    ]


def attack_table(metrics: pd.DataFrame, subject: str) -> dict[str, Any]:
    """Membership attacks on a cohort by group: `columns`, and `rows` of label and cells, one a column.

    A cell has AUC, interval, the AUC with nobody to find, and the TPR at a FPR of 1 %, all as text; it is
    None where the attack was not made on that group. The last row is the forecast for these numbers of
    people without noise, if there is one.
    """
    found = _by_name(metrics)

    def cell(attack: str, stratum: str) -> dict[str, str] | None:
        row = found.get((f"mia_{attack}_auc", stratum, subject))
        if row is None:
            return None
        rate = found.get((f"mia_{attack}_tpr_0.01", stratum, subject))
        return {
            "auc": show(row.value, 3),
            "interval": interval(row, 3),
            "nobody": show(row.ceiling, 3),
            "tpr": "" if rate is None else show(rate.value, 3),
        }

    rows = [
        {"label": shown.label, "cells": [cell(attack, stratum) for stratum in GROUPS]}
        for attack, shown in ATTACKS.items()
        if (f"mia_{attack}_auc", "all", subject) in found
    ]
    forecasts = dict(describe_forecasts(metrics))
    if forecasts:
        told = [forecasts.get(SAMPLES[stratum]) for stratum in GROUPS]
        rows.append(
            {
                "label": "Frequency, forecast",
                "cells": [
                    auc and {"auc": auc, "interval": "", "nobody": "", "tpr": ""} for auc in told
                ],
            }
        )
    return {"columns": [SAMPLES[stratum] for stratum in GROUPS], "rows": rows}


def _place(row: pd.Series, chance: float) -> str:
    """Where the interval of a figure lies, in words."""
    if not row.ci_low <= row.ci_high:
        return "it could not be measured"
    if row.ci_low <= chance <= row.ci_high:
        return f"its interval holds {chance:g}, where nothing is found"
    side = "above" if row.ci_low > chance else "below"
    return f"its interval lies {side} {chance:g}, where nothing is found"


def describe_forecasts(metrics: pd.DataFrame) -> list[tuple[str, str]]:
    """Forecasts of the frequency attack from numbers alone: people and AUC; none if not made."""
    rows = metrics[metrics.metric == "forecast_auc"]
    digits = describe("forecast_auc").digits
    return [(SAMPLES[row.stratum], show(row.value, digits)) for _, row in rows.iterrows()]
