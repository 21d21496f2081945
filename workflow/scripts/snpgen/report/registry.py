"""Registry of the figures of the report: their order, titles, sections and plotting functions.

It holds data only and imports no plotting library, because the rules of the workflow read it.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """A figure of the report.

    `name` names its files, `figures/{name}.svg` and `.tsv`, and its caption, `workflow/report/{name}.rst`.
    `plot` is the function that makes it, as `module.function` in this package; its parameters are names
    of inputs of the rule (`rule`), or `subject`. A figure with `needs_model` is left out for an external
    cohort.
    """

    name: str
    title: str
    section: str
    rule: str
    plot: str
    needs_model: bool = False


FIGURES = (
    Figure(
        "frequencies",
        "Allele frequencies, synthetic vs. training",
        "Fidelity",
        "plot_evaluation",
        "fidelity.plot_frequencies",
    ),
    Figure(
        "ld",
        "Linkage disequilibrium by distance",
        "Fidelity",
        "plot_evaluation",
        "fidelity.plot_ld",
    ),
    Figure(
        "region",
        "Linkage disequilibrium in one region",
        "Fidelity",
        "plot_evaluation",
        "fidelity.plot_region",
    ),
    Figure(
        "components",
        "Principal components",
        "Fidelity",
        "plot_evaluation",
        "fidelity.plot_components",
    ),
    Figure(
        "manhattan",
        "Manhattan plot",
        "Association",
        "plot_association",
        "association.plot_manhattan",
    ),
    Figure(
        "qq",
        "Quantile-quantile plot",
        "Association",
        "plot_association",
        "association.plot_qq",
    ),
    Figure(
        "effects",
        "Effect sizes, synthetic vs. training",
        "Association",
        "plot_evaluation",
        "evaluation.plot_effects",
    ),
    Figure(
        "utility",
        "Prediction in real test individuals",
        "Utility",
        "plot_evaluation",
        "evaluation.plot_utility",
    ),
    Figure(
        "augmentation",
        "Synthetic individuals added to a share of the training set",
        "Utility",
        "plot_evaluation",
        "evaluation.plot_augmentation",
    ),
    Figure(
        "roc",
        "Membership inference, ROC curves",
        "Privacy",
        "plot_evaluation",
        "evaluation.plot_roc",
    ),
    Figure(
        "privacy",
        "Membership inference on every cohort",
        "Privacy",
        "plot_evaluation",
        "evaluation.plot_privacy",
    ),
    Figure(
        "training",
        "Training and guidance",
        "Generator",
        "plot_training",
        "training.plot_training",
        needs_model=True,
    ),
)


def figures_of(rule: str) -> list[Figure]:
    """The figures that a rule makes."""
    return [figure for figure in FIGURES if figure.rule == rule]


def figure_names(with_model: bool) -> list[str]:
    """Names of the figures of a report, with or without those that need the trained model."""
    return [figure.name for figure in FIGURES if with_model or not figure.needs_model]
