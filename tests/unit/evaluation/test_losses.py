"""White-box losses of models that have memorised their training samples."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from example_cohorts import frequencies, independent
from example_generator import fit, small_panel
from sklearn.metrics import roc_auc_score
from torch import Tensor

from snpgen.evaluation.losses import all_samples, sample_losses, shadow_panel, vae_losses
from snpgen.generator.diffusion import Denoiser
from snpgen.generator.fitting import posterior
from snpgen.generator.vae import VAE
from snpgen.genetics.imputation import impute_genotypes


@pytest.fixture(scope="module")
def overfitted(tmp_path_factory):
    """Models overfitted to their 50 training samples, panel and conditions."""
    dosages, labels = independent(150, frequencies(60), 1), np.arange(150) % 2
    panel = small_panel(np.concatenate([dosages[:50], dosages]), np.r_[labels[:50], labels])
    split = np.repeat(["train", "validation", "test"], [50, 50, 100])
    panel = replace(panel, split=split)
    folder: Path = tmp_path_factory.mktemp("overfitted")
    models = fit(panel, ["1"] * 60, folder, steps=250, batch_size=50, hidden=32)
    return *models, panel


def attack(vae, denoiser, encoding, panel) -> dict[str, float]:
    """AUC of each loss, members against test samples."""
    members, others = (
        sample_losses(
            vae,
            denoiser,
            impute_genotypes(panel, split, 1)[0],
            encoding.encode_split(panel, split),
            1,
        )
        for split in ("train", "test")
    )
    attacked = np.repeat([1, 0], [50, 100])
    assert all(len(loss) == 50 and loss.dtype == np.float64 for loss in members.values())
    return {
        name: roc_auc_score(attacked, -np.concatenate([members[name], others[name]]))
        for name in ("vae", "denoiser")
    }


def test_members_of_an_overfitted_autoencoder_have_lower_losses(overfitted):
    assert attack(*overfitted)["vae"] > 0.9


class Memory(Denoiser):
    """The optimal denoiser of the `members` (n, latents) alone: what over-fitting ends in."""

    def denoise(self, noisy: Tensor, sigma: Tensor, conditions: Tensor) -> Tensor:
        distance = torch.cdist(noisy, self.members).square() / (2 * sigma.square().unsqueeze(1))
        return (-distance).softmax(dim=1) @ self.members


def test_members_of_an_overfitted_denoiser_have_lower_losses(overfitted):
    _, _, encoding, panel = overfitted
    torch.manual_seed(1)
    vae = VAE(["1"] * 60, 2, 16, latents=8, hidden=12)  # untrained
    vae.encoder_out.weight.data[:8].normal_()
    vae.encoder_out.weight.data[8:] = 0.0
    vae.encoder_out.bias.data[8:] = -8.0  # and loses little
    denoiser = Memory(8, encoding.n_classes, encoding.n_conditions, 4, 1, 0.1)
    conditions = torch.from_numpy(encoding.encode_split(panel, "train"))
    mean, variance = posterior(vae, torch.from_numpy(impute_genotypes(panel, "train", 1)[0]))
    denoiser.fit_standardisation(mean, variance, conditions)
    denoiser.members = denoiser.standardise(mean, conditions)
    found = attack(vae, denoiser, encoding, panel)
    assert found["denoiser"] > 0.95
    assert 0.35 < found["vae"] < 0.65


def test_equal_seeds_give_equal_losses(overfitted):
    vae, denoiser, encoding, panel = overfitted
    dosages, conditions = (
        impute_genotypes(panel, "test", 1)[0],
        encoding.encode_split(panel, "test"),
    )
    first, again, other = (sample_losses(vae, denoiser, dosages, conditions, s) for s in (1, 1, 2))
    for name in ("vae", "denoiser"):
        assert first[name].tobytes() == again[name].tobytes()
        assert (first[name] != other[name]).all()


def test_losses_do_not_depend_on_the_batch(overfitted):
    vae, denoiser, encoding, panel = overfitted
    dosages, conditions = all_samples(panel, encoding, 1)
    assert (dosages == panel.dosages).all() and conditions.shape == (200, 2)
    both = sample_losses(vae, denoiser, dosages, conditions, 1)
    assert both["vae"].tobytes() == vae_losses(vae, dosages, conditions, 1).tobytes()


def test_shadow_models_train_on_opposite_halves_and_leave_validation_alone(overfitted):
    *_, panel = overfitted
    panels = [shadow_panel(panel, number, 1) for number in (1, 2, 3, 4)]
    inside = np.stack([shadow.split == "train" for shadow in panels])
    attacked = panel.split != "validation"
    assert (inside.sum(axis=0) == np.where(attacked, 2, 0)).all()
    assert (inside.sum(axis=1) == 75).all()
    assert 20 < (inside[0] & inside[2]).sum() < 55  # of independent pairs
    for shadow in panels:
        assert ((shadow.split == "validation") == ~attacked).all()
    again = shadow_panel(panel, 3, 1)
    assert (again.split == panels[2].split).all()
