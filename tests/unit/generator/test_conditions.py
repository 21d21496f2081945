"""Conditions: labels, sex and group as numbers, fitted on training people alone."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import SplineTransformer

from snpgen.generator.conditions import Conditions, make_conditions
from snpgen.io.panel import OTHER, Panel, load_panel

CLASSES = ("control", "mild", "severe")


def make_panel(n=600, classes=CLASSES, **arrays) -> Panel:
    """People in thirds of a kind; the first two thirds of the rows train, the rest test."""
    label = arrays.pop("label", np.arange(n) % 3)
    split = np.where(np.arange(n) < 2 * n // 3, "train", "test")
    phenotype = arrays.pop("phenotype", (label > 0).astype(np.int8))
    iid = np.arange(n).astype(str)
    dosages = np.zeros((n, 2), np.int8)
    return Panel(dosages, iid, split, phenotype, label.astype(float), classes=classes, **arrays)


def encode(conditions: Conditions, panel: Panel, split: str) -> np.ndarray:
    samples = panel.samples(split)
    return conditions.encode(samples.label, samples.sex, samples.group)


def test_classes_are_one_hot() -> None:
    conditions = make_conditions(make_panel(), sex=True, group=True)
    assert conditions.n_conditions == conditions.n_classes == 3 and conditions.knots is None
    assert not conditions.sex and conditions.groups == ()  # nobody's is known
    found = conditions.encode([2, 0, 1], [0, 0, 0], ["", "", ""])
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, np.eye(3)[[2, 0, 1]])


@pytest.mark.parametrize("label", [-1, 3, 0.5, np.nan])
def test_a_label_that_is_no_class_is_refused(label: float) -> None:
    conditions = make_conditions(make_panel(), sex=False, group=False)
    with pytest.raises(ValueError, match="not all among 0 to 2"):
        conditions.encode([0, label], [0, 0], ["", ""])


def test_values_are_linear_splines_on_the_quantiles_of_training() -> None:
    rng = np.random.default_rng(1)
    value = rng.gamma(2, 3, 600)
    panel = make_panel(label=value, classes=())
    conditions = make_conditions(panel, sex=False, group=False)
    training = value[:400]
    knots = np.quantile(training, [0.05, 0.275, 0.5, 0.725, 0.95])
    np.testing.assert_allclose(conditions.knots, knots)
    found = encode(conditions, panel, "train")
    assert found.shape == (400, 5) and (found >= 0).all()
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)
    splines = SplineTransformer(degree=1, knots=knots[:, None], extrapolation="constant")
    np.testing.assert_allclose(found, splines.fit_transform(training[:, None]), atol=1e-6)
    # Between the outer knots the shares tell the value again.
    inside = (training > knots[0]) & (training < knots[-1])
    np.testing.assert_allclose(found[inside] @ knots, training[inside], rtol=1e-5)


def test_a_trait_that_is_zero_for_most_has_fewer_knots() -> None:
    rng = np.random.default_rng(1)
    value = np.where(rng.random(600) < 0.8, 0, rng.gamma(2, 3, 600))
    conditions = make_conditions(make_panel(label=value, classes=()), sex=False, group=False)
    assert conditions.n_classes == 2 and conditions.knots[0] == 0
    value = np.where(np.arange(600) % 50 == 0, value + 5, 0)
    panel = make_panel(label=value, phenotype=(value > 0).astype(np.int8), classes=())
    knots = make_conditions(panel, sex=False, group=False).knots
    train = value[:400]
    np.testing.assert_allclose(knots, [0, train[train > 0].mean()])


def test_sex_and_groups_are_centred_on_training_samples() -> None:
    rng = np.random.default_rng(2)
    sex = rng.choice([0, 1, 2], 600, p=[0.1, 0.3, 0.6]).astype(np.int8)
    group = rng.choice(["north", "south", "east", OTHER], 600)
    group[-1] = "west"  # of a test person alone
    panel = make_panel(sex=sex, group=group)
    conditions = make_conditions(panel, sex=True, group=True)
    assert conditions.groups == ("east", "north", "south") and conditions.n_conditions == 7
    extra = encode(conditions, panel, "train")[:, 3:]
    np.testing.assert_allclose(extra.mean(axis=0), 0, atol=1e-6)
    train = panel.samples("train")
    male = (train.sex[train.sex > 0] == 1).mean()
    np.testing.assert_allclose(extra[train.sex == 1, 0], 1 - male, rtol=1e-6)
    np.testing.assert_allclose(extra[train.sex == 2, 0], -male, rtol=1e-6)
    assert (extra[train.sex == 0, 0] == 0).all()
    # Dummies up to a shift: pandas makes the same.
    known = train.group[train.group != OTHER]
    dummies = pd.get_dummies(known).astype(float)
    np.testing.assert_allclose(extra[known.index, 1:], dummies - dummies.mean(), atol=1e-6)
    assert (extra[train.group == OTHER, 1:] == 0).all()
    assert (encode(conditions, panel, "test")[-1, 4:] == 0).all()


def test_what_does_not_vary_in_training_has_no_column() -> None:
    sex = np.where(np.arange(600) < 400, 2, 1).astype(np.int8)
    group = np.where(np.arange(600) < 400, "north", "south")
    conditions = make_conditions(make_panel(sex=sex, group=group), sex=True, group=True)
    assert conditions.n_conditions == 3


def test_only_what_is_asked_for_is_encoded() -> None:
    sex, group = np.resize([1, 2], 600).astype(np.int8), np.resize(["a", "b", "c"], 600)
    panel = make_panel(sex=sex, group=group)
    sizes = [
        make_conditions(panel, sex=s, group=g).n_conditions
        for s in (False, True)
        for g in (False, True)
    ]
    assert sizes == [3, 6, 4, 7]


def test_the_log_says_what_people_are_drawn_given(caplog: pytest.LogCaptureFixture) -> None:
    sex, group = np.resize([1, 2], 600).astype(np.int8), np.resize(["a", "b", "c"], 600)
    with caplog.at_level("INFO"):
        make_conditions(make_panel(sex=sex, group=group), sex=True, group=True)
        make_conditions(make_panel(label=np.arange(600), classes=()), sex=False, group=False)
    classes, values = caplog.messages
    assert classes == (
        "people are drawn given the class (control, mild, severe), sex, the group (a, b, c)"
    )
    assert values.startswith("people are drawn given the value (a spline with knots at 19.95, ")


def test_test_people_change_nothing() -> None:
    rng = np.random.default_rng(3)
    value, sex = rng.normal(size=600), rng.choice([1, 2], 600).astype(np.int8)
    group = rng.choice(["a", "b", "c"], 600)
    before = make_conditions(make_panel(label=value, classes=(), sex=sex, group=group), True, True)
    value[400:], sex[400:], group[400:] = 1e6, 1, "a"
    after = make_conditions(make_panel(label=value, classes=(), sex=sex, group=group), True, True)
    assert before == after


def test_conditions_and_panel_come_back_from_disk(tmp_path) -> None:
    rng = np.random.default_rng(4)
    value, sex = rng.normal(size=600), rng.choice([1, 2], 600).astype(np.int8)
    panel = make_panel(label=value, classes=(), sex=sex, group=rng.choice(["ä", "b"], 600))
    panel.save(f"{tmp_path}/panel.npz")
    again = load_panel(f"{tmp_path}/panel.npz")
    assert again.classes == ()
    pd.testing.assert_frame_equal(again.samples("train"), panel.samples("train"))
    conditions = make_conditions(again, sex=True, group=True)
    card = json.loads(json.dumps(conditions.as_dict()))
    assert Conditions.from_dict(card) == conditions


def test_a_panel_of_cases_and_controls_needs_no_more() -> None:
    phenotype = np.array([0, 1, 0, 0], np.int8)
    split = np.array(["train", "train", "test", "train"])
    panel = Panel(np.zeros((4, 1), np.int8), np.array(list("abcd")), split, phenotype)
    samples = panel.samples("train")
    assert samples.label.tolist() == [0.0, 1.0, 0.0] and samples.label.dtype == float
    assert samples.sex.tolist() == [0, 0, 0] and samples.group.tolist() == ["", "", ""]
    conditions = make_conditions(panel, sex=False, group=False)
    np.testing.assert_array_equal(encode(conditions, panel, "test"), [[1, 0]])
