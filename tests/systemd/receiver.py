"""A web hook in the box: writes each message it is told to a line of a file."""

import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path


class Hook(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with Path(sys.argv[2]).open("ab") as told:
            told.write(body.replace(b"\n", b" ") + b"\n")
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()


if __name__ == "__main__":
    HTTPServer(("127.0.0.1", int(sys.argv[1])), Hook).serve_forever()
