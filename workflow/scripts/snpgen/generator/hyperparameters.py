"""Defaults that depend on the cohort and the panel: network size, training length, size of the synthetic cohort."""

import math

# Training individuals for which the defaults below were tuned. The rules for more individuals are from
# tests/benchmarks/learning_curve.py, with 14,000 and 70,000.
_SAMPLES = 8_000
_STEPS = {"vae": 800, "diffusion": 1500}
_BATCH_SIZE = {"vae": 256, "diffusion": 1024}
_BLOCK, _MAX_BLOCK, _HIDDEN = 16, 64, 64
# Number of hidden units of large models, and the minimum numbers of individuals and variants for it.
_WIDE, _WIDE_SAMPLES, _WIDE_VARIANTS = 128, 10_000, 1_024
_VARIANTS, _EFFECTIVE = 512, 400  # variants of a panel for which weight decay is 1
_MAX_DECAY = 4.0
_LEARNING_RATE = {"vae": 0.01, "diffusion": 0.003}
# Models whose penalty or stopping time is chosen within the synthetic cohort need more individuals than those of
# a small training set. Allele frequencies are exact, so what one part of the cohort has by chance, the others have
# with the opposite sign.
_SMALL, _ENOUGH, _MAX_MULTIPLE = 5_000, 7_000, 4.0
# The noise of DP-SGD grows with the numbers of weights and steps. Therefore the network is small, and
# training has few steps with a high learning rate.
_DP_STEPS, _DP_BATCH_SIZE, _DP_HIDDEN, _DP_LEARNING_RATE = 240, 1024, 8, 0.03


def complete_training(settings: dict, model: str, n_samples: int, dp: bool = False) -> dict:
    """Fill in steps, batch size and learning rate of `model` (vae or diffusion) where they are null.

    The batch size grows with the square root of the number of individuals. So does the number of steps up to
    8,000 individuals; above, it grows with the fourth root, because the batches are larger.
    `dp` selects the defaults for differential privacy.
    """
    factor = math.sqrt(n_samples / _SAMPLES)
    if dp:
        steps, rate = _DP_STEPS, _DP_LEARNING_RATE
        batch = min(n_samples, 2 ** round(math.log2(_DP_BATCH_SIZE * factor)))
    else:
        steps, rate = _STEPS[model], _LEARNING_RATE[model]
        batch = min(2 ** round(math.log2(_BATCH_SIZE[model] * max(factor, 0.25))), 2048)
        factor = min(factor, math.sqrt(factor))
    steps = round(steps * max(factor, 0.5))
    return _fill(settings, {"steps": steps, "batch_size": batch, "learning_rate": rate})


def complete_network(settings: dict, n_samples: int, n_variants: int, n_effective: float) -> dict:
    """Fill in block size, hidden units and weight decay of the autoencoder where they are null.

    The block size is the ratio of variants to effective variants, rounded up to a power of two between 16 and
    64. Blocks are therefore longer in strong LD. There are 128 hidden units for at least 10,000 individuals
    and 1,024 variants, otherwise 64, and at least twice the block size. Weight decay is larger for few
    individuals, many variants and weak LD, because overfitting decreases with the number of individuals and
    increases with the number of independent variants. It is rounded to three digits, because the last digits
    of `n_effective` depend on the processor, and a checkpoint belongs to one value. `n_effective` is the
    effective number of variants; NaN (all variants are monomorphic) counts as 1.
    """
    effective = n_effective if n_effective >= 1 else 1.0
    block = 2 ** math.ceil(math.log2(n_variants / effective))
    block = settings["block_size"] or min(max(block, _BLOCK), _MAX_BLOCK)
    panel = math.sqrt(n_variants / _VARIANTS) * (effective / _EFFECTIVE) ** 0.25
    is_wide = n_samples >= _WIDE_SAMPLES and n_variants >= _WIDE_VARIANTS
    defaults = {
        "block_size": block,
        "hidden": max(_WIDE if is_wide else _HIDDEN, 2 * block),
        "weight_decay": float(f"{min(panel * _SAMPLES / n_samples, _MAX_DECAY):.3g}"),
    }
    return _fill(settings, defaults)


def size_multiple(training: float, size: float | None) -> float:
    """Size of a synthetic cohort as a multiple of the `training` individuals.

    If `size` is None, it is 1, but fewer than 5,000 training individuals give a cohort of 7,000, at most four
    times as many.
    """
    if size is not None:
        return size
    return min(_MAX_MULTIPLE, _ENOUGH / max(training, 1)) if training < _SMALL else 1.0


def complete_for_dp(settings: dict[str, dict], n_samples: int) -> dict[str, dict]:
    """Fill in the sections vae and diffusion of `settings` for differential privacy.

    The defaults depend only on public numbers.
    """
    vae, diffusion = (
        complete_training(settings[model], model, n_samples, dp=True)
        for model in ("vae", "diffusion")
    )
    block = vae["block_size"] or _BLOCK
    defaults = {"block_size": block, "hidden": max(_DP_HIDDEN, block // 2), "weight_decay": 0.0}
    return {"vae": _fill(vae, defaults), "diffusion": diffusion}


def _fill(settings: dict, defaults: dict) -> dict:
    return settings | {name: value for name, value in defaults.items() if settings[name] is None}
