"""The questions of the checklist of a release, and their answers."""

from collections.abc import Mapping, Sequence
from typing import Any

from snpgen.report.estimates import audit_faults, copied_share, holds_copies
from snpgen.report.groups import group_label
from snpgen.report.joint import WHITE_BOX
from snpgen.report.results import Results
from snpgen.report.templates import number, percent
from snpgen.report.verdicts import STRONG, judge_privacy


def list_checks(results: Results, record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The entries `checks` of privacy.json.

    `passed` is None if the question does not apply or cannot be answered from the results.
    """
    metrics, subject, terms = results.metrics, results.subject, record["use"]
    faults, verdict = (
        audit_faults(metrics, subject),
        judge_privacy(metrics, subject, results.n_test),
    )
    copied, by_chance = copied_share(metrics, subject)
    limit = results.settings["calibration"]["max_forecast_auc"] if results.shrunken else None
    own = [row["forecast_auc"] for row in record["attacks"] if row["forecast_auc"] is not None]
    cells, relatives = record["cells"], record["relatives"]
    smallest = min(value for key, value in cells.items() if key != "min_cell")
    unset = [key for key in ("licence", "contact") if not terms[key]]
    pairs, related = relatives["pairs_across_sets"], results.split["training_related"]
    shown = f"fewer than {cells['min_cell']}" if pairs is None else str(pairs)

    def check(name: str, question: str, passed: bool | None, finding: str) -> dict[str, Any]:
        return {"name": name, "question": question, "passed": passed, "finding": finding}

    return [
        check(
            "controls",
            "Did both controls of the privacy audit give the expected result?",
            not faults,
            f"The audit is void: {' and '.join(faults).replace('_', ' ')} failed."
            if faults
            else "Both controls gave the expected result.",
        ),
        check(
            "copies",
            "Are synthetic individuals identical to a training individual no more often than test individuals?",
            not holds_copies(metrics, subject),
            f"Identical at all variants: {percent(copied, 2)} of the synthetic, {percent(by_chance, 2)} of the "
            "test individuals.",
        ),
        check(
            "attacks",
            f"Is the AUC of each attack below {STRONG:g} or not different from chance, also by class and ancestry?",
            None if verdict.level == "none" else verdict.level != "bad",
            _describe_strongest(record["attacks"]),
        ),
        check(
            "forecast",
            "Is the forecast AUC of the frequency and adaptive attacks at most calibration.max_forecast_auc?",
            max(own) <= limit + 5e-4 if own and limit else None,
            f"Largest forecast AUC: {max(own):.3f}.{show_limit(limit)}" if own else "No forecast.",
        ),
        check(
            "min_cell",
            "Do all released numbers refer to at least release.min_cell individuals?",
            smallest >= cells["min_cell"],
            f"Smallest number: {number(smallest)}. Limit: {cells['min_cell']}.",
        ),
        check(
            "relatives",
            "Are the validation and test sets free of detected relatives of training individuals?",
            None if related is None else pairs == 0,
            "Kinship is not known." if related is None else f"Pairs of relatives: {shown}.",
        ),
        check(
            "earlier_releases",
            "Is it at most calibration.max_forecast_auc if an attack combines this and earlier releases?",
            *_judge_earlier(record, limit),
        ),
        check(
            "joint_attacks",
            "Is it at most calibration.max_forecast_auc if an attack combines the phenotypes of this run?",
            *_judge_joint(record, limit),
        ),
        check(
            "terms",
            "Are licence and contact set?",
            not unset,
            f"Not set: {' and '.join(unset)}." if unset else "Both are set.",
        ),
    ]


def _describe_strongest(attacks: list[dict[str, Any]]) -> str:
    measured = [row for row in attacks if row["auc"] is not None]
    if not measured:
        return "Not measured."
    row = max(measured, key=lambda row: row["auc"])
    control = row["negative_control"]
    return (
        f"Largest AUC: {row['auc']:.3f} (attack {row['attack']}, group {group_label(row['group'])})"
        + (f"; negative control {control:.3f}." if control is not None else ".")
    )


def show_limit(limit: float | None) -> str:
    """The limit on forecasts, as the end of a finding."""
    return f" Limit: {limit:g}." if limit else " No limit applies."


def _judge_earlier(record: Mapping[str, Any], limit: float | None) -> tuple[bool | None, str]:
    if not record["earlier_releases"]:
        return None, "No earlier release is listed. Confirm that there is none."
    combined = [row["forecast_auc"] for row in record["combined_forecasts"]]
    differences = [row["difference_forecast_auc"] for row in record["earlier_releases"]]
    known = [auc for auc in differences if auc is not None]
    found = _describe_differences(known, len(known) < len(differences))
    if combined:
        found = f"Individuals in all training sets: forecast AUC {max(combined):.3f}. {found}"
    aucs = [*combined, *known]
    if len(known) < len(differences):
        aucs.append(1.0)  # few individuals in the frequencies of only one are easily recognised
    return max(aucs) <= limit if limit else None, found + show_limit(limit)


def _describe_differences(known: Sequence[float], some_hidden: bool) -> str:
    """The forecast for individuals in the allele frequencies of only one of two cohorts."""
    shown = f"forecast AUC {max(known):.3f}" if known else "not shown"
    few = ", not shown where they are few" if known and some_hidden else ""
    return f"Individuals in the allele frequencies of only one of two cohorts: {shown}{few}."


def _judge_joint(record: Mapping[str, Any], limit: float | None) -> tuple[bool | None, str]:
    joint, pairs = record["joint_attacks"], record["joint_differences"]
    if not joint:
        return None, "Not measured. Confirm that no other phenotype of this cohort is released."
    rows = [row for row in joint if row["attack"] not in WHITE_BOX]
    aucs = [row[name] for row in rows for name in ("auc", "forecast_auc") if row[name] is not None]
    known = [row["difference_forecast_auc"] for row in pairs]
    shown = [auc for auc in known if auc is not None]
    found = f"Largest AUC, measured or forecast: {max(aucs):.3f}. " if aucs else ""
    if pairs:
        found += _describe_differences(shown, len(shown) < len(known))
    found = found.strip() + show_limit(limit)
    if not limit:
        return None, found
    return not any(row["exceeds_limit"] for row in pairs) and max(aucs, default=0.5) <= limit, found
