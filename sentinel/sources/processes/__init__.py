"""Processes: what `/proc` says of them, and which of them belong to which run."""
