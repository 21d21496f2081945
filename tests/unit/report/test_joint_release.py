"""Joint attacks on the pages: rows, the phenotype to leave out, and the limit that would suffice."""

import pandas as pd
import pytest
from example_results import STYLE, TEMPLATES, make_results, read_example
from scipy.special import ndtr, ndtri

from snpgen.evaluation.joint import COLUMNS, DIFFERENCES
from snpgen.report.comparison import render_comparison
from snpgen.report.joint import describe_joint, worst_auc


def make_table() -> pd.DataFrame:
    """Three phenotypes, of which the third reveals most."""
    aucs = {"a, b, c": 0.72, "a, b": 0.60, "a, c": 0.68, "b, c": 0.70}
    rows = []
    for phenotypes, auc in aucs.items():
        sizes = 400, 120
        rows.append(
            (phenotypes, "snpgen", "adaptive", *sizes, auc, auc - 0.03, auc + 0.03, 0.66, 0.67)
        )
        rows.append((phenotypes, "snpgen", "distance", *sizes, 0.51, 0.48, 0.54, None, None))
        rows.append(
            (phenotypes, "positive_control", "distance", *sizes, 0.9, 0.88, 0.92, None, None)
        )
    return pd.DataFrame(rows, columns=COLUMNS).fillna(float("nan"))


def describe(limit: float | None) -> dict:
    differences = [("a", "b", 12, 300, 20, 0.61), ("a", "c", 30, 4, 9, 0.93)]
    return describe_joint(make_table(), pd.DataFrame(differences, columns=DIFFERENCES), limit, 3)


def test_the_phenotype_that_reveals_most_is_left_out() -> None:
    found = describe(0.7)
    assert found["exceeds"] and found["worst"] == 0.72
    # The forecast of the worst stratum is larger than the AUC measured without c.
    assert (found["leave_out"], found["without"]) == ("c", 0.67)
    assert (found["members"], found["non_members"]) == ("400", "120")
    assert not describe(0.75)["exceeds"]
    assert not describe(None)["exceeds"]


@pytest.mark.parametrize("limit", [0.62, 0.7])
def test_equal_limits_add_up_to_the_limit(limit: float) -> None:
    each = describe(limit)["equal_limit"]
    assert limit - 0.002 < ndtr((3 * ndtri(each) ** 2) ** 0.5) <= limit


def test_attacks_that_need_the_networks_are_not_limited() -> None:
    table = make_table()
    table.loc[table.attack == "distance", ["attack", "auc"]] = ["loss", 0.9]
    assert worst_auc(table[table.phenotypes == "a, b, c"]) == 0.72


def test_small_numbers_are_hidden(tmp_path) -> None:
    pair = pd.DataFrame([("a", "b", 12, 300, 2, 0.97)], columns=DIFFERENCES)
    found = describe_joint(make_table().assign(members=7), pair, 0.7, 10)
    assert found["members"] == "fewer than 10" and found["pair_is_small"]
    phenotypes = {"a": read_example(make_results(tmp_path), models={})}
    page = " ".join(render_comparison(TEMPLATES, STYLE, phenotypes, found).split())
    assert "is not shown" in page and "frequencies is 0.97" not in page


def test_differential_privacy_leaves_no_pair(tmp_path) -> None:
    found = describe_joint(make_table(), pd.DataFrame(columns=DIFFERENCES), 0.7, 10)
    assert found["pair"] is None and not found["pair_exceeds"]
    phenotypes = {"a": read_example(make_results(tmp_path), models={})}
    page = " ".join(render_comparison(TEMPLATES, STYLE, phenotypes, found).split())
    assert "No two cohorts are without differential privacy" in page


def test_attacks_have_their_controls() -> None:
    adaptive, distance = describe(0.7)["attacks"]
    assert (adaptive["name"], distance["name"]) == ("adaptive", "distance")
    assert distance["positive_control"].auc == 0.9 and distance["negative_control"] is None


def test_the_comparison_warns_of_a_joint_release_above_the_limit(tmp_path) -> None:
    phenotypes = {"a": read_example(make_results(tmp_path), models={})}
    for limit, is_above in ((0.7, True), (0.75, False)):
        joint = describe(limit)
        page = render_comparison(TEMPLATES, STYLE, phenotypes, joint)
        assert page.count('role="alert"><strong>Joint release.') == 1 + is_above  # and of a pair
        assert ("Without c, the largest AUC is" in " ".join(page.split())) == is_above
        assert "The panels of a and c share 30 variants" in " ".join(page.split())
        assert "0.93, the largest of all pairs. It exceeds the limit" in " ".join(page.split())
        assert "0.720 (0.690 to 0.750)" in page and "0.900 (0.880 to 0.920)" in page
    assert 'id="joint"' not in render_comparison(TEMPLATES, STYLE, phenotypes)
