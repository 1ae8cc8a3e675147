"""Remembers how often each visitor (the path) came, in memcached."""
import os
import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def count(visitor):
    with socket.create_connection((os.environ["CACHE"], 11211), timeout=5) as cache:
        lines = cache.makefile("r")
        cache.sendall(f"add {visitor} 0 60 1\r\n0\r\n".encode())
        lines.readline()
        cache.sendall(f"incr {visitor} 1\r\n".encode())
        return int(lines.readline())


class Visit(BaseHTTPRequestHandler):
    def do_GET(self):
        body = f"visit {count(self.path.strip('/') or 'somebody')}\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


ThreadingHTTPServer(("", 8080), Visit).serve_forever()
