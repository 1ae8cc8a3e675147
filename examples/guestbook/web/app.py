"""A guestbook: POST a line to /, GET them all. The lines are in Redis, found by its service's name."""

import os
import socket

import redis
from flask import Flask, request

app = Flask(__name__)
store = redis.Redis(host=os.environ.get("DB_HOST", "db"), port=6379, socket_timeout=2, decode_responses=True)


@app.route("/", methods=["GET"])
def read():
    lines = store.lrange("guestbook", 0, -1)
    return "".join(f"{line}\n" for line in lines) + f"-- {socket.gethostname()}\n"


@app.route("/", methods=["POST"])
def write():
    store.rpush("guestbook", request.get_data(as_text=True))
    return "thank you\n", 201


@app.route("/healthz")
def healthz():
    return "ok\n"


if __name__ == "__main__":
    app.run(host="0.0.0.0", port=5000)
