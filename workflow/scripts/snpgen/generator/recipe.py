"""How long and how fast the networks train, from the number of training people."""

import math

_PEOPLE = 8_000  # where the figures below were measured
_STEPS = {"vae": 800, "diffusion": 1500}
_VARIANTS, _EFFECTIVE = 512, 400  # on the panel, and as many as LD leaves independent, likewise
_LARGEST_DECAY = 4.0
_BATCH = {"vae": 256, "diffusion": 1024}


def complete_recipe(settings: dict, model: str, n_people: int) -> dict:
    """Settings of `model` (vae or diffusion) with what is null in the config filled in.

    The number of steps grows with the square root of the number of people, and the batch with the
    rest.
    """
    factor = math.sqrt(n_people / _PEOPLE)
    batch = 2 ** round(math.log2(_BATCH[model] * max(factor, 0.25)))
    wanted = {"steps": round(_STEPS[model] * max(factor, 0.5)), "batch_size": min(batch, 2048)}
    return settings | {name: value for name, value in wanted.items() if settings[name] is None}


def weight_decay(n_people: int, n_variants: int, n_effective: float) -> float:
    """Decay of the autoencoder's weights: more for few people, many variants and little LD.

    What weights learn of these very people falls with their number and adds up over the panel, and
    where LD is strong there is more to learn that is true of others. `n_effective` of the variants are
    independent; NaN, if none varies, counts as one.
    """
    effective = n_effective if n_effective >= 1 else 1.0
    panel = math.sqrt(n_variants / _VARIANTS * effective / _EFFECTIVE)
    return min(panel * _PEOPLE / n_people, _LARGEST_DECAY)
