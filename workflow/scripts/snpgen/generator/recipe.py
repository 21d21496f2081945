"""How large the networks are and how they train, from the numbers of training people and variants."""

import math

_PEOPLE = 8_000  # where the figures below were measured
_STEPS = {"vae": 800, "diffusion": 1500}
_BATCH = {"vae": 256, "diffusion": 1024}
_BLOCK, _LARGEST_BLOCK, _HIDDEN = 16, 64, 64
_VARIANTS, _EFFECTIVE = 512, 400  # on a panel, and as many as LD leaves independent
_LARGEST_DECAY = 4.0


def complete_recipe(settings: dict, model: str, n_people: int) -> dict:
    """Settings of `model` (vae or diffusion) with the training that is null in the config filled in.

    The number of steps grows with the square root of the number of people, and the batch with the
    rest.
    """
    factor = math.sqrt(n_people / _PEOPLE)
    batch = 2 ** round(math.log2(_BATCH[model] * max(factor, 0.25)))
    wanted = {"steps": round(_STEPS[model] * max(factor, 0.5)), "batch_size": min(batch, 2048)}
    return _fill(settings, wanted)


def complete_network(settings: dict, n_people: int, n_variants: int, n_effective: float) -> dict:
    """Settings of the autoencoder with the network and the decay of its weights filled in.

    Blocks are as long as LD makes them: variants over independent ones, up to a power of two.
    Weights decay more for few people, many variants and little LD: what they learn of these very people
    falls with their number and adds up over the panel, and where LD is strong there is more to learn
    that is true of others. `n_effective` of the variants are independent (`effective_snps`); NaN, if
    none varies, counts as one.
    """
    effective = n_effective if n_effective >= 1 else 1.0
    block = 2 ** math.ceil(math.log2(n_variants / effective))
    block = settings["block_size"] or min(max(block, _BLOCK), _LARGEST_BLOCK)
    panel = math.sqrt(n_variants / _VARIANTS) * (effective / _EFFECTIVE) ** 0.25
    wanted = {
        "block_size": block,
        "hidden": max(_HIDDEN, 2 * block),
        "weight_decay": min(panel * _PEOPLE / n_people, _LARGEST_DECAY),
    }
    return _fill(settings, wanted)


def _fill(settings: dict, wanted: dict) -> dict:
    return settings | {name: value for name, value in wanted.items() if settings[name] is None}
