"""IN: following files, finding runs, GPUs, host, processes, kernel log, config files."""
