"""Imports of the library go downwards only, and Snakemake is not among them."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

LIBRARY = Path(__file__).parents[2] / "workflow" / "scripts" / "snpgen"
LAYERS = [
    "io",
    "genetics",
    "cohort",
    "association",
    "generator",
    "baselines",
    "evaluation",
    "report",
]
# Modules beside the packages. Packages may import these, which import no package themselves.
BASE = {"job", "messages", "progress", "resources"}
# These read the configuration for the rules; no package imports them.
CONFIGURATION = {"config", "conflicts", "input_files"}
ALLOWED_IN_CONFIGURATION = {"snpgen.io.files", "snpgen.baselines.registry"}


def imports(path: Path) -> Iterator[str]:
    """Full names of the modules that a module imports, wherever it does so."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: a relative import"
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def library_imports(path: Path) -> set[str]:
    """The packages and top-level modules of the library that a module imports."""
    return {name.split(".")[1] for name in imports(path) if name.startswith("snpgen.")}


MODULES = sorted(LIBRARY.rglob("*.py"))


def name(path: Path) -> str:
    return path.relative_to(LIBRARY).as_posix()


def test_the_layers_are_the_packages_of_the_library() -> None:
    assert {path.parent.name for path in LIBRARY.glob("*/__init__.py")} == set(LAYERS)
    top = {path.stem for path in LIBRARY.glob("*.py")} - {"__init__"}
    assert top == BASE | CONFIGURATION


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_the_library_does_not_import_snakemake(path: Path) -> None:
    assert not {one for one in imports(path) if one.split(".")[0] == "snakemake"}


@pytest.mark.parametrize("path", [one for one in MODULES if one.parent != LIBRARY], ids=name)
def test_packages_import_only_lower_layers(path: Path) -> None:
    own = LAYERS.index(path.relative_to(LIBRARY).parts[0])
    used = library_imports(path)
    assert not used & CONFIGURATION
    assert {layer for layer in used & set(LAYERS) if LAYERS.index(layer) > own} == set()


@pytest.mark.parametrize("path", [one for one in MODULES if one.parent == LIBRARY], ids=name)
def test_top_level_modules_import_no_package(path: Path) -> None:
    packages = {one for one in imports(path) if one.split(".")[1:2] and one.split(".")[1] in LAYERS}
    modules = {
        one for one in packages if (LIBRARY.parent / (one.replace(".", "/") + ".py")).exists()
    }
    assert modules <= (ALLOWED_IN_CONFIGURATION if path.stem in CONFIGURATION else set())
