import io

import pandas as pd
import pytest

from snpgen.baselines.registry import SUBJECTS
from snpgen.evaluation.cohorts import STRATA
from snpgen.evaluation.frequencies import BINS
from snpgen.evaluation.membership import RARE
from snpgen.evaluation.metrics import (
    ATTACKS,
    DOMAINS,
    METRICS,
    MODELS,
    SMALLER_GROUPS,
    WORST_GROUP,
    is_missing_word,
)
from snpgen.evaluation.metrics_table import COLUMNS, VARIANT
from snpgen.evaluation.two_sample import CLASSIFIERS
from snpgen.evaluation.utility import FITTERS

NAMES = [
    *SUBJECTS,
    *METRICS,
    *DOMAINS,
    *ATTACKS,
    *COLUMNS,
    *VARIANT,
    *STRATA,
    *BINS,
    RARE,
    SMALLER_GROUPS,
    WORST_GROUP,
    *(metric.stratum for metric in METRICS.values()),
]


@pytest.mark.parametrize("name", sorted(set(NAMES)))
def test_no_name_is_read_as_missing(name):
    assert not is_missing_word(name)
    read = pd.read_csv(io.StringIO(f"name,value\n{name},1\n")).name[0]
    assert read == name


@pytest.mark.parametrize(
    "word", ["NA", "NaN", "nan", "null", "NULL", "None", "#N/A", "<NA>", "", "n/a"]
)
def test_words_for_missing_values_are_known(word):
    assert pd.isna(pd.read_csv(io.StringIO(f"name,value\n{word},1\n")).name[0])
    assert is_missing_word(word)


def test_metrics_are_registered_once_and_with_their_models():
    names = [metric.name for domain in DOMAINS.values() for metric in domain.metrics]
    assert len(set(names)) == len(names) == len(METRICS)
    assert list(FITTERS) == list(MODELS) and set(CLASSIFIERS) <= set(METRICS)
    assert all(domain.main for domain in DOMAINS.values())
