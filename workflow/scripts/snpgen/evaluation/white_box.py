"""Attacks by somebody who has the models: their losses on a person, and those of shadow models."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from snpgen.evaluation.attacks import attack_estimates, shadow_scores
from snpgen.evaluation.intervals import Estimates, Key
from snpgen.evaluation.membership import RARE, Sides
from snpgen.io.panel import Panel, read_samples
from snpgen.messages import InputError

PARTS = ["vae", "denoiser"]  # of the attack by loss


def read_losses(path: str, panel: Panel) -> pd.DataFrame:
    """A table of losses with a row a person of the panel, in its order; raises `InputError`."""
    table = read_samples(path)
    if table.IID.tolist() != panel.iid.tolist():
        raise InputError(
            f"{path}: its people are not those of the panel: delete it, to make it again"
        )
    return table


def read_scores(losses: Sequence[str], shadows: Sequence[str], panel: Panel) -> dict[Key, Sides]:
    """`white_box_scores` from the paths of the tables; none where the one table of losses is not given."""
    if not losses:
        return {}
    own, *theirs = (read_losses(path, panel) for path in (*losses, *shadows))
    return white_box_scores(own, theirs, panel.split)


def white_box_scores(
    losses: pd.DataFrame, shadows: Sequence[pd.DataFrame], split: np.ndarray
) -> dict[Key, Sides]:
    """Scores by attack and stratum, of training and of test people, higher for a likely member.

    `loss`: the losses `PARTS`, each less its mean and over its deviation in validation people, added
    up and turned round (Yeom 2018); by itself each is a stratum. `shadow`, where there are `shadows`:
    LiRA on the loss `unmatched`, of the autoencoder as it was trained. Each model's losses count from
    their mean in validation people, whom none has seen, since models of unlike numbers of people
    differ there. A row of the tables is a person, whose `split` (n,) is train, validation or test;
    `inside` tells if a shadow model had him.
    """

    def centre(table: pd.DataFrame, column: str) -> np.ndarray:
        return (table[column] - table[column][split == "validation"].mean()).to_numpy()

    spread = losses[PARTS][split == "validation"].std(ddof=0).replace(0, np.nan)
    parts = {part: -centre(losses, part) / spread[part] for part in PARTS}
    scores = {("loss", part): score for part, score in parts.items()}
    scores["loss", "all"] = np.sum(list(parts.values()), axis=0)
    if shadows:
        theirs = np.stack([centre(shadow, "loss") for shadow in shadows])
        inside = np.stack([shadow.inside.to_numpy(bool) for shadow in shadows])
        scores["shadow", "all"] = shadow_scores(centre(losses, "unmatched"), theirs, inside)
    return {key: (score[split == "train"], score[split == "test"]) for key, score in scores.items()}


def negative_control_estimates(
    scores: Mapping[Key, Sides],
    halves: tuple[np.ndarray, np.ndarray],
    rare: np.ndarray,
    count: int,
    seed: int,
) -> Estimates:
    """The same attacks on nobody: one half of the test people against the other, rows in `halves`.

    `rare` masks the test people with most rare alleles.
    """
    figures: Estimates = {}
    for (name, stratum), (_, others) in scores.items():
        first, second = (others[rows] for rows in halves)
        figures |= attack_estimates(name, first, second, stratum, count, seed)
        if stratum == "all":
            first, second = (others[rows[rare[rows]]] for rows in halves)
            figures |= attack_estimates(name, first, second, RARE, count, seed)
    return figures
