"""What jobs ask for: memory and time by the size of what they read."""


def megabytes(files):
    """What `input.size_mb` gives, without its price: it starts an event loop for every job."""
    if isinstance(files, Planned):
        return files.megabytes
    return sum(Path(file).stat().st_size for file in files) / 2**20


class Planned(list):
    """In the place of input files that are not there yet and will have these `megabytes` together."""

    def __init__(self, megabytes):
        super().__init__()
        self.megabytes = megabytes


def simulated_megabytes():
    """Genotypes of the simulated cohort, a byte each."""
    return config["simulation"]["samples"] * config["simulation"]["variants"] / 1e6


def memory(fixed, per_input):
    """A mem_mb function: `fixed` MB plus `per_input` for each MB read, more at each attempt."""

    def mem_mb(wildcards, input, attempt):
        return int((fixed + (per_input and per_input * megabytes(input))) * attempt)

    return mem_mb


def minutes(fixed, per_gigabyte):
    """A runtime function: `fixed` minutes plus `per_gigabyte` for each GB read, more at each attempt."""

    def runtime(wildcards, input, attempt):
        return int((fixed + (per_gigabyte and per_gigabyte * megabytes(input) / 1000)) * attempt)

    return runtime
