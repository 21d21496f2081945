"""The rule for small numbers of individuals in a release (`release.min_cell`)."""


def is_few(number: float, min_cell: int) -> bool:
    """Whether a number of individuals is hidden: above 0 and below `min_cell`."""
    return 0 < number < min_cell
