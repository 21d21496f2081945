"""Parts of a computation in parallel on a CPU.

Each part is computed by one thread. Its operations are not divided among threads, which would scale less well and
round differently. Results therefore do not depend on the number of threads.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import torch
from torch import Tensor

Input = TypeVar("Input")
Output = TypeVar("Output")


@contextmanager
def one_thread() -> Iterator[None]:
    """Operations of torch are not divided among threads."""
    count = torch.get_num_threads()
    torch.set_num_threads(1)  # of this thread, and of each new one
    try:
        yield
    finally:
        torch.set_num_threads(count)


def compute_parts(
    compute: Callable[[Input], Output], parts: Iterable[Input], parallel: bool = True
) -> Iterator[Output]:
    """Yield the results of `compute` for each of `parts`, in their order.

    The number of threads is that of torch. If not `parallel`, as for parts on a GPU, they are computed one after the
    other, and their operations on a CPU may use all threads.
    """
    if not parallel:
        yield from map(compute, parts)
        return
    count, with_gradients = torch.get_num_threads(), torch.is_grad_enabled()

    def compute_part(part: Input) -> Output:
        with torch.set_grad_enabled(with_gradients):  # a new thread would compute gradients
            return compute(part)

    with one_thread():
        if count == 1:
            yield from map(compute, parts)
        else:
            with ThreadPoolExecutor(count) as pool:
                yield from pool.map(compute_part, parts)


def compute_batches(compute: Callable[[slice], Output], samples: Tensor, size: int) -> list[Output]:
    """The results of `compute` for consecutive rows of `samples` (n, ...), `size` at a time; in parallel on a CPU."""
    rows = [slice(start, start + size) for start in range(0, len(samples), size)]
    return list(compute_parts(compute, rows, parallel=samples.device.type == "cpu"))
