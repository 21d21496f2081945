"""The loss of the autoencoder by its definition, block by block and variant by variant, in float64."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from snpgen.generator.blocks import PADDING
from snpgen.generator.inbreeding import ERROR
from snpgen.generator.vae import ALLELE_SCALE, VAE


def plain_loss(
    vae: VAE,
    dosages: Tensor,
    called: Tensor,
    haplotypes: Tensor,
    conditions: Tensor,
    noise: Tensor,
) -> tuple[Tensor, Tensor]:
    """Reconstruction loss and KL divergence of each individual (n,); arguments as in `VAE.forward`."""
    mean, log_variance = _encode(vae, dosages)
    latents = mean + noise * (log_variance / 2).exp()
    first, second = (_log_odds(vae, latents, haplotypes[:, h], conditions) for h in range(2))
    p, s = first.sigmoid(), second.sigmoid()
    hardy = torch.stack([(1 - p) * (1 - s), p * (1 - s) + s * (1 - p), p * s])
    within = torch.stack([(1 - ERROR) * (1 - p), torch.full_like(p, ERROR), (1 - ERROR) * p])
    index = dosages.long().unsqueeze(0)
    outside, inside = (table.gather(0, index)[0].where(called, 1) for table in (hardy, within))
    log_likelihood = outside.log().sum(dim=1)
    if (chain := vae.inbreeding) is not None:
        copied, gain = torch.zeros(2, len(dosages), dtype=torch.float64)
        for j, stay in enumerate(chain.stay()):
            copied = stay * copied + (1 - stay) * chain.share()
            ratio = inside[:, j] / outside[:, j]
            factor = 1 - copied + copied * ratio
            copied, gain = copied * ratio / factor, gain + factor.log()
        inbred = chain.log_odds(latents).sigmoid()
        log_likelihood = log_likelihood + (1 - inbred + inbred * gain.exp()).log()
    return -log_likelihood, vae.kl_estimate(latents, noise, log_variance)


def _encode(vae: VAE, dosages: Tensor) -> tuple[Tensor, Tensor]:
    size, total = vae.blocks.shape[1], torch.zeros((), dtype=torch.float64)
    for block, neighbours in enumerate(vae.neighbourhood.tolist()):
        inputs = torch.zeros(len(dosages), 3, 2, size, dtype=torch.float64)
        for place, neighbour in enumerate(neighbours):
            if neighbour == PADDING:
                continue
            for position, variant in enumerate(_variants(vae, neighbour).tolist()):
                p = vae.frequency[variant]
                inputs[:, place, 0, position] = dosages[:, variant] - 2 * p
                heterozygous = (dosages[:, variant] == 1).double()
                inputs[:, place, 1, position] = heterozygous - 2 * p * (1 - p)
        hidden = inputs.flatten(1) @ vae.encoder_in.weight[block] + vae.encoder_in.bias[block]
        total = total + F.silu(hidden) @ vae.encoder_sum.weight[block] + vae.encoder_sum.bias[block]
    summary = vae.encoder_out(F.silu(total / math.sqrt(len(vae.blocks))))
    return summary[:, : vae.n_latents], summary[:, vae.n_latents :].clamp(-10, 5)


def _log_odds(vae: VAE, latents: Tensor, haplotype: Tensor, conditions: Tensor) -> Tensor:
    """Log odds (n, m) of the effect allele on one haplotype (n, m)."""
    centred = ALLELE_SCALE * (haplotype - vae.frequency)
    decoder, network, linear = vae.decoder, {}, []
    for block, (_, before, _) in enumerate(vae.neighbourhood.tolist()):
        own = _variants(vae, block)
        weight = (decoder.within.weight[block] * decoder.input_mask)[: len(own)]
        hidden = (
            centred[:, own] @ weight + decoder.within.bias[block] + decoder.previous.bias[block]
        )
        hidden = hidden + latents @ decoder.latents.weight[block] + decoder.latents.bias[block]
        if before != PADDING:
            earlier = _variants(vae, before)
            hidden = hidden + centred[:, earlier] @ decoder.previous.weight[block, : len(earlier)]
        weight = decoder.output.weight[block] * decoder.output_mask
        logits = F.silu(hidden) @ weight + decoder.output.bias[block]
        network |= {variant: logits[:, i] for i, variant in enumerate(own.tolist())}
    for variant, parents in enumerate(vae.parents):
        known = parents[parents != PADDING]
        start = vae.log_odds[variant, 0].expand(len(haplotype))
        if len(known):
            start = vae.log_odds[variant][haplotype[:, known[0]].long()]
        linear.append(start + centred[:, known] @ vae.parent_effect[variant, : len(known)])
    logits = torch.stack([network[j] + linear[j] for j in range(vae.n_variants)], dim=1)
    return logits + latents @ vae.latent_effect + conditions @ vae.bias


def _variants(vae: VAE, block: int) -> Tensor:
    """Indices of the variants of a block."""
    return vae.blocks[block][vae.blocks[block] != PADDING]
