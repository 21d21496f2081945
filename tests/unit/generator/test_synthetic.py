"""Synthetic samples: phenotypes, files, and models read back from files."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from example_cohorts import variants
from example_generator import make_denoiser, random_vae
from scipy.stats import ks_2samp

from snpgen.generator.diffusion import Denoiser
from snpgen.generator.sampler import sample_genotypes
from snpgen.generator.synthetic import assign_phenotypes, count_synthetic, write_cohort
from snpgen.generator.vae import VAE
from snpgen.generator.weights import load_denoiser, load_vae, save_model, save_shift
from snpgen.io.panel import Panel
from snpgen.io.plink import open_fileset
from snpgen.messages import InputError

VARIANTS = variants(3, chromosome=2)
CLASSES = ("control", "mild", "severe")


def make_samples(**columns) -> pd.DataFrame:
    n = len(next(iter(columns.values())))
    blank = {"label": np.zeros(n), "sex": np.zeros(n, int), "group": [""] * n}
    return pd.DataFrame(blank | {"phenotype": np.zeros(n, int)} | columns)


def read_table(path: Path) -> pd.DataFrame:
    return pd.read_csv(path / "x.pheno.tsv", sep="\t")


def test_a_cohort_is_read_back_with_its_phenotypes(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    dosages = rng.integers(0, 3, (13, 3)).astype(np.int8)
    labels = rng.integers(0, 2, 13)
    samples = make_samples(label=labels, phenotype=labels)
    write_cohort(f"{tmp_path}/x.bed", dosages, samples, VARIANTS, ("control", "case"))
    fileset = open_fileset(f"{tmp_path}/x", ["1", "2"])
    assert np.array_equal(fileset.read(np.arange(3), np.arange(13)), dosages)
    assert fileset.samples.phenotype.tolist() == [str(label + 1) for label in labels]
    assert set(fileset.samples.sex) == {"0"}
    pd.testing.assert_frame_equal(fileset.variants, VARIANTS, check_dtype=False, check_like=True)
    table = read_table(tmp_path)
    assert list(table) == ["FID", "IID", "phenotype"]
    assert table.phenotype.tolist() == labels.tolist() and table.IID.is_unique


def test_the_files_of_a_cohort_hold_class_value_sex_and_group(tmp_path: Path) -> None:
    dosages = np.zeros((3, 3), np.int8)
    samples = make_samples(
        label=[2.0, 0.0, 1.0], phenotype=[1, 0, 1], sex=[2, 1, 0], group=["north", "other", "north"]
    )
    write_cohort(f"{tmp_path}/x.bed", dosages, samples, VARIANTS, CLASSES)
    table = read_table(tmp_path)
    assert list(table) == ["FID", "IID", "phenotype", "class", "sex", "group"]
    assert table["class"].tolist() == ["severe", "control", "mild"]
    assert table.sex.tolist() == [2, 1, 0] and table.group.tolist() == ["north", "other", "north"]
    fam = open_fileset(f"{tmp_path}/x", ["1", "2"]).samples
    assert fam.sex.tolist() == ["2", "1", "0"] and fam.phenotype.tolist() == ["2", "1", "2"]
    write_cohort(f"{tmp_path}/x.bed", dosages, samples.assign(label=[0.5, -1, 7]), VARIANTS, ())
    table = read_table(tmp_path)
    assert list(table) == ["FID", "IID", "phenotype", "value", "sex", "group"]
    assert table.value.tolist() == [0.5, -1, 7]


def make_panel(label: np.ndarray, phenotype: np.ndarray, classes: tuple[str, ...]) -> Panel:
    n, rng = len(label), np.random.default_rng(5)
    sex, group = rng.integers(0, 3, n).astype(np.int8), rng.choice(["a", "b", "c"], n)
    split = np.resize(["train", "train", "train", "test"], n)
    iid = np.arange(n).astype(str)
    return Panel(np.zeros((n, 1), np.int8), iid, split, phenotype, label, sex, group, classes)


@pytest.fixture
def classes() -> Panel:
    label = np.random.default_rng(6).choice(3, 800, p=[0.7, 0.2, 0.1]).astype(float)
    return make_panel(label, (label > 0).astype(np.int8), CLASSES)


@pytest.fixture
def values() -> Panel:
    value = np.random.default_rng(7).gamma(2, 3, 800)
    return make_panel(value, (value >= 10).astype(np.int8), ())


def test_phenotypes_are_a_permutation_of_those_in_training(classes: Panel) -> None:
    train = classes.samples("train")
    synthetic = assign_phenotypes(classes, "snpgen", len(train), seed=1)
    assert not synthetic.equals(train)
    columns = list(train)
    in_order = (table.sort_values(columns, ignore_index=True) for table in (synthetic, train))
    pd.testing.assert_frame_equal(*in_order)
    again, other = (assign_phenotypes(classes, "snpgen", len(train), seed) for seed in (1, 2))
    pd.testing.assert_frame_equal(synthetic, again)
    assert not synthetic.equals(other)


def test_number_of_synthetic_individuals() -> None:
    cases = ((1, 600), (2.5, 1500), (0.1, 60), (1.004, 602), (1e-9, 1), (None, 2400))
    assert [count_synthetic(n, None) for n in (2_000, 5_000, 90_000)] == [7_000, 5_000, 90_000]
    assert [count_synthetic(600, multiple) for multiple, _ in cases] == [n for _, n in cases]


@pytest.mark.parametrize("multiple", [2, 10])
@pytest.mark.parametrize("coding", ["classes", "values"])
def test_a_multiple_repeats_the_numbers_of_training(coding: str, multiple: int, request) -> None:
    panel = request.getfixturevalue(coding)
    train, columns = panel.samples("train"), ["sex", "group", "phenotype"]
    n = count_synthetic(len(train), multiple)
    synthetic = assign_phenotypes(panel, "snpgen", n, seed=1)
    pd.testing.assert_series_equal(
        synthetic[columns].value_counts().sort_index(),
        multiple * train[columns].value_counts().sort_index(),
    )
    if coding == "values":
        assert synthetic.label.nunique() == n and not set(synthetic.label) & set(train.label)
    balanced = assign_phenotypes(panel, "snpgen_balanced", n, seed=1)
    column = "phenotype" if coding == "values" else "label"
    assert balanced[column].value_counts().nunique() == 1


@pytest.mark.parametrize("n", [1, 250, 1_500])
def test_another_number_of_individuals(classes: Panel, n: int) -> None:
    train = classes.samples("train")
    synthetic = assign_phenotypes(classes, "copula", n, seed=1)
    found, once = synthetic.value_counts(), train.value_counts()
    assert len(synthetic) == n and set(found.index) <= set(once.index)
    times = n // len(train)
    assert found.between(times * once[found.index], (times + 1) * once[found.index]).all()


@pytest.mark.parametrize("cohort", ["snpgen", "snpgen_balanced"])
def test_small_cells_of_training_individuals_have_no_synthetic_individuals(
    cohort: str, classes: Panel
) -> None:
    train, columns = classes.samples("train"), ["label", "sex", "group"]
    sizes = train.value_counts(columns)
    least = int(sizes.quantile(0.3))
    synthetic = assign_phenotypes(classes, cohort, 5_000, 1, min_cell=least)
    found = synthetic.value_counts(columns)
    assert set(found.index) == set(sizes.index[sizes >= least]) < set(sizes.index)
    assert len(synthetic) == 5_000
    everyone = assign_phenotypes(classes, cohort, 5_000, 1, min_cell=int(sizes.min()))
    pd.testing.assert_frame_equal(everyone, assign_phenotypes(classes, cohort, 5_000, 1))
    with pytest.raises(InputError) as error:
        assign_phenotypes(classes, cohort, 100, 1, min_cell=30)
    assert error.value.key == "release.min_cell"


def test_balanced_classes_keep_their_distribution_of_sex_and_group(classes: Panel) -> None:
    train = classes.samples("train")
    synthetic = assign_phenotypes(classes, "snpgen_balanced", 1_001, seed=1)
    assert sorted(synthetic.label.value_counts()) == [333, 334, 334]
    assert (synthetic.phenotype == (synthetic.label > 0)).all()
    shares = [
        samples[samples.label == 2].value_counts(["sex", "group"], normalize=True).sort_index()
        for samples in (train, synthetic)
    ]
    pd.testing.assert_series_equal(*shares, atol=0.02)


@pytest.mark.parametrize("cohort", ["snpgen", "snpgen_balanced"])
def test_values_are_new_and_agree_with_phenotype_sex_and_group(values: Panel, cohort: str) -> None:
    train = values.samples("train")
    synthetic = assign_phenotypes(values, cohort, 600, seed=1)
    assert not set(synthetic.label) & set(values.label)
    assert (synthetic.phenotype == (synthetic.label >= 10)).all()
    assert synthetic.label.between(train.label.min(), train.label.max()).all()
    cases = 300 if cohort == "snpgen_balanced" else train.phenotype.sum()
    assert synthetic.phenotype.sum() == cases
    for case in (0, 1):
        own, real = (samples[samples.phenotype == case] for samples in (synthetic, train))
        assert ks_2samp(own.label, real.label, method="asymp").pvalue > 0.5
        # Each value is adjacent in rank to a training individual of the same sex and group.
        ordered = np.sort(real.label)
        for individual in own.sample(50, random_state=1).itertuples():
            same = real[(real.sex == individual.sex) & (real.group == individual.group)].label
            rank, own_rank = (np.searchsorted(ordered, x) for x in (same, individual.label))
            assert np.abs(rank + 0.5 - own_rank).min() == 0.5


def test_a_value_shared_by_many_individuals_is_kept() -> None:
    value = np.where(np.arange(800) % 5 < 4, 0.0, np.arange(800))
    panel = make_panel(value, (value > 0).astype(np.int8), ())
    synthetic = assign_phenotypes(panel, "snpgen", 600, seed=1)
    assert (synthetic.label == 0).sum() == (panel.samples("train").label == 0).sum()


def test_phenotypes_do_not_depend_on_test_individuals(values: Panel) -> None:
    synthetic = assign_phenotypes(values, "snpgen", 600, seed=1)
    values.label[values.split == "test"] = 1e6
    values.group[values.split == "test"] = "d"
    pd.testing.assert_frame_equal(assign_phenotypes(values, "snpgen", 600, seed=1), synthetic)


def test_models_read_back_from_files_generate_the_same_genotypes(tmp_path: Path) -> None:
    vae, denoiser = random_vae(["1"] * 5 + ["2"]), make_denoiser(3, scale=0.5)
    paths = [f"{tmp_path}/{name}" for name in ("v", "v.json", "d", "d.json", "s")]
    save_model(vae, {}, *paths[:2])
    save_model(denoiser, {}, *paths[2:4])
    conditions = np.eye(2, dtype=np.float32)[np.arange(50) % 2]

    def generate(vae: VAE, denoiser: Denoiser, seed: int) -> np.ndarray:
        return sample_genotypes(vae, denoiser, conditions, 5, 1.5, True, seed)

    first = generate(vae, denoiser, 1)
    assert first.dtype == np.int8 and first.shape == (50, 6) and set(np.unique(first)) <= {0, 1, 2}
    again = generate(load_vae(*paths[:2]), load_denoiser(*paths[2:4]), 1)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, generate(vae, denoiser, 2))
    shift = np.arange(12, dtype=np.float32).reshape(2, 6)
    save_shift(shift, paths[4])
    shifted = load_vae(*paths[:2], paths[4]).bias.detach().numpy()
    assert np.allclose(shifted, vae.bias.detach().numpy() + shift)
