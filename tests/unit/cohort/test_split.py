"""Split: proportions, families in one set, the raised kinship cut, splits of users, covariates."""

from functools import partial
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from broken_input import check_refusal

from snpgen.cohort.covariates import expand_covariates
from snpgen.cohort.shared_frequencies import frequency_sets
from snpgen.cohort.split import (
    Families,
    check_split,
    find_families,
    join_small_groups,
    largest_family,
    place_families,
    read_split,
    split_cohort,
    summarise_families,
    summarise_split,
)
from snpgen.messages import Code

FRACTIONS = {"train": 0.7, "validation": 0.1, "test": 0.2}


def make_pairs(rows: list[tuple[str, str, float]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["IID1", "IID2", "kinship"])


def make_samples(n: int, prevalence: float, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    phenotype = (rng.random(n) < prevalence).astype(np.int8)
    return pd.DataFrame({"IID": [f"i{number}" for number in range(n)], "phenotype": phenotype})


def split_one(samples: pd.DataFrame, pairs: pd.DataFrame, seed: int) -> tuple[np.ndarray, Families]:
    """Split a cohort with one phenotype."""
    return split_cohort(samples.IID, [samples], pairs, FRACTIONS, 0.0442, seed)


def summarise(
    samples: pd.DataFrame,
    pairs: pd.DataFrame,
    cut: float | None = None,
    estimate: dict | None = None,
    is_known: bool = True,
) -> dict:
    """The summary of a phenotype's split, of a kinship table with these pairs (none unless `is_known`)."""
    largest = largest_family(pairs, samples.IID.to_numpy()) if is_known else None
    return summarise_split(samples, pairs, summarise_families(cut, largest, 0.0442, estimate))


def make_families(n: int, seed: int) -> pd.DataFrame:
    """Chains of 2 to 6 related individuals, and some weak pairs of any individuals."""
    rng = np.random.default_rng(seed)
    individuals = rng.permutation(n)
    rows = []
    for start in range(0, n // 2, 6):
        family = individuals[start : start + rng.integers(2, 7)]
        rows += [(f"i{a}", f"i{b}", rng.uniform(0.05, 0.5)) for a, b in pairwise(family)]
    weak = rng.choice(n, (200, 2))
    return make_pairs(rows + [(f"i{a}", f"i{b}", rng.uniform(0.02, 0.044)) for a, b in weak])


def components_of(n: int, edges: list[tuple[int, int]]) -> np.ndarray:
    """Reachability by repeated squaring of the adjacency matrix, an independent count."""
    window = np.eye(n, dtype=int)
    for first, second in edges:
        window[first, second] = window[second, first] = 1
    for _ in range(n.bit_length()):
        window = (window @ window > 0).astype(int)
    return window.astype(bool)


def test_families_are_connected_components() -> None:
    n, cut = 120, 0.0442
    pairs = make_families(n, seed=1)
    families = find_families(pairs, np.array([f"i{i}" for i in range(n)]), cut, max_size=60)
    near = pairs[pairs.kinship >= cut]
    edges = [(int(a[1:]), int(b[1:])) for a, b in zip(near.IID1, near.IID2, strict=True)]
    same_family = families.family[:, None] == families.family[None]
    np.testing.assert_array_equal(same_family, components_of(n, edges))
    assert families.cut == cut


def test_pairs_of_unknown_samples_are_ignored() -> None:
    pairs = make_pairs([("a", "x", 0.3), ("x", "b", 0.3), ("c", "c", 0.5)])
    families = find_families(pairs, np.array(["a", "b", "c"]), 0.05, max_size=1)
    assert len(set(families.family)) == 3


def test_cut_is_raised_just_enough() -> None:
    kin = [0.05, 0.3, 0.06, 0.25, 0.08, 0.2, 0.07, 0.24]
    chain = [(f"i{k}", f"i{k + 1}", value) for k, value in enumerate(kin)]
    iid = np.array([f"i{k}" for k in range(9)])
    for max_size in range(1, 10):
        families = find_families(make_pairs(chain), iid, 0.0442, max_size)
        assert np.bincount(families.family).max() <= max_size
        # One value lower and the largest family would not fit.
        lower = [value for value in [0.0442, *kin] if value < families.cut]
        if lower:
            edges = [(k, k + 1) for k, value in enumerate(kin) if value >= max(lower)]
            assert components_of(9, edges).sum(axis=1).max() > max_size
    assert find_families(make_pairs(chain), iid, 0.0442, 9).cut == 0.0442
    assert find_families(make_pairs(chain), iid, 0.0442, 1).cut > 0.3


def test_split_has_the_requested_proportions_of_cases_and_controls() -> None:
    samples = make_samples(2_003, 0.2, seed=2)
    split, _ = split_one(samples, make_pairs([]), seed=1)
    for value in (0, 1):
        total = (samples.phenotype == value).sum()
        for name, fraction in FRACTIONS.items():
            count = ((samples.phenotype == value) & (split == name)).sum()
            assert abs(count - fraction * total) < 1


def test_relatives_are_in_one_set_and_proportions_hold() -> None:
    samples, pairs = make_samples(2_000, 0.1, seed=3), make_families(2_000, seed=4)
    split, families = split_one(samples, pairs, seed=1)
    where = pd.Series(split, samples.IID)
    near = pairs[pairs.kinship >= 0.0442]
    assert len(near) > 400
    assert (where[near.IID1].to_numpy() == where[near.IID2].to_numpy()).all()
    for value in (0, 1):
        total = (samples.phenotype == value).sum()
        for name, fraction in FRACTIONS.items():
            count = ((samples.phenotype == value) & (split == name)).sum()
            assert abs(count - fraction * total) <= 2
    summary = summarise(samples.assign(split=split), pairs, families.cut)
    assert summary["related_pairs_across"] == 0
    assert summary["max_kinship_asked"] == summary["kinship_cut"] == 0.0442


def make_phenotypes(n: int, seed: int) -> list[pd.DataFrame]:
    """Four correlated phenotypes: common, in women only, rare, and with three classes in a part."""
    rng = np.random.default_rng(seed)
    iid = np.array([f"i{number}" for number in range(n)])
    liability = rng.normal(size=(n, 4)) + rng.normal(size=(n, 1))
    is_case = liability > np.array([0.8, 1.2, 3.2, 0.5])
    there = np.ones((n, 4), bool)
    there[:, 1] = rng.random(n) < 0.5
    there[:, 3] = rng.random(n) < 0.8
    phenotypes = [
        pd.DataFrame({"IID": iid[rows], "phenotype": case[rows].astype(np.int8)})
        for rows, case in zip(there.T, is_case.T, strict=True)
    ]
    severity = np.where(rng.random(len(phenotypes[3])) < 0.1, "severe", "mild")
    phenotypes[3]["class"] = np.where(phenotypes[3].phenotype == 1, severity, "none")
    return phenotypes


@pytest.mark.parametrize("are_related", [False, True])
def test_one_split_is_in_proportion_in_all_phenotypes(are_related: bool) -> None:
    n = 6_000
    phenotypes = make_phenotypes(n, seed=11)
    assert phenotypes[2].phenotype.sum() < 100
    iid = pd.Series([f"i{number}" for number in range(n)])
    pairs = make_families(n, seed=12) if are_related else make_pairs([])
    split, _ = split_cohort(iid, phenotypes, pairs, FRACTIONS, 0.0442, seed=1)
    where = pd.Series(split, iid)
    if are_related:
        near = pairs[pairs.kinship >= 0.0442]
        assert (where[near.IID1].to_numpy() == where[near.IID2].to_numpy()).all()
    for samples in phenotypes:
        label = samples["class" if "class" in samples else "phenotype"]
        for value, total in label.value_counts().items():
            own = where[samples.IID[label == value]]
            for name, fraction in FRACTIONS.items():
                assert abs((own == name).sum() - fraction * total) <= 2, (value, total, name)
    # Individuals with the same classes in all phenotypes are split at random: comorbid cases, too.
    both = set(phenotypes[0].IID[phenotypes[0].phenotype == 1])
    both &= set(phenotypes[3].IID[phenotypes[3].phenotype == 1])
    shares = where[list(both)].value_counts(normalize=True)
    assert len(both) > 300
    assert abs(shares["train"] - 0.7) < 0.04 and abs(shares["test"] - 0.2) < 0.04


def test_many_phenotypes_are_split_in_proportion() -> None:
    """Most individuals are then the only ones with their classes."""
    rng = np.random.default_rng(3)
    n, prevalence = 2_000, [0.05, 0.1, 0.3, 0.5] * 4
    liability = rng.normal(size=(n, 16)) + 0.3 * rng.normal(size=(n, 1))
    labels = (
        liability
        > [np.quantile(one, 1 - p) for one, p in zip(liability.T, prevalence, strict=True)]
    ).astype(int)
    labels[rng.random((n, 16)) < 0.2] = -1
    assert len(np.unique(labels, axis=0)) > n / 2
    split = place_families(np.arange(n), labels, list(FRACTIONS.values()), seed=1)
    for own in labels.T:
        for value in (0, 1):
            counts = np.bincount(split[own == value], minlength=3)
            expected = (own == value).sum() * np.array(list(FRACTIONS.values()))
            np.testing.assert_allclose(counts, expected, atol=8)


def test_a_second_phenotype_of_the_same_labels_changes_nothing() -> None:
    samples, pairs = make_samples(1_000, 0.2, seed=3), make_families(1_000, seed=4)
    once, _ = split_one(samples, pairs, seed=1)
    twice, _ = split_cohort(samples.IID, [samples, samples], pairs, FRACTIONS, 0.0442, 1)
    np.testing.assert_array_equal(once, twice)


def test_families_without_single_individuals_are_placed_in_proportion() -> None:
    rng = np.random.default_rng(5)
    family = np.repeat(np.arange(400), 5)
    phenotype = np.where(rng.random(400) < 0.3, rng.random(400), 0)
    phenotype = (rng.random(2_000) < np.repeat(phenotype, 5)).astype(np.int8)
    split = place_families(family, phenotype[:, None], list(FRACTIONS.values()), seed=1)
    assert all(len(set(split[family == number])) == 1 for number in range(400))
    for value in (0, 1):
        shares = np.bincount(split[phenotype == value], minlength=3) / (phenotype == value).sum()
        np.testing.assert_allclose(shares, [0.7, 0.1, 0.2], atol=0.02)


def test_split_depends_on_the_seed_and_not_on_the_order_of_pairs() -> None:
    samples, pairs = make_samples(500, 0.3, seed=6), make_families(500, seed=7)
    split, _ = split_one(samples, pairs, seed=1)
    turned = pairs.sample(frac=1, random_state=1)
    turned = turned.rename(columns={"IID1": "IID2", "IID2": "IID1"})
    np.testing.assert_array_equal(split, split_one(samples, turned, seed=1)[0])
    assert (split != split_one(samples, pairs, seed=2)[0]).any()


def test_proportion_of_training_samples_with_a_close_relative_in_training() -> None:
    samples = make_samples(10, 0.5, seed=1)
    samples["split"] = ["train"] * 8 + ["validation", "test"]
    pairs = make_pairs(
        [("i0", "i1", 0.25), ("i1", "i2", 0.05), ("i3", "i4", 0.04), ("i5", "i9", 0.25)]
    )
    assert summarise(samples, pairs)["training_related"] == 3 / 8
    assert summarise(samples, make_pairs([]))["training_related"] == 0
    # A split of the user without a kinship table: relatives are unknown.
    unknown = summarise(samples, make_pairs([]), is_known=False)
    assert unknown["training_related"] is unknown["related_pairs_across"] is None


def test_relatives_across_the_sets_of_a_user_are_reported(caplog) -> None:
    samples = make_samples(10, 0.5, seed=1)
    samples["split"] = ["train"] * 8 + ["validation", "test"]
    pairs = make_pairs([("i0", "i9", 0.25), ("i1", "i8", 0.05), ("i2", "i9", 0.04)])
    summary = summarise(samples, pairs)
    assert summary["related_pairs_across"] == 2
    assert "2 pairs of relatives" in caplog.text


def test_relatives_across_the_sets_are_reported_below_the_kinship_of_families(caplog) -> None:
    samples, pairs = make_samples(300, 0.3, seed=1), make_families(300, seed=2)
    split, families = split_cohort(samples.IID, [samples], pairs, FRACTIONS, 0.5, seed=1)
    assert families.cut == 0.5
    summary = summarise(samples.assign(split=split), pairs, families.cut)
    related = pairs[pairs.kinship >= 0.0442]
    train = pd.Series(split == "train", samples.IID)
    across = train[related.IID1].to_numpy() != train[related.IID2].to_numpy()
    assert summary["related_pairs_across"] == across.sum() > 20
    assert f"{across.sum()} pairs of relatives" in caplog.text
    rows = [(int(a[1:]), int(b[1:])) for a, b in zip(related.IID1, related.IID2, strict=True)]
    assert summary["largest_family"] == components_of(300, rows).sum(axis=0).max() > 3


def test_closest_relatives_are_in_one_set_if_all_individuals_are_related() -> None:
    samples = make_samples(300, 0.3, seed=8)
    rng = np.random.default_rng(9)
    all_samples = [
        (f"i{a}", f"i{b}", 0.25 if a // 3 == b // 3 else rng.uniform(0.05, 0.15))
        for a in range(300)
        for b in range(a)
    ]
    pairs = make_pairs(all_samples)
    split, families = split_one(samples, pairs, seed=1)
    assert all(len(set(split[3 * number : 3 * number + 3])) == 1 for number in range(100))
    summary = summarise(samples.assign(split=split), pairs, families.cut)
    assert 0.1 < summary["kinship_cut"] <= 0.25
    assert np.bincount(families.family).max() <= 15
    assert summary["largest_family"] == 300
    where = pd.Series(split, samples.IID)
    train = (where[pairs.IID1] == "train").to_numpy(), (where[pairs.IID2] == "train").to_numpy()
    across = pairs.kinship[train[0] != train[1]]
    assert summary["related_pairs_across"] == len(across) > 1_000
    assert summary["max_kinship_across"] == across.max() < summary["kinship_cut"]
    assert summary["splits"]["train"] == {
        "samples": int((split == "train").sum()),
        "cases": int(((split == "train") & (samples.phenotype == 1)).sum()),
        "controls": int(((split == "train") & (samples.phenotype == 0)).sum()),
    }


def test_split_of_the_user(tmp_path) -> None:
    path = tmp_path / "split.tsv"
    path.write_text("IID\tsplit\ni2\ttest\ni0\ttrain\ni1\tvalidation\ni9\ttrain\n")
    samples = pd.DataFrame({"FID": "f", "IID": ["i0", "i1", "i2", "i3"]})
    split, match = read_split(str(path), samples)
    assert list(split[:3]) == ["train", "validation", "test"] and pd.isna(split[3])
    assert (match.listed, match.known, match.matched) == (4, 4, 3)


@pytest.mark.parametrize(("cases", "controls"), [(49, 200), (200, 49)])
def test_too_few_cases_or_controls_in_training(cases: int, controls: int) -> None:
    phenotype = [1] * cases + [0] * controls + [0, 1, 0, 1]
    split = ["train"] * (cases + controls) + ["validation"] * 2 + ["test"] * 2
    samples = pd.DataFrame({"phenotype": phenotype, "split": split})
    check_refusal(lambda: check_split(samples), Code.TOO_FEW_SAMPLES)
    error = check_refusal(
        lambda: check_split(samples, file="s.tsv"), Code.TOO_FEW_SAMPLES, "s.tsv", key="split.file"
    )
    assert "split.train" not in error.remedy
    more = pd.DataFrame({"phenotype": [0, 1], "split": "train"})
    check_split(pd.concat([samples, more]), min_cell=50)
    call = partial(check_split, pd.concat([samples, more]), min_cell=51)
    check_refusal(call, Code.TOO_FEW_SAMPLES, key="release.min_cell")


def test_classes_are_split_in_proportion() -> None:
    samples = make_samples(2_000, 0.3, seed=3)
    rng = np.random.default_rng(4)
    kind = np.where(rng.random(2_000) < 0.1, "severe", "mild")
    samples["class"] = np.where(samples.phenotype == 1, kind, "none")
    pairs = make_pairs([(f"i{2 * k}", f"i{2 * k + 1}", 0.25) for k in range(200)])
    split, families = split_one(samples, pairs, seed=1)
    for name in ("none", "mild", "severe"):
        there = (samples["class"] == name).to_numpy()
        for where, share in FRACTIONS.items():
            assert abs((split[there] == where).sum() - share * there.sum()) <= 1
    summary = summarise(samples.assign(split=split), pairs, families.cut)
    counts = summary["splits"]["test"]["classes"]
    assert counts["severe"] == ((samples["class"] == "severe") & (split == "test")).sum()
    assert sum(counts.values()) == summary["splits"]["test"]["samples"]


@pytest.mark.parametrize("there", [0, 49])
def test_too_few_of_a_class_in_training(there: int) -> None:
    classes = ["none"] * 200 + ["mild"] * 100 + ["severe"] * there
    classes += [name for name in ("none", "mild", "severe") for _ in range(20)]
    split = ["train"] * (300 + there) + ["validation", "test"] * 30
    samples = pd.DataFrame({"class": classes, "split": split})
    samples["phenotype"] = (samples["class"] != "none").astype(int)
    call = partial(check_split, samples, ["none", "mild", "severe"])
    check_refusal(call, Code.TOO_FEW_SAMPLES)
    check_split(samples, ["none", "mild"])


def test_groups_of_few_training_samples_are_joined() -> None:
    group = ["north"] * 60 + ["south"] * 49 + ["east"] * 50 + ["south"] * 60 + ["west"] * 60
    split = ["train"] * 159 + ["test"] * 120
    joined = join_small_groups(pd.DataFrame({"group": group, "split": split}))
    expected = ["north"] * 60 + ["other"] * 49 + ["east"] * 50 + ["other"] * 120
    assert joined.tolist() == expected


def test_empty_split() -> None:
    samples = pd.DataFrame({"phenotype": [0, 1] * 100, "split": ["train", "test"] * 100})
    check_refusal(lambda: check_split(samples), Code.EMPTY_SPLIT, key="split.validation")
    call = partial(check_split, samples, file="s.tsv")
    check_refusal(call, Code.EMPTY_SPLIT, "s.tsv", key="split.file")


@pytest.mark.parametrize("name", ["validation", "test"])
def test_a_set_without_cases(name: str) -> None:
    split = ["train"] * 200 + ["validation", "test"] * 20
    samples = pd.DataFrame({"phenotype": [0, 1] * 100 + [0, 0, 1, 1] * 10, "split": split})
    check_split(samples)
    lacking = samples[(samples.split != name) | (samples.phenotype == 0)]
    check_refusal(partial(check_split, lacking), Code.TOO_FEW_SAMPLES, key=f"split.{name}")
    call = partial(check_split, lacking, file="s.tsv")
    check_refusal(call, Code.TOO_FEW_SAMPLES, "s.tsv", key="split.file")


def test_levels_of_categories_come_from_training_samples() -> None:
    samples = pd.DataFrame(
        {
            "IID": list("abcdefg"),
            "split": ["train", "train", "train", "train", "train", "test", "validation"],
            "age": ["1", "2.5", "3", "4", "5", "6", "7"],
            "centre": ["b", "b", "a", "c", "c", "new", "a"],
        }
    )
    table = expand_covariates(samples, ["age", "centre"], ["centre"])
    assert list(table.columns) == ["IID", "age", "centre=a", "centre=c"]
    np.testing.assert_array_equal(table.age, [1, 2.5, 3, 4, 5, 6, 7])
    np.testing.assert_array_equal(table["centre=a"], [0, 0, 1, 0, 0, 0, 1])
    np.testing.assert_array_equal(table["centre=c"], [0, 0, 0, 1, 1, 0, 0])
    turned = samples.assign(centre=["b", "b", "a", "c", "c", "b", "c"])
    again = expand_covariates(turned, ["age", "centre"], ["centre"])
    assert list(again.columns) == list(table.columns)
    constant = samples.assign(age=["1"] * 5 + ["2", "3"])
    call = partial(expand_covariates, constant, ["age"], [])
    check_refusal(call, Code.COLLINEAR_COVARIATE, key="covariates")


def test_summary_states_the_smallest_kinship_that_was_detectable() -> None:
    samples = make_samples(200, 0.3, seed=1)
    pairs = make_pairs([("i0", "i1", 0.25)])
    split, families = split_one(samples, pairs, seed=1)
    samples["split"] = split
    limited = {"min_kinship": 0.08}
    summary = summarise(samples, pairs, families.cut, limited)
    assert summary["kinship_cut"] == 0.08 and summary["largest_family"] == 2
    assert summary["kinship_estimate"] == limited
    # Kinship that was not estimated does not mean that there are no relatives.
    unknown = summarise(samples, make_pairs([]), families.cut, {"min_kinship": None})
    assert (
        unknown["kinship_cut"] is unknown["training_related"] is unknown["largest_family"] is None
    )


def test_almost_equal_training_sets_have_the_same_overall_frequencies() -> None:
    everyone = [f"i{number:03}" for number in range(100)]
    first = {"a": set(everyone[3:]), "b": set(everyone[:-3])}
    small = {"c": set(everyone[:50]), "d": set(everyone[:45]), "e": set(everyone[:44])}
    found = frequency_sets(first | small, dict.fromkeys("abcde", ""))
    assert found["a"] == found["b"] == set(everyone)
    assert found["c"] == found["d"] == small["c"]  # 45 of 50
    assert found["e"] == small["e"]  # 44 of 50
    assert frequency_sets(first, {"a": "", "b": "sex == 2"}) == first  # excluded by intention
    assert frequency_sets(first, {"a": ""}) == first  # b may not share
    same = {"a": "sex==2", "b": "sex == 2"}
    assert frequency_sets(first, same)["a"] == set(everyone)
    # b is nearly the same as a and as c, but all three together have more individuals.
    chain = {"a": set(everyone[:90]), "b": set(everyone[5:95]), "c": set(everyone[12:])}
    for order in ("abc", "cba", "bca"):
        found = frequency_sets(chain, dict.fromkeys(order, ""))
        assert found["a"] == found["b"] == set(everyone[:95]) and found["c"] == chain["c"]
    assert frequency_sets({}, {}) == {}
