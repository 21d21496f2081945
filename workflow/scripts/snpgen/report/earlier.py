"""Earlier releases of the same cohort: overlap of the training sets, and forecasts of combined attacks."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from snpgen.association.joint_forecast import forecast_difference, forecast_joint
from snpgen.io.files import check_text, read_json
from snpgen.io.matching import match_samples
from snpgen.io.plink_tables import allele_keys
from snpgen.io.sample_tables import read_sample_list
from snpgen.io.samples import are_joined, is_keep, read_keep
from snpgen.io.tables import read_strings
from snpgen.messages import Code, InputError
from snpgen.report.provenance import file_digest
from snpgen.report.small_numbers import is_few

PRIVACY, VARIANTS = "privacy.json", "variants.tsv"  # of an earlier release
SCHEMA_VERSION = "1.1"  # of workflow/schemas/privacy.schema.yaml
MAJOR_VERSION = SCHEMA_VERSION.partition(".")[0]
FREQUENCY_ATTACKS = ("frequency", "adaptive")
_AGAIN = "Give the SHA256SUMS in the folder of the release, with the files as they were released"


@dataclass(frozen=True)
class Earlier:
    """An earlier release: the digest of its checksums, its privacy.json, its variants and its individuals.

    `variants` are names of `allele_keys`; `train` are the IDs of its training individuals, and `counted` those of
    the individuals in its overall frequencies (`cohort.shared_frequencies.frequency_sets`).
    """

    digest: str
    privacy: dict[str, Any]
    variants: pd.Series
    train: pd.Series
    counted: pd.Series


def read_earlier(files: Mapping[str, str], samples: pd.DataFrame) -> Earlier:
    """Read an earlier release of `release.earlier` from its `files` (checksums, train and frequencies).

    `samples` (FID, IID) are those of the cohort. Raises `InputError` if a file of the release is missing or
    does not have its checksum, if privacy.json has another major version, or if no ID of a keep file matches.
    """
    path = Path(files["checksums"])
    digests = _read_checksums(path)
    for name in (PRIVACY, VARIANTS):
        line, digest = digests.get(name, (None, ""))
        place = path.parent / name
        if not line or not place.exists():
            what = f"{name} is not {'in the same folder' if line else 'in the list'}"
            raise InputError(Code.UNREADABLE_FILE, what, _AGAIN, file=path, line=line)
        if file_digest(place) != digest:
            what = f"{name} does not have this checksum"
            raise InputError(Code.DAMAGED_FILE, what, _AGAIN, file=path, line=line)
    variants = read_strings(path.parent / VARIANTS)
    lists = []
    for key in ("train", "frequencies"):
        ids = _read_ids(files[key], are_joined(samples.IID)).drop_duplicates()
        match_samples(files[key], "keep file of an earlier release", ids, samples)
        lists.append(ids)
    privacy = read_json(path.parent / PRIVACY)
    version = str(privacy.get("schema_version"))
    if version.partition(".")[0] != MAJOR_VERSION:
        what = f"schema_version is {version}, but this version of SNPgen reads {MAJOR_VERSION}.x"
        remedy = "Make the record of the earlier release again with this version"
        raise InputError(Code.INVALID_VALUE, what, remedy, file=path.parent / PRIVACY)
    return Earlier(file_digest(path), privacy, allele_keys(variants), *lists)


def _read_ids(path: str, with_fid: bool) -> pd.Series:
    """The IDs of a keep file, as SNPgen wrote it or edited by the user; the index holds line numbers."""
    if not is_keep(path):
        return read_sample_list(path, with_fid)
    ids = read_keep(path, with_fid)
    return ids.set_axis(ids.index + 2)


def _read_checksums(path: Path) -> dict[str, tuple[int, str]]:
    """Line and SHA-256 of each file in the output of sha256sum, by file name."""
    check_text(path, _AGAIN)
    found = {}
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), start=1):
        digest, _, name = line.partition("  ")
        if len(digest) != 64 or not name:
            what = "the line is not a SHA-256, two blanks and a file name"
            raise InputError(Code.MALFORMED_TABLE, what, _AGAIN, file=path, line=number)
        found[name] = number, digest
    return found


def compare_earlier(
    earlier: Sequence[Earlier],
    train: pd.Series,
    counted: pd.Series,
    same_differences: Collection[str],
    variants: pd.DataFrame,
    min_cell: int,
) -> list[dict[str, Any]]:
    """The entries `earlier_releases` of privacy.json.

    `train` and `counted` are the individuals of this release (as in `Earlier`), and `variants` the panel. The
    overall frequencies of two releases differ only by the individuals in one of the two sets. Differences
    between classes are those of the training individuals: for earlier releases of the phenotypes
    `same_differences`, the training sets count as well. The number of individuals in both training sets is None
    if it, or a number that follows from it, is above 0 and below `min_cell`. So is the forecast if such a number
    would follow from it.
    """
    found = []
    for one in earlier:
        shared = int(allele_keys(variants).isin(one.variants).sum())
        phenotype, in_training = one.privacy["phenotype"], _overlap(one.train, train)
        overlaps = [_overlap(one.counted, counted)]
        if phenotype in same_differences:
            overlaps.append(in_training)
        forecasts = [
            forecast_difference(shared, first + both, second + both, both)
            for first, second, both in overlaps
        ]
        few, few_in_training = (
            any(is_few(n, min_cell) for sizes in tables for n in sizes)
            for tables in (overlaps, [in_training])
        )
        found.append(
            {
                "checksums_sha256": one.digest,
                "phenotype": phenotype,
                "training_individuals": len(one.train),
                "shared_variants": shared,
                "individuals_in_both": None if few_in_training else in_training[-1],
                "overlaps": in_training[-1] > 0,
                "difference_forecast_auc": None if few else max(forecasts),
            }
        )
    return found


def _overlap(first: pd.Series, second: pd.Series) -> tuple[int, int, int]:
    """Numbers of individuals only in `first`, only in `second`, and in both."""
    both = int(second.isin(first).sum())
    return len(first) - both, len(second) - both, both


def combine_forecasts(
    earlier: Sequence[Earlier], own: list[dict[str, Any]], train: pd.Series
) -> list[dict[str, Any]]:
    """The entries `combined_forecasts` of privacy.json; `own` are the `attacks` of this release.

    The AUC of each release is its forecast or its measured AUC, whichever is larger. Releases without a common
    training individual are omitted. The group `worst` combines the class with the largest AUC of each release.
    """
    records = [one.privacy["attacks"] for one in earlier if train.isin(one.train).any()]
    if not records:
        return []
    found = []
    for attack in FREQUENCY_ATTACKS:
        releases = [_aucs(attacks, attack) for attacks in (own, *records)]
        if all(releases):
            for group, aucs in (
                ("all", [one["all"] for one in releases]),
                ("worst", [max(one.values()) for one in releases]),
            ):
                auc = forecast_joint(aucs)
                found.append({"attack": attack, "group": group, "forecast_auc": auc})
    return found


def _aucs(attacks: list[dict[str, Any]], attack: str) -> dict[str, float]:
    """The larger of forecast and measured AUC of an attack by group, over the cohorts of a release."""
    aucs: dict[str, float] = {}
    for row in attacks:
        if row["attack"] == attack:
            known = [row[key] for key in ("forecast_auc", "auc") if row[key] is not None]
            aucs[row["group"]] = max([aucs.get(row["group"], 0.5), *known])
    return aucs
