"""The panel: labels from the table of the split, defaults, and reading back what was saved."""

import numpy as np
import pandas as pd
import pytest

from snpgen.io.panel import Panel, load_panel, make_panel, read_samples

SPLIT = pd.DataFrame(
    {
        "IID": ["07", "b", "c", "d"],
        "split": ["train", "test", "train", "validation"],
        "phenotype": [1, 0, 1, 1],
    }
)
DOSAGES = np.arange(8, dtype=np.int8).reshape(4, 2) % 3
CLASSES = ["none", "mild", "severe"]


@pytest.mark.parametrize(
    ("columns", "classes", "label"),
    [
        ({}, ["control", "case"], [1, 0, 1, 1]),
        ({"class": ["severe", "none", "mild", "mild"]}, CLASSES, [2, 0, 1, 1]),
        ({"value": [7.25, -1, 9, 8]}, [], [7.25, -1, 9, 8]),
    ],
)
def test_labels_of_the_split(columns: dict, classes: list, label: list) -> None:
    panel = make_panel(DOSAGES, SPLIT.assign(**columns), classes)
    assert panel.classes == tuple(classes)
    assert panel.label.tolist() == label and panel.label.dtype == np.float64
    assert panel.phenotype.tolist() == [1, 0, 1, 1] and panel.phenotype.dtype == np.int8
    assert panel.sex.tolist() == [0] * 4 and panel.group.tolist() == [""] * 4


def test_iids_that_look_like_missing_values(tmp_path) -> None:
    samples = SPLIT.assign(IID=["null", "None", "nan", "007"], group=["N/A", "null", "1", "1"])
    samples["class"] = ["None", "1", "1", "null"]
    samples["value"] = [0.5, np.nan, 1.0, 2.0]
    samples.to_csv(tmp_path / "split.tsv", sep="\t", index=False, na_rep="NA")
    pd.testing.assert_frame_equal(read_samples(str(tmp_path / "split.tsv")), samples)


def test_samples_of_a_split_are_in_the_order_of_their_genotypes() -> None:
    columns = {"sex": [2, 1, 0, 1], "group": ["north", "south", "other", "north"]}
    panel = make_panel(DOSAGES, SPLIT.assign(**columns), ["control", "case"])
    samples = panel.samples("train")
    assert samples.sex.tolist() == [2, 0] and samples.group.tolist() == ["north", "other"]
    assert list(samples) == ["label", "sex", "group", "phenotype"]
    np.testing.assert_array_equal(panel.of("train")[0], DOSAGES[[0, 2]])


def test_saved_panel_is_read_back(tmp_path) -> None:
    columns = {"class": ["severe", "none", "mild", "mild"], "sex": [2, 1, 0, 1]}
    panel = make_panel(DOSAGES, SPLIT.assign(**columns), CLASSES)
    path = f"{tmp_path}/panel"
    panel.save(path)
    again = load_panel(path)
    assert again.classes == panel.classes
    for name in ("dosages", "iid", "split", "phenotype", "label", "sex", "group"):
        np.testing.assert_array_equal(getattr(again, name), getattr(panel, name))
        assert getattr(again, name).dtype == getattr(panel, name).dtype


def test_dosages_are_mapped_and_copied_only_in_parts(tmp_path) -> None:
    make_panel(np.asfortranarray(DOSAGES), SPLIT, ["control", "case"]).save(f"{tmp_path}/panel.npz")
    panel = load_panel(f"{tmp_path}/panel.npz")
    np.testing.assert_array_equal(np.load(tmp_path / "panel.npy"), DOSAGES)
    assert isinstance(panel.dosages.base, np.memmap) and not panel.dosages.flags.writeable
    assert panel.dosages.flags.c_contiguous
    assert panel.of("train")[0].flags.writeable


def test_defaults() -> None:
    panel = Panel(
        DOSAGES, SPLIT.IID.to_numpy(str), SPLIT.split.to_numpy(str), np.int8([1, 0, 1, 1])
    )
    assert panel.label.tolist() == [1, 0, 1, 1] and panel.classes == ("control", "case")
    assert panel.sex.tolist() == [0] * 4 and panel.group.tolist() == [""] * 4
