"""What a result rests on: versions of the software, and the user's files with their checksums."""

import hashlib
import platform
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import yaml

import snpgen

PACKAGES = [
    "snakemake",
    "torch",
    "lightning-fabric",
    "numpy",
    "scipy",
    "pandas",
    "bed-reader",
    "statsmodels",
    "scikit-learn",
    "xgboost",
    "numba",
    "msprime",
    "matplotlib",
    "jinja2",
]
LARGEST_SUMMED = 256_000_000  # bytes; a biobank's .bed would take hours


def describe_files(paths: Iterable[str]) -> list[dict[str, Any]]:
    """The name, bytes and SHA-256 of each file; of one above `LARGEST_SUMMED` bytes the sum is None."""
    files = []
    for path in paths:
        size = Path(path).stat().st_size
        digest = None
        if size <= LARGEST_SUMMED:
            with Path(path).open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        files.append({"name": str(path), "bytes": size, "sha256": digest})
    return files


def describe_software(citation: str) -> list[tuple[str, str]]:
    """Name and version of SNPgen (of the text of CITATION.cff, and a digest of its code), Python and packages."""
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
    """SHA-256, first 16 hexadecimal digits, of the library's modules in the order of their paths."""
    folder = Path(snpgen.__path__[0])
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        digest.update(f"{path.relative_to(folder)}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:16]
