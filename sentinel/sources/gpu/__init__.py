"""GPUs through NVML: a child process asks the driver, the daemon only reads what the child writes."""
