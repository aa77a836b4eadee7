"""Expressions: a safe subset of Python, checked by a whitelist and compiled into one judge."""
