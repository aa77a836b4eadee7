"""Sentinel, the night watch of a training machine."""

__version__ = "0.1.0"
