"""Says hello, and which host says it."""

import os
import socket

from flask import Flask

app = Flask(__name__)


@app.route("/")
def hello():
    return f"{greeting()} from {socket.gethostname()}\n"


@app.route("/healthz")
def healthz():
    return "ok\n"


def greeting():
    return os.environ.get("GREETING", "Hello")


if __name__ == "__main__":
    app.run(host="0.0.0.0", port=5000)
