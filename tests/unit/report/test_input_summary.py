"""The summary that `snakemake check` prints: numbers calculated by hand."""

from pathlib import Path

import numpy as np
import pandas as pd

from snpgen.association.frequency_attack import expected_attack_auc
from snpgen.report.input_summary import (
    describe_dp,
    describe_memory,
    describe_privacy,
    describe_samples,
    write_summary,
)


def cohort(cases: int, controls: int, per_case: tuple[int, int, int]) -> pd.DataFrame:
    """Cases and controls, both split in the proportions of `per_case`."""
    names = np.array(["train", "validation", "test"])
    shares = np.array(per_case) / sum(per_case)
    split = [np.repeat(names, np.round(n * shares).astype(int)) for n in (cases, controls)]
    phenotype = np.repeat([1, 0], [cases, controls])
    return pd.DataFrame({"phenotype": phenotype, "split": np.concatenate(split)})


def test_sample_sizes_and_panel() -> None:
    samples = cohort(200, 800, (7, 1, 2))
    lines = dict(describe_samples(1_200, samples, 5_000, 1_024))
    assert lines["individuals"].startswith("1,200 genotyped, 1,000 ")
    assert lines["phenotype"] == "800 controls, 200 cases"
    assert lines["split"] == "700 train, 100 validation, 200 test"
    assert lines["variants"].startswith("5,000 ")
    assert lines["panel"].startswith("1,024 variants, 1 training individuals")
    samples["class"] = np.repeat(["mild", "severe", "none"], [150, 50, 800])
    lines = dict(describe_samples(1_200, samples, 5_000, 1_024))
    assert lines["classes"] == "800 none, 150 mild, 50 severe"


def test_attack_by_hand() -> None:
    """Of 3,500 in training, 700 of them cases, with 500 and 100 in validation, at 200 variants.

    All: Phi(sqrt(100) / 3500 / sqrt(2 / 3500 + 1 / 500)) = Phi(0.0563) = 0.522. Cases:
    Phi(sqrt(100) / 700 / sqrt(2 / 700 + 1 / 100)) = Phi(0.1260) = 0.550.
    """
    samples = cohort(1_000, 4_000, (7, 1, 2))
    (_, attack), (_, noise) = describe_privacy(samples, 10_000, 200, 0, 0.7, None)
    assert "AUC 0.52 on all training individuals, 0.55 on the 700 cases" in attack
    # 200 / (2 x 700 x 0.5244^2) = 0.52 < 1; 2 x 700 x 0.5244^2 = 385
    assert noise.startswith("none ") and "385 variants" in noise


def test_noise_by_hand_and_the_panel_advised_where_it_is_large() -> None:
    """1,000 variants, 700 cases: 1000 / 385 = 2.597, less 1, is 1.26 squared; at a noise of 1 twice 385."""
    samples = cohort(1_000, 4_000, (7, 1, 2))
    noise = dict(describe_privacy(samples, 10_000, 1_000, 0, 0.7, None))["noise"]
    assert noise.startswith("1.3 standard errors")
    for part in ("the cases to 0.7", "385 variants", "exceed", "panel.size to 770"):
        assert part in noise
    little = dict(describe_privacy(samples, 10_000, 500, 0, 0.7, None))["noise"]
    assert little.startswith("0.5 standard errors")  # 500 / 385 - 1 = 0.55^2
    assert "exceed" not in little
    fixed = dict(describe_privacy(samples, 10_000, 1_000, 1_000, 0.7, 2.5))["noise"]
    assert fixed.startswith("2.5 standard errors") and "calibration.noise" in fixed


def test_the_own_gwas_as_the_source_of_the_panel_raises_the_auc() -> None:
    """The 5 % with the largest |z| have a mean z^2 of 1 + 2 x 1.96 x 0.05845 / 0.05 = 5.582; the cases
    make 0.8 of the excess: 4.666. 200 x 4.666^2 / 385 = 11.31, less 4.666, is 2.58 squared; 385 / 4.666 = 82.5.
    """
    samples = cohort(1_000, 4_000, (7, 1, 2))
    lines = dict(describe_privacy(samples, 4_000, 200, 200, 0.7, None))
    assert lines["noise"].startswith("none if all variants have effects")
    for part in ("if none has, 2.6 standard errors", "83 variants", "calibrate_guidance"):
        assert part in lines["noise"]
    expected = expected_attack_auc(200, 700, 700, 100, 4.666)
    assert f"0.55 to {expected:.2f} on the 700 cases" in lines["expected attack"]
    half = dict(describe_privacy(samples, 4_000, 200, 100, 0.7, None))["noise"]
    # of 2.5 % 6.802, of half the variants: 1 + 0.8 x 5.802 / 2 = 3.321
    assert "if none has, 1.6 standard errors" in half


def test_noise_of_differential_privacy_by_hand() -> None:
    """A noise of 2 over sqrt(100) on sums of 700 cases: 20 / 1,400, own error sqrt(0.25 / 1,400)."""
    samples = cohort(1_000, 4_000, (7, 1, 2))
    ((name, said),) = describe_dp(samples, 100, 4.0, 1e-5, 2.0)
    assert name == "privacy budget"
    for part in ("epsilon 4 at delta 1e-05", "0.014", "700 cases", "0.013", "panel.size"):
        assert part in said
    ((_, said),) = describe_dp(samples, 100, 4.0, 1e-5, 1.0)
    assert said.endswith("0.013")


def test_the_attack_is_on_the_smallest_class() -> None:
    samples = cohort(1_000, 4_000, (7, 1, 2))
    samples["class"] = np.where(samples.phenotype == 0, "none", "mild")
    rare = samples.index[samples.phenotype == 1][::10]
    samples.loc[rare, "class"] = "severe"
    train = samples[samples.split == "train"]
    few = int((train["class"] == "severe").sum())
    known = int(((samples["class"] == "severe") & (samples.split == "validation")).sum())
    expected = expected_attack_auc(200, few, few, known)
    said = dict(describe_privacy(samples, 10_000, 200, 0, 0.7, None))["expected attack"]
    assert f"{expected:.2f} on the {few} severe" in said


def test_memory_of_the_largest_job() -> None:
    (line,) = describe_memory("train_vae", 16_540)
    assert line == ("memory", "16.5 GB for the largest job (train_vae)")


def test_the_file_has_a_line_for_each_entry(tmp_path: Path) -> None:
    write_summary(str(tmp_path / "check.txt"), "asthma", [("individuals", "8"), ("variants", "9")])
    assert (tmp_path / "check.txt").read_text() == (
        "Input of asthma\n  individuals     8\n  variants        9\n"
    )
