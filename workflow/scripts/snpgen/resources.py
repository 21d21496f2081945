"""Memory and run time that each rule requests, as functions of samples, variants and panel size.

For the jobs measured with up to 16,000 individuals, and some with 458,724 (`tests/unit/measured.tsv`), requests are
1.2 to 3 times the memory and at least 3 times the run time that the jobs used on one core without a GPU. They also
suffice for eight threads: a thread of training or sampling needs up to 0.3 GB.
"""

import struct
from dataclasses import dataclass
from pathlib import Path

_BED_HEADER = 3  # bytes before the first genotype
_PGEN_COUNTS = slice(3, 11)  # bytes of a .pgen with its numbers of variants and of samples
_BLOCK = 1 << 24  # bytes read at once
_LINES = 1000  # from which the share of a chromosome is estimated


@dataclass(frozen=True)
class Request:
    """Resources that one job of a rule requests.

    `memory` (MB) and `minutes` are the fixed parts. `sample`, `variant`, `genotype` and `panel` are the bytes
    of memory added for each sample, each variant, each genotype of the cohort and each genotype of the panel.
    `genotype_minutes` and `panel_minutes` are the minutes added for each 10^9 genotypes of the cohort and of
    the panel. If the job writes or reads the synthetic cohort (`synthetic`), `panel` and `panel_minutes` are
    multiplied by the size of this cohort.
    """

    memory: float
    minutes: float
    sample: float = 0
    variant: float = 0
    genotype: float = 0
    panel: float = 0
    genotype_minutes: float = 0
    panel_minutes: float = 0
    synthetic: bool = False

    def panel_genotypes(self, samples: int, variants: int, multiple: float) -> float:
        """Genotypes of the panel, of `samples` or of a larger synthetic cohort."""
        return samples * variants * (max(1.0, multiple) if self.synthetic else 1.0)


def _streaming(memory: float, minutes: float, genotype_minutes: float) -> Request:
    """Request of a rule that reads the .bed in chunks, with the .fam, the .bim and tables in memory."""
    return Request(memory, minutes, 3000, 1200, genotype_minutes=genotype_minutes)


def _training(
    minutes: float, panel_minutes: float, panel: float = 7, synthetic: bool = False
) -> Request:
    """Request of a rule that trains or samples the networks."""
    return Request(3500, minutes, panel=panel, panel_minutes=panel_minutes, synthetic=synthetic)


def _evaluation(memory: float, panel: float, panel_minutes: float) -> Request:
    """Request of a rule that reads synthetic cohorts and the panel."""
    return Request(memory, 30, panel=panel, panel_minutes=panel_minutes, synthetic=True)


REQUESTS = {
    "simulate_cohort": Request(800, 30, genotype=4),
    "convert_genotypes": _streaming(1500, 20, 2.5),
    "check_cohort": _streaming(1000, 10, 0.25),
    "check_phenotype": Request(1000, 10, sample=2000),
    "estimate_kinship": Request(1500, 30, genotype=0.075, genotype_minutes=2.5),
    "split_cohort": Request(1000, 10, sample=2500),
    "share_frequencies": Request(1000, 10, sample=2500),
    "apply_split": Request(1000, 10, sample=2000),
    "check_panel": _streaming(1500, 10, 0),
    "compute_pcs": _streaming(1500, 20, 2.5),
    "fit_null_model": Request(1000, 10, sample=3500),
    "fit_loco": _streaming(1500, 20, 0.25),
    "run_gwas": Request(1000, 10, sample=1600, genotype_minutes=2.5),
    "merge_gwas": Request(1000, 20, sample=1000, variant=500),
    "harmonise_sumstats": Request(1000, 30, variant=1200),  # external files are read in chunks
    "select_panel": _streaming(1500, 20, 0.125),
    "score_panel": _streaming(1500, 20, 0.25),
    "extract_panel": Request(1000, 10, sample=1000, panel=4, genotype_minutes=0.25),
    "shrink_effects": Request(1000, 20, variant=500, panel=7, panel_minutes=60),
    "match_external": _streaming(1500, 10, 0),
    "align_external": Request(1000, 10, panel=2),
    "train_vae": _training(60, 600),
    "train_diffusion": _training(60, 600),
    "calibrate_guidance": _training(30, 120, panel=2),
    "sample_cohort": _training(30, 60, synthetic=True),
    "sample_baseline": Request(1200, 30, panel=12, panel_minutes=60, synthetic=True),
    "compute_true_effects": Request(1000, 10, 2000, 1200, panel=20, panel_minutes=20),
    "assign_groups": Request(1000, 20, panel=4, panel_minutes=20),
    # The run time of the next three rules, and of evaluate_privacy, is for eight synthetic cohorts.
    "evaluate_fidelity": _evaluation(1500, 7, 280),
    "evaluate_association": _evaluation(900, 6, 140),
    "evaluate_utility": _evaluation(1200, 7, 280),
    "score_comparators": Request(1500, 20, 4000, 3600, genotype_minutes=0.75),
    "measure_losses": _training(30, 300),
    "train_shadow": _training(60, 600),
    "evaluate_privacy": _evaluation(800, 7, 1200),
    "evaluate_controls": _evaluation(900, 7, 290),
    "evaluate_joint": Request(1000, 120, sample=2000),
    "evaluate_groups": _evaluation(900, 7, 60),
    "collect_metrics": Request(1000, 5),
    "plot_association": Request(1000, 10, variant=1200),
    "plot_training": Request(1000, 5),
    "plot_evaluation": Request(1000, 5),
    "render_report": Request(1000, 5),
    "compare_phenotypes": Request(1000, 5),
    "check_joint": Request(1000, 5),
    "package_release": Request(1000, 10, sample=1000, panel_minutes=10, synthetic=True),
    "recipe": Request(1000, 5),
    "check_inputs": _streaming(1500, 10, 0),
}


def memory_mb(rule: str, samples: int, variants: int, panel: int, multiple: float = 1) -> int:
    """Return the memory (MB) that a job of `rule` requests.

    `samples` and `variants` are the numbers of samples and variants in the genotype files that the job reads.
    `panel` is the panel size; a size above `variants` is reduced to `variants`. The synthetic cohort has
    `multiple` times the individuals of the training set.
    """
    request = REQUESTS[rule]
    size = request.sample * samples + request.variant * variants
    size += request.genotype * variants * samples
    size += request.panel * request.panel_genotypes(samples, min(panel, variants), multiple)
    return int(request.memory + size / 1e6)


def runtime_minutes(rule: str, samples: int, variants: int, panel: int, multiple: float = 1) -> int:
    """Return the run time (minutes) that a job of `rule` requests; arguments as in `memory_mb`."""
    request = REQUESTS[rule]
    work = request.genotype_minutes * variants * samples
    work += request.panel_minutes * request.panel_genotypes(samples, min(panel, variants), multiple)
    return int(request.minutes + work / 1e9)


def count_samples(genotypes: Path) -> int:
    """Return the number of samples, from the .fam of a .bed or from the header of a .pgen."""
    if genotypes.suffix == ".pgen":
        return _pgen_counts(genotypes)[1]
    lines, last = 0, b"\n"
    with genotypes.with_suffix(".fam").open("rb") as file:
        while block := file.read(_BLOCK):
            lines, last = lines + block.count(b"\n"), block
    return lines + (not last.endswith(b"\n"))


def count_variants(genotypes: Path, samples: int) -> int:
    """Return the number of variants, from the size of a .bed or from the header of a .pgen.

    `samples` is the number of samples in the .bed.
    """
    if genotypes.suffix == ".pgen":
        return _pgen_counts(genotypes)[0]
    bytes_per_variant = max(1, -(-samples // 4))
    return max(0, genotypes.stat().st_size - _BED_HEADER) // bytes_per_variant


def chromosome_share(genotypes: Path, chromosome: str) -> float:
    """Estimate the share of the variants of a .bed or .pgen that are on `chromosome`.

    It is the share of evenly spaced lines of the .bim or .pvar. 1 if the table does not exist, as if it is
    compressed.
    """
    table = genotypes.with_suffix(".bim" if genotypes.suffix == ".bed" else ".pvar")
    if not table.exists():
        return 1.0
    size, words = table.stat().st_size, []
    with table.open("rb") as file:
        for number in range(_LINES):
            file.seek(number * size // _LINES)
            file.readline()  # the rest of a line
            words += file.readline().split(maxsplit=1)[:1]
    names = [word.decode(errors="replace").lower().removeprefix("chr") for word in words]
    names = [name.lstrip("0") for name in names]
    return max(1, names.count(chromosome)) / max(1, len(names))


def _pgen_counts(pgen: Path) -> tuple[int, int]:
    """Numbers of variants and samples. Both are 0 if the file is truncated; a later check reports this."""
    with pgen.open("rb") as file:
        counts = file.read(_PGEN_COUNTS.stop)[_PGEN_COUNTS]
    if len(counts) < 8:
        return 0, 0
    return struct.unpack("<II", counts)
