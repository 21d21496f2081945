"""Python imports this module at start if its folder is in `PYTHONPATH`.

At the end of a job, it appends a line to the file `SNPGEN_PEAKS`: the rule, and the peak resident memory in MB.
The benchmark files of Snakemake sample the memory every 30 s, which misses short peaks.
"""

import atexit
import os
import resource
import sys
from pathlib import Path


def _write_peak() -> None:
    script = Path(sys.argv[0])  # .snakemake/scripts/{random}.{rule}.py
    if "SNPGEN_PEAKS" in os.environ and script.parent.name == "scripts":
        megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        with Path(os.environ["SNPGEN_PEAKS"]).open("a") as file:
            file.write(f"{script.stem.split('.')[-1]}\t{megabytes:.0f}\n")


atexit.register(_write_peak)
