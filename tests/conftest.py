"""What all tests need before anything is imported."""

import os

# Threads of torch spin while they wait, which costs minutes where others use the cores, too.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
