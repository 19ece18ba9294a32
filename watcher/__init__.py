"""Tells once when the short selling of a symbol crosses a limit."""

__version__ = "0.1.0"
