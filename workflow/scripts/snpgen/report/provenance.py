"""Provenance of the results: versions of the software, and input files with checksums."""

import hashlib
import os
import platform
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import yaml

import snpgen

PACKAGES = ["snakemake", "torch", "lightning-fabric", "numpy", "scipy", "pandas", "bed-reader"]
PACKAGES += ["statsmodels", "scikit-learn", "xgboost", "numba", "msprime", "matplotlib", "jinja2"]
MAX_SUMMED = 256_000_000  # bytes; the .bed of a biobank would take hours


def describe_files(paths: Iterable[str]) -> list[dict[str, Any]]:
    """Name, bytes and SHA-256 of each file; the checksum of a file above `MAX_SUMMED` bytes is None."""
    files = []
    for path in paths:
        size = Path(path).stat().st_size
        digest = file_digest(Path(path)) if size <= MAX_SUMMED else None
        files.append({"name": str(path), "bytes": size, "sha256": digest})
    return files


def file_digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def describe_software(citation: str) -> list[tuple[str, str]]:
    """Name and version of SNPgen, Python and the packages; `citation` is the text of CITATION.cff."""
    found = []
    for name in PACKAGES:
        try:
            found.append((name, version(name)))
        except PackageNotFoundError:
            found.append((name, "not installed"))
    return [
        ("SNPgen", yaml.safe_load(citation)["version"]),
        ("SNPgen's code, SHA-256", digest_code()),
        ("Python", platform.python_version()),
        ("Machine", platform.platform()),
        *found,
    ]


def digest_code() -> str:
    """The first 16 hexadecimal digits of the SHA-256 of all modules of the library, ordered by path."""
    folder = Path(snpgen.__path__[0])
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        digest.update(f"{path.relative_to(folder)}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def choose_numba_cache() -> None:
    """If NUMBA_CACHE_DIR is not set, set it to a folder of the user for this version of the library.

    numba fails if the cache holds code compiled from another version. Jobs inherit the variable, so that only
    the first process computes the digest of the library.
    """
    if "NUMBA_CACHE_DIR" not in os.environ:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        os.environ["NUMBA_CACHE_DIR"] = str(cache / "snpgen" / f"numba-{digest_code()}")
