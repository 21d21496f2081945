import numpy as np
import pytest
import torch

from snpgen.generator.blocks import PADDING, adjacent_blocks, make_blocks, take_blocks


@pytest.mark.parametrize("lengths", [[1], [16], [17], [5, 1, 33], [100, 2, 48, 7]])
def test_blocks_hold_every_variant_once_and_never_cross_a_chromosome(lengths: list[int]) -> None:
    chromosomes = np.repeat([str(i) for i in range(len(lengths))], lengths)
    blocks = make_blocks(chromosomes, 16)
    real = blocks[blocks != PADDING]
    assert np.array_equal(real, np.arange(sum(lengths)))
    assert all(len(set(chromosomes[b[b != PADDING]])) == 1 for b in blocks)
    assert len(blocks) == sum(-(-length // 16) for length in lengths)


def test_adjacent_blocks_stop_at_the_ends_of_a_chromosome() -> None:
    chromosomes = np.repeat(["1", "2", "3"], [4, 2, 6])
    found = adjacent_blocks(make_blocks(chromosomes, 2), chromosomes)
    assert found.tolist() == [[-1, 1], [0, -1], [-1, -1], [-1, 4], [3, 5], [4, -1]]


def test_take_blocks_gives_zero_at_padding() -> None:
    taken = take_blocks(torch.arange(1.0, 7).view(3, 2), torch.tensor([2, PADDING]))
    assert taken.tolist() == [[5.0, 6.0], [0.0, 0.0]]
