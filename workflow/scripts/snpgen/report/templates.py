"""The Jinja environment of the pages, and filters that format values in the text."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from snpgen.report.estimates import show


def number(value: float | None, digits: int = 0) -> str:
    """A number with thousands separators; NA for None and NaN."""
    return "NA" if value is None else show(float(value), digits)


def percent(share: float, digits: int = 0) -> str:
    """A share as a percentage, with a non-breaking space before the sign."""
    return f"{number(100 * share, digits)}\u00a0%"


def plain(value: float) -> str:
    """A number of the configuration without trailing zeros."""
    return f"{value:g}"


def significant(value: float, digits: int = 2) -> str:
    """A number with this many significant digits."""
    return f"{value:.{digits}g}"


def enumerate_words(words: Sequence[str]) -> str:
    """Words as an enumeration: a, b and c."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def one_line(text: str) -> str:
    """Text with line breaks and indentation replaced by single spaces; HTML stays marked as safe."""
    kind = Markup if isinstance(text, Markup) else str
    return kind(re.sub(r"[ \t\n]+", " ", text).strip())


def duration(seconds: float) -> str:
    """Seconds in days, hours, minutes or seconds."""
    for size, unit in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{show(seconds / size, int(seconds < 10 * size))} {unit}"
    return f"{show(seconds, 0)} seconds"


def describe_phenotype(phenotype: dict[str, Any]) -> str:
    """Describe a phenotype by its column and, if it has them, its classes or its threshold."""
    column = phenotype["column"]
    if "classes" in phenotype:
        control, *cases = phenotype["classes"]
        return f"{column} (controls: {control}; cases: {', '.join(cases)})"
    return f"{column} >= {phenotype['threshold']:g}" if "threshold" in phenotype else column


def yaml_value(value: object) -> str:
    """A value in YAML notation, with four significant digits if it is a float."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "null" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


FILTERS = {
    "basename": lambda path: Path(path).name,  # directories may be confidential
    "number": number,
    "percent": percent,
    "plain": plain,
    "significant": significant,
    "words": enumerate_words,
    "line": one_line,
    "duration": duration,
    "phenotype": describe_phenotype,
    "yaml": yaml_value,
}


def read_texts(paths: Iterable[str], suffix: bool = False) -> dict[str, str]:
    """Read text files; the keys are the file names, with or without `suffix`."""
    return {
        (Path(path).name if suffix else Path(path).stem): Path(path).read_text() for path in paths
    }


def make_environment(templates: Mapping[str, str], html: bool = True) -> jinja2.Environment:
    """An environment that loads `templates` (texts by file name) and has `FILTERS`.

    Values are escaped if `html`. An undefined variable raises `jinja2.UndefinedError`.
    """
    environment = jinja2.Environment(
        loader=jinja2.DictLoader(templates),
        autoescape=html,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=not html,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters.update(FILTERS)
    return environment
