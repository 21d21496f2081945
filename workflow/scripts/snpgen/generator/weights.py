"""Models on disk: weights in safetensors and a JSON card that rebuilds the network."""

import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from snpgen.generator.conditions import Conditions
from snpgen.generator.diffusion import Denoiser
from snpgen.generator.vae import VAE
from snpgen.io.files import read_json


def save_model(model: nn.Module, card: dict, weights_path: str, card_path: str) -> None:
    """Write the weights and the card; `card["architecture"]` holds the constructor's arguments."""
    tensors = {name: value.cpu().contiguous() for name, value in model.state_dict().items()}
    save_file(tensors, weights_path)
    parameters = sum(value.numel() for value in model.parameters())
    Path(card_path).write_text(json.dumps(card | {"parameters": parameters}, indent=1) + "\n")


def pick_device() -> torch.device:
    """CUDA if it is available, else the CPU; never MPS, which has no float64."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _load(kind: type[nn.Module], weights_path: str, card_path: str) -> nn.Module:
    model = kind(**read_json(card_path)["architecture"])
    model.load_state_dict(load_file(weights_path))
    return model.to(pick_device()).eval()


def load_vae(weights_path: str, card_path: str, shift_path: str | None = None) -> VAE:
    """The autoencoder that `save_model` wrote, its biases shifted as `save_shift` says."""
    model = _load(VAE, weights_path, card_path)
    assert isinstance(model, VAE)
    if shift_path:
        model.shift_bias(load_file(shift_path)["bias"].numpy())
    return model


def load_conditions(card_path: str) -> Conditions:
    """How the autoencoder of this card reads people's labels, sex and groups."""
    return Conditions.from_dict(read_json(card_path)["conditions"])


def save_shift(shift: np.ndarray, path: str) -> None:
    """Write the shift (c, m) of the decoder's biases."""
    save_file({"bias": torch.from_numpy(shift)}, path)


def load_denoiser(weights_path: str, card_path: str) -> Denoiser:
    """The denoiser that `save_model` wrote."""
    model = _load(Denoiser, weights_path, card_path)
    assert isinstance(model, Denoiser)
    return model
