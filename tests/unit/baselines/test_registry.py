import subprocess
import sys
from inspect import signature
from pathlib import Path

import numpy as np
import pytest
from example_cohorts import class_frequencies, linked, variants

import snpgen
from snpgen.baselines.registry import BASELINES, SUBJECTS
from snpgen.generator.synthetic import BALANCED

WITHOUT_MODEL = [name for name, baseline in BASELINES.items() if not baseline.needs_model]


def test_the_registry_imports_nothing_but_the_standard_library() -> None:
    code = "import sys, snpgen.baselines.registry; print({'numpy', 'pandas', 'torch'} & set(sys.modules))"
    scripts = Path(snpgen.__file__).parents[1]
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=scripts
    )
    assert run.stdout.strip() == "set()"


def test_subjects_are_registered_under_their_names_and_look_different() -> None:
    assert [subject.name for subject in SUBJECTS.values()] == list(SUBJECTS)
    assert len({subject.label for subject in SUBJECTS.values()}) == len(SUBJECTS)
    looks = {name: (one.colour, one.marker) for name, one in SUBJECTS.items() if name != "external"}
    assert len(set(looks.values())) == len(looks)  # external takes the place of snpgen
    assert BALANCED in SUBJECTS


@pytest.mark.parametrize("name", BASELINES)
def test_every_baseline_can_be_imported(name: str) -> None:
    example = "cvae" if BASELINES[name].needs_model else "independent"
    expected = signature(BASELINES[example].load_sampler()).parameters
    assert list(signature(BASELINES[name].load_sampler()).parameters) == list(expected)


@pytest.mark.parametrize("name", WITHOUT_MODEL)
def test_same_seed_same_cohort(name: str) -> None:
    dosages = linked(300, np.full(10, 0.3), 1)
    labels = np.arange(300) % 2
    sample = BASELINES[name].load_sampler()
    first, again, other = (
        sample(dosages, labels, variants(10), class_frequencies(dosages, labels), labels, seed)
        for seed in (1, 1, 2)
    )
    assert first.dtype == np.int8 and first.shape == (300, 10)
    assert np.array_equal(first, again) and not np.array_equal(first, other)
