"""POST a name to be written down; GET the names, a line each."""
import psycopg2
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def query(text, *values):
    # Where the database is, libpq reads from PGHOST, PGUSER and PGDATABASE.
    with psycopg2.connect("") as connection, connection.cursor() as cursor:
        cursor.execute(text, values)
        return cursor.fetchall() if cursor.description else []


class Guestbook(BaseHTTPRequestHandler):
    def answer(self, status, body=b""):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        names = query("SELECT name FROM guests ORDER BY id")
        self.answer(200, "".join(f"{name}\n" for (name,) in names).encode())

    def do_POST(self):
        name = self.rfile.read(int(self.headers["Content-Length"])).decode()
        query("INSERT INTO guests (name) VALUES (%s)", name)
        self.answer(201)


ThreadingHTTPServer(("", 8080), Guestbook).serve_forever()
