"""White-box attacks: losses of the trained networks on an individual, and shadow models."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from snpgen.evaluation.attacks import attack_estimates, shadow_scores
from snpgen.evaluation.intervals import Estimates, Key
from snpgen.evaluation.membership import RARE, Pair
from snpgen.io.panel import Panel, read_samples
from snpgen.messages import Code, InputError

PARTS = ["vae", "denoiser"]  # networks whose losses are used


def read_scores(losses: Sequence[str], shadows: Sequence[str], panel: Panel) -> dict[Key, Pair]:
    """Compute `white_box_scores` from the paths of the tables; no scores if `losses` is empty.

    Raises `InputError` if the individuals of a table or their order differ from the panel.
    """
    if not losses:
        return {}
    tables = []
    for path in (*losses, *shadows):
        tables.append(read_samples(path))
        if tables[-1].IID.tolist() != panel.iid.tolist():
            what = "the individuals differ from those of the panel, or are in another order"
            raise InputError(Code.OUTDATED_RESULT, what, "Delete the file and run again", file=path)
    return white_box_scores(tables[0], tables[1:], panel.split)


def white_box_scores(
    losses: pd.DataFrame, shadows: Sequence[pd.DataFrame], split: np.ndarray
) -> dict[Key, Pair]:
    """Scores of members and non-members by attack and stratum; higher for a likely member.

    `loss`: each of the losses `PARTS` is standardised by its mean and SD in validation individuals; the sum
    is negated (Yeom 2018). Each part alone is a stratum. `shadow`, if there are `shadows`: LiRA on the loss
    `unmatched`, the loss of the VAE before calibration. Models trained on different individuals differ in
    their mean loss. The losses of each model are therefore centred by their mean in validation individuals,
    which no model was trained on. Rows of the tables are individuals; their `split` (n,) is train,
    validation or test. The column `inside` is true if the shadow model was trained on the individual.
    """

    def centre(table: pd.DataFrame, column: str) -> np.ndarray:
        return (table[column] - table[column][split == "validation"].mean()).to_numpy()

    spread = losses[PARTS][split == "validation"].std(ddof=0).replace(0, np.nan)
    parts = {part: -centre(losses, part) / spread[part] for part in PARTS}
    scores = {("loss", part): score for part, score in parts.items()}
    scores["loss", "all"] = np.sum(list(parts.values()), axis=0)
    if shadows:
        of_shadows = np.stack([centre(shadow, "loss") for shadow in shadows])
        inside = np.stack([shadow.inside.to_numpy(bool) for shadow in shadows])
        scores["shadow", "all"] = shadow_scores(centre(losses, "unmatched"), of_shadows, inside)
    return {key: (score[split == "train"], score[split == "test"]) for key, score in scores.items()}


def negative_control_estimates(
    scores: Mapping[Key, Pair],
    halves: tuple[np.ndarray, np.ndarray],
    rare: np.ndarray,
    count: int,
    seed: int,
) -> Estimates:
    """The same attacks without members: one half of the test individuals against the other.

    `halves` are rows of the test individuals; `rare` is the mask of the stratum `RARE`.
    """
    estimates: Estimates = {}
    rare_halves = [rows[rare[rows]] for rows in halves]
    for (name, stratum), (_, non_members) in scores.items():
        first, second = (non_members[rows] for rows in halves)
        estimates |= attack_estimates(name, first, second, stratum, count, seed)
        if stratum == "all":
            first, second = (non_members[rows] for rows in rare_halves)
            estimates |= attack_estimates(name, first, second, RARE, count, seed)
    return estimates
