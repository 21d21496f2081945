"""The summary that `snakemake check` prints: numbers calculated by hand."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from snpgen.association.frequency_attack import expected_attack_auc
from snpgen.association.selection import PanelSettings
from snpgen.io.matching import Match
from snpgen.report.input_summary import (
    describe_dp,
    describe_joint_release,
    describe_kinship,
    describe_matches,
    describe_memory,
    describe_panel,
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


def test_kinship_that_the_variants_cannot_support() -> None:
    assert describe_kinship(24_000, 8_000, 0.0442) == []
    # 5.4 standard errors of sqrt(0.75 / 1,000): more than 1/8, less than 1/4
    ((name, text),) = describe_kinship(1_000, 8_000, 0.0442)
    assert name == "kinship" and text.endswith("only relatives up to the first degree")
    assert describe_kinship(1_000, 8_000, 0.177) == []
    assert describe_kinship(40, 1_500, 0.0442)[0][1].endswith("it will not be estimated")


def test_sample_sizes() -> None:
    samples = cohort(200, 800, (7, 1, 2))
    lines = dict(describe_samples(1_200, samples, 5_000))
    assert lines["individuals"].startswith("1,200 genotyped, 1,000 ")
    assert lines["phenotype"] == "800 controls, 200 cases"
    assert lines["split"] == "700 train, 100 validation, 200 test"
    assert lines["variants"].startswith("5,000 ")
    samples["class"] = np.repeat(["mild", "severe", "none"], [150, 50, 800])
    lines = dict(describe_samples(1_200, samples, 5_000))
    assert lines["classes"] == "800 none, 150 mild, 50 severe"


@pytest.mark.parametrize(
    ("size", "available", "parts"),
    [
        (512, 5_000, ["512 variants, 2 training"]),
        (512, 100, ["100 variants, 10 training"]),
        (None, 5_000, ["0.1, from 64 to 200", "at 200 variants, 5 training"]),
        (None, 50, ["from 50 to 50", "at 50 variants, 20 training"]),
    ],
)
def test_size_of_the_panel(size: int | None, available: int, parts: list[str]) -> None:
    panel = PanelSettings(size, 64, 200, 1.0, 10, 0.5, None)
    ((name, said),) = describe_panel(panel, available, 1_000)
    assert name == "panel" and all(part in said for part in parts)


def test_attack_on_shrunken_effects_by_hand() -> None:
    """Of 3,500 in training, 700 of them cases, with 500 and 100 in validation, at 200 variants.

    All: Phi(sqrt(100) / 3500 / sqrt(2 / 3500 + 1 / 500)) = Phi(0.0563) = 0.522. Cases whose variants have
    effects: Phi(sqrt(100) / 700 / sqrt(2 / 700 + 1 / 100)) = Phi(0.1260) = 0.550. Cases without:
    Phi(sqrt(100) / 3500 / sqrt(1 / 3500 + 1 / 700 + 1 / 100)) = Phi(0.0264) = 0.511.
    """
    samples = cohort(1_000, 4_000, (7, 1, 2))
    attack, limit = describe_privacy(samples, 200, 1.0, 3.0, 0.7)
    assert "AUC 0.52 on all training individuals" in attack[1]
    assert "on the 700 cases 0.51 if no variant has an effect and 0.55 if every" in attack[1]
    # 2 x 3500 x 0.5244^2 = 1,925
    assert "at most 0.7 for" in limit[1] and limit[1].endswith("at most 1,925 independent variants")
    ((_, _), (_, limited)) = describe_privacy(samples, 2_000, 1.0, 3.0, 0.7)
    assert "1,925" in limited and "checked when" in limited


def test_attack_on_exact_frequencies_and_on_effects_of_training_by_hand() -> None:
    """All: Phi(sqrt(100) / 3500 / sqrt(1 / 3500 + 1 / 500)) = Phi(0.0598) = 0.524. Cases: with effects
    Phi(sqrt(100) / 700 / sqrt(1 / 700 + 1 / 100)) = Phi(0.1336) = 0.553; without, a selection factor of 4.666
    gives Phi(0.06666 / sqrt(0.006666 + 0.01)) = Phi(0.5163) = 0.697.
    """
    samples = cohort(1_000, 4_000, (7, 1, 2))
    ((name, attack),) = describe_privacy(samples, 200, np.inf, 4.666, None)
    assert name == "expected attack" and "AUC 0.52 on all" in attack
    assert "0.55 if every variant has an effect and 0.70 if no variant has an effect" in attack
    ((_, independent),) = describe_privacy(samples, 200, np.inf, 1.0, None)
    assert "0.55 if every variant" in independent and "no variant" not in independent


def test_attack_on_a_joint_release_by_hand() -> None:
    """AUCs of 0.6 and 0.7 are 0.2533 and 0.5244 SD, together 0.5824: Phi = 0.720.

    Limits of 0.7 and 0.8 (0.8416) are together 0.9916: Phi = 0.839. Both at Phi(0.5244 / sqrt(2)) = 0.6446
    would be 0.7.
    """
    overall = {"t2d": 0.7, "cad": 0.6}
    (name, attack), (_, limit) = describe_joint_release(overall, {"t2d": 0.7, "cad": 0.8})
    assert name == "expected attack" and "AUC 0.72 on individuals in all" in attack
    assert "at most 0.84 for" in limit and "max_forecast_auc: 0.644 keeps it at 0.7" in limit
    assert "without cad of at most 0.70;" in limit  # that with the larger limit
    assert len(describe_joint_release(overall, {"cad": 0.7})) == 1
    (_, (_, limit)) = describe_joint_release(overall, {"cad": 0.7, "t2d": 0.7})
    assert "without t2d of at most 0.70;" in limit  # that with the stronger attack


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
    said = dict(describe_privacy(samples, 200, 1.0, 1.0, None))["expected attack"]
    assert f"on the {few} severe {expected:.2f} if every" in said


def test_memory_of_the_largest_job() -> None:
    (line,) = describe_memory("train_vae", 16_540)
    assert line == ("memory", "16.5 GB for the largest job (train_vae)")


def test_the_file_has_a_line_for_each_entry(tmp_path: Path) -> None:
    write_summary(
        str(tmp_path / "check.txt"), "Input of asthma", [("individuals", "8"), ("variants", "9")]
    )
    assert (tmp_path / "check.txt").read_text() == (
        "Input of asthma\n  individuals     8\n  variants        9\n"
    )


def test_the_ids_that_match_are_counted() -> None:
    matches = [Match("phenotype table", 1200, 1000, 1000), Match("kinship table", 10, 1000, 2)]
    said = dict(describe_matches([match.funnel() for match in matches]))["matching IDs"]
    assert said == (
        "1,000 of 1,200 in the phenotype table, 2 of 10 in the kinship table (few: check the IDs)"
    )
