"""Phasing: haplotypes of observed genotypes, sampled from the decoder by a particle filter.

Sequential Monte Carlo (Gordon et al. 1993) with systematic resampling (Kitagawa 1996). Each particle
is one possible phase of an individual's genotypes. A heterozygous genotype is phased given only the
preceding alleles. With a single particle, phase errors in these alleles would weaken LD. Therefore several
particles are used. After each block of adjacent variants, the particles are resampled in proportion to the
likelihood of the block's genotypes.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from snpgen.generator.decoding import BATCH, decode
from snpgen.generator.vae import VAE, genotype_log_likelihood

PARTICLES = 8  # per individual


class ParticleFilter:
    """Particles of several individuals; `propose` and `resample` are passed to `decode`."""

    def __init__(self, vae: VAE, dosages: Tensor, count: int, generator: torch.Generator) -> None:
        """Use `count` particles for each of n individuals with `dosages` int8 (n, m)."""
        self.vae, self.count, self.n, self.generator = vae, count, len(dosages), generator
        self.dosages = dosages.T.repeat_interleave(count, dim=1)
        self.log_likelihood = torch.zeros(self.dosages.shape, device=dosages.device)

    def propose(self, logits: Tensor, variants: Tensor) -> Tensor:
        """Return alleles that match the observed genotypes; the phase is sampled."""
        genotypes = self.dosages[variants]
        self.log_likelihood[variants] = genotype_log_likelihood(logits.unbind(dim=2), genotypes)
        uniform = torch.rand(genotypes.shape, generator=self.generator, device=logits.device)
        first = uniform < (logits[..., 0] - logits[..., 1]).sigmoid()
        pair = torch.stack([first, ~first], dim=2)
        return torch.where(genotypes.unsqueeze(2) == 1, pair, genotypes.unsqueeze(2) == 2).float()

    def resample(self, blocks: Tensor) -> Tensor:
        """Resample the particles of each individual separately for each of `blocks` (k,).

        Returns the indices of the selected particles, int64 (k, n x count). A particle is selected with a
        probability proportional to the likelihood of the block's genotypes.
        """
        rows = []
        first = self.count * torch.arange(self.n, device=blocks.device).unsqueeze(1)
        for block in blocks.tolist():
            total = self.log_likelihood[self.vae.variants_of(block)].sum(dim=0)
            cumulative = total.unflatten(0, (self.n, self.count)).softmax(dim=1).cumsum(dim=1)
            start = torch.rand(self.n, 1, generator=self.generator, device=blocks.device)
            point = (torch.arange(self.count, device=blocks.device) + start) / self.count
            chosen = torch.searchsorted(cumulative, point).clamp(max=self.count - 1)
            rows.append((first + chosen).flatten())
        return torch.stack(rows)

    def select(self, haplotypes: Tensor) -> Tensor:
        """One random particle per individual and chromosome, int8 (n, 2, m).

        `haplotypes` (n x count, 2, m) as `decode` returns them.
        """
        selected = torch.empty_like(haplotypes[:: self.count])
        first = self.count * torch.arange(self.n, device=selected.device)
        for variants in self.vae.variants_by_chromosome():
            uniform = torch.rand(self.n, generator=self.generator, device=selected.device)
            row = first + (uniform * self.count).long()
            selected[:, :, variants] = haplotypes[:, :, variants][row]
        return selected


def phase(vae: VAE, dosages: Tensor, conditions: Tensor, generator: torch.Generator) -> Tensor:
    """Sampled haplotypes, int8 (n, 2, m), of dosages int8 (n, m) without missing calls."""
    return torch.cat(list(phase_in_batches(vae, dosages, conditions, generator)))


def phase_in_batches(
    vae: VAE, dosages: Tensor, conditions: Tensor, generator: torch.Generator
) -> Iterator[Tensor]:
    """The result of `phase` in consecutive batches of individuals."""
    for start in range(0, len(dosages), BATCH // PARTICLES):
        rows = slice(start, start + BATCH // PARTICLES)
        particles = ParticleFilter(vae, dosages[rows], PARTICLES, generator)
        latents, own_conditions = (
            array.repeat_interleave(PARTICLES, dim=0)
            for array in (vae.sample_posterior(dosages[rows], generator), conditions[rows])
        )
        haplotypes = decode(vae, latents, own_conditions, particles.propose, particles.resample)
        yield particles.select(haplotypes)
