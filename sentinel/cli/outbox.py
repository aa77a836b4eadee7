"""`sentinel outbox`: what waits to be delivered, what was given up, and `retry`."""

from __future__ import annotations

import argparse
from typing import Any

from sentinel.cli.asking import add_socket, ask_or_explain
from sentinel.cli.exits import Exit
from sentinel.cli.saying import say
from sentinel.core.wire import dump

HELP = "What waits to be delivered, and what could not be."
EPILOG = """examples:
  sentinel outbox                  each channel, what waits, what was given up and why
  sentinel outbox retry            send all dead letters again
  sentinel outbox retry 4k2m       one of them, by its id or its channel's name"""


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's words."""
    parser.epilog = EPILOG
    parser.add_argument("what", nargs="?", choices=["retry"], help="send dead letters again")
    parser.add_argument("id", nargs="?", default="", metavar="ID", help="one dead letter, or a channel's name")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    add_socket(parser)


def run(args: argparse.Namespace) -> int:
    """Ask the daemon."""
    if args.what == "retry":
        return say(args, {"ask": "outbox-retry", "id": args.id})
    answer = ask_or_explain(args, {"ask": "outbox"})
    if answer is None:
        return Exit.COULD_NOT
    if args.json:
        for item in (*answer["waiting"], *({**letter, "state": "dead"} for letter in answer["dead"])):
            print(dump(item))
        return Exit.FINE
    print("\n".join(text(answer)))
    return Exit.FINE


def text(answer: dict[str, Any]) -> list[str]:
    """For people."""
    lines = [channel_line(channel) for channel in answer["channels"]]
    lines += [f"state: {answer['disk']}"] if answer.get("disk") else []
    for item in answer["waiting"]:
        tries = f", {item['attempts']} tries, last: {item['code']} {item['detail']}" if item["attempts"] else ""
        lines.append(f"waits  {item['id']}  {item['channel']}  {item['head']}{tries}")
    for item in answer["dead"]:
        lines.append(f"DEAD   {item['id']}  {item['channel']}  {item['head']}: {item['code']} {item['detail']}")
    lines += ["again: sentinel outbox retry"] if answer["dead"] else []
    return lines


def channel_line(channel: dict[str, Any]) -> str:
    """One channel's health."""
    if channel["well"]:
        return f"{channel['name']}: well, {channel['waiting']} waiting"
    return f"{channel['name']}: {channel['trouble']}, {channel['waiting']} waiting; {channel['cure']}"
