"""White-box attacks on simulated tables of losses."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from snpgen.evaluation.membership import RARE
from snpgen.evaluation.white_box import (
    negative_control_estimates,
    read_scores,
    white_box_scores,
)
from snpgen.io.panel import Panel
from snpgen.messages import Code, InputError

SPLIT = np.tile(np.repeat(["train", "validation", "test"], [40, 10, 20]), 5)
N = len(SPLIT)


def table_of_losses(seed=1, gap=0.0):
    rng = np.random.default_rng(seed)
    member = SPLIT == "train"
    losses = {"vae": 50 + 9 * rng.normal(size=N), "denoiser": 1 + 0.1 * rng.normal(size=N)}
    losses["unmatched"] = losses["vae"] + rng.normal(size=N)
    losses = {name: loss - gap * member * loss.std() for name, loss in losses.items()}
    return pd.DataFrame({"IID": [f"P{i}" for i in range(N)], "split": SPLIT, **losses})


def auc(pair):
    members, others = pair
    return roc_auc_score(np.repeat([1, 0], [len(members), len(others)]), np.concatenate(pair))


def test_lower_losses_make_a_member_and_both_models_count_alike():
    losses = table_of_losses(gap=1.0)
    found = white_box_scores(losses, [], SPLIT)
    assert set(found) == {("loss", "all"), ("loss", "vae"), ("loss", "denoiser")} and [
        len(side) for side in found["loss", "all"]
    ] == [200, 100]
    single = losses.vae[SPLIT == "train"], losses.vae[SPLIT == "test"]
    assert auc(found["loss", "all"]) > 1 - auc(single) + 0.05  # both losses are informative
    assert auc(found["loss", "vae"]) == pytest.approx(1 - auc(single))
    scaled = losses.assign(vae=7 * losses.vae - 3)
    again = white_box_scores(scaled, [], SPLIT)
    assert again["loss", "all"][1] == pytest.approx(found["loss", "all"][1])


def test_levels_of_the_models_do_not_matter_to_the_shadow_attack():
    losses, rng = table_of_losses(gap=0.5), np.random.default_rng(2)
    shadows = []
    for number in range(16):
        inside = rng.random(N) < 0.5
        loss = losses.unmatched + 4.5 * (SPLIT == "train") - 4.5 * inside + rng.normal(size=N)
        shadows.append(pd.DataFrame({"inside": inside.astype(int), "loss": loss + 100 * number}))
    found = white_box_scores(losses, shadows, SPLIT)
    assert auc(found["shadow", "all"]) > 0.95
    assert auc(found["loss", "all"]) < 0.8


def test_without_validation_samples_there_is_no_white_box_attack():
    split = np.where(SPLIT == "validation", "test", SPLIT)
    found = white_box_scores(table_of_losses(), [], split)
    assert np.isnan(found["loss", "all"][0]).all()


def test_the_negative_control_attacks_one_half_of_the_test_set_against_the_other():
    found = white_box_scores(table_of_losses(gap=2.0), [], SPLIT)
    halves = np.arange(0, 100, 2), np.arange(1, 100, 2)
    rare = np.arange(100) < 30
    estimates = negative_control_estimates(found, halves, rare, 100, 1)
    value, low, high = estimates["mia_loss_auc", "all"]
    assert value == pytest.approx(auc([found["loss", "all"][1][rows] for rows in halves]))
    assert low < 0.5 < high
    top = [found["loss", "all"][1][:30][start::2] for start in (0, 1)]
    assert estimates["mia_loss_auc", RARE].value == pytest.approx(auc(top))


def test_losses_of_other_samples_are_refused(tmp_path):
    table = table_of_losses()
    path = tmp_path / "losses.tsv"
    table.to_csv(path, sep="\t", index=False)
    panel = Panel(np.zeros((N, 1), np.int8), table.IID.to_numpy(str), SPLIT, np.zeros(N, np.int8))
    expected = white_box_scores(table, [], SPLIT)["loss", "all"][0]
    assert read_scores([str(path)], [], panel)["loss", "all"][0] == pytest.approx(expected)
    assert read_scores([], [], panel) == {}
    table[::-1].to_csv(path, sep="\t", index=False)
    with pytest.raises(InputError) as error:
        read_scores([str(path)], [], panel)
    assert (error.value.code, error.value.file) == (Code.OUTDATED_RESULT, str(path))
