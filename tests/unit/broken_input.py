"""A folder of valid input, and changes that break its files."""

import gzip
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from test_config import ROOT

from snpgen.genetics.builds import read_markers
from snpgen.io.plink import write_fileset
from snpgen.messages import Code, InputError

MARKERS = read_markers(ROOT / "resources" / "build_markers.tsv")
N_SAMPLES, N_VARIANTS = 121, 250  # 121 leaves three genotypes of a byte unused

Change = Callable[[Path], object]


@pytest.fixture(scope="module")
def valid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of valid input: samples 0001 to 0121 and variants rs1 to rs250 on two chromosomes."""
    folder = tmp_path_factory.mktemp("valid")
    rng = np.random.default_rng(1)
    dosages = rng.binomial(2, rng.uniform(0.1, 0.4, N_VARIANTS), (N_SAMPLES, N_VARIANTS))
    iid = [f"{number:04}" for number in range(1, N_SAMPLES + 1)]
    samples = pd.DataFrame({"FID": "F", "IID": iid, "father": "0", "mother": "0"})
    samples = samples.assign(sex=np.tile(["1", "2"], N_SAMPLES)[:N_SAMPLES], phenotype="-9")
    variants = pd.DataFrame({"chromosome": np.repeat(["1", "2"], N_VARIANTS // 2)})
    variants["variant_id"] = [f"rs{number}" for number in range(1, N_VARIANTS + 1)]
    variants["position"] = 1_000 * np.arange(1, N_VARIANTS + 1)
    variants = variants.assign(effect_allele="A", other_allele="G")
    write_fileset(str(folder / "set"), dosages.astype(np.int8), samples, variants)

    fam = folder / "set.fam"
    fam.write_text(fam.read_text().replace(" ", "\t"))
    number = np.arange(N_SAMPLES)
    individuals = pd.DataFrame({"IID": iid, "trait": number // 2 % 2, "height": 150 + number % 41})
    individuals["severity"] = np.array(["none", "mild"])[individuals.trait]
    individuals["age"] = 40 + number % 30
    individuals["months"] = 12 * individuals.age
    individuals["centre"] = np.array(["north", "south"])[number % 3 // 2]
    write(folder / "phenotypes.tsv", individuals)
    write(folder / "second.tsv", individuals[["IID"]].assign(bmi=20 + number % 13))
    pairs = {"ID1": ["0001", "0003"], "ID2": ["0002", "0004"], "Kinship": ["0.25", "0.125"]}
    write(folder / "related.tsv", pd.DataFrame(pairs))
    split = np.array(["train"] * 10 + ["validation", "test"])[number % 12]
    write(folder / "split.tsv", pd.DataFrame({"IID": iid, "split": split}))
    info = variants[["variant_id"]].assign(INFO=0.5 + np.arange(N_VARIANTS) % 50 / 100)
    write(folder / "info.tsv", info)
    (folder / "include.txt").write_text("rs3\nrs5\n")
    (folder / "exclude.txt").write_text("rs7\n")
    theirs = variants.rename(columns={"position": "base_pair_location"})
    theirs["effect_allele_frequency"] = (dosages.mean(axis=0) / 2).round(4)
    theirs["beta"] = np.tile([0.02, -0.02], N_VARIANTS // 2)
    theirs["standard_error"] = 0.05
    theirs["p_value"] = np.arange(1, N_VARIANTS + 1) / N_VARIANTS
    write(folder / "study.tsv", theirs)
    return folder


def write(path: Path, table: pd.DataFrame) -> None:
    table.to_csv(path, sep="\t", index=False)


@pytest.fixture
def folder(valid: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(valid, tmp_path / "data"))


# How to break a file. Each takes what to do and gives a function of the path.


def bytes_of(change: Callable[[bytes], bytes]) -> Change:
    return lambda path: path.write_bytes(change(path.read_bytes()))


def text_of(change: Callable[[str], str]) -> Change:
    return bytes_of(lambda content: change(content.decode()).encode())


def replaced(old: str, new: str) -> Change:
    return text_of(lambda text: text.replace(old, new))


def prefixed(prefix: str) -> Change:
    return text_of(lambda text: prefix + text)


def holds(text: str) -> Change:
    return lambda path: path.write_text(text)


def line(number: int, change: Callable[[str], str]) -> Change:
    """Change one line, counted from 1."""

    def change_text(text: str) -> str:
        lines = text.splitlines()
        lines[number - 1] = change(lines[number - 1])
        return "\n".join(lines) + "\n"

    return text_of(change_text)


def shortened(number: int) -> Change:
    """Remove the last value of a line, counted from 1."""
    return line(number, lambda text: text.rpartition("\t")[0])


def cell(number: int, column: int, value: str) -> Change:
    """Put a value into a line and a tab-separated column, both counted from 1."""

    def change_line(text: str) -> str:
        cells = text.split("\t")
        cells[column - 1] = value
        return "\t".join(cells)

    return line(number, change_line)


def column(name: str, value: str | Callable[[str], str]) -> Change:
    """Put a value, or a function of the present value, into a whole column."""

    def change(path: Path) -> None:
        table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
        table[name] = table[name].map(value) if callable(value) else value
        write(path, table)

    return change


def renamed(old: str, new: str) -> Change:
    return line(1, lambda text: text.replace(old, new))


def columns(count: int) -> Change:
    """Leave only the first columns of each line."""
    return text_of(
        lambda text: "".join("\t".join(row.split("\t")[:count]) + "\n" for row in text.splitlines())
    )


def gone(path: Path) -> None:
    path.unlink()


def folder_of_that_name(path: Path) -> None:
    path.unlink()
    path.mkdir()


def dead_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("moved")


zipped = bytes_of(gzip.compress)
empty = holds("")
without_header = text_of(lambda text: text.partition("\n")[2])


def check_refusal(
    call: Callable[[], object],
    code: Code,
    file: str | None = None,
    line: int | None = None,
    key: str | None = None,
    **ids: str,
) -> InputError:
    """Call, compare code and place, and return the error; `ids` are those of a sample or a variant."""
    with pytest.raises(InputError) as caught:
        call()
    error = caught.value
    name = error.file and Path(error.file).name
    assert (error.code, name, error.line, error.key) == (code, file, line, key), str(error)
    assert {kind: getattr(error, kind) for kind in ids} == ids
    return error
