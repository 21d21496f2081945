"""Parts of a computation by several threads of torch."""

import threading

import pytest
import torch

from snpgen.generator.threads import compute_parts


@pytest.fixture(params=[1, 3])
def count(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def test_parts_keep_their_order_and_each_is_computed_by_one_thread(count):
    barrier = threading.Barrier(count, timeout=60)

    def compute(part):
        barrier.wait()  # all threads are used
        return part, torch.get_num_threads(), torch.is_grad_enabled()

    with torch.no_grad():
        found = compute_parts(compute, range(3))
    assert found == [(part, 1, False) for part in range(3)]
    assert all(grad for *_, grad in compute_parts(compute, range(3)))
    assert torch.get_num_threads() == count


def test_an_error_in_a_part_is_raised_and_the_threads_are_restored(count):
    with pytest.raises(ZeroDivisionError):
        compute_parts(lambda part: 1 // part, [1, 0, 1])
    assert torch.get_num_threads() == count
