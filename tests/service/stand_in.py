"""A stand-in for the daemon that speaks systemd's protocol with Sentinel's own parts; other commands are the real ones.

It freezes or crashes when a file in the runtime directory says so, which the real daemon has no reason to offer.
"""

import argparse
import os
import signal
import sys
import time
from importlib import import_module
from pathlib import Path

from sentinel.daemon.journal import Priority, open_journal
from sentinel.daemon.settings import load_settings
from sentinel.daemon.systemd import Notifier, Progress

RUNTIME = Path("/run/sentinel")


class StandIn:
    def __init__(self, settings):
        self.path = settings
        self.notifier = Notifier(os.environ)
        self.journal = open_journal(os.environ, time.monotonic)
        self.progress = Progress()
        self.stopping = self.reload = False
        signal.signal(signal.SIGTERM, lambda *_: setattr(self, "stopping", True))
        signal.signal(signal.SIGHUP, lambda *_: setattr(self, "reload", True))

    def run(self):
        if (RUNTIME / "crash").exists():
            return 1
        (RUNTIME / "freeze").unlink(missing_ok=True)
        loaded, faults = load_settings(self.path)
        if faults:
            return 2
        self.say_credentials(loaded)
        time.sleep(0.3)  # the first sweep
        (RUNTIME / "swept").write_text(str(time.monotonic()))
        self.notifier.ready(f"watching {len(loaded.watches())}")
        self.journal.say(Priority.NOTICE, "start", "up and watching", run="nlp/a")
        while not self.stopping:
            self.turn()
            time.sleep(0.05)
        self.notifier.stopping("written down")
        return 0

    def turn(self):
        if self.reload:
            self.take_settings()
        if (RUNTIME / "freeze").exists():
            self.progress.began("sender", 0.0, within=1.0)
        if not self.progress.late(time.monotonic()):
            self.notifier.watchdog()

    def take_settings(self):
        self.reload = False
        self.notifier.reloading(time.monotonic_ns() // 1000)
        loaded, _ = load_settings(self.path)
        if loaded:
            self.notifier.ready(f"watching {len(loaded.watches())}")

    def say_credentials(self, loaded):
        for channel in loaded.channel:
            name = channel.url.removeprefix("credential:")
            held = Path(os.environ.get("CREDENTIALS_DIRECTORY", "/none"), name)
            length = len(held.read_text()) if held.exists() else 0
            self.journal.say(Priority.INFO, "credential", f"{name} has {length} characters")


def main(words):
    if words[0] in {"run", "check"}:
        path = Path(words[-1])
        if words[0] == "run":
            return StandIn(path).run()
        faults = load_settings(path)[1]
        print("\n".join(map(str, faults)))
        return bool(faults)
    module = import_module(f"sentinel.cli.{words[0]}")
    parser = argparse.ArgumentParser()
    module.configure(parser)
    return module.run(parser.parse_args(words[1:]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
