"""What expressions can call: the table of functions, their arithmetic of the unknown, and how each meets a run."""
