"""Controls of the audit: the halves of the negative control."""

import json

import numpy as np
import pandas as pd

from snpgen.evaluation import controls


def test_halves_keep_families_and_the_mix_of_classes(tmp_path):
    phenotype = (np.arange(200) % 4 == 0).astype(np.int8)
    iid = np.array([f"P{i}" for i in range(200)])
    pairs = pd.DataFrame(
        [("P0", "P1", 0.25), ("P1", "P2", 0.12), ("P3", "P4", 0.03), ("P5", "absent", 0.25)],
        columns=["IID1", "IID2", "kinship"],
    )
    table, split = tmp_path / "kinship.tsv", tmp_path / "split.json"
    pairs.to_csv(table, sep="\t", index=False)
    split.write_text(json.dumps({"kinship_cut": None, "max_kinship_asked": 0.0442}))
    family = controls.read_families(str(table), str(split), iid)
    assert family[0] == family[1] == family[2] and len(set(family)) == 198
    assert len(set(controls.read_families("", str(split), iid))) == 200
    for seed in range(5):
        half, other = controls.halve(phenotype, family, seed)
        assert sorted([*half, *other]) == list(range(200))
        assert len(set(half) & {0, 1, 2}) in (0, 3)
        assert phenotype[half].sum() == phenotype[other].sum() == 25
