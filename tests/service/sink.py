"""A local HTTP server for the booted machine: every body becomes a file, in order; the port stands in `port`."""

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

FOLDER = Path(sys.argv[1])


class Handler(BaseHTTPRequestHandler):
    count = 0

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        Handler.count += 1
        partial = FOLDER / f"{Handler.count:04}.part"
        partial.write_bytes(body)
        partial.rename(partial.with_suffix(".json"))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *args):
        pass


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    (FOLDER / "port.part").write_text(str(server.server_address[1]))
    (FOLDER / "port.part").rename(FOLDER / "port")
    server.serve_forever()
