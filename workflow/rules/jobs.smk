"""The jobs that a phenotype takes and what each may use, for the plan that `snakemake check` prints."""

from types import SimpleNamespace


def ask(maker, resource, wildcards):
    """What jobs of a rule, the `maker`, ask for: a fixed part, and that for each MB they read."""
    own = SimpleNamespace(**wildcards)
    at_no_input, at_a_terabyte = (
        maker.resources[resource].evaluate(own, input=Planned(size), attempt=1).value
        for size in (0, 1e6)
    )
    return at_no_input, (at_a_terabyte - at_no_input) / 1e6


def share_of_input(own, phenotype):
    """The part of its input that a job works on: all, or a chunk of a chromosome's variants."""
    if "chunk" not in own:
        return 1
    together = 1 if "{chromosome}" in FILESETS else len(CHROMOSOMES)  # in one fileset
    return 1 / (together * SETTINGS[phenotype]["gwas"]["jobs"])


def planned_jobs(wildcards):
    """Every job behind the report and the release: rule, input files, memory (MB), minutes, share.

    Memory and minutes are those of `ask`, the share that of `share_of_input`.
    """
    waiting = expand(rules.render_report.output, phenotype=wildcards.phenotype)
    waiting += unless_given(*rules.package_release.output)(wildcards)
    found = {}
    while waiting:
        file = waiting.pop()
        maker = next((one for one in workflow.rules if one.is_producer(file)), None)
        if maker is None:  # a file of the user's
            continue
        own = maker.get_wildcards(file)
        key = (maker.name, *own.values())
        if key in found:
            continue
        files = [str(file) for file in maker.expand_input(own)[0]]
        waiting += files
        found[key] = {
            "rule": maker.name,
            "files": files,
            "memory": ask(maker, "mem_mb", own),
            "minutes": ask(maker, "runtime", own),
            "share": share_of_input(own, wildcards.phenotype),
        }
    return [found[key] for key in sorted(found)]
