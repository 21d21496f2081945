"""Make the figures of the registry from the files of a rule."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Any

import pandas as pd

from snpgen.evaluation.metrics_table import is_replicate
from snpgen.io.files import read_json
from snpgen.io.panel import read_variants
from snpgen.io.sumstats import read_sumstats
from snpgen.report.estimates import read_metrics
from snpgen.report.registry import Figure, figures_of
from snpgen.report.style import save_svg

TEXT = ["subject", "group", "chromosome", "variant_id", "effect_allele", "other_allele"]
TEXT += ["first", "second"]


def read_table(path: str) -> pd.DataFrame:
    """A tab-separated table of the evaluation or of the training; only NA is missing."""
    return pd.read_csv(
        path, sep="\t", dtype=dict.fromkeys(TEXT, str), keep_default_na=False, na_values=["NA"]
    )


def read_input(name: str, path: str | Sequence[str]) -> Any:
    """The content of an input of a plotting rule; if it has several files, they are concatenated."""
    if not isinstance(path, str):
        return pd.concat(map(read_table, path))
    if name == "metrics":
        metrics = read_metrics(path)
        # Replicates are shown only as mean and range.
        return metrics[~metrics.subject.map(is_replicate)]
    readers = {"sumstats": read_sumstats, "panel": read_variants, "summary": read_json}
    return readers.get(name, read_table)(path)


def make_figure(figure: Figure, data: Mapping[str, Any]) -> tuple[Any, pd.DataFrame]:
    """The matplotlib figure and the table behind it; `data` holds the inputs of its rule by name."""
    plot = getattr(import_module(f"snpgen.report.{figure.module}"), f"plot_{figure.name}")
    return plot(**{name: data[name] for name in signature(plot).parameters})


def save_figures(
    rule: str, inputs: Mapping[str, Any], outputs: Mapping[str, str], subject: str = ""
) -> None:
    """Write every figure of `rule` as SVG, and the table behind it as TSV with the same name.

    `inputs` are paths by name, `outputs` are paths of the SVG files by name of the figure, and `subject` is
    the cohort that the report describes.
    """
    data = {name: read_input(name, path) for name, path in inputs.items()} | {"subject": subject}
    for figure in figures_of(rule):
        drawn, table = make_figure(figure, data)
        path = outputs[figure.name]
        save_svg(drawn, path)
        table.to_csv(
            Path(path).with_suffix(".tsv"), sep="\t", index=False, na_rep="NA", float_format="%.6g"
        )
