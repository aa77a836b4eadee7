"""`python -m sentinel` is the command `sentinel`."""

from sentinel.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main())
