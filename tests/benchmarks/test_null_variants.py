"""Type I error of the GWAS for rare variants without effect."""

import pytest
from example_biobank import N_NULL
from example_processes import THREADS, measure, read_scan, scan_command


@pytest.mark.parametrize("exact_p", [1.0, 1e-3])
def test_null_variants(folder, null_rare, tmp_path, say, exact_p):
    """1 % cases and 10 to 100 minor alleles, carriers at random: p < 1e-4 in 0.3 to 1.5 of 1e-4."""
    output = tmp_path / "null.tsv.gz"
    measure(scan_command(folder / "null", null_rare, output, exact_p), THREADS)
    table = read_scan(output)
    assert len(table) == N_NULL
    share = {level: (table.neg_log_10_p_value > level).mean() / 10.0**-level for level in (3, 4)}
    say(
        f"null variants, exact_p {exact_p:g}: {share[4]:.2f} of the expected p < 1e-4 "
        f"(bar 0.3 to 1.5), {share[3]:.2f} of p < 1e-3; {len(table)} variants"
    )
    assert 0.3 <= share[4] <= 1.5
