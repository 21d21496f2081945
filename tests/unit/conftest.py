"""Fixtures that several packages' tests share."""

from broken_input import folder, valid

__all__ = ["folder", "valid"]
