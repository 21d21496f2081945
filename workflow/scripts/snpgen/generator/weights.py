"""Model files: weights in safetensors format, and a JSON model card from which the network is rebuilt."""

import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from snpgen.generator.conditions import ConditionEncoding
from snpgen.generator.diffusion import Denoiser
from snpgen.generator.vae import VAE
from snpgen.io.files import read_json


def save_model(model: nn.Module, card: dict, weights_path: str, card_path: str) -> None:
    """Write weights and card; `card["architecture"]` holds the arguments of the model's class."""
    tensors = {name: value.cpu().contiguous() for name, value in model.state_dict().items()}
    save_file(tensors, weights_path)
    parameters = sum(value.numel() for value in model.parameters())
    Path(card_path).write_text(json.dumps(card | {"parameters": parameters}, indent=1) + "\n")


def pick_device() -> torch.device:
    """CUDA if available, else the CPU. MPS is never used, because it has no float64."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _load(kind: type[nn.Module], weights_path: str, card_path: str) -> nn.Module:
    model = kind(**read_json(card_path)["architecture"])
    model.load_state_dict(load_file(weights_path))
    return model.to(pick_device()).eval()


def load_vae(weights_path: str, card_path: str, shift_path: str | None = None) -> VAE:
    """The autoencoder of `save_model`, its biases shifted by the file of `save_shift` if given."""
    model = _load(VAE, weights_path, card_path)
    assert isinstance(model, VAE)
    if shift_path:
        model.shift_bias(load_file(shift_path)["bias"].numpy())
    return model


def load_encoding(card_path: str) -> ConditionEncoding:
    """The encoding of phenotype, sex and group in the card of an autoencoder."""
    return ConditionEncoding.from_dict(read_json(card_path)["conditions"])


def save_shift(shift: np.ndarray, path: str) -> None:
    """Write the shift float32 (c, m) of the decoder's biases."""
    save_file({"bias": torch.from_numpy(shift)}, path)


def load_denoiser(weights_path: str, card_path: str) -> Denoiser:
    """The denoiser of `save_model`."""
    model = _load(Denoiser, weights_path, card_path)
    assert isinstance(model, Denoiser)
    return model
