"""How long and how fast the networks train, from the number of training people."""

import math

_PEOPLE = 8_000  # where the figures below were measured
_STEPS = {"vae": 800, "diffusion": 1500}
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
