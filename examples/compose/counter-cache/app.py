"""Counts its visits in Redis, whose protocol is a few words in lines."""
import os
import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def increment(key):
    with socket.create_connection((os.environ["CACHE"], 6379), timeout=5) as cache:
        cache.sendall(f"INCR {key}\r\n".encode())
        return int(cache.makefile().readline()[1:])


class Page(BaseHTTPRequestHandler):
    def do_GET(self):
        body = f"I have been seen {increment('hits')} times.\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


ThreadingHTTPServer(("", 5000), Page).serve_forever()
