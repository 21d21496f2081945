"""The input files that the configuration names: their paths, and whether they can be read."""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from snpgen.io.files import find_fault
from snpgen.messages import Code, InputError

RESULTS = "results/"
SIMULATED = "results/cohort/simulated/"  # the demo cohort, which the workflow writes
_NEEDS_CONVERSION = (".vcf", ".vcf.gz", ".bcf", ".bgen", ".sample", ".gen", ".gen.gz")
_CONVERT = "Convert it with plink2, as shown in config/README.md under 'Genotypes'"


def list_files(pattern: str, chromosomes: Iterable[str], endings: Sequence[str]) -> list[str]:
    """Return the files of one fileset, or of one per chromosome if `pattern` contains {chromosome}."""
    prefixes = sorted({pattern.replace("{chromosome}", name) for name in chromosomes})
    return [f"{prefix}.{ending}" for prefix in prefixes for ending in endings]


def list_plink(prefix: str, chromosomes: Iterable[str] = ()) -> list[str]:
    """Return .bed, .bim and .fam of the fileset `prefix`, or of one fileset per chromosome."""
    return list_files(prefix.removesuffix(".bed"), chromosomes or [""], ("bed", "bim", "fam"))


def list_pgen(pattern: str, chromosomes: Iterable[str]) -> list[str]:
    """Return .pgen, .pvar (.pvar.zst if there is no .pvar) and .psam of each fileset."""
    files = list_files(pattern.removesuffix(".pgen"), chromosomes, ("pgen", "pvar", "psam"))
    return [f"{file}.zst" if _only_compressed(file) else file for file in files]


def list_tables(pattern: str | None, chromosomes: Iterable[str]) -> list[str]:
    """Return the table, or one per chromosome if `pattern` contains {chromosome}; [] if it is None."""
    return (
        list(dict.fromkeys(pattern.replace("{chromosome}", name) for name in chromosomes))
        if pattern
        else []
    )


def _only_compressed(file: str) -> bool:
    return file.endswith(".pvar") and not Path(file).exists() and Path(f"{file}.zst").exists()


def check_files(
    cohort: Mapping[str, Any], settings: Mapping[str, Mapping[str, Any]], chromosomes: Sequence[str]
) -> None:
    """Raise `InputError` unless all input files can be read and are not empty.

    `cohort` is the section `cohort` of the configuration; `settings` are the settings of each phenotype.
    """
    genotypes = cohort["genotypes"]
    if genotypes.endswith(_NEEDS_CONVERSION):
        raise InputError(
            Code.NOT_PLINK,
            f"{genotypes} is not a PLINK fileset",
            _CONVERT,
            key="cohort.genotypes",
        )
    find = list_pgen if genotypes.endswith(".pgen") else list_plink
    for file in find(genotypes, chromosomes):
        _check_format(file)
        check_file(file, "cohort.genotypes")
    for key in ("table", "covariates"):
        if (cohort[key] or "").endswith(".sample"):
            raise InputError(
                Code.MALFORMED_TABLE,
                "an Oxford .sample file is not a table of phenotypes",
                "Give it to plink2 with the .bgen (config/README.md, 'Genotypes'), and give a table with a "
                f"column IID as 'cohort.{key}'",
                file=cohort[key],
                key=f"cohort.{key}",
            )
    for key in ("table", "covariates", "kinship", "exclude_samples"):
        check_file(cohort[key], f"cohort.{key}")
    for file in list_tables(cohort["info"], chromosomes):
        check_file(file, "cohort.info")
    for one in settings.values():
        own, prefix = one["phenotype"], one["external_cohort"]
        if prefix:
            for file in list_plink(prefix):
                check_file(file, "external_cohort")
        for key in ("table", "causal"):
            check_file(own.get(key), key)
        for file in own.get("scoring_files", []):
            check_file(file, "scoring_files")
        check_file(one["split"]["file"], "split.file")
        for key in ("sumstats", "include", "exclude"):
            check_file(one["panel"][key], f"panel.{key}")
        for number, earlier in enumerate(one["release"]["earlier"]):
            for key, file in earlier.items():
                check_file(file, f"release.earlier.{number}.{key}")


def _check_format(file: str) -> None:
    """Raise `InputError` if a .bed does not exist, but genotypes of the same name in another format do."""
    if Path(file).exists() or Path(file).suffix != ".bed":
        return
    others = [Path(file.removesuffix(".bed") + ending) for ending in (*_NEEDS_CONVERSION, ".pgen")]
    for other in others:
        if other.exists():
            raise InputError(
                Code.NOT_PLINK,
                f"the file does not exist, but {other.name} does, which is not a PLINK 1 fileset",
                "Add .pgen to 'cohort.genotypes'" if other.suffix == ".pgen" else _CONVERT,
                file=file,
                key="cohort.genotypes",
            )


def check_file(file: str | None, key: str) -> None:
    """Raise `InputError` unless the file that is set as `key` can be read and is not empty.

    A `file` of None is accepted. Files of the simulated cohort are also accepted, because they need not exist
    yet. Other files in the folder of the results are not, because the run would write what it reads.
    """
    if not file or file.startswith(SIMULATED):
        return
    if Path(file).resolve().is_relative_to(Path(RESULTS).resolve()):
        raise InputError(
            Code.CONFLICTING_SETTINGS,
            "the file is in the folder to which this run writes its results",
            "Copy it to another folder, or run in another folder with --directory",
            file=file,
            key=key,
        )
    fault = find_fault(file)
    if fault:
        code, what = fault
        if not Path(file).is_absolute() and not Path(file).exists():
            what += f"; relative paths are resolved from {Path.cwd()}"
        raise InputError(code, what, f"Correct '{key}'", file=file, key=key)


def check_writable(folders: Iterable[str]) -> None:
    """Raise `InputError` if one of the folders exists but is not writable."""
    for folder in folders:
        place = Path(folder).resolve()
        if place.exists() and not os.access(place, os.W_OK | os.X_OK):
            raise InputError(
                Code.NOT_WRITABLE,
                "the folder is not writable",
                "Set its permissions, or run in another folder with --directory",
                file=place,
            )
