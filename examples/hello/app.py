"""Answers every request with the name of the host it runs on, so that one sees which pod has answered."""

import socket

from flask import Flask

app = Flask(__name__)
HOST = socket.gethostname()


@app.route("/")
def hello():
    return f"Hello from {HOST}\n"


@app.route("/healthz")
def healthz():
    return "ok\n"


if __name__ == "__main__":
    app.run(host="0.0.0.0", port=5000)
