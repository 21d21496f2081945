"""privacy.json of a release: what an output checker needs to decide on it."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from snpgen.baselines.registry import BALANCED, NEGATIVE_CONTROL, POSITIVE_CONTROL, SNPGEN
from snpgen.cohort.shared_frequencies import choose_set
from snpgen.evaluation.metrics import ATTACKS, describe
from snpgen.generator.synthetic import count_synthetic
from snpgen.report.audit import ATTACKERS, forecast_aucs
from snpgen.report.earlier import (
    SCHEMA_VERSION,
    Earlier,
    combine_forecasts,
    compare_earlier,
)
from snpgen.report.estimates import Estimates
from snpgen.report.joint import is_small
from snpgen.report.privacy_checks import list_checks
from snpgen.report.provenance import file_digest
from snpgen.report.results import Results
from snpgen.report.small_numbers import is_few
from snpgen.report.templates import make_environment, one_line

COHORTS = [SNPGEN, BALANCED]
DIGITS = 4
CELLS = ("phenotype", "class", "sex", "group")  # columns of the phenotype table that form cells
NOT_COVERED = [
    "the selection of the panel by p-values and LD in the same individuals, and call rates",
    "the numbers of individuals by phenotype, sex and group",
    "the values of a quantitative phenotype",
    "the estimates of the evaluation",
    "an attacker who knows the seed",
]


def describe_contents(copies: Sequence[Path], texts: Mapping[str, str]) -> list[dict[str, Any]]:
    """Name, bytes and SHA-256 of the files of a release, which are `copies` and `texts` by file name."""
    files = [
        {"name": path.name, "bytes": path.stat().st_size, "sha256": file_digest(path)}
        for path in copies
    ]
    for name, text in texts.items():
        content = text.encode()
        digest = hashlib.sha256(content).hexdigest()
        files.append({"name": name, "bytes": len(content), "sha256": digest})
    return sorted(files, key=lambda file: str(file["name"]))


def smallest_cell(phenotypes: pd.DataFrame, train: pd.DataFrame) -> int:
    """Smallest number of training individuals with the phenotype, class, sex and group of a synthetic individual.

    `phenotypes` is the table of the synthetic individuals; `train` has the same columns.
    """
    columns = [name for name in CELLS if name in phenotypes]
    sizes = train.groupby(columns).size().rename("size").reset_index()
    return int(
        phenotypes[columns].drop_duplicates().merge(sizes, how="left")["size"].fillna(0).min()
    )


def list_attacks(results: Results) -> list[dict[str, Any]]:
    """The entries `attacks` of privacy.json: membership inference by cohort, attack and group.

    Groups of the forecast in which the attack was not measured have no AUC.
    """
    metrics, forecasts = results.metrics, forecast_aucs(results)
    privacy = metrics[metrics.domain == "privacy"]
    found = []
    for cohort in COHORTS:
        estimates = Estimates(privacy, cohort)
        for attack in ATTACKS:
            name = f"mia_{attack}_auc"
            own = privacy[(privacy.metric == name) & (privacy.subject == cohort)].stratum
            forecast = forecasts.get(attack, {}) if cohort == SNPGEN else {}
            for group in dict.fromkeys([*own, *forecast]):
                row = estimates.get(name, group)
                controls = {
                    control: estimates.get(name, group, control)
                    for control in (NEGATIVE_CONTROL, POSITIVE_CONTROL)
                }
                expected = forecast.get(group, "NA")
                found.append(
                    {
                        "cohort": cohort,
                        "attack": attack,
                        "group": group,
                        "individuals": None if math.isnan(row.value) else int(row.n),
                        **_estimate("auc", row),
                        **_estimate("negative_control", controls[NEGATIVE_CONTROL]),
                        **_estimate("positive_control", controls[POSITIVE_CONTROL]),
                        "tpr_at_fpr_0.01": _number(
                            estimates.get(f"mia_{attack}_tpr_0.01", group).value
                        ),
                        "forecast_auc": None if expected == "NA" else float(expected),
                    }
                )
    return found


def list_other_estimates(results: Results) -> list[dict[str, Any]]:
    """The entries `other_estimates` of privacy.json: copies, and inference of the phenotype."""
    found = []
    for cohort in COHORTS:
        estimates = Estimates(results.metrics, cohort)
        for metric, group in (*ATTACKERS["copies"], *ATTACKERS["phenotype"]):
            row = estimates.get(metric, group)
            if math.isnan(row.value):
                continue
            control = estimates.get(metric, group, NEGATIVE_CONTROL)
            found.append(
                {
                    "cohort": cohort,
                    "metric": metric,
                    "label": describe(metric).label,
                    "group": group,
                    **_estimate("value", row),
                    "negative_control": _number(control.value),
                }
            )
    return found


def list_joint_attacks(results: Results) -> list[dict[str, Any]]:
    """The entries `joint_attacks` of privacy.json: attacks on all phenotypes of the run together.

    The group worst has the forecast for the most exposed class of each phenotype. Empty if the run has one
    phenotype.
    """
    described, min_cell = results.joint_release, results.settings["release"]["min_cell"]
    if described is None:
        return []
    found = []
    for attack in described["attacks"]:
        own, control = attack["own"], attack[NEGATIVE_CONTROL]
        place = {"phenotypes": described["phenotypes"], "attack": attack["name"]}
        found.append(
            place
            | {
                "group": "all",
                "individuals": own.members + own.non_members
                if min(own.members, own.non_members) >= min_cell
                else None,
                "auc": _number(own.auc),
                "auc_ci_low": _number(own.ci_low),
                "auc_ci_high": _number(own.ci_high),
                "negative_control": _number(control.auc) if control else None,
                "forecast_auc": _number(own.forecast),
            }
        )
        if math.isfinite(own.forecast_worst):
            blank = dict.fromkeys(("auc", "auc_ci_low", "auc_ci_high", "negative_control"))
            worst = {"individuals": None, "forecast_auc": _number(own.forecast_worst)}
            found.append(place | {"group": "worst"} | blank | worst)
    return found


def list_joint_differences(results: Results) -> list[dict[str, Any]]:
    """The entries `joint_differences` of privacy.json; empty if the run has one phenotype.

    The forecast is None if a small number of individuals follows from it.
    """
    if results.differences is None:
        return []
    min_cell = results.settings["release"]["min_cell"]
    return [
        {
            "phenotype": pair.second if pair.first == results.phenotype else pair.first,
            "shared_variants": int(pair.shared_variants),
            "difference_forecast_auc": None if is_small(pair, min_cell) else _number(pair.forecast),
            "exceeds_limit": None if results.limit is None else bool(pair.forecast > results.limit),
        }
        for _, pair in results.differences.iterrows()
        if results.phenotype in (pair.first, pair.second)
    ]


def describe_guarantee(results: Results) -> dict[str, Any] | None:
    """Differential privacy of the generator; None if it does not apply.

    For a family of k individuals in the training set, the guarantee holds with k epsilon, and with delta
    times the sum of exp(i epsilon) for i < k (group privacy; Dwork & Roth 2014, theorem 2.2). k is the size of the
    largest family, or the largest number below min_cell if its size is too small to be released.
    """
    guarantee = results.models["vae"]["differential_privacy"]
    if not guarantee:
        return None
    epsilon, delta = guarantee["epsilon"], guarantee["delta"]
    size, min_cell = results.split["largest_family"], results.settings["release"]["min_cell"]
    size = size and max(size, min_cell - 1)
    family = size and {
        "individuals": size,
        "epsilon": _number(size * epsilon),
        "delta": min(1.0, delta * sum(math.exp(min(700.0, i * epsilon)) for i in range(size))),
    }
    return {
        "unit": "one training individual, added or removed",
        "epsilon": _number(epsilon),
        "delta": delta,
        "not_covered": NOT_COVERED,
        "largest_family": family,
    }


def describe_privacy(
    results: Results,
    texts: Mapping[str, Any],
    files: list[dict[str, Any]],
    phenotypes: pd.DataFrame,
    train: pd.DataFrame,
    counted: pd.Series,
    earlier: Sequence[Earlier],
    version: str,
) -> dict[str, Any]:
    """The content of privacy.json (`workflow/schemas/privacy.schema.yaml`).

    `texts` are those of `read_release_texts`; `files` those of `describe_contents`; `phenotypes` is the table of
    the cohort `snpgen`; `train` has the IDs and phenotypes of the training individuals, and `counted` the IDs of
    the individuals in the overall frequencies. Only their numbers are used, and all values are text. `version`
    is the version of SNPgen.
    """
    min_cell = results.settings["release"]["min_cell"]
    conditions = [name for name, value in results.settings["conditions"].items() if value]
    counted = choose_set(train.IID, counted, conditioned=bool(conditions))
    attacks, split = list_attacks(results), results.split
    pairs = split["related_pairs_across"]
    joint, terms = list_joint_attacks(results), results.settings["release"]
    n_synthetic = count_synthetic(results.n_train, results.settings["sampling"]["size"])
    sizes = results.metrics.n[(results.metrics.domain != "cost") & (results.metrics.n > 0)]
    cells = {
        "min_cell": min_cell,
        "smallest_number_in_metrics": int(sizes.min()),
        "smallest_cell_of_training_individuals": smallest_cell(phenotypes, train),
    }
    record = {
        "schema_version": SCHEMA_VERSION,
        "software": {"name": "SNPgen", "version": version},
        "phenotype": results.phenotype,
        "files": files,
        "not_released": texts["NOT_RELEASED"],
        "variants": len(results.panel),
        "build": results.settings["cohort"]["build"],
        "conditions": conditions,
        "individuals": count_individuals(split["splits"], min_cell)
        | {cohort: {"samples": n_synthetic} for cohort in COHORTS},
        "cells": cells,
        "attackers": texts["ATTACKERS"],
        "attacks": attacks,
        "other_estimates": list_other_estimates(results),
        "joint_attacks": joint,
        "joint_differences": list_joint_differences(results),
        "earlier_releases": compare_earlier(
            earlier, train.IID, counted, results.phenotype, results.panel, min_cell
        ),
        "combined_forecasts": combine_forecasts(earlier, attacks, train.IID),
        "differential_privacy": describe_guarantee(results),
        "relatives": {
            "share_with_relatives_in_training": _share_of(
                split["training_related"], results.n_train, min_cell
            ),
            "largest_family": _hide(split["largest_family"], min_cell),
            "pairs_across_sets": _hide(pairs, min_cell),
            "largest_kinship_across_sets": None
            if is_few(pairs or 0, min_cell)
            else _number(split["max_kinship_across"]),
            "detectable_kinship": _number((split["kinship_estimate"] or {}).get("min_kinship")),
        },
        "use": {
            **{key: terms[key] for key in ("licence", "contact", "citation")},
            "intended": texts["INTENDED"],
            "out_of_scope": texts["OUT_OF_SCOPE"],
        },
    }
    return _rounded(record) | {"checks": list_checks(results, record)}


def count_individuals(splits: Mapping[str, Any], min_cell: int) -> dict[str, Any]:
    """Numbers of individuals by set; those of all classes of a set are None if one is small."""
    counts = {}
    for name, own in splits.items():
        classes = own.get("classes") or {key: own[key] for key in ("controls", "cases")}
        small = any(is_few(n, min_cell) for n in classes.values())
        counts[name] = {"samples": own["samples"], "classes": None if small else dict(classes)}
    return counts


def _share_of(share: float | None, n: int, min_cell: int) -> float | None:
    """A share of `n` individuals; None if a small number of individuals follows from it."""
    return None if share is None or is_few(round(share * n), min_cell) else _number(share)


def _hide(number: int | None, min_cell: int) -> int | None:
    """None for a number above 0 and below `min_cell`, else the number."""
    return None if number is None or is_few(number, min_cell) else number


def _number(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else round(float(value), DIGITS)


def _estimate(name: str, row: pd.Series) -> dict[str, float | None]:
    """A row of metrics.tsv as value and interval; those of the value have the prefix `name`."""
    return {
        name: _number(row.value),
        f"{name}_ci_low": _number(row.ci_low),
        f"{name}_ci_high": _number(row.ci_high),
    }


def _rounded(value: Any) -> Any:
    """Forecasts are rounded, so that hidden numbers of individuals do not follow from them."""
    if isinstance(value, dict):
        return {
            key: _number(item) if key.endswith("forecast_auc") else _rounded(item)
            for key, item in value.items()
        }
    return [_rounded(item) for item in value] if isinstance(value, list) else value


def read_release_texts(templates: Mapping[str, str]) -> dict[str, Any]:
    """Texts of the templates that privacy.json contains: descriptions of the attackers, and the terms of use."""
    environment = make_environment(templates, html=False)
    use = vars(environment.get_template("use.jinja").module)
    attackers = vars(environment.get_template("audit.jinja").module)["ATTACKERS"]
    return {name: use[name] for name in ("INTENDED", "OUT_OF_SCOPE", "NOT_RELEASED")} | {
        "ATTACKERS": [
            {"name": name} | {key: one_line(text) for key, text in described.items()}
            for name, described in attackers.items()
        ]
    }
