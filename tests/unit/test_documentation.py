"""The pages say what the schemas and the code say, and their links lead somewhere."""

import copy
import re
from pathlib import Path
from urllib.parse import unquote

import pytest
import yaml
from test_config import SHIPPED

from snpgen.document import document, write_tables

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "workflow" / "docs"
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("[a-z]*/**/*.md"))]
SCHEMAS = {
    name: yaml.safe_load((ROOT / f"workflow/schemas/{name}.schema.yaml").read_text())
    for name in ("config", "phenotype")
}


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return re.sub(r"^( *)```.*?^\1```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", prose(page), flags=re.MULTILINE)
    bare = [re.sub(r"\]\([^)]*\)|[^\w\- ]", "", heading.lower()) for heading in headings]
    return {heading.replace(" ", "-") for heading in bare}


def test_the_configuration_page_is_made_of_the_schemas() -> None:
    page = (ROOT / "config" / "README.md").read_text()
    assert document(page) == page, "run PYTHONPATH=workflow/scripts python -m snpgen.document"


def test_a_table_says_meaning_range_default_and_advice() -> None:
    rows = (ROOT / "config" / "README.md").read_text().splitlines()
    test = "| `test` | Share of people that only the evaluation sees | share, above 0, below 1 | "
    assert f"{test}`0.2` | more give narrower intervals |" in rows
    assert any(row.startswith("| `min_hwe_p` |") and "`1.0e-10`" in row for row in rows)
    assert any(row.startswith("| `file` |") and "path, or null | `null`" in row for row in rows)


def test_a_new_key_changes_the_page_and_a_new_section_needs_a_place() -> None:
    page = (ROOT / "config" / "README.md").read_text()
    config, shipped = copy.deepcopy(SCHEMAS["config"]), copy.deepcopy(SHIPPED)
    node = {"description": "Depth.", "type": "integer", "minimum": 3, "x-change": "never"}
    config["properties"]["vae"]["properties"]["depth"] = node
    shipped["vae"]["depth"] = 4
    made = write_tables(page, config, SCHEMAS["phenotype"], shipped)
    assert "| `depth` | Depth | whole number, 3 or more | `4` | never |" in made
    config["properties"]["extra"] = config["properties"]["vae"]
    shipped["extra"] = shipped["vae"]
    with pytest.raises(ValueError, match="extra"):
        write_tables(page, config, SCHEMAS["phenotype"], shipped)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_and_anchors_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if target.startswith("https://"):
            continue
        path, _, anchor = unquote(target).partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists() and file.is_relative_to(ROOT), f"{page.name}: {target}"
        if anchor:
            assert anchor in anchors(file), f"{page.name}: {target}"


def test_every_page_is_reached_from_the_readme() -> None:
    reached, new = set(), {ROOT / "README.md"}
    while new:
        page = new.pop()
        reached.add(page)
        for target in re.findall(r"\]\(([^)#\s]+\.md)[^)]*\)", prose(page)):
            if not target.startswith("https://"):
                new |= {(page.parent / target).resolve()} - reached
    assert set(DOCS.glob("*.md")) < reached
