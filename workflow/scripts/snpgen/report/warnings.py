"""What a reader must know before the figures of a cohort: noise, blurred ancestries, a better baseline."""

from typing import Any

import pandas as pd

from snpgen.baselines.registry import BASELINES
from snpgen.report.metrics import show
from snpgen.report.style import look
from snpgen.report.verdict import NEAR, Estimates, closeness, percent

BLURRED = 0.1  # standard deviations along a component
SIMPLER = [  # baselines without real genotypes or a network
    name for name, baseline in BASELINES.items() if baseline.releasable and not baseline.needs_model
]
TOLD, USE = "c2st_xgboost", "auc_ridge"


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
    grouped = settings["external_cohort"] is not None or settings["conditions"]["group"] is not None
    figures = Estimates(metrics, subject)
    found = [
        ("Noise drowns effects.", warn_of_noise(panel, noise)),
        ("A simpler generator does better.", warn_of_simpler(figures)),
        (
            "People stand between the places of real ones.",
            "" if grouped else warn_of_places(figures),
        ),
    ]
    return [(title, text) for title, text in found if text]


def warn_of_simpler(figures: Estimates) -> str:
    """A sentence where a generator without a network is better both in looks and in use, else nothing.

    It must be told from real people less often, with intervals apart, and train no worse a model.
    """
    told, use = figures.get(TOLD), figures.get(USE)
    for name in SIMPLER:
        other = figures.get(TOLD, subject=name)
        if other.ci_high < told.ci_low and figures.get(USE, subject=name).value >= use.value:
            return (
                f"A classifier picks the synthetic one of a pair in {percent(told.value)}, and with the baseline "
                f"{look(name).label.lower()} in {percent(other.value)}; ridge regression reaches an AUC of "
                f"{show(use.value, 3)}, and {show(figures.get(USE, subject=name).value, 3)} with the baseline. "
                "Baselines have no noise to hide anybody, and no promise."
            )
    return ""


def warn_of_places(figures: Estimates) -> str:
    """A sentence where synthetic people miss the places of real ones along the components."""
    row, real = figures.get("pc_wasserstein"), figures.get("pc_wasserstein", subject="real")
    if not (closeness(row, real) < NEAR and row.ci_low > real.ci_high and row.value > BLURRED):
        return ""
    return (
        f"Along the principal components synthetic people are {show(row.value, 2)} standard deviations off "
        f"test people, training people {show(row.ceiling, 2)}. If the places of the figure are ancestries, name "
        "the column that tells them in conditions.group: people are then drawn for one each."
    )


def drowned_effects(panel: pd.DataFrame, noise: float) -> tuple[int, int]:
    """SNPs whose effect, corrected for winner's curse, the noise exceeds; and SNPs with an effect.

    Both in standard errors: `noise` is on the frequencies of each class, whose difference the effect is.
    """
    z = (panel.beta_corrected / panel.standard_error).abs().dropna()
    return int((z < noise).sum()), len(z)


def warn_of_noise(panel: pd.DataFrame, noise: float) -> str:
    """A sentence where the noise exceeds the effects of half the panel or more, else nothing."""
    lost, of = drowned_effects(panel, noise)
    if not noise or 2 * lost < of:
        return ""
    return (
        f"Noise of {noise:.2g} standard errors was put on the class frequencies, to hide who was in training. "
        f"It is larger than the effect of {lost:,} of the {of:,} SNPs: effects and models below are blurred by "
        "it. A smaller panel or more people need less; the log of calibrate_guidance names such a panel."
    )
