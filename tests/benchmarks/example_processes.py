"""Run the GWAS of SNPgen and of PLINK 2 as processes, measure them, and read their results."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from snpgen.association.null_model import fit_null_model
from snpgen.io.sumstats import read_sumstats

THREADS = 2
PAIRS = 3
DRIVER = Path(__file__).with_name("run_scan.py")


@dataclass(frozen=True)
class Usage:
    """Resources of a process: `wall` and `cpu` time in s, and `peak` resident memory in MB."""

    wall: float
    cpu: float
    peak: float


def _environment(threads: int) -> dict[str, str]:
    """The environment that Snakemake sets for a job with `threads` threads."""
    names = ["OMP", "OPENBLAS", "MKL", "NUMEXPR"]
    library = str(DRIVER.parents[2] / "workflow" / "scripts")
    threaded = {f"{name}_NUM_THREADS": str(threads) for name in names}
    return os.environ | threaded | {"PYTHONPATH": library}


def _start(command: list[object], threads: int) -> subprocess.Popen:
    return subprocess.Popen(
        list(map(str, command)), stdout=subprocess.DEVNULL, env=_environment(threads)
    )


def _peak(pid: int) -> float:
    """Peak resident memory in MB of a process and its children (plink2 may be a wrapper).

    ru_maxrss would include the peak of the parent process.
    """
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        status = "".join(Path(f"/proc/{one}/status").read_text() for one in (pid, *children))
    except (FileNotFoundError, ProcessLookupError):  # the process has ended
        return 0.0
    return max(map(int, re.findall(r"VmHWM:\s+(\d+)", status)), default=0) / 1024


def measure(command: list[object], threads: int) -> Usage:
    """Run `command` with `threads` threads in its numerical libraries."""
    start = time.perf_counter()
    process, peak, pid = _start(command, threads), 0.0, 0
    while not pid:
        time.sleep(0.01)
        peak = max(peak, _peak(process.pid))
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, process.args)
    return Usage(wall, usage.ru_utime + usage.ru_stime, peak)


def _resident_beyond(pid: int, mapped: str) -> np.ndarray:
    """Resident MB without the pages of the mapped file, and anonymous MB, (2,)."""
    resident, anonymous, counted = 0, 0, True
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        if re.match(r"[0-9a-f]+-", line):
            counted = not line.endswith(mapped)
        elif counted and line.startswith("Rss:"):
            resident += int(line.split()[1])
        elif line.startswith("Anonymous:"):
            anonymous += int(line.split()[1])
    return np.array([resident, anonymous]) / 1024


def peak_beyond(command: list[object], mapped: Path) -> tuple[float, float]:
    """Peaks in MB, sampled every 20 ms: resident memory without the mapped file, and anonymous."""
    process, peaks = _start(command, THREADS), np.zeros(2)
    while process.poll() is None:
        try:
            peaks = np.maximum(peaks, _resident_beyond(process.pid, str(mapped)))
        except (FileNotFoundError, ProcessLookupError):  # the process has ended
            pass
        time.sleep(0.02)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, process.args)
    return float(peaks[0]), float(peaks[1])


def scan_command(
    prefix: Path, null: Path, output: Path, exact_p: float = 1.0, firth_mac: float = 20
) -> list[object]:
    """The command of our GWAS of a fileset; defaults are those of the configuration."""
    return [sys.executable, DRIVER, prefix, null, exact_p, firth_mac, THREADS, output]


def plink2(*arguments: object) -> Usage:
    """Run PLINK 2 with one OpenBLAS thread; more make it five to seven times slower."""
    return measure(["plink2", "--silent", "--threads", THREADS, *arguments], threads=1)


def glm(folder: Path, prefix: Path, phenotype: str, output: Path, *mode: str) -> Usage:
    """Run PLINK 2 --glm on a fileset with the covariates in `folder`."""
    return plink2(
        *["--bfile", prefix, "--out", output],
        *["--pheno", folder / "plink.pheno", "--pheno-name", phenotype],
        *["--covar", folder / "plink.cov", "--covar-variance-standardize"],
        *["--glm", *mode, "hide-covar", "log10", "cols=+beta,-orbeta"],
    )


@dataclass(frozen=True)
class Comparison:
    """Median ratios of SNPgen to PLINK 2, the mean number of cores of PLINK 2, and a line to print."""

    wall: float
    cpu: float
    cores: float
    line: str


def compare(ours: Callable[[], Usage], theirs: Callable[[], Usage]) -> Comparison:
    """Run both alternately, `PAIRS` times."""
    pairs = [(ours(), theirs()) for _ in range(PAIRS)]
    wall = float(np.median([a.wall / b.wall for a, b in pairs]))
    cpu = float(np.median([a.cpu / b.cpu for a, b in pairs]))
    cores = float(np.median([b.cpu / b.wall for _, b in pairs]))
    a, b = ([np.median([vars(p[i])[k] for p in pairs]) for k in vars(pairs[0][0])] for i in (0, 1))
    line = (
        f"wall ratio {wall:.3f}, CPU ratio {cpu:.3f}; "
        f"SNPgen {a[0]:.1f} s wall, {a[1]:.1f} s CPU, {a[2]:.0f} MB; "
        f"PLINK 2 {b[0]:.1f} s wall, {b[1]:.1f} s CPU, {b[2]:.0f} MB, on {cores:.1f} cores"
    )
    return Comparison(wall, cpu, cores, line)


def write_null_model(
    folder: Path, phenotype: str, path: Path, n_samples: int | None = None
) -> Path:
    """Fit and write the null model of the first `n_samples` samples of the cohort (None: all)."""
    phenotypes = pd.read_csv(folder / "phenotypes.tsv", sep="\t", dtype={"IID": str})[:n_samples]
    covariates = pd.read_csv(folder / "covariates.tsv", sep="\t", index_col="IID")
    null, _ = fit_null_model(
        phenotypes.IID.to_numpy(str),
        phenotypes[phenotype].to_numpy(),
        covariates.loc[phenotypes.IID],
    )
    null.save(str(path))
    return path


def read_scan(path: Path) -> pd.DataFrame:
    """Our summary statistics by variant ID."""
    return read_sumstats(str(path)).set_index("variant_id")


def read_glm(output: Path) -> pd.DataFrame:
    """Results of PLINK 2 by variant ID: beta of our effect allele, log10_p, firth."""
    path = next(output.parent.glob(f"{output.name}.*.glm.logistic*"), None)
    path = path or next(output.parent.glob(f"{output.name}.*.glm.firth"))
    table = pd.read_csv(path, sep="\t", dtype={"ID": str}).set_index("ID")
    sign = np.where(table.A1 == "A", 1, -1)  # A1 is the minor allele; A is our effect allele
    firth = table["FIRTH?"] == "Y" if "FIRTH?" in table else path.name.endswith(".firth")
    return pd.DataFrame({"beta": table.BETA * sign, "log10_p": table.LOG10_P, "firth": firth})
