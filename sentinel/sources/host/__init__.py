"""The host: memory, pressure, disks, clock. Everything here costs microseconds, or waits in a thread of its own."""
