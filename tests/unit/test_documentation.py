"""The documentation agrees with the schemas and the code, and its links are valid."""

import copy
import importlib.util
import re
from pathlib import Path
from urllib.parse import unquote

import pytest
import yaml
from scipy.stats import norm
from test_config import SHIPPED
from test_resources import rule_text

from snpgen.config import read_schema
from snpgen.messages import Code
from snpgen.resources import memory_mb, runtime_minutes

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "workflow" / "docs"
TOOL = ROOT / ".ci" / "write_config_tables.py"
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("[a-z]*/**/*.md"))]
SCHEMAS = {name: read_schema(name) for name in ("config", "phenotype")}

spec = importlib.util.spec_from_file_location(TOOL.stem, TOOL)
tool = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tool)


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return re.sub(r"^( *)```.*?^\1```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", prose(page), flags=re.MULTILINE)
    bare = [re.sub(r"\]\([^)]*\)|[^\w\- ]", "", heading.lower()) for heading in headings]
    return {heading.replace(" ", "-") for heading in bare}


def test_the_tables_of_the_configuration_page_are_those_of_the_schemas() -> None:
    page = (ROOT / "config" / "README.md").read_text()
    assert tool.document(page) == page, "run python .ci/write_config_tables.py"


def test_a_row_has_meaning_range_default_and_advice() -> None:
    rows = (ROOT / "config" / "README.md").read_text().splitlines()
    description = SCHEMAS["config"]["properties"]["split"]["properties"]["test"]["description"]
    row = next(row for row in rows if row.startswith("| `test` |"))
    assert row.startswith(f"| `test` | {description.removesuffix('.')} | ")
    assert ", above 0, below 1 | `0.2` | " in row
    assert any(row.startswith("| `min_hwe_p` |") and "`1.0e-10`" in row for row in rows)
    assert any(row.startswith("| `file` |") and "path, or null | `null`" in row for row in rows)


def test_a_new_key_is_added_and_a_new_section_needs_a_table() -> None:
    page = (ROOT / "config" / "README.md").read_text()
    config, shipped = copy.deepcopy(SCHEMAS["config"]), copy.deepcopy(SHIPPED)
    node = {"description": "Depth.", "type": "integer", "minimum": 3, "x-change": "never"}
    config["properties"]["vae"]["properties"]["depth"] = node
    shipped["vae"]["depth"] = 4
    made = tool.write_tables(page, config, SCHEMAS["phenotype"], shipped)
    assert "| `depth` | Depth | whole number, 3 or more | `4` | never |" in made
    config["properties"]["extra"] = config["properties"]["vae"]
    shipped["extra"] = shipped["vae"]
    with pytest.raises(ValueError, match="extra"):
        tool.write_tables(page, config, SCHEMAS["phenotype"], shipped)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_and_anchors_are_valid(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if target.startswith("https://"):
            continue
        path, _, anchor = unquote(target).partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists() and file.is_relative_to(ROOT), f"{page.name}: {target}"
        if anchor:
            assert anchor in anchors(file), f"{page.name}: {target}"


def test_every_page_is_linked_from_the_readme() -> None:
    linked, new = set(), {ROOT / "README.md"}
    while new:
        page = new.pop()
        linked.add(page)
        for target in re.findall(r"\]\(([^)#\s]+\.md)[^)]*\)", prose(page)):
            if not target.startswith("https://"):
                new |= {(page.parent / target).resolve()} - linked
    assert set(DOCS.glob("*.md")) < linked


def test_every_error_code_has_a_section() -> None:
    page = (DOCS / "faq.md").read_text()
    headings = re.findall(r"^### (.+)$", page, flags=re.MULTILINE)
    assert headings == [f"{code} {code.heading}" for code in Code]


def rows(page: str, head: str) -> list[list[str]]:
    """The cells of the table under this head, row by row."""
    lines = (DOCS / page).read_text().split(head)[1].splitlines()[2:]
    end = lines.index("") if "" in lines else len(lines)
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[:end]]


def test_largest_panels_meet_the_limit() -> None:
    head = r"| limit \ training individuals | 500 | 1,000 | 2,000 | 5,000 | 10,000 | 50,000 |"
    table = rows("choosing_settings.md", head)
    assert [limit for limit, *_ in table] == ["0.60", "0.65", "0.70"]
    for limit, *cells in table:
        for n, cell in zip([500, 1_000, 2_000, 5_000, 10_000, 50_000], cells, strict=True):
            variants = float(cell.replace(",", ""))
            assert abs(norm.cdf((variants / n / 2) ** 0.5) - float(limit)) < 0.0005


def test_requests_are_those_of_the_library() -> None:
    """500,000 individuals, 800,000 variants of which chromosome 1 has 64,000, a panel of 2,048."""
    profile = yaml.safe_load((ROOT / "workflow/profiles/slurm/config.yaml").read_text())
    head = "| job | memory, GB | time limit, minutes | threads | GPU |"
    table = rows("cluster.md", head)
    assert {name.strip("`") for name, *_ in table} >= set(profile["set-resources"])
    for name, gigabytes, limit, threads, gpu in table:
        rule = name.strip("`")
        size = 500_000, 64_000 if rule == "run_gwas" else 800_000, 2_048
        assert f"{memory_mb(rule, *size) / 1000:.1f}" == gigabytes, rule
        assert f"{runtime_minutes(rule, *size):,}" == limit, rule
        own = re.search(r"^ +threads: (?:up_to\()?(\d+)", rule_text(rule), flags=re.MULTILINE)
        assert int(threads) == (int(own[1]) if own else 1), rule
        assert (gpu == "yes") == ("gpu=1" in rule_text(rule)), rule
