"""Packages that are slow to import are imported only by the jobs that need them."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "workflow" / "scripts"
TRAINING = {"calibrate_guidance", "measure_losses", "sample_cohort"}
TRAINING |= {"train_diffusion", "train_shadow", "train_vae"}
MODELS = {"evaluate_fidelity", "evaluate_groups", "evaluate_utility"}
FIGURES = {"plot_association", "plot_evaluation", "plot_training"}
FIGURES |= {"compare_phenotypes", "package_release", "recipe", "render_report"}
SLOW = {  # 0.3 to 1.6 s each: scripts that may import the package before they do anything
    "torch": TRAINING,
    "lightning_fabric": set(),
    "opacus": set(),
    "sklearn": MODELS,
    "xgboost": MODELS,
    "statsmodels": set(),
    "scipy.stats": set(),
    "matplotlib": FIGURES,
    "msprime": {"simulate_cohort"},
}


def module_imports(path: Path) -> Iterator[str]:
    """Names that a module always imports, which excludes imports in functions and conditions."""
    waiting: list[ast.AST] = [ast.parse(path.read_text())]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif not isinstance(node, ast.FunctionDef | ast.If):
            waiting += ast.iter_child_nodes(node)


def all_imports(script: Path) -> set[str]:
    """Names that a script imports, itself and through modules of the library."""
    found: set[str] = set()
    waiting = [script]
    while waiting:
        new = set(module_imports(waiting.pop())) - found
        found |= new
        paths = (SCRIPTS / (name.replace(".", "/") + ".py") for name in new)
        waiting += [path for path in paths if path.exists()]
    return found


@pytest.mark.parametrize("script", sorted(SCRIPTS.glob("*.py")), ids=lambda path: path.stem)
def test_a_script_imports_no_slow_package_that_it_does_not_need(script: Path) -> None:
    names = all_imports(script)
    slow = {
        package for package in SLOW if any(f"{name}.".startswith(f"{package}.") for name in names)
    }
    assert slow <= {package for package, scripts in SLOW.items() if script.stem in scripts}


def test_imports_of_modules_are_followed() -> None:
    for package, scripts in SLOW.items():
        for script in scripts:
            assert package in {name.split(".")[0] for name in all_imports(SCRIPTS / f"{script}.py")}
