"""What the main figure of each axis means, in words made from the figures, and what to be warned of."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from snpgen.report.metrics import (
    ATTACKS,
    AXES,
    audit_faults,
    describe,
    holds_copies,
    interval,
    show,
)

NEAR, SHORT = 0.9, 0.7  # shares of the way from the floor to the ceiling
WEAK, STRONG = 0.55, 0.6  # AUC of the strongest attack
MAIN = {"fidelity": "c2st_xgboost", "association": "effect_slope", "utility": "auc_ridge"}
FEW_RATE = 0.001
BLURRED = 0.1  # standard deviations along a component


@dataclass(frozen=True)
class Verdict:
    """An axis on the first screen: a word with its level (good, fair, bad or none), a sentence or more,
    and the main figure with its interval, ceiling and floor as text."""

    axis: str
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


class Figures:
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


def judge(metrics: pd.DataFrame, subject: str) -> list[Verdict]:
    """The verdict on each axis, in the order of `AXES`; without cost where none was measured."""
    figures = Figures(metrics, subject)
    verdicts = [
        _judge_axis(axis, words(figures), figures)
        for axis, words in (
            ("fidelity", tell_fidelity),
            ("association", tell_association),
            ("utility", tell_utility),
        )
    ]
    verdicts.append(judge_privacy(metrics, figures))
    cost = metrics[(metrics.axis == "cost") & (metrics.subject == subject)]
    return [*verdicts, judge_cost(cost)] if len(cost) else verdicts


def closeness(row: pd.Series, real: pd.Series) -> float:
    """How near a figure is to its ceiling: 1 there, 0 at the floor or as far on the other side.

    NaN where the floor lies within the interval of the ceiling (`real`), which then bounds nothing.
    """
    if real.ci_low <= row.floor <= real.ci_high or row.ceiling == row.floor:
        return np.nan
    return float(max(0.0, 1 - abs((row.value - row.ceiling) / (row.ceiling - row.floor))))


def _judge_axis(axis: str, text: str, figures: Figures) -> Verdict:
    metric = MAIN[axis]
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
        axis,
        AXES[axis].question,
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


def tell_fidelity(figures: Figures) -> str:
    """How well synthetic and real people are told apart, and what LD and frequencies say."""
    told, slope, error = (figures.get(name) for name in ("c2st_xgboost", "ld_slope", "af_rmse"))
    return (
        f"Of a synthetic and a real person a classifier picks the synthetic one in {percent(told.value)} of "
        f"pairs; with a real one in its place in {percent(told.ceiling)}, and 50\u00a0% is chance. LD keeps "
        f"{percent(slope.value)} of its size. Allele frequencies are {show(error.value, 4)} off those of test "
        f"people, those of real people {show(error.ceiling, 4)}."
    )


def tell_association(figures: Figures) -> str:
    """How large effects are, beside those of training people, both on those of test people."""
    slope, r = figures.get("effect_slope"), figures.get("effect_pearson")
    return (
        f"Effects are {percent(slope.value)} as large as in real test people, where those of real training "
        f"people are {percent(slope.ceiling)}; their correlation is {show(r.value, 2)}, and "
        f"{show(r.ceiling, 2)} with real people."
    )


def tell_utility(figures: Figures) -> str:
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


def judge_privacy(metrics: pd.DataFrame, figures: Figures) -> Verdict:
    """The verdict by the strongest attack, the copies and the controls."""
    subject, axis = figures.subject, "privacy"
    row = strongest(metrics, subject)
    if row is None:
        text = "No attack could be made."
        return Verdict(
            axis, AXES[axis].question, "Not measured", "bad", text, "Strongest attack, AUC"
        )
    attacks = metrics[(metrics.subject == subject) & metrics.metric.str.fullmatch(r"mia_\w+_auc")]
    count = int((attacks.stratum == "all").sum())
    name = ATTACKS.get(row.metric[4:-4], row.metric)
    parts = [
        (
            f"The strongest of {count} attacks ({name.lower()}) ranks a training person above a stranger in "
            f"{percent(row.value, 1)} of pairs; 50\u00a0% is chance."
        )
    ]
    few = strongest(metrics, subject, f"tpr_{FEW_RATE}")
    if few is not None:
        parts.append(
            f"At one false alarm in {1 / FEW_RATE:,.0f} the best finds {show(few.value / FEW_RATE, 1)} training "
            f"people in {1 / FEW_RATE:,.0f}; 1 is chance."
        )
    group = attacks[attacks.stratum.isin(["case", "control", "top_tenth_rare"])]
    group = group[group.value > max(row.value, WEAK)]
    if len(group):
        worst = group.iloc[int(group.value.argmax())]
        who = {"case": "cases", "control": "controls"}.get(
            worst.stratum, "the tenth of people with most rare alleles"
        )
        told = interval(worst, 3)
        parts.append(
            f"Among {who} one reaches {percent(worst.value, 1)}{f' (AUC {told})' if told else ''}."
        )
    excess = row.ci_low > 0.5 or (few is not None and few.ci_low > FEW_RATE)
    if audit_faults(metrics, subject):
        word, level = "Audit void", "bad"
    elif holds_copies(metrics, subject):
        word, level = "Holds real people", "bad"
    elif row.value >= STRONG:
        word, level = "Attacks find members", "bad"
    elif row.value >= WEAK:
        word, level = "Attacks find some", "fair"
    elif excess:
        word, level = "Attacks find little", "good"
    else:
        word, level = "No attack works", "good"
    return Verdict(
        axis,
        AXES[axis].question,
        word,
        level,
        " ".join(parts),
        f"{name} attack, AUC",
        show(row.value, 3),
        interval(row, 3),
        show(row.ceiling, 3),
        "1.000",
        ("nobody a member", "every member told"),
    )


def judge_cost(cost: pd.DataFrame) -> Verdict:
    """What it took; there is no ceiling to that."""
    seconds = cost[cost.metric == "wall_seconds"].value.sum()
    memory = cost[cost.metric == "peak_rss_mb"].value.max()
    speed = cost[cost.metric == "genotypes_per_second"].value.max()
    text = f"GWAS and generator took {tell_time(seconds)} of computing and {show(memory / 1000, 1)}\u00a0GB of memory."
    if np.isfinite(speed):
        text += f" The sampler draws {show(speed, 0)} genotypes a second, its start counted."
    label = "Computing time"
    return Verdict("cost", AXES["cost"].question, "", "none", text, label, tell_time(seconds))


def tell_time(seconds: float) -> str:
    """Seconds in the unit that a person would take."""
    for size, unit in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{show(seconds / size, int(seconds < 10 * size))} {unit}"
    return f"{show(seconds, 0)} seconds"


def drowned_effects(panel: pd.DataFrame, noise: float) -> tuple[int, int]:
    """SNPs whose effect, corrected for winner's curse, the noise exceeds; and SNPs with an effect.

    Both in standard errors: `noise` is on the frequencies of each class, whose difference the effect is.
    """
    z = (panel.beta_corrected / panel.standard_error).abs().dropna()
    return int((z < noise).sum()), len(z)


def list_warnings(
    metrics: pd.DataFrame,
    subject: str,
    panel: pd.DataFrame,
    noise: float,
    settings: dict[str, Any],
) -> list[tuple[str, str]]:
    """What a reader must know before the figures of a cohort: pairs of a title and sentences.

    `panel` its variants, `noise` that of the calibration (0 where the cohort was made elsewhere),
    `settings` all of the phenotype's.
    """
    grouped = settings["synthetic"] is not None or settings["conditions"]["group"] is not None
    places = "" if grouped else warn_of_places(Figures(metrics, subject))
    found = [("Noise drowns effects.", warn_of_noise(panel, noise))]
    found.append(("People stand between the places of real ones.", places))
    return [(title, text) for title, text in found if text]


def warn_of_places(figures: Figures) -> str:
    """A sentence where synthetic people miss the places of real ones along the components."""
    row, real = figures.get("pc_wasserstein"), figures.get("pc_wasserstein", subject="real")
    if not (closeness(row, real) < NEAR and row.ci_low > real.ci_high and row.value > BLURRED):
        return ""
    return (
        f"Along the principal components synthetic people are {show(row.value, 2)} standard deviations off "
        f"test people, training people {show(row.ceiling, 2)}. If the places of the figure are ancestries, name "
        "the column that tells them in conditions.group: people are then drawn for one each."
    )


def warn_of_noise(panel: pd.DataFrame, noise: float) -> str:
    """A sentence where the noise exceeds the effects of half the panel or more, else nothing."""
    lost, of = drowned_effects(panel, noise)
    if not noise or 2 * lost < of:
        return ""
    return (
        f"Noise of {noise:.2g} standard errors was put on the class frequencies, to hide who was in training. "
        f"It is larger than the effect of {lost:,} of the {of:,} SNPs: effects and models below are blurred by "
        "it. A smaller panel or more people need less."
    )
