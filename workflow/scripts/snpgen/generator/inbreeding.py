"""Homozygosity by descent (HBD): segments where the second haplotype of an individual is a copy of the first.

An individual is inbred with a probability that depends on the latents. Along a chromosome of an inbred individual, a
Markov chain with two states says whether the second haplotype is a copy (Leutenegger et al. 2003, doi 10.1086/378207;
with allele frequencies that are estimated together with the chain, Vieira et al. 2016, doi
10.1093/bioinformatics/btw212). Between adjacent variants d Morgans apart, the state stays the same with probability
exp(-rate d); otherwise it is drawn anew, and the second haplotype is then a copy with the probability `share`, which is
therefore the expected inbreeding coefficient of an inbred individual. Share and rate are the same for all inbred
individuals. Not all individuals are inbred, because latents hardly distinguish the children of cousins.

Where the second haplotype is a copy, a genotype is homozygous with the allele of the first haplotype, except
for a genotyping error.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

ERROR = 1e-3  # probability of a heterozygous genotype in a segment, by a genotyping error
_MORGAN = 1e8  # bp, for an average of 1 cM per Mb
_START_INBRED, _START_SHARE, _START_RATE = 0.1, 0.1, 10.0
MAX_RATE = 30.0  # per Morgan; shorter segments are LD, which the decoder models
# Multiplies the parameters. An optimiser changes all parameters at about the same rate, and the log odds have a long
# way from their start to inbred lines.
_SCALE = 10.0
_MAX_LOG = 60.0  # of the inverse of a probability; beyond it, float32 would overflow


class Inbreeding(nn.Module):
    """Who is inbred, and the chain along the genome: summed out by the forward algorithm, or drawn."""

    distance: Tensor
    linked: Tensor

    def __init__(self, chromosomes: np.ndarray, positions: Sequence[int], latents: int) -> None:
        """Set up the chain for variants at `positions` (m,) in bp, in genomic order on `chromosomes` (m,).

        A position that is not above the preceding one on the chromosome has a distance of 0. `latents` is a number
        of columns.
        """
        super().__init__()
        linked = np.append(False, chromosomes[1:] == chromosomes[:-1])
        distance = np.diff(np.asarray(positions, dtype=np.float64), prepend=0).clip(min=0) / _MORGAN
        for name, values in (
            ("distance", np.where(linked, distance, 0).astype(np.float32)),
            ("linked", linked.astype(np.float32)),  # to the variant before
        ):
            self.register_buffer(name, torch.from_numpy(values), persistent=False)
        start = torch.tensor([_START_RATE / MAX_RATE, _START_SHARE, _START_INBRED])
        start = torch.logit(start) / _SCALE
        self.leaving = nn.Parameter(start[0].clone())
        self.level = nn.Parameter(start[1].clone())
        self.bias = nn.Parameter(start[2].clone())
        self.effect = nn.Parameter(torch.zeros(latents))

    def log_odds(self, latents: Tensor) -> Tensor:
        """Log odds (n,) that an individual is inbred, given the latents (n, latents)."""
        return _SCALE * (self.bias + (latents * self.effect).sum(dim=1))

    def share(self) -> Tensor:
        """Expected share of the genome of an inbred individual in segments."""
        return (_SCALE * self.level).sigmoid()

    def coefficient(self, latents: Tensor) -> Tensor:
        """Expected inbreeding coefficient (n,), given the latents (n, latents)."""
        return self.log_odds(latents).sigmoid() * self.share()

    def rate(self) -> Tensor:
        """Rate per Morgan at which the state is drawn anew, between 0 and `MAX_RATE`."""
        return MAX_RATE * (_SCALE * self.leaving).sigmoid()

    def stay(self) -> Tensor:
        """Probability that the state stays the same since the preceding variant, (m,).

        It is 0 at the first variant of a chromosome.
        """
        return self.linked * (-self.rate() * self.distance).exp()

    def over_all(self, gain: Tensor, latents: Tensor) -> Tensor:
        """Gain in log likelihood (..., n) of an individual that may be inbred or not.

        `gain` (..., n) is that of an inbred individual; `latents` (n, latents).
        """
        odds = self.log_odds(latents)
        return torch.logaddexp(F.logsigmoid(-odds), F.logsigmoid(odds) + gain)

    def log_likelihood_gain(self, excess: Tensor, stay: Tensor, latents: Tensor) -> Tensor:
        """Gain in log likelihood (n,), with the states of the chain and whether the individual is inbred summed out.

        `excess` (m, n) is from `genotype_excess`, `stay` (m,) from the method `stay`. Each variant has a matrix of
        the probabilities of its state and genotype given the state before. Matrices of adjacent variants are
        multiplied until one is left.
        """
        stay = stay.unsqueeze(1)
        fresh = (1 - stay) * self.share()
        ratio = 1 + excess
        # Matrices are divided by a constant. Its logarithm is added in the end.
        scale = ratio.detach().clamp(min=1)
        gain = scale.log().sum(dim=0)
        outside, inside = 1 / scale, ratio / scale
        rows = [(1 - fresh) * outside, fresh * inside]
        rows += [(1 - stay - fresh) * outside, (stay + fresh) * inside]
        matrices = torch.stack(rows).unflatten(0, (2, 2))
        after = torch.eye(2, device=excess.device).unsqueeze(2)  # left over from an odd number
        while matrices.shape[2] > 1:
            if matrices.shape[2] % 2:
                after = _multiply(matrices[:, :, -1], after)
                matrices = matrices[:, :, :-1]
            matrices = _multiply(matrices[:, :, ::2], matrices[:, :, 1::2])
            scale = matrices.detach().sum(dim=(0, 1))
            gain = gain + scale.log().sum(dim=0)
            matrices = matrices / scale
        total = _multiply(matrices[:, :, 0], after)
        return self.over_all(gain + total[0].sum(dim=0).log(), latents)

    @torch.no_grad()
    def sample(self, latents: Tensor, generator: torch.Generator) -> Tensor:
        """Draw where the second haplotype is a copy, bool (m, n)."""
        probability = self.log_odds(latents).sigmoid()
        uniform = torch.rand(probability.shape, generator=generator, device=probability.device)
        share = (uniform < probability) * self.share()
        copied = share.new_zeros(len(self.linked), len(share), dtype=torch.bool)
        state = copied[0]
        for j, stay in enumerate(self.stay().tolist()):
            uniform = torch.rand(share.shape, generator=generator, device=share.device)
            # Below 1 - stay, the state is drawn anew.
            state = (uniform < (1 - stay) * share) | (state & (uniform >= 1 - stay))
            copied[j] = state
        return copied


def _multiply(first: Tensor, second: Tensor) -> Tensor:
    """Products of matrices (2, 2, ...)."""
    return first[:, :1] * second[:1] + first[:, 1:] * second[1:]


def genotype_excess(
    second: Tensor, log_likelihood: Tensor, dosages: Tensor, called: Tensor | int = 1
) -> Tensor:
    """Probability of a genotype in a segment, divided by its probability elsewhere, minus 1; all of one shape.

    `second` is the log odds of the second haplotype, `log_likelihood` the log probability of the genotype
    `dosages` outside segments. The allele of the first haplotype has the same probability in both states. A
    genotype that is not `called` says nothing of the state (0).
    """
    heterozygous = (dosages == 1).to(second.dtype)
    # A heterozygote: 1 / likelihood. A homozygote: 1 / probability of the second allele - 1.
    inverse = torch.addcmul((1 - dosages) * second, heterozygous, log_likelihood, value=-1)
    inverse = inverse.clamp(max=_MAX_LOG).exp()
    scale = called * ((1 - ERROR) + (2 * ERROR - 1) * heterozygous)
    return torch.addcmul(called * ((ERROR - 1) * heterozygous - ERROR), scale, inverse)


def copy_first(values: Tensor, copied: Tensor) -> Tensor:
    """Replace the value of the second haplotype by that of the first where `copied` (...), for values (..., 2)."""
    first, second = values.unbind(dim=-1)
    return torch.stack([first, torch.where(copied, first, second)], dim=-1)
