"""A shared, read-only installation."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from small_demo import REPOSITORY, configure


def listing(folder: Path) -> dict[str, tuple[int, int]]:
    """Modification time (ns) and size of everything in `folder`, by path."""
    return {
        str(path): (path.lstat().st_mtime_ns, path.lstat().st_size)
        for path in [folder, *folder.rglob("*")]
    }


def change_mode(folder: Path, writable: bool) -> None:
    for path in [folder, *folder.rglob("*")]:
        mode = path.stat().st_mode
        path.chmod(mode | 0o200 if writable else mode & ~0o222)


def test_nothing_is_written_into_the_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root can write to read-only files, so the files are compared as well."""
    for name in ("PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX", "NUMBA_CACHE_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    checkout, own = tmp_path / "checkout", tmp_path / "own"
    ignore = shutil.ignore_patterns("__pycache__")
    for name in ("workflow", "config", "resources"):
        shutil.copytree(REPOSITORY / name, checkout / name, ignore=ignore)
    for name in ("environment.yml", "requirements.lock", "CITATION.cff"):
        shutil.copy(REPOSITORY / name, checkout)
    configure(own)
    change_mode(checkout, writable=False)
    before = listing(checkout)
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "--directory", str(own)]
    command += ["--snakefile", str(checkout / "workflow" / "Snakefile")]
    target = "results/cohort/kinship.tsv"  # computed by compiled functions
    try:
        ran = subprocess.run([*command, target], capture_output=True, text=True, check=False)
        after = listing(checkout)
    finally:
        change_mode(checkout, writable=True)  # for pytest to remove it
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert (own / target).exists()
    assert list((tmp_path / "cache" / "snpgen").rglob("*.nbi"))
    assert after == before
