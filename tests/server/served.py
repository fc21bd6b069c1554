"""What gunicorn serves in test_worker.py, and its configuration: ours, and an application that tells.

``python -m gunicorn -c python:tests.server.served tests.server.served:application``. Milliseconds of
patience may stand in the environment, as PATIENCE, the seconds that gunicorn waits for a client to
close, as LINGER, and POLITENESS. The arguments of a request are ``name``, ``handed`` and
``after`` (it is not answered before so many requests were handed to the pool, or before the one of that
name is begun), ``stopping`` (not before the worker stops), and ``size`` (bytes of the answer, about). The
answer is JSON.
"""

import json
import os
import threading
import time
from collections.abc import Iterable
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

import gunicorn.util

import oai.worker
from oai.server import gunicorn_settings, limit_waiting
from oai.settings import Settings

globals().update(gunicorn_settings(Settings()))
oai.worker.PATIENCE = int(os.environ.get("PATIENCE", oai.worker.PATIENCE))
oai.worker.POLITENESS = float(os.environ.get("POLITENESS", oai.worker.POLITENESS))
gunicorn.util.close_graceful.__defaults__ = (float(os.environ.get("LINGER", "2")), 65536)

LONGEST = 20

changed = threading.Condition()
serving: list[Any] = []  # gunicorn's worker
handed: list[Any] = []  # the connections that it gave to the pool
begun: list[str] = []  # the names of requests


def post_worker_init(worker: Any) -> None:
    """Count what goes through the poller and the pool."""
    limit_waiting(worker)
    serving.append(worker)
    worker.enqueue_req = partial(hand_over, worker.enqueue_req)


def hand_over(enqueue: Any, conn: Any) -> None:
    """Give a connection to the pool, as gunicorn does."""
    enqueue(conn)
    with changed:
        handed.append(conn)
        changed.notify_all()


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Answer with what is known of the request and the worker."""
    asked = dict(parse_qsl(environ["QUERY_STRING"]))
    with changed:
        begun.append(asked.get("name", ""))
        changed.notify_all()
    while "stopping" in asked and serving[0].alive:
        time.sleep(0.01)
    with changed:
        assert changed.wait_for(lambda: len(handed) >= int(asked.get("handed", "0")), LONGEST)
        assert changed.wait_for(lambda: asked.get("after", "") in ["", *begun], LONGEST)
        known = {
            "name": asked.get("name", ""),
            "process": os.getpid(),
            "thread": threading.get_ident(),
            "handed": len(handed),
            "begun": begun[-100:],
            "connections": serving[0].nr_conns,
        }
    body = json.dumps(known).encode() + b" " * int(asked.get("size", "0"))
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
