"""Earlier releases of the same cohort: overlap of the training sets, and forecasts of combined attacks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from snpgen.association.joint_forecast import forecast_difference, forecast_joint
from snpgen.cohort.shared_frequencies import choose_set
from snpgen.io.files import check_text, read_json
from snpgen.io.matching import Match, match_samples
from snpgen.io.plink_tables import allele_keys
from snpgen.io.sample_tables import read_sample_list
from snpgen.io.samples import are_joined, is_keep, read_keep
from snpgen.io.tables import read_strings
from snpgen.messages import Code, InputError
from snpgen.report.provenance import file_digest
from snpgen.report.small_numbers import is_few

PRIVACY, VARIANTS = "privacy.json", "variants.tsv"  # of an earlier release
SCHEMA_VERSION = "1.2"  # of workflow/schemas/privacy.schema.yaml
MAJOR_VERSION = SCHEMA_VERSION.partition(".")[0]
FREQUENCY_ATTACKS = ("frequency", "adaptive")
ALLELES = ["chromosome", "position", "effect_allele", "other_allele"]
_WHOLE = "Give the keep file as it was written"
_KEEP = ("train", "frequencies")
_USED = ("phenotype", "build", "variants", "individuals", "conditions", "attacks")  # of a record
_AGAIN = "Give the SHA256SUMS in the folder of the release, with the files as they were released"


@dataclass(frozen=True)
class Earlier:
    """An earlier release: the digest of its checksums, its privacy.json, its variants and its individuals.

    `variants` are names of `allele_keys`; `train` are the IDs of its training individuals, and `counted` those of
    the individuals in its overall frequencies (`choose_set`). `matches` are those of both keep files.
    """

    digest: str
    privacy: dict[str, Any]
    variants: pd.Series
    train: pd.Series
    counted: pd.Series
    matches: tuple[Match, ...] = ()


def read_earlier_releases(
    releases: Sequence[Mapping[str, str]], samples: pd.DataFrame, build: str
) -> list[Earlier]:
    """Read the releases in `release.earlier`; arguments as for `read_earlier`.

    Raises `InputError` as `read_earlier` does, and if a release is listed twice.
    """
    found: list[Earlier] = []
    for files in releases:
        one = read_earlier(files, samples, build)
        if one.digest in [other.digest for other in found]:
            raise InputError(
                Code.CONFLICTING_SETTINGS,
                "this release is listed twice",
                "List each earlier release once",
                file=files["checksums"],
                key="release.earlier",
            )
        found.append(one)
    return found


def read_earlier(files: Mapping[str, str], samples: pd.DataFrame, build: str) -> Earlier:
    """Read an earlier release of `release.earlier` from its `files` (checksums, train and frequencies).

    `samples` (FID, IID) are those of the cohort, and `build` is its genome build. Raises `InputError` if a file of
    the release is missing or does not have its checksum, if privacy.json cannot be used or contradicts the
    variants, the build or the training individuals, or if no ID of a keep file matches.
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
    privacy = _read_record(path.parent / PRIVACY, build)
    variants = read_strings(path.parent / VARIANTS, ALLELES)
    if len(variants) != privacy["variants"]:
        what = f"the table has {len(variants)} variants, but {PRIVACY} states {privacy['variants']}"
        raise InputError(Code.DAMAGED_FILE, what, _AGAIN, file=path.parent / VARIANTS)
    with_fid, matches = are_joined(samples.IID), []
    train, shared = (_read_ids(files[key], with_fid).drop_duplicates() for key in _KEEP)
    for key, ids in zip(_KEEP, (train, shared), strict=True):
        matches.append(match_samples(files[key], f"keep file {key}.txt of a release", ids, samples))
    _check_individuals(files, train, shared, privacy["individuals"]["train"]["samples"])
    counted = choose_set(train, shared, bool(privacy["conditions"]))
    keys = allele_keys(variants)
    return Earlier(file_digest(path), privacy, keys, train, counted, tuple(matches))


def _read_record(path: Path, build: str) -> dict[str, Any]:
    """The content of privacy.json. Raises `InputError` if it cannot be used in a cohort of this `build`."""
    try:
        privacy = read_json(path)
    except ValueError:
        raise InputError(Code.DAMAGED_FILE, "the file is not JSON", _AGAIN, file=path) from None
    version = str(privacy.get("schema_version")) if isinstance(privacy, dict) else ""
    remedy = "Make the record of the earlier release again with this version"
    if version.partition(".")[0] != MAJOR_VERSION:
        what = f"schema_version is {version}, but this version of SNPgen reads {MAJOR_VERSION}.x"
        raise InputError(Code.INVALID_VALUE, what, remedy, file=path)
    absent = [key for key in _USED if key not in privacy]
    if absent:
        raise InputError(Code.INVALID_VALUE, f"there is no {absent[0]}", remedy, file=path)
    if privacy["build"] != build:
        what = f"the build is {privacy['build']}, but the build of the cohort is {build}"
        remedy = "Leave out this release, and mention it on the checklist"
        raise InputError(Code.GENOTYPE_BUILD, what, remedy, file=path)
    return dict(privacy)


def _check_individuals(
    files: Mapping[str, str], train: pd.Series, shared: pd.Series, expected: int
) -> None:
    """Raise `InputError` unless the keep files can be those of a release with `expected` training individuals."""
    lacking, n = int((~train.isin(shared)).sum()), len(train)
    faults = {}
    if n != expected:
        faults["train"] = f"the file lists {n:,} individuals, but {PRIVACY} states {expected:,}"
    if lacking:
        faults["frequencies"] = f"the file lacks {lacking:,} of the {n:,} training individuals"
    for key, what in faults.items():
        raise InputError(
            Code.NO_MATCHING_SAMPLE,
            what,
            f"Give keep/{key}.txt in the results of the earlier release, as it was written",
            file=files[key],
            key="release.earlier",
        )


def _read_ids(path: str, with_fid: bool) -> pd.Series:
    """The IDs of a keep file, as SNPgen wrote it or edited by the user; the index holds line numbers."""
    if not is_keep(path):
        ids = read_sample_list(path, with_fid)
        return _refuse_empty(path, ids)
    check_text(path, _WHOLE)
    lines = Path(path).read_text().splitlines()
    for number, line in enumerate(lines, start=1):
        if len(line.split("\t")) != 2:
            what = "the line is not FID and IID, separated by a tab"
            remedy = "Correct the line, or write one IID per line without a header"
            raise InputError(Code.MALFORMED_TABLE, what, remedy, file=path, line=number)
    ids = _refuse_empty(path, read_keep(path, with_fid))
    return ids.set_axis(ids.index + 2)


def _refuse_empty(path: str, ids: pd.Series) -> pd.Series:
    if ids.empty:
        raise InputError(Code.EMPTY_FILE, "the file lists no individual", _WHOLE, file=path)
    return ids


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
    phenotype: str,
    variants: pd.DataFrame,
    min_cell: int,
) -> list[dict[str, Any]]:
    """The entries `earlier_releases` of privacy.json.

    `train` and `counted` are the individuals of this release (as in `Earlier`), and `variants` the panel. The
    overall frequencies of two releases differ only by the individuals in one of the two sets. Differences
    between classes are those of the training individuals: for earlier releases of the same `phenotype`, the
    training sets count as well. The number of individuals in both training sets is None
    if it, or a number that follows from it, is above 0 and below `min_cell`. So is the forecast if such a number
    would follow from it.
    """
    found = []
    for one in earlier:
        shared = int(allele_keys(variants).isin(one.variants).sum())
        in_training = _overlap(one.train, train)
        overlaps = [_overlap(one.counted, counted)]
        if one.privacy["phenotype"] == phenotype:
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
                "phenotype": one.privacy["phenotype"],
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
