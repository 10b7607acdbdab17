# SPDX-License-Identifier: Apache-2.0
"""A page on this machine where a digit is drawn and the board, real or simulated, says what it is.

Flask because it is the small and well-kept one of the synchronous frameworks: a board answers one request at a time.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from flask import Flask, Response, abort, jsonify, render_template, request
from numpy.typing import NDArray
from werkzeug.exceptions import HTTPException
from werkzeug.serving import WSGIRequestHandler, make_server

from xnorfpga.artefacts.manifest import Manifest
from xnorfpga.base.errors import UserError
from xnorfpga.data.splits import Split
from xnorfpga.host.accelerator import Accelerator
from xnorfpga.host.pictures import SIDE
from xnorfpga.network import golden
from xnorfpga.network.golden import Model

HOST = "127.0.0.1"  # nobody but this machine
PIXELS = SIDE * SIDE


@dataclass(frozen=True)
class Shown:
    """What the page says of the accelerator: its design, where it runs, its clock."""

    manifest: Manifest
    where: str
    clock_mhz: float


def application(accelerator: Accelerator, model: Model, digits: Split, shown: Shown) -> Flask:
    """Return the page and what it asks for.

    `GET /` is the page. `POST /classify` takes the 784 bytes of an image, bright on dark, row by row, and answers
    class, scores and cycles as the board gives them, and the hidden neurons' bits of the integer model, whose class
    and scores are held against the board's. `GET /digit` answers one of `digits` and its label. Whoever comes from
    another origin, or by another name than this machine's, is refused.
    """
    app = Flask(__name__, template_folder=".", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = PIXELS
    one_at_a_time = threading.Lock()
    random = np.random.default_rng()

    @app.before_request
    def only_from_here() -> None:
        name = request.host.rpartition(":")[0] or request.host
        if name not in (HOST, "localhost"):
            abort(403, f"Host {request.host}: accepted: {HOST} or localhost")
        origin = request.headers.get("Origin")
        if origin is not None and origin != f"http://{request.host}":
            abort(403, f"Origin {origin}: accepted: this page alone")

    @app.after_request
    def nothing_from_elsewhere(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = (
            "default-src 'self' 'unsafe-inline'; img-src data:; frame-ancestors 'none'"
        )
        response.headers["Cache-Control"] = "no-store"
        return response

    @app.errorhandler(HTTPException)
    def refused(error: HTTPException) -> tuple[Response, int]:
        return jsonify(error=error.description), error.code or 500

    @app.errorhandler(UserError)
    def no_answer(error: UserError) -> tuple[Response, int]:
        return jsonify(error=str(error)), 502

    @app.get("/")
    def page() -> str:
        return render_template("demo.html", shown=shown, network=model.network)

    @app.get("/digit")
    def digit() -> Response:
        chosen = int(random.integers(len(digits)))
        return jsonify(pixels=digits.images[chosen].ravel().tolist(), label=int(digits.labels[chosen]), index=chosen)

    @app.post("/classify")
    def classify() -> Response:
        body = request.get_data()
        if len(body) != PIXELS or request.mimetype != "application/octet-stream":
            abort(400, f"{len(body)} bytes of {request.mimetype or 'no type'}: accepted: {PIXELS} of octet-stream")
        image = np.frombuffer(body, np.uint8).reshape(1, SIDE, SIDE)
        with one_at_a_time:
            return jsonify(answer(accelerator, model, image))

    return app


def answer(accelerator: Accelerator, model: Model, image: NDArray[np.uint8]) -> dict[str, Any]:
    """Return what the page shows of an image uint8[1, 28, 28].

    class, scores, cycles: the board's. milliseconds: from the request to the board to its answer. agrees: whether the
    integer model gives the same class and scores. bits: of that model, the image's and each hidden layer's, a text of
    digits per layer; a digit counts the thresholds that a neuron reached, or is the pixel's highest bits.
    """
    started = time.perf_counter()
    found = accelerator.run(image, with_scores=True)
    milliseconds = 1000 * (time.perf_counter() - started)
    encoded = model.encode(image)
    expected = golden.infer(model, encoded)
    assert found.scores is not None
    planes = [len(layer.coefficients) for layer in model.layers]
    return {
        "class": int(found.classes[0]),
        "scores": found.scores[0].tolist(),
        "cycles": found.cycles,
        "milliseconds": round(milliseconds, 1),
        "agrees": bool(found.classes[0] == expected.classes[0] and (found.scores == expected.scores).all()),
        "bits": [_levels(bits[0], count) for bits, count in zip([encoded, *expected.hidden], planes, strict=True)],
    }


def _levels(bits: NDArray[np.bool_], planes: int) -> str:
    """Return a number per neuron, from its bits bool[planes · MH], plane by plane, the least first."""
    numbers = (bits.reshape(planes, -1) << np.arange(planes)[:, None]).sum(0)
    return "".join(np.base_repr(number, 36).lower() if number < 36 else "z" for number in numbers)


@contextmanager
def served(app: Flask, port: int = 0) -> Iterator[tuple[str, Callable[[], None]]]:
    """Listen on this machine while the block lasts; gives the page's address, and what serves until it is ended.

    port: 0 for any that is free.

    Raises UserError where the port is taken.
    """
    try:
        server = make_server(HOST, port, app, threaded=True, request_handler=_Quiet)
    except (OSError, SystemExit) as error:  # werkzeug prints its own line, and leaves
        raise UserError(f"--http-port {port}: cannot listen there ({error}); accepted: a free one, or 0") from None
    try:
        yield f"http://{HOST}:{server.port}/", server.serve_forever
    finally:
        server.server_close()


class _Quiet(WSGIRequestHandler):
    """Says nothing of requests."""

    def log_request(self, *_: Any) -> None:
        """Say nothing."""
