"""What the main figure of each domain means, in words made from the figures."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from snpgen.baselines.registry import NEGATIVE_CONTROL
from snpgen.evaluation.metrics import ATTACKS, DOMAINS, RATES, describe
from snpgen.report.metrics import (
    audit_faults,
    holds_copies,
    interval,
    show,
)

NEAR, SHORT = 0.9, 0.7  # shares of the way from the floor to the ceiling
WEAK, STRONG = 0.55, 0.6  # AUC of the strongest attack
MAIN = {"fidelity": "c2st_xgboost", "association": "effect_slope", "utility": "auc_ridge"}
FALSE_ALARMS = 10  # that a false-positive rate needs among the strangers to be judged


@dataclass(frozen=True)
class Verdict:
    """An domain on the first screen: a word with its level (good, fair, bad or none), a sentence or more,
    and the main figure with its interval, ceiling and floor as text."""

    domain: str
    question: str
    word: str
    level: str
    text: str
    label: str
    value: str = "NA"
    interval: str = ""
    ceiling: str = ""
    floor: str = ""
    bounds: tuple[str, str] = ("real people", "useless generator")


class Estimates:
    """Rows of the metrics table by metric, stratum and subject; a row of NaN where there is none."""

    def __init__(self, metrics: pd.DataFrame, subject: str) -> None:
        self.subject = subject
        columns = ["value", "ci_low", "ci_high", "ceiling", "floor"]
        keys = zip(metrics.metric, metrics.stratum, metrics.subject, strict=True)
        values = (row for _, row in metrics[columns].astype(float).iterrows())
        self.rows = dict(zip(keys, values, strict=True))
        self.missing = pd.Series(np.nan, columns)

    def get(self, metric: str, stratum: str = "all", subject: str = "") -> pd.Series:
        """The row of `subject`, or of the cohort that the report is about."""
        return self.rows.get((metric, stratum, subject or self.subject), self.missing)


def judge(
    metrics: pd.DataFrame, subject: str, non_members: int, blurred: bool = False
) -> list[Verdict]:
    """The verdict on each domain, in the order of `AXES`; without cost where none was measured.

    `strangers` is the number of test people, `blurred` whether noise drowns the effects.
    """
    figures = Estimates(metrics, subject)
    verdicts = [
        _judge_domain(domain, words(figures), figures)
        for domain, words in (
            ("fidelity", tell_fidelity),
            ("association", tell_association),
            ("utility", tell_utility),
        )
    ]
    if blurred and verdicts[1].level == "good":
        verdicts[1] = replace(verdicts[1], word="Blurred by noise", level="fair")
    verdicts.append(judge_privacy(metrics, figures, non_members))
    cost = metrics[(metrics.domain == "cost") & (metrics.subject == subject)]
    return [*verdicts, judge_cost(cost)] if len(cost) else verdicts


def closeness(row: pd.Series, real: pd.Series) -> float:
    """How near a figure is to its ceiling: 1 there, 0 at the floor or as far on the other side.

    NaN where the floor lies within the interval of the ceiling (`real`), which then bounds nothing.
    """
    if real.ci_low <= row.floor <= real.ci_high or row.ceiling == row.floor:
        return np.nan
    return float(max(0.0, 1 - abs((row.value - row.ceiling) / (row.ceiling - row.floor))))


def _judge_domain(domain: str, text: str, figures: Estimates) -> Verdict:
    metric = MAIN[domain]
    row, digits = figures.get(metric), describe(metric).digits
    share = closeness(row, figures.get(metric, subject="real"))
    if not np.isfinite(row.value):
        word, level, text = "Not measured", "none", f"{describe(metric).label} was not measured."
    elif not np.isfinite(share):
        word, level = "Nothing to tell", "none"
        text = f"Real people do no better here than a useless generator, so the figure tells nothing. {text}"
    else:
        word, level = (
            ("Near real people", "good")
            if share >= NEAR
            else ("Short of real people", "fair")
            if share >= SHORT
            else ("Far from real people", "bad")
        )
    return Verdict(
        domain,
        DOMAINS[domain].question,
        word,
        level,
        text,
        describe(metric).label,
        show(row.value, digits),
        interval(row, digits),
        show(row.ceiling, digits),
        show(row.floor, digits),
    )


def percent(share: float, digits: int = 0) -> str:
    """A share as a percentage, which no line parts from its sign."""
    return f"{show(100 * share, digits)}\u00a0%"


def tell_fidelity(figures: Estimates) -> str:
    """How well synthetic and real people are told apart, and what LD and frequencies say."""
    told, slope, error = (figures.get(name) for name in ("c2st_xgboost", "ld_slope", "af_rmse"))
    return (
        f"Of a synthetic and a real person a classifier picks the synthetic one in {percent(told.value)} of "
        f"pairs; with a real one in its place in {percent(told.ceiling)}, and 50\u00a0% is chance. LD keeps "
        f"{percent(slope.value)} of its size. Allele frequencies are {show(error.value, 4)} off those of test "
        f"people, those of real people {show(error.ceiling, 4)}."
    )


def tell_association(figures: Estimates) -> str:
    """The slope on effects of test people and the correlation with them, beside those of training people."""
    slope, r = figures.get("effect_slope"), figures.get("effect_pearson")
    return (
        f"Effects have a slope of {show(slope.value, 2)} on those of test people, where those of training people "
        f"have {show(slope.ceiling, 2)}, and a correlation of {show(r.value, 2)}, where these have "
        f"{show(r.ceiling, 2)}. Effects of test people have errors of their own, which make both smaller."
    )


def tell_utility(figures: Estimates) -> str:
    """What a model is worth that was trained on synthetic people."""
    ridge, trees = figures.get("auc_ridge"), figures.get("auc_xgboost")
    return (
        f"Ridge regression trained on synthetic people ranks a real case above a real control in "
        f"{percent(ridge.value, 1)} of pairs, trained on real people in {percent(ridge.ceiling, 1)}; XGBoost in "
        f"{percent(trees.value, 1)} and {percent(trees.ceiling, 1)}."
    )


def strongest(metrics: pd.DataFrame, subject: str, part: str = "auc") -> pd.Series | None:
    """The row of the attack on a cohort with the largest `mia_*_{part}` on everybody, or None."""
    rows = metrics[(metrics.subject == subject) & metrics.metric.str.fullmatch(rf"mia_\w+_{part}")]
    rows = rows[(rows.stratum == "all") & rows.value.notna()]
    return None if rows.empty else rows.iloc[int(rows.value.argmax())]


def judge_privacy(metrics: pd.DataFrame, figures: Estimates, non_members: int) -> Verdict:
    """The verdict by the strongest attack on everybody or on a group, the copies and the controls."""
    subject, domain = figures.subject, "privacy"
    row = strongest(metrics, subject)
    if row is None:
        text = "No attack could be made."
        return Verdict(
            domain, DOMAINS[domain].question, "Not measured", "bad", text, "Strongest attack, AUC"
        )
    attacks = metrics[(metrics.subject == subject) & metrics.metric.str.fullmatch(r"mia_\w+_auc")]
    count = int((attacks.stratum == "all").sum())
    name = ATTACKS[row.metric[4:-4]].label
    parts = [
        (
            f"The strongest of {count} attacks ({name.lower()}) ranks a training person above a stranger in "
            f"{percent(row.value, 1)} of pairs; 50\u00a0% is chance."
        )
    ]
    rate = next((fpr for fpr in RATES if fpr * non_members >= FALSE_ALARMS), RATES[-1])
    few, nobody = (strongest(metrics, one, f"tpr_{rate}") for one in (subject, NEGATIVE_CONTROL))
    if few is not None:
        chance = (
            "" if nobody is None else f", and {show(nobody.value / rate, 1)} with nobody to find"
        )
        parts.append(
            f"At one false alarm in {1 / rate:,.0f} the best finds {show(few.value / rate, 1)} training "
            f"people in {1 / rate:,.0f}; 1 is chance{chance}."
        )
    group = attacks[attacks.stratum.isin(["case", "control", "top_tenth_rare"])]
    group = group[group.value > max(row.value, WEAK)]
    worst = row.value
    if len(group):
        of_group = group.iloc[int(group.value.argmax())]
        parts.append(_tell_group(of_group))
        told_apart = group[~(group.ci_low <= group.ceiling)]  # nobody to find would do as well
        worst = max(worst, told_apart.value.max()) if len(told_apart) else worst
    excess = row.ci_low > 0.5 or (few is not None and few.ci_low > rate)
    if audit_faults(metrics, subject):
        word, level = "Audit void", "bad"
    elif holds_copies(metrics, subject):
        word, level = "Holds real people", "bad"
    elif worst >= STRONG:
        word, level = "Attacks find members", "bad"
    elif worst >= WEAK:
        word, level = "Attacks find some", "fair"
    elif excess:
        word, level = "Attacks find little", "good"
    else:
        word, level = "No attack works", "good"
    null = strongest(metrics, NEGATIVE_CONTROL)
    return Verdict(
        domain,
        DOMAINS[domain].question,
        word,
        level,
        " ".join(parts),
        f"{name} attack, AUC",
        show(row.value, 3),
        interval(row, 3),
        show(row.ceiling if null is None else null.value, 3),
        "1.000",
        ("nobody to find", "every member told"),
    )


def _tell_group(row: pd.Series) -> str:
    """What the strongest attack on a group of people reaches there, beside that with nobody to find."""
    who = {"case": "cases", "control": "controls"}.get(
        row.stratum, "the tenth of people with most rare alleles"
    )
    told = interval(row, 3)
    beside = f", with nobody to find {percent(row.ceiling, 1)}" if np.isfinite(row.ceiling) else ""
    return f"Among {who} one reaches {percent(row.value, 1)}{f' (AUC {told})' if told else ''}{beside}."


def judge_cost(cost: pd.DataFrame) -> Verdict:
    """What it took; there is no ceiling to that."""
    seconds = cost[cost.metric == "wall_seconds"].value.sum()
    memory = cost[cost.metric == "peak_rss_mb"].value.max()
    speed = cost[cost.metric == "genotypes_per_second"].value.max()
    text = f"GWAS and generator took {tell_time(seconds)} of computing and {show(memory / 1000, 1)}\u00a0GB of memory."
    if np.isfinite(speed):
        text += f" The sampler draws {show(speed, 0)} genotypes a second, its start counted."
    label = "Computing time"
    return Verdict("cost", DOMAINS["cost"].question, "", "none", text, label, tell_time(seconds))


def tell_time(seconds: float) -> str:
    """Seconds in the unit that a person would take."""
    for size, unit in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{show(seconds / size, int(seconds < 10 * size))} {unit}"
    return f"{show(seconds, 0)} seconds"
