"""Parts of a computation by several threads of torch."""

import threading

import pytest
import torch

from snpgen.generator.diffusion import Denoiser
from snpgen.generator.fitting import denoising_losses
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
        found = list(compute_parts(compute, range(3)))
    assert found == [(part, 1, False) for part in range(3)]
    assert all(grad for *_, grad in compute_parts(compute, range(3)))
    assert torch.get_num_threads() == count


def test_parts_that_are_not_parallel_are_computed_by_this_thread(count):
    found = compute_parts(lambda part: threading.current_thread(), range(3), parallel=False)
    assert set(found) == {threading.current_thread()}


def test_losses_of_the_denoiser_do_not_depend_on_the_number_of_threads():
    """Divided among three threads, activations of so many individuals are rounded differently."""
    n, found, threads = 9_001, [], torch.get_num_threads()
    torch.manual_seed(0)
    denoiser = Denoiser(3, 2, 2, width=64, layers=2, label_dropout=0.1)
    for value in denoiser.parameters():
        value.data.normal_(0, 0.3)
    inputs = torch.randn(n, 3), torch.rand(n, 3), torch.eye(2)[torch.arange(n) % 2]
    for number in (1, 2, 3):
        torch.set_num_threads(number)
        with torch.no_grad():
            found.append(denoising_losses(denoiser, *inputs, 1))
    torch.set_num_threads(threads)
    assert torch.equal(found[0], found[1]) and torch.equal(found[0], found[2])
