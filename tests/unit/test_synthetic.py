from pathlib import Path

import numpy as np
import pandas as pd

from snpgen.generator.diffusion import Denoiser
from snpgen.generator.sampler import Guidance, reconstruct, sample_genotypes
from snpgen.generator.synthetic import balanced_labels, shuffled_labels, write_cohort
from snpgen.generator.vae import VAE
from snpgen.generator.weights import load_denoiser, load_vae, save_model
from snpgen.plink import open_fileset

VARIANTS = pd.DataFrame(
    {
        "chromosome": ["1", "1", "2"],
        "variant_id": ["a", "b", "c"],
        "position": [10, 20, 5],
        "effect_allele": ["A", "C", "G"],
        "other_allele": ["G", "T", "A"],
    }
)


def test_a_cohort_on_disk_reads_back_with_its_phenotypes(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    dosages = rng.integers(0, 3, (13, 3)).astype(np.int8)
    labels = rng.integers(0, 2, 13)
    write_cohort(f"{tmp_path}/x.bed", dosages, labels, VARIANTS)
    fileset = open_fileset(f"{tmp_path}/x", ["1", "2"])
    assert np.array_equal(fileset.read(np.arange(3), np.arange(13)), dosages)
    assert fileset.samples.phenotype.tolist() == [str(label + 1) for label in labels]
    pd.testing.assert_frame_equal(fileset.variants, VARIANTS, check_dtype=False)
    table = pd.read_csv(tmp_path / "x.pheno.tsv", sep="\t")
    assert table.phenotype.tolist() == labels.tolist() and table.IID.is_unique


def test_labels() -> None:
    labels = np.repeat([0, 1], [70, 30])
    assert shuffled_labels(labels, 1).sum() == 30
    assert not np.array_equal(shuffled_labels(labels, 1), labels)
    assert balanced_labels(100).sum() == 50


def test_models_come_back_from_disk_and_sample_the_same_people(tmp_path: Path) -> None:
    vae_architecture = {
        "chromosomes": ["1"] * 5 + ["2"],
        "classes": 2,
        "block_size": 4,
        "channels": 2,
        "hidden": 8,
    }
    vae = VAE(**vae_architecture)
    tokens, channels = vae.latent_shape
    denoiser_architecture = {
        "tokens": tokens,
        "channels": channels,
        "classes": 2,
        "width": 4,
        "layers": 1,
        "groups": 2,
        "label_dropout": 0.1,
    }
    denoiser = Denoiser(**denoiser_architecture)
    for model in (vae, denoiser):
        for value in model.parameters():
            value.data.normal_(0, 0.5)
    paths = [f"{tmp_path}/{name}" for name in ("v", "v.json", "d", "d.json")]
    save_model(vae, {"architecture": vae_architecture}, *paths[:2])
    save_model(denoiser, {"architecture": denoiser_architecture}, *paths[2:])
    labels = np.arange(50) % 2

    def drawn(vae: VAE, denoiser: Denoiser, seed: int) -> np.ndarray:
        return sample_genotypes(vae, denoiser, labels, 5, Guidance(1.5, 1.2), seed)

    first = drawn(vae, denoiser, 1)
    assert first.dtype == np.int8 and first.shape == (50, 6) and set(np.unique(first)) <= {0, 1, 2}
    again = drawn(load_vae(*paths[:2]), load_denoiser(*paths[2:]), 1)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, drawn(vae, denoiser, 2))
    assert reconstruct(vae, first, labels, 1).shape == (50, 6)
