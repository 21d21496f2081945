"""Parts of a computation in parallel on a CPU.

Each part is computed by one thread. Its operations are not divided among threads, which would scale less well and
round differently. Results therefore do not depend on the number of threads.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

Input = TypeVar("Input")
Output = TypeVar("Output")


def compute_parts(compute: Callable[[Input], Output], parts: Iterable[Input]) -> list[Output]:
    """The results of `compute` for each of `parts`, in their order; the number of threads is that of torch."""
    count, with_gradients = torch.get_num_threads(), torch.is_grad_enabled()

    def compute_part(part: Input) -> Output:
        with torch.set_grad_enabled(with_gradients):  # a new thread would compute gradients
            return compute(part)

    torch.set_num_threads(1)  # of this thread, and of each new one
    try:
        if count == 1:
            return [compute(part) for part in parts]
        with ThreadPoolExecutor(count) as pool:
            return list(pool.map(compute_part, parts))
    finally:
        torch.set_num_threads(count)
