"""Figures, the HTML report and the release folder."""
