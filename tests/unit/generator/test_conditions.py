"""The encoding of phenotype, sex and group, fitted on training individuals only."""

import json
from dataclasses import asdict
from itertools import product

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import SplineTransformer

from snpgen.generator.conditions import fit_encoding
from snpgen.generator.weights import load_encoding
from snpgen.io.panel import OTHER, Panel, load_panel

CLASSES = ("control", "mild", "severe")


def make_panel(n=600, classes=CLASSES, **arrays) -> Panel:
    """Three classes of equal size; the first two thirds of the rows are for training, the rest for test."""
    label = arrays.pop("label", np.arange(n) % 3)
    split = np.where(np.arange(n) < 2 * n // 3, "train", "test")
    phenotype = arrays.pop("phenotype", (label > 0).astype(np.int8))
    iid = np.arange(n).astype(str)
    dosages = np.zeros((n, 2), np.int8)
    return Panel(dosages, iid, split, phenotype, label.astype(float), classes=classes, **arrays)


def test_classes_are_one_hot() -> None:
    encoding = fit_encoding(make_panel(), sex=True, group=True)
    assert encoding.n_conditions == encoding.n_classes == 3 and encoding.knots is None
    assert not encoding.sex and encoding.groups == ()  # unknown for all
    found = encoding.encode([2, 0, 1], [0, 0, 0], ["", "", ""])
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, np.eye(3)[[2, 0, 1]])


@pytest.mark.parametrize("label", [-1, 3, 0.5, np.nan])
def test_a_label_that_is_not_a_class_is_an_error(label: float) -> None:
    encoding = fit_encoding(make_panel(), sex=False, group=False)
    with pytest.raises(ValueError):
        encoding.encode([0, label], [0, 0], ["", ""])


def test_values_are_linear_splines_with_knots_at_training_quantiles() -> None:
    rng = np.random.default_rng(1)
    value = rng.gamma(2, 3, 600)
    panel = make_panel(label=value, classes=())
    encoding = fit_encoding(panel, sex=False, group=False)
    training = value[:400]
    knots = np.quantile(training, [0.05, 0.275, 0.5, 0.725, 0.95])
    np.testing.assert_allclose(encoding.knots, knots)
    found = encoding.encode_split(panel, "train")
    assert found.shape == (400, 5) and (found >= 0).all()
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)
    splines = SplineTransformer(degree=1, knots=knots[:, None], extrapolation="constant")
    np.testing.assert_allclose(found, splines.fit_transform(training[:, None]), atol=1e-6)
    # Between the outer knots the weights reproduce the value.
    inside = (training > knots[0]) & (training < knots[-1])
    np.testing.assert_allclose(found[inside] @ knots, training[inside], rtol=1e-5)


def test_a_trait_that_is_zero_for_most_has_fewer_knots() -> None:
    rng = np.random.default_rng(1)
    value = np.where(rng.random(600) < 0.8, 0, rng.gamma(2, 3, 600))
    encoding = fit_encoding(make_panel(label=value, classes=()), sex=False, group=False)
    assert encoding.n_classes == 2 and encoding.knots[0] == 0
    value = np.where(np.arange(600) % 50 == 0, value + 5, 0)
    panel = make_panel(label=value, phenotype=(value > 0).astype(np.int8), classes=())
    knots = fit_encoding(panel, sex=False, group=False).knots
    train = value[:400]
    np.testing.assert_allclose(knots, [0, train[train > 0].mean()])


def test_sex_and_groups_are_centred_on_training_samples() -> None:
    rng = np.random.default_rng(2)
    sex = rng.choice([0, 1, 2], 600, p=[0.1, 0.3, 0.6]).astype(np.int8)
    group = rng.choice(["north", "south", "east", OTHER], 600)
    group[-1] = "west"  # a test individual only
    panel = make_panel(sex=sex, group=group)
    encoding = fit_encoding(panel, sex=True, group=True)
    assert encoding.groups == ("east", "north", "south") and encoding.n_conditions == 7
    extra = encoding.encode_split(panel, "train")[:, 3:]
    np.testing.assert_allclose(extra.mean(axis=0), 0, atol=1e-6)
    train = panel.samples("train")
    male = (train.sex[train.sex > 0] == 1).mean()
    np.testing.assert_allclose(extra[train.sex == 1, 0], 1 - male, rtol=1e-6)
    np.testing.assert_allclose(extra[train.sex == 2, 0], -male, rtol=1e-6)
    assert (extra[train.sex == 0, 0] == 0).all()
    # Equal to the centred dummies of pandas.
    known = train.group[train.group != OTHER]
    dummies = pd.get_dummies(known).astype(float)
    np.testing.assert_allclose(extra[known.index, 1:], dummies - dummies.mean(), atol=1e-6)
    assert (extra[train.group == OTHER, 1:] == 0).all()
    assert (encoding.encode_split(panel, "test")[-1, 4:] == 0).all()


def test_sex_and_group_without_variation_in_training_have_no_column() -> None:
    sex = np.where(np.arange(600) < 400, 2, 1).astype(np.int8)
    group = np.where(np.arange(600) < 400, "north", "south")
    encoding = fit_encoding(make_panel(sex=sex, group=group), sex=True, group=True)
    assert encoding.n_conditions == 3


def test_sex_and_group_are_encoded_on_request() -> None:
    sex, group = np.resize([1, 2], 600).astype(np.int8), np.resize(["a", "b", "c"], 600)
    panel = make_panel(sex=sex, group=group)
    sizes = [fit_encoding(panel, *asked).n_conditions for asked in product((False, True), repeat=2)]
    assert sizes == [3, 6, 4, 7]


def test_the_encoding_does_not_depend_on_test_individuals() -> None:
    rng = np.random.default_rng(3)
    value, sex = rng.normal(size=600), rng.choice([1, 2], 600).astype(np.int8)
    group = rng.choice(["a", "b", "c"], 600)
    before = fit_encoding(make_panel(label=value, classes=(), sex=sex, group=group), True, True)
    value[400:], sex[400:], group[400:] = 1e6, 1, "a"
    after = fit_encoding(make_panel(label=value, classes=(), sex=sex, group=group), True, True)
    assert before == after


def test_encoding_and_panel_are_read_back_from_files(tmp_path) -> None:
    rng = np.random.default_rng(4)
    value, sex = rng.normal(size=600), rng.choice([1, 2], 600).astype(np.int8)
    panel = make_panel(label=value, classes=(), sex=sex, group=rng.choice(["ä", "b"], 600))
    panel.save(f"{tmp_path}/panel.npz")
    again = load_panel(f"{tmp_path}/panel.npz")
    assert again.classes == ()
    pd.testing.assert_frame_equal(again.samples("train"), panel.samples("train"))
    encoding = fit_encoding(again, sex=True, group=True)
    (tmp_path / "card.json").write_text(json.dumps({"conditions": asdict(encoding)}))
    assert load_encoding(f"{tmp_path}/card.json") == encoding


def test_a_panel_of_cases_and_controls_has_defaults() -> None:
    phenotype = np.array([0, 1, 0, 0], np.int8)
    split = np.array(["train", "train", "test", "train"])
    panel = Panel(np.zeros((4, 1), np.int8), np.array(list("abcd")), split, phenotype)
    samples = panel.samples("train")
    assert samples.label.tolist() == [0.0, 1.0, 0.0] and samples.label.dtype == float
    assert samples.sex.tolist() == [0, 0, 0] and samples.group.tolist() == ["", "", ""]
    encoding = fit_encoding(panel, sex=False, group=False)
    np.testing.assert_array_equal(encoding.encode_split(panel, "test"), [[1, 0]])
