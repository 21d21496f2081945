"""Registry of the figures of the report: their order, titles, sections and plotting functions.

It contains only data and imports no plotting library, because the rules of the workflow read it.
A new figure needs an entry here, its plotting function, its caption, and a test.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """A figure of the report.

    `name` determines its files (`figures/{name}.svg` and `.tsv`), its caption (`workflow/report/{name}.rst`)
    and its plotting function (`plot_{name}` in `module` of this package). The parameters of this function are
    names of inputs of the rule (`rule`), or `subject`. If `needs_model` is true, the figure is omitted for an
    external cohort. If `needs_groups` is true, the report omits it if there are no ancestry groups.
    """

    name: str
    title: str
    section: str
    module: str
    rule: str = "plot_evaluation"
    needs_model: bool = False
    needs_groups: bool = False


FIGURES = (
    Figure("frequencies", "Allele frequencies, synthetic vs. training", "Fidelity", "fidelity"),
    Figure("ld", "Linkage disequilibrium by distance", "Fidelity", "fidelity"),
    Figure("region", "Linkage disequilibrium in one region", "Fidelity", "fidelity"),
    Figure("components", "Principal components", "Fidelity", "fidelity"),
    Figure("manhattan", "Manhattan plot", "Association", "association", "plot_association"),
    Figure("qq", "Quantile-quantile plot", "Association", "association", "plot_association"),
    Figure("effects", "Effect sizes, test vs. synthetic individuals", "Association", "evaluation"),
    Figure("utility", "Prediction in real test individuals", "Utility", "evaluation"),
    Figure(
        "augmentation",
        "Prediction with synthetic individuals added to real individuals",
        "Utility",
        "evaluation",
    ),
    Figure("roc", "Membership inference, ROC curves", "Privacy", "evaluation"),
    Figure("privacy", "Membership inference on every cohort", "Privacy", "evaluation"),
    Figure("groups", "Estimates by ancestry group", "By ancestry", "groups", needs_groups=True),
    Figure("training", "Training and guidance", "Generator", "training", "plot_training", True),
)


def figures_of(rule: str) -> list[Figure]:
    """The figures that a rule makes."""
    return [figure for figure in FIGURES if figure.rule == rule]


def figure_names(with_model: bool) -> list[str]:
    """Names of the figures of a report; figures that need the trained model are included if `with_model`."""
    return [figure.name for figure in FIGURES if with_model or not figure.needs_model]
