"""Attacks by somebody who has the models: their losses on a person, and those of shadow models."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from snpgen.evaluation.attacks import attack_figures, shadow_scores
from snpgen.evaluation.intervals import Figures
from snpgen.evaluation.privacy import RARE, Sides
from snpgen.job import InputError
from snpgen.panel import Panel

PARTS = ["vae", "denoiser"]  # of the attack by loss


def read_losses(path: str, panel: Panel) -> pd.DataFrame:
    """A table of losses with a row a person of the panel, in its order; raises `InputError`."""
    table = pd.read_csv(path, sep="\t", dtype={"IID": str}, keep_default_na=False, na_values=["NA"])
    if table.IID.tolist() != panel.iid.tolist():
        raise InputError(
            f"{path}: its people are not those of the panel: delete it, to make it again"
        )
    return table


def white_box_scores(
    losses: pd.DataFrame, shadows: Sequence[pd.DataFrame], split: np.ndarray
) -> dict[str, Sides]:
    """Scores by attack, of training and of test people, higher for a likely member.

    `loss`: the losses `PARTS`, each less its mean and over its deviation in validation people, added up
    and turned round (Yeom 2018). `shadow`, where there are `shadows`: LiRA on the loss `unmatched`, of
    the autoencoder as it was trained. Each model's losses count from their mean in validation people,
    whom none has seen, since models of unlike numbers of people differ there. A row of the tables is a
    person, whose `split` (n,) is train, validation or test; `inside` tells if a shadow model had him.
    """

    def centre(table: pd.DataFrame, column: str) -> np.ndarray:
        return (table[column] - table[column][split == "validation"].mean()).to_numpy()

    spread = losses[PARTS][split == "validation"].std(ddof=0).replace(0, np.nan)
    scores = {"loss": -sum(centre(losses, part) / spread[part] for part in PARTS)}
    if shadows:
        theirs = np.stack([centre(shadow, "loss") for shadow in shadows])
        inside = np.stack([shadow.inside.to_numpy(bool) for shadow in shadows])
        scores["shadow"] = shadow_scores(centre(losses, "unmatched"), theirs, inside)
    return {
        name: (score[split == "train"], score[split == "test"]) for name, score in scores.items()
    }


def null_figures(
    scores: Mapping[str, Sides],
    halves: tuple[np.ndarray, np.ndarray],
    rare: np.ndarray,
    count: int,
    seed: int,
) -> Figures:
    """The same attacks on nobody: one half of the test people against the other, rows in `halves`.

    `rare` masks the test people with most rare alleles.
    """
    figures: Figures = {}
    for name, (_, others) in scores.items():
        for stratum, mask in (("all", np.ones_like(rare)), (RARE, rare)):
            first, second = (others[rows[mask[rows]]] for rows in halves)
            figures |= attack_figures(name, first, second, stratum, count, seed)
    return figures
