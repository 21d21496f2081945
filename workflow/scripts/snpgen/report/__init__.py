"""Figures, report, model card, comparison of phenotypes and release."""
