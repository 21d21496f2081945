"""The costly part of a training step of the autoencoder."""

import torch

from snpgen.generator.training import backward_in_chunks
from snpgen.generator.vae import VAE


def step(vae: VAE, inputs: list[torch.Tensor], chunk: int) -> None:
    """Set the gradients of the loss of `inputs`, the arguments of the autoencoder, for `chunk` individuals at a time."""

    def loss(some: slice) -> dict[str, torch.Tensor]:
        return {"loss": sum(part.mean() for part in vae(*(values[some] for values in inputs)))}

    backward_in_chunks(vae, loss, len(inputs[0]), chunk)
