"""GWAS of the training individuals, and selection of the panel's variants."""
