"""Files: PLINK 1 and 2 filesets, text tables, summary statistics and the panel's genotypes."""
