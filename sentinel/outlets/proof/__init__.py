"""Is a checkpoint complete and sane? Structure and content are read in a short-lived, limited child; nothing of a
checkpoint is ever unpickled into anything but inert stubs.
"""
