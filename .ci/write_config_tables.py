"""Write the tables of config/README.md from the schemas and the shipped configuration.

Run it after a change of either: python .ci/write_config_tables.py
"""

import re
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "workflow" / "scripts"))

from snpgen.baselines.registry import BASELINES
from snpgen.config import read_schema

PAGE = ROOT / "config" / "README.md"
HEAD = "| key | meaning | unit, range | default | change it |\n|---|---|---|---|---|"

Schema = dict[str, Any]


def write_tables(page: str, config: Schema, phenotype: Schema, shipped: dict[str, Any]) -> str:
    """Return the text `page` with every table between `<!-- table NAME -->` and `<!-- end -->` rewritten.

    NAME is a section of the schema `config`, `shared` for its keys outside sections, `phenotype` for
    the keys of the schema `phenotype` that are not shared settings, or `baselines`. Defaults are taken from the
    configuration `shipped`. Raises ValueError if the tables of `page` are others.
    """
    settings, definitions = config["properties"], config["$defs"]
    sections = {name: node for name, node in settings.items() if "properties" in node}
    shared = {name: node for name, node in settings.items() if name not in sections}
    only_own = {k: node for k, node in phenotype["properties"].items() if k not in sections}
    required = dict.fromkeys(phenotype["required"], "required")
    tables = {
        "shared": _table(shared, definitions, {key: _text(shipped[key]) for key in shared}),
        "phenotype": _table(
            {key: node for key, node in only_own.items() if key not in shared},
            definitions,
            dict.fromkeys(only_own, "none") | required,
        ),
    }
    rows = ["| baseline | description | may be released |", "|---|---|---|"]
    for name, one in BASELINES.items():
        rows.append(f"| `{name}` | {one.description} | {'yes' if one.releasable else 'no'} |")
    tables["baselines"] = "\n".join(rows)
    for name, node in sections.items():
        defaults = {key: _text(shipped[name][key]) for key in node["properties"]}
        tables[name] = f"{node['description']}\n\n" + _table(
            node["properties"], definitions, defaults
        )
    parts = re.split(r"(?<=<!-- table )(\w+) -->.*?(?=<!-- end -->)", page, flags=re.DOTALL)
    if sorted(parts[1::2]) != sorted(tables):
        raise ValueError(f"{PAGE.name} has tables {sorted(parts[1::2])}, not {sorted(tables)}")
    parts[1::2] = [f"{name} -->\n{tables[name]}\n" for name in parts[1::2]]
    return "".join(parts)


def _table(nodes: dict[str, Schema], definitions: Schema, defaults: dict[str, str]) -> str:
    """A Markdown table with one row per setting."""
    rows = [HEAD]
    for key, node in nodes.items():
        node = definitions.get(node.get("$ref", "").rpartition("/")[2], {}) | node
        cells = [f"`{key}`", node["description"].removesuffix(".")]
        cells += [_values(node), defaults[key], node["x-change"]]
        rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows)


def _values(node: Schema) -> str:
    """The values that a setting accepts: unit and range, choices, or type."""
    if "enum" in node:
        return ", ".join(f"`{value}`" for value in node["enum"])
    kinds = node["type"] if isinstance(node["type"], list) else [node["type"]]
    parts = [node["x-unit"]] if "x-unit" in node else []
    if "array" in kinds:
        choice = ", ".join(f"`{value}`" for value in node["items"].get("enum", []))
        parts = [f"list of {choice or node['x-unit']}"]
    if "boolean" in kinds:
        parts = ["true, false"]
    if "integer" in kinds and not parts:
        parts = ["whole number"]
    if "number" in kinds or "integer" in kinds:
        parts += [_range(node)]
    return ", ".join(part for part in parts if part) + (", or null" if "null" in kinds else "")


def _range(node: Schema) -> str:
    """The range of a number in words; empty if there is none."""
    low, high = node.get("minimum"), node.get("maximum")
    above, below = node.get("exclusiveMinimum"), node.get("exclusiveMaximum")
    words = []
    if low is not None and high is not None:
        return f"{low:,} to {high:,}"
    if low is not None:
        words = [f"from {low:,}"] if below is not None else [f"{low:,} or more"]
    if above is not None:
        words = [f"above {above:,}"]
    if below is not None:
        words += [f"below {below:,}"]
    if high is not None:
        words += [f"up to {high:,}"]
    return ", ".join(words)


def _text(value: Any) -> str:
    """A value as YAML on one line."""
    text = yaml.safe_dump(value, default_flow_style=True, width=1000).removesuffix("...\n").strip()
    return f"`{text}`"


def document(page: str) -> str:
    """Return the text `page` of config/README.md with the tables of the current schemas."""
    shipped = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())
    return write_tables(page, read_schema("config"), read_schema("phenotype"), shipped)


if __name__ == "__main__":
    PAGE.write_text(document(PAGE.read_text()))
