"""Real servers for the tests of delivery: HTTP that plays the services and their bad days, kept in one thread each."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Web:
    """Answers by a table (path -> list of (status, headers, body)); remembers every request in order."""

    def __init__(self, answers=None, tls=None):
        self.requests, self.answers = [], answers or {}
        self.arrived = threading.Event()
        web = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                path = self.path.split("?")[0]
                web.requests.append((path, dict(self.headers), body))
                web.arrived.set()
                queue = web.answers.get(path) or web.answers.get("*") or [(200, {}, b"{}")]
                answer = queue.pop(0) if len(queue) > 1 else queue[0]
                if callable(answer):
                    answer = answer(self, body)
                if answer is None:
                    self.close_connection = True
                    return
                status, headers, reply = answer
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", **headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(reply)))
                self.end_headers()
                self.wfile.write(reply)

            do_PUT = do_GET = do_POST  # noqa: N815

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        if tls is not None:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def bodies(self, path=None):
        return [json.loads(body) for where, _, body in self.requests if path in (None, where)]

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def slow(seconds):
    def answer(_handler, _body):
        time.sleep(seconds)
        return 200, {}, b"{}"

    return answer


def drip(handler, _body):
    """A status at once, then a byte now and then: no read ever times out, and the end never comes."""
    handler.send_response(200)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    try:
        while True:
            handler.wfile.write(b" ")
            handler.wfile.flush()
            time.sleep(0.05)
    except OSError:
        return


def reset(handler, _body):
    import socket
    import struct

    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
