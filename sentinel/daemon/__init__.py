"""The loop, the clock, settings, the control socket, systemd's protocol. The only place where rooms meet."""
