"""A one-node Slurm on this machine for tests: it declares 4 CPUs, and /dev/null as a GPU."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FOLDER = Path("/etc/slurm")  # the default, since jobs do not inherit SLURM_CONF
DAEMONS = ("munged", "slurmctld", "slurmd")

CONFIG = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={base}/munge/socket
CredType=cred/munge
StateSaveLocation={base}/state
SlurmdSpoolDir={base}/spool
SlurmctldPidFile={base}/slurmctld.pid
SlurmdPidFile={base}/slurmd.pid
SlurmctldLogFile={base}/slurmctld.log
SlurmdLogFile={base}/slurmd.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
ReturnToService=2
MpiDefault=none
MailProg=/bin/true
MinJobAge=86400
KillWait=5
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 CPUs=4 RealMemory=200000 Gres=gpu:1 State=UNKNOWN
PartitionName=cpu Nodes={host} Default=YES MaxTime=INFINITE State=UP
PartitionName=gpu Nodes={host} MaxTime=INFINITE State=UP
"""


def why_not() -> str | None:
    """The reason why no cluster can be started here, or None; installs Slurm where possible."""
    if os.name != "posix" or os.geteuid() != 0:
        return "only root can start Slurm's daemons"
    if not all(map(shutil.which, DAEMONS)):
        if not shutil.which("apt-get"):
            return "Slurm is not installed, and there is no apt-get to install it"
        install = "apt-get install -qq -y --no-install-recommends slurm-wlm munge"
        command = f"apt-get update -qq && {install}"
        if subprocess.run(command, shell=True, capture_output=True, check=False).returncode:
            return "Slurm is not installed, and apt-get could not install slurm-wlm and munge"
    if (FOLDER / "slurm.conf").exists():
        return f"{FOLDER}/slurm.conf exists: this machine has its own Slurm"
    return None


@contextmanager
def running(base: Path) -> Iterator[None]:
    """Run the cluster with its state in `base`, and stop it at the end."""
    host = os.uname().nodename.partition(".")[0]
    for name in ("state", "spool", "munge"):
        (base / name).mkdir(parents=True, mode=0o755)
    key = base / "munge" / "key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o600)
    written = {
        "slurm.conf": CONFIG.format(host=host, base=base),
        "gres.conf": f"NodeName={host} Name=gpu File=/dev/null\n",
    }
    try:
        for name, text in written.items():
            (FOLDER / name).write_text(text)
        files = {"socket": "socket", "key-file": "key", "log-file": "log", "pid-file": "pid"}
        files["seed-file"] = "seed"
        options = [f"--{option}={base}/munge/{file}" for option, file in files.items()]
        subprocess.run(["munged", "--force", *options], check=True)
        subprocess.run(["slurmctld"], check=True)
        subprocess.run(["slurmd"], check=True)
        until(lambda: query("sinfo -h -p cpu -o %T") == "idle", 60, "an idle node")
        yield
    finally:
        subprocess.run(["scancel", "--user=root"], check=False)
        for name in ("slurmd.pid", "slurmctld.pid", "munge/pid"):
            if (base / name).is_file():
                os.kill(int((base / name).read_text()), 15)
        for name in written:
            (FOLDER / name).unlink(missing_ok=True)


def until(condition, seconds: float, what: str) -> None:
    """Wait for a condition."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"no {what} within {seconds} s"
        time.sleep(0.5)


def query(command: str) -> str:
    """The output of a Slurm command."""
    return subprocess.run(
        command.split(), capture_output=True, text=True, check=False
    ).stdout.strip()


def jobs() -> list[dict[str, str]]:
    """All jobs known to Slurm in the order of submission, with the field names of `scontrol`."""
    lines = query("scontrol -o show job").splitlines()
    rows = [dict(field.split("=", 1) for field in line.split() if "=" in field) for line in lines]
    return sorted((row for row in rows if "JobId" in row), key=lambda row: int(row["JobId"]))
