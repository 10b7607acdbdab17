# SPDX-License-Identifier: Apache-2.0
"""The demo's page in front of a board in Python: what it answers, whom it refuses; in a browser where there is one."""

import re
import shutil
import socket
import threading
from types import SimpleNamespace

import numpy as np
import pytest
from host import boards
from host.boards import Board

from xnorfpga import __main__ as cli
from xnorfpga.base.errors import UserError
from xnorfpga.data.splits import Split
from xnorfpga.host import accelerator as host
from xnorfpga.host import demo
from xnorfpga.host.accelerator import Accelerator
from xnorfpga.network.encoding import unpack_bytes
from xnorfpga.network.golden import LayerWeights, Model, infer

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
OCTETS = "application/octet-stream"


@pytest.fixture(scope="module")
def model():
    """Return a network of the size that a board in Python has."""
    random = np.random.default_rng(3)
    first = LayerWeights(random.random((25, 784)) < 0.5, np.full(25, 392, np.int32))
    return Model((first, LayerWeights(random.random((10, 25)) < 0.5, None)), 128, (784, 25, 10))


@pytest.fixture
def app(model, monkeypatch):
    """Return the page in front of a board that answers as the model does."""
    monkeypatch.setattr(boards, "label_of", lambda packed: int(answered(packed).classes[0]))
    monkeypatch.setattr(boards, "scores_of", lambda packed: answered(packed).scores[0].tolist())

    def answered(packed):
        return infer(model, unpack_bytes(np.frombuffer(packed, np.uint8)[None], 784))

    images = np.random.default_rng(4).integers(0, 256, (7, 28, 28)).astype(np.uint8)
    manifest = SimpleNamespace(design="tiny", layers=[SimpleNamespace(output_planes=1)])
    return demo.application(
        Accelerator(Board(), model=model),
        model,
        Split("seven", images, np.arange(7)),
        demo.Shown(manifest, "on a board in Python", 50.0),
    )


def image(seed=5):
    return np.random.default_rng(seed).integers(0, 256, (1, 28, 28)).astype(np.uint8)


def test_an_image_gets_the_board_s_class_scores_and_cycles_and_the_model_s_bits(app, model):
    expected = infer(model, model.encode(image()))
    came = app.test_client().post("/classify", data=image().tobytes(), content_type=OCTETS)
    assert came.status_code == 200
    found = came.get_json()
    assert found["class"] == expected.classes[0] and found["scores"] == expected.scores[0].tolist()
    assert found["agrees"] is True and found["cycles"] == 9 and found["milliseconds"] >= 0
    pixels, hidden = found["bits"]
    assert pixels == "".join(map(str, (image().ravel() >= 128).astype(int)))
    assert hidden == "".join(map(str, expected.hidden[0][0].astype(int)))


def test_a_board_that_answers_something_else_is_told(app, monkeypatch):
    monkeypatch.setattr(boards, "scores_of", lambda packed: [9] * 10)
    found = app.test_client().post("/classify", data=image().tobytes(), content_type=OCTETS).get_json()
    assert found["agrees"] is False and found["scores"] == [9] * 10


def test_neurons_of_several_planes_are_numbers():
    bits = np.array([1, 0, 1, 0, 0, 0, 1, 1], bool)  # four neurons, two planes, the least first
    assert demo._levels(bits, 2) == "1032"


@pytest.mark.parametrize(
    ("body", "kind", "status", "said"),
    [
        (b"\0" * 783, OCTETS, 400, "783 bytes of application/octet-stream: accepted: 784"),
        (b"\0" * 785, OCTETS, 413, "exceeds the capacity limit"),
        (b"\0" * 784, "text/plain", 400, "784 bytes of text/plain: accepted: 784 of octet-stream"),
        (b"", OCTETS, 400, "0 bytes"),
    ],
)
def test_what_is_no_image_is_refused(app, body, kind, status, said):
    came = app.test_client().post("/classify", data=body, content_type=kind)
    assert came.status_code == status and said in came.get_json()["error"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "http://localhost"}, 200),
        ({"Origin": "http://localhost:8000"}, 403),  # another page of this machine
        ({"Origin": "https://example.org"}, 403),
        ({"Origin": "null"}, 403),
        ({"Host": "example.org"}, 403),  # a name of somebody else's that leads here
        ({"Host": "127.0.0.1:8000", "Origin": "http://127.0.0.1:8000"}, 200),
    ],
)
def test_requests_of_other_origins_are_refused(app, headers, status):
    for send in (
        lambda client: client.post("/classify", data=image().tobytes(), content_type=OCTETS, headers=headers),
        lambda client: client.get("/digit", headers=headers),
        lambda client: client.get("/", headers=headers),
    ):
        came = send(app.test_client())
        assert came.status_code == status
        assert "Access-Control-Allow-Origin" not in came.headers


def test_a_board_that_falls_silent_is_one_line(app, monkeypatch):
    monkeypatch.setattr(Board, "write", lambda self, data: len(data))
    monkeypatch.setattr(host, "MAX_BACKOFF", 1)
    came = app.test_client().post("/classify", data=image().tobytes(), content_type=OCTETS)
    assert came.status_code == 502 and "no answer to 10 attempts" in came.get_json()["error"]


def test_a_digit_of_the_data_set_comes_with_its_label(app):
    found = app.test_client().get("/digit").get_json()
    assert len(found["pixels"]) == 784 and found["label"] == found["index"] in range(7)


def test_the_page_is_served_to_this_machine_alone(app):
    with demo.served(app) as (address, _):
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", address)
        taken = int(address.rsplit(":", 1)[1][:-1])
        with pytest.raises(UserError, match=f"--http-port {taken}: cannot listen there"), demo.served(app, taken):
            pass
        with socket.socket() as probe:
            probe.settimeout(1)
            assert probe.connect_ex(("127.0.0.2", taken)) != 0


def test_a_wrong_port_is_refused(capsys):
    with pytest.raises(SystemExit):
        cli.main(["demo", "--http-port", "70000"])
    assert "accepted: a whole number, 0 to 65535" in capsys.readouterr().err


@pytest.fixture
def browser():
    playwright = pytest.importorskip("playwright.sync_api")
    if BROWSER is None:
        pytest.skip("no chromium on PATH")
    with playwright.sync_playwright() as started:
        yield started.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])


@pytest.mark.parametrize("touch", [False, True], ids=["mouse", "finger"])
def test_a_drawn_digit_is_classified_in_a_browser(app, browser, touch):
    from playwright.sync_api import expect

    with demo.served(app) as (address, serve):
        threading.Thread(target=serve, daemon=True).start()
        page = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=touch).new_page()
        mistakes = []
        page.on("pageerror", lambda error: mistakes.append(error))
        page.on("console", lambda message: message.type == "error" and mistakes.append(message.text))
        page.goto(address)
        label, agrees = page.locator("#class"), page.locator("#agrees")
        expect(label).to_have_text("?")
        box = page.locator("#pad").bounding_box()
        where = [(box["x"] + share * box["width"], box["y"] + box["height"] / 2) for share in (0.3, 0.7)]
        if touch:
            for point in where:
                page.touchscreen.tap(*point)
        else:
            page.mouse.move(*where[0])
            page.mouse.down()
            page.mouse.move(*where[1], steps=5)
            page.mouse.up()
        expect(label).to_have_text(re.compile(r"\d"))
        expect(agrees).to_have_text("Class and scores are those of the integer model.")
        assert page.locator(".score.best span").first.text_content() == label.text_content()
        page.click("#clear")
        expect(label).to_have_text("?")
        page.click("#digit")
        expect(label).to_have_text(re.compile(r"\d"))
        assert not mistakes
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
