"""A full or read-only disk, and a second run in the same folder."""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from small_demo import command, configure, snakemake

BED = "results/cohort/simulated/cohort.bed"
TABLE = "results/cohort/simulated/phenotypes.tsv"


def mount(folder: Path, options: str) -> bool:
    """Mount a small disk at `folder`, or mount it again; return whether this succeeded."""
    mounting = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    return subprocess.run(mounting, capture_output=True, check=False).returncode == 0


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 600 kB with the small configuration; mounting requires root."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.getuid() or not mount(folder, "size=600k"):
        pytest.skip("no disk of 600 kB can be mounted here")
    yield configure(folder)
    subprocess.run(["umount", "--recursive", str(folder)], check=True)


def test_a_full_disk_leaves_no_incomplete_file(disk: Path) -> None:
    full = snakemake(disk, BED)
    assert full.returncode == 1
    assert (
        "No space left on device" in full.stderr
    )  # from bed-reader, whose exceptions have no errno
    assert not list((disk / "results").rglob("cohort.*"))

    assert mount(disk, "remount,size=20m")
    freed = snakemake(disk, BED)
    assert freed.returncode == 0, freed.stderr
    assert (disk / BED).stat().st_size == 3 + 3000 * 375


def test_a_full_disk_is_reported_in_one_message(disk: Path) -> None:
    """The fileset fits on the disk, the table of phenotypes does not."""
    configure(disk, simulation={"samples": 8000, "variants": 120, "causal": 10})
    full = snakemake(disk, BED)
    assert full.returncode == 1
    message = (disk / "logs/simulate_cohort.log").read_text().splitlines()[-1]
    assert "[D01]" in message
    assert message in full.stderr and "Traceback" not in full.stderr

    assert mount(disk, "remount,size=20m")
    freed = snakemake(disk, BED)
    assert freed.returncode == 0, freed.stderr
    assert len((disk / TABLE).read_text().splitlines()) == 1 + 8000


@pytest.mark.parametrize("folder", [".", "results"])
def test_a_read_only_folder_is_refused_before_the_first_job(disk: Path, folder: str) -> None:
    place = disk / folder
    place.mkdir(exist_ok=True)
    assert mount(place, "remount,ro" if place == disk else "size=100k,ro")
    refused = snakemake(disk, BED)
    assert refused.returncode == 1
    assert f"[D02] {place.resolve()}: " in refused.stderr
    assert "Traceback" not in refused.stderr and "Select jobs" not in refused.stderr


def test_a_second_run_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    configure(tmp_path)
    first = subprocess.Popen(
        command(tmp_path, BED), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    end = time.monotonic() + 60
    while not (tmp_path / "logs/simulate_cohort.log").exists():
        assert first.poll() is None and time.monotonic() < end, "the first run did not begin"
        time.sleep(0.05)
    second = snakemake(tmp_path, BED)
    assert second.returncode == 1
    assert "Directory cannot be locked" in second.stderr and "--unlock" in second.stderr
    assert first.wait() == 0
    assert (tmp_path / BED).exists()
