"""The costly part of a training step of the autoencoder."""

import torch

from snpgen.generator.vae import VAE


def step(vae: VAE, inputs: list[torch.Tensor], chunk: int) -> None:
    """Set the gradients of the loss of `inputs`, the arguments of the autoencoder, for `chunk` individuals at a time."""
    vae.zero_grad()
    for parts in zip(*(values.split(chunk) for values in inputs), strict=True):
        sum(part.sum() for part in vae(*parts)).backward()
