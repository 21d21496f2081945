"""Phenotypes that share their overall allele frequencies, because their training sets are almost the same."""

from collections.abc import Mapping
from typing import TypeVar

from snpgen.job import log

# Smallest share of each training set in the individuals of all phenotypes with the same frequencies
SAME_SET = 0.9

Set = TypeVar("Set")


def frequency_sets(
    training: Mapping[str, set[str]], include: Mapping[str, str]
) -> dict[str, set[str]]:
    """The individuals in the overall allele frequencies of each phenotype.

    `training` are IIDs of training individuals, by phenotype. `include` are the inclusion criteria of the
    phenotypes that may share frequencies; the others have those of their own training individuals. Phenotypes with
    the same criterion, whose training sets are almost the same, use the individuals in any of these sets: each set
    has at least `SAME_SET` of them. Otherwise the frequencies of their cohorts would differ only by the few
    individuals whose value of one phenotype is missing, and would identify them.
    """
    criteria = {name: "".join(text.split()) for name, text in include.items()}
    groups: list[list[str]] = []
    # The groups do not depend on the order of the phenotypes.
    for name in sorted(include, key=lambda name: (-len(training[name]), name)):
        own, criterion = training[name], criteria[name]
        for group in groups:
            together = own.union(*(training[other] for other in group))
            if criterion == criteria[group[0]] and all(
                len(training[member]) >= SAME_SET * len(together) for member in [*group, name]
            ):
                group.append(name)
                break
        else:
            groups.append([name])
    found = dict(training)
    for group in groups:
        together = set().union(*(training[name] for name in group))
        found |= dict.fromkeys(group, together)
        if len(group) > 1:
            log.info(
                "same overall allele frequencies, from %d individuals: %s",
                len(together),
                ", ".join(group),
            )
    return found


def choose_set(train: Set, shared: Set, conditioned: bool) -> Set:
    """The individuals in the overall frequencies of a synthetic cohort.

    They are the `shared` ones of `frequency_sets`. With sex or group as a condition (`conditioned`), frequencies by
    sex or group are those of the training individuals `train`, and so are the overall ones.
    """
    return train if conditioned else shared
