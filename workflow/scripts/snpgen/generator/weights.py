"""Model files: weights in safetensors format, and a JSON model card from which the network is rebuilt."""

import json
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from snpgen.generator.conditions import ConditionEncoding
from snpgen.generator.diffusion import Denoiser
from snpgen.generator.vae import VAE
from snpgen.io.files import read_json

Model = TypeVar("Model", VAE, Denoiser)


def save_model(model: VAE | Denoiser, card: dict, weights_path: str, card_path: str) -> None:
    """Write the weights, and the card with the model's architecture and number of parameters."""
    tensors = {name: value.cpu().contiguous() for name, value in model.state_dict().items()}
    save_file(tensors, weights_path)
    card = {"architecture": model.architecture} | card
    card["parameters"] = sum(value.numel() for value in model.parameters())
    Path(card_path).write_text(json.dumps(card, indent=1) + "\n")


def pick_device() -> torch.device:
    """Use CUDA if available, else the CPU. MPS is never used, because it has no float64."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _load(kind: type[Model], weights_path: str, card_path: str) -> Model:
    model = kind(**read_json(card_path)["architecture"])
    model.load_state_dict(load_file(weights_path))
    return model.to(pick_device()).eval()


def load_vae(weights_path: str, card_path: str, shift_path: str | None = None) -> VAE:
    """Load the autoencoder that `save_model` wrote.

    If `shift_path` is given, the biases are shifted by the values that `save_shift` wrote there.
    """
    model = _load(VAE, weights_path, card_path)
    if shift_path:
        model.shift_bias(load_file(shift_path)["bias"].numpy())
    return model


def load_encoding(card_path: str) -> ConditionEncoding:
    """Load the encoding of phenotype, sex and group from the card of an autoencoder."""
    fields: dict[str, Any] = read_json(card_path)["conditions"]
    tuples = {name: tuple(x) for name, x in fields.items() if isinstance(x, list)}
    return ConditionEncoding(**fields | tuples)


def save_shift(shift: np.ndarray, path: str) -> None:
    """Write the shift float32 (c, m) of the decoder's biases."""
    save_file({"bias": torch.from_numpy(shift)}, path)


def load_denoiser(weights_path: str, card_path: str) -> Denoiser:
    """Load the denoiser that `save_model` wrote."""
    return _load(Denoiser, weights_path, card_path)
