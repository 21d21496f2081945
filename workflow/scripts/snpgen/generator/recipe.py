"""How large the networks are and how they train, from the numbers of training people and variants."""

import math

_SAMPLES = 8_000  # where most figures below were measured
_STEPS = {"vae": 800, "diffusion": 1500}
_BATCH = {"vae": 256, "diffusion": 1024}
_BLOCK, _LARGEST_BLOCK, _HIDDEN = 16, 64, 64
_VARIANTS, _EFFECTIVE = 512, 400  # on a panel, and as many as LD leaves independent
_LARGEST_DECAY = 4.0
_RATE = {"vae": 0.01, "diffusion": 0.003}
# With differential privacy noise goes by the number of weights and steps: small networks, few large steps.
_PRIVATE_STEPS, _PRIVATE_BATCH, _PRIVATE_HIDDEN, _PRIVATE_RATE = 240, 1024, 8, 0.03


def complete_recipe(settings: dict, model: str, n_samples: int, private: bool = False) -> dict:
    """Settings of `model` (vae or diffusion) with the training that is null in the config filled in.

    The number of steps grows with the square root of the number of people, and the batch with the
    rest. `private`: with differential privacy.
    """
    factor = math.sqrt(n_samples / _SAMPLES)
    if private:
        batch = min(n_samples, 2 ** round(math.log2(_PRIVATE_BATCH * factor)))
        steps = round(_PRIVATE_STEPS * max(factor, 0.5))
        return _fill(
            settings, {"steps": steps, "batch_size": batch, "learning_rate": _PRIVATE_RATE}
        )
    batch = 2 ** round(math.log2(_BATCH[model] * max(factor, 0.25)))
    wanted = {"steps": round(_STEPS[model] * max(factor, 0.5)), "batch_size": min(batch, 2048)}
    wanted["learning_rate"] = _RATE[model]
    return _fill(settings, wanted)


def complete_network(settings: dict, n_samples: int, n_variants: int, n_effective: float) -> dict:
    """Settings of the autoencoder with the network and the decay of its weights filled in.

    Blocks are as long as LD makes them: variants over independent ones, up to a power of two.
    Weights decay more for few people, many variants and little LD: what they learn of these very people
    falls with their number and adds up over the panel, and where LD is strong there is more to learn
    that is true of others. `n_effective` of the variants are independent (`effective_variants`); NaN, if
    none varies, counts as one.
    """
    effective = n_effective if n_effective >= 1 else 1.0
    block = 2 ** math.ceil(math.log2(n_variants / effective))
    block = settings["block_size"] or min(max(block, _BLOCK), _LARGEST_BLOCK)
    panel = math.sqrt(n_variants / _VARIANTS) * (effective / _EFFECTIVE) ** 0.25
    wanted = {
        "block_size": block,
        "hidden": max(_HIDDEN, 2 * block),
        "weight_decay": min(panel * _SAMPLES / n_samples, _LARGEST_DECAY),
    }
    return _fill(settings, wanted)


def dp_recipes(settings: dict[str, dict], n_samples: int) -> dict[str, dict]:
    """Both sections, vae and diffusion, of `settings` filled in for differential privacy."""
    vae, diffusion = (
        complete_recipe(settings[model], model, n_samples, private=True)
        for model in ("vae", "diffusion")
    )
    return {"vae": complete_dp_network(vae), "diffusion": diffusion}


def complete_dp_network(settings: dict) -> dict:
    """`complete_network` for differential privacy, by nothing that the people tell."""
    block = settings["block_size"] or _BLOCK
    wanted = {"block_size": block, "hidden": max(_PRIVATE_HIDDEN, block // 2), "weight_decay": 0.0}
    return _fill(settings, wanted)


def _fill(settings: dict, wanted: dict) -> dict:
    return settings | {name: value for name, value in wanted.items() if settings[name] is None}
