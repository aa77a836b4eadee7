"""Plays Slack for `try_clean.sh`: answers its web API as Slack does and writes every message down, one JSON object a line."""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl

FOLDER = Path(sys.argv[1])
ANSWER = {"ok": True, "channel": "C1", "ts": "1700000000.000100", "file_id": "F1", "files": [{"id": "F1"}]}


class Handler(BaseHTTPRequestHandler):
    """One call of the API."""

    def do_POST(self):
        """Take it; a real Slack would look at the token."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        is_json = "json" in self.headers.get("Content-Type", "")
        said = json.loads(body) if is_json else dict(parse_qsl(body.decode(errors="replace")))
        with (FOLDER / "told").open("a") as file:
            file.write(json.dumps({"method": self.path, **said}) + "\n")
        upload = f"http://127.0.0.1:{self.server.server_address[1]}/upload"
        answer = json.dumps({**ANSWER, "upload_url": upload}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *words):
        """Quiet."""


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
(FOLDER / "port").write_text(str(server.server_address[1]))
server.serve_forever()
