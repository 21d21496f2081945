"""Networks of the published design: autoencoder, discriminator and U-Net over a sequence of variants."""

import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WIDTHS = (32, 32, 64, 64, 128, 128)  # of the first convolution and of the five levels
BASE, MULTIPLIERS = 64, (1, 2, 4)
HEADS = 8
CONTEXT = 128
BLOCKS = 2  # residual blocks per level


def normalise(width: int) -> nn.GroupNorm:
    """Group normalisation with 32 groups."""
    return nn.GroupNorm(32, width, eps=1e-6)


def convolve(inputs: int, outputs: int, stride: int = 1) -> nn.Conv1d:
    """A convolution with kernel 3."""
    return nn.Conv1d(inputs, outputs, 3, stride, padding=1)


class Residual(nn.Module):
    """Two normalised convolutions with a shortcut; `time` is the width of the time embedding, or 0."""

    def __init__(self, inputs: int, outputs: int, time: int = 0) -> None:
        """From `inputs` to `outputs` channels."""
        super().__init__()
        self.first = nn.Sequential(normalise(inputs), nn.SiLU(), convolve(inputs, outputs))
        self.time = nn.Sequential(nn.SiLU(), nn.Linear(time, outputs)) if time else None
        self.second = nn.Sequential(normalise(outputs), nn.SiLU(), convolve(outputs, outputs))
        self.shortcut = nn.Conv1d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, x: Tensor, time: Tensor | None = None) -> Tensor:
        """(n, inputs, length) to (n, outputs, length)."""
        hidden = self.first(x)
        if self.time is not None:
            hidden = hidden + self.time(time).unsqueeze(2)
        return self.shortcut(x) + self.second(hidden)


class Attention(nn.Module):
    """Attention of (n, length, width) to itself or to a context (n, tokens, context)."""

    def __init__(self, width: int, context: int, heads: int, bias: bool = False) -> None:
        """`bias` of queries, keys and values."""
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width, bias)
        self.key = nn.Linear(context, width, bias)
        self.value = nn.Linear(context, width, bias)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        """(n, length, width)."""
        query, key, value = (
            part.unflatten(2, (self.heads, -1)).transpose(1, 2)
            for part in (self.query(x), self.key(context), self.value(context))
        )
        attended = F.scaled_dot_product_attention(query, key, value)
        return self.out(attended.transpose(1, 2).flatten(2))


class SelfAttention(nn.Module):
    """One attention head over the bottleneck with a shortcut, without position encoding."""

    def __init__(self, width: int) -> None:
        """Of (n, width, length)."""
        super().__init__()
        self.norm = normalise(width)
        self.attention = Attention(width, width, heads=1, bias=True)

    def forward(self, x: Tensor) -> Tensor:
        """(n, width, length)."""
        tokens = self.norm(x).mT
        return x + self.attention(tokens, tokens).mT


class Autoencoder(nn.Module):
    """One-hot genotypes (n, 3, length) to latents (n, 1, length / 16) and back to logits."""

    def __init__(self) -> None:
        """Set up the networks, with one learned log variance of the reconstruction."""
        super().__init__()
        levels = list(pairwise(WIDTHS))
        deepest = WIDTHS[-1]
        down: list[nn.Module] = [convolve(3, WIDTHS[0])]
        for number, (inputs, outputs) in enumerate(levels):
            down += [Residual(inputs, outputs)]
            down += [Residual(outputs, outputs) for _ in range(BLOCKS - 1)]
            down += [convolve(outputs, outputs, stride=2)] if number < len(levels) - 1 else []
        ends = [normalise(deepest), nn.SiLU(), convolve(deepest, 2), nn.Conv1d(2, 2, 1)]
        self.encoder = nn.Sequential(*down, *_middle(deepest), *ends)

        up: list[nn.Module] = [nn.Conv1d(1, 1, 1), convolve(1, deepest), *_middle(deepest)]
        width = deepest
        for number, outputs in reversed(list(enumerate(WIDTHS[1:]))):
            up += [Residual(width, outputs)]
            up += [Residual(outputs, outputs) for _ in range(BLOCKS)]
            up += [nn.Upsample(scale_factor=2), convolve(outputs, outputs)] if number > 0 else []
            width = outputs
        self.decoder = nn.Sequential(*up, normalise(width), nn.SiLU())
        self.last = convolve(width, 3)
        self.log_variance = nn.Parameter(torch.zeros(()))

    def encode(self, onehot: Tensor) -> tuple[Tensor, Tensor]:
        """Posterior mean and log variance, (n, 1, length / 16) each."""
        mean, log_variance = self.encoder(onehot).float().chunk(2, dim=1)
        return mean, log_variance.clamp(-30, 20)

    def decode(self, latents: Tensor) -> Tensor:
        """Genotype logits (n, 3, length)."""
        return self.last(self.decoder(latents))


def _middle(width: int) -> list[nn.Module]:
    return [Residual(width, width), SelfAttention(width), Residual(width, width)]


class Discriminator(nn.Sequential):
    """PatchGAN discriminator of genotypes (n, 3, length) (Isola et al. 2017, three layers)."""

    def __init__(self, width: int = 64) -> None:
        """`width` channels in the first layer."""
        layers: list[nn.Module] = [nn.Conv1d(3, width, 4, 2, 1), nn.LeakyReLU(0.2)]
        for stride in (2, 2, 1):
            layers += [nn.Conv1d(width, 2 * width, 4, stride, 1, bias=False)]
            layers += [nn.BatchNorm1d(2 * width), nn.LeakyReLU(0.2)]
            width *= 2
        super().__init__(*layers, nn.Conv1d(width, 1, 4, 1, 1))


class Transformer(nn.Module):
    """Self-attention, cross-attention to the label and a gated feed-forward net, with shortcuts."""

    def __init__(self, width: int) -> None:
        """Of (n, width, length)."""
        super().__init__()
        self.norm = normalise(width)
        self.enter, self.leave = nn.Conv1d(width, width, 1), nn.Conv1d(width, width, 1)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.own = Attention(width, width, HEADS)
        self.label = Attention(width, CONTEXT, HEADS)
        self.gate, self.feed = nn.Linear(width, 8 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        """(n, width, length), given the label's embedding (n, 1, `CONTEXT`)."""
        tokens = self.enter(self.norm(x)).mT
        seen = self.norms[0](tokens)
        tokens = tokens + self.own(seen, seen)
        tokens = tokens + self.label(self.norms[1](tokens), context)
        value, gate = self.gate(self.norms[2](tokens)).chunk(2, dim=2)
        tokens = tokens + self.feed(value * F.gelu(gate))
        return x + self.leave(tokens.mT)


class Stage(nn.Module):
    """A residual block and the transformer after it."""

    def __init__(self, inputs: int, outputs: int) -> None:
        """From `inputs` to `outputs` channels."""
        super().__init__()
        self.residual = Residual(inputs, outputs, 4 * BASE)
        self.transformer = Transformer(outputs)

    def forward(self, x: Tensor, time: Tensor, context: Tensor) -> Tensor:
        """(n, outputs, length)."""
        return self.transformer(self.residual(x, time), context)


class UNet(nn.Module):
    """Noise in latents (n, 1, length), given time and class; length a multiple of 4."""

    def __init__(self, classes: int) -> None:
        """The label embedding has one row per class; a masked label is a vector of zeros."""
        super().__init__()
        self.embedding = nn.Embedding(classes, CONTEXT)
        self.time = nn.Sequential(
            nn.Linear(BASE, 4 * BASE), nn.SiLU(), nn.Linear(4 * BASE, 4 * BASE)
        )
        self.enter = convolve(1, BASE)
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        widths, width = [BASE], BASE
        for number, multiplier in enumerate(MULTIPLIERS):
            for _ in range(BLOCKS):
                self.down.append(Stage(width, BASE * multiplier))
                width = BASE * multiplier
                widths.append(width)
            if number < len(MULTIPLIERS) - 1:
                self.down.append(convolve(width, width, stride=2))
                widths.append(width)
        self.middle = Stage(width, width)
        self.after = Residual(width, width, 4 * BASE)
        for number, multiplier in reversed(list(enumerate(MULTIPLIERS))):
            for block in range(BLOCKS + 1):
                self.up.append(Stage(width + widths.pop(), BASE * multiplier))
                width = BASE * multiplier
                if number > 0 and block == BLOCKS:
                    self.up.append(
                        nn.Sequential(nn.Upsample(scale_factor=2), convolve(width, width))
                    )
        self.leave = nn.Sequential(normalise(width), nn.SiLU(), convolve(width, 1))

    def forward(self, noisy: Tensor, time: Tensor, classes: Tensor, keep: Tensor) -> Tensor:
        """The noise; `time` float (n,) of 0 to 999, `classes` (n,), `keep` (n,) whose label is shown."""
        context = (self.embedding(classes) * keep.unsqueeze(1)).unsqueeze(1)
        embedded = self.time(embed_time(time, BASE))
        x = self.enter(noisy)
        skipped = [x]
        for layer in self.down:
            x = layer(x, embedded, context) if isinstance(layer, Stage) else layer(x)
            skipped.append(x)
        x = self.after(self.middle(x, embedded, context), embedded)
        for layer in self.up:
            if isinstance(layer, Stage):
                x = layer(torch.cat([x, skipped.pop()], dim=1), embedded, context)
            else:
                x = layer(x)
        return self.leave(x)


def embed_time(time: Tensor, width: int) -> Tensor:
    """Cosines and sines of `time` at frequencies from 1 down to 1 / 10,000, float (n, width)."""
    half = width // 2
    frequency = torch.exp(-math.log(10_000) * torch.arange(half, device=time.device) / half)
    angle = time.unsqueeze(1) * frequency
    return torch.cat([angle.cos(), angle.sin()], dim=1)
