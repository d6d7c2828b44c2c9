"""What takes long can be left: the running job of a widget ends at its next step, with its request answered and its locks free."""

import threading
import time

import numpy as np
import pytest
from toy_model import ToyModel
from wire import Browser

from galwidget import GalaxyGrid
from galwidget.widgets.worker import LatestWorker


@pytest.fixture
def slow(monkeypatch):
    """A model that decodes for ever, step by step, while it is told to."""
    model = ToyModel()
    model.slow, model.begun, decode = True, threading.Event(), model.decode

    def steps(latent, *, attributes=True):
        with model.lock:
            while model.slow and (attributes or model.slow == "pixels"):
                model.begun.set()
                time.sleep(0.001)
        return decode(latent, attributes=attributes)

    monkeypatch.setattr(model, "decode", steps)
    return model


@pytest.mark.parametrize("again", [False, True], ids=["once", "told twice"])
def test_a_picture_that_is_being_made_is_left_with_its_locks_free(slow, again):
    grid = GalaxyGrid(slow, rows=1, columns=2)
    browser = Browser(grid)
    slow.slow = "pixels"
    browser.say({"type": "frame", "seq": 1, "state": {}})
    assert slow.begun.wait(20)
    browser.say({"type": "code", "seq": 2, "form": "table", "state": {}})  # waits
    for _ in range(1 + again):
        browser.say({"type": "halt", "state": {}})
    browser.hear(2)
    assert sorted((content["type"], content["seq"]) for content, _ in browser.received) == [("superseded", 1), ("superseded", 2)]
    assert slow.lock.acquire(timeout=20)
    slow.lock.release()
    slow.slow = False
    browser.say({"type": "frame", "seq": 3, "state": {"seed": 5}})
    assert browser.hear(3)[0]["type"] == "frame"
    assert len(browser.received) == 3
    grid.close()


def test_what_is_measured_on_a_picture_is_left_and_the_picture_stays(slow):
    grid = GalaxyGrid(slow, rows=1, columns=2)
    browser = Browser(grid)
    browser.say({"type": "frame", "seq": 1, "state": {}})
    assert browser.hear()[0]["pending"]
    assert slow.begun.wait(20)
    browser.say({"type": "halt", "state": {}})
    assert slow.lock.acquire(timeout=20)
    slow.lock.release()
    slow.slow = False
    browser.say({"type": "frame", "seq": 2, "state": {}})
    assert browser.hear(2)[0]["seq"] == 2
    assert [content["type"] for content, _ in browser.received] == ["frame", "frame"]
    assert len(browser.attributes(2)["mag_r"]["values"]) == 2
    grid.close()


def test_nothing_that_runs_is_nothing_to_be_left():
    grid = GalaxyGrid(ToyModel(), rows=1, columns=2)
    browser = Browser(grid)
    browser.say({"type": "halt", "state": {}})
    browser.say({"type": "frame", "seq": 1, "state": {}})
    assert browser.hear()[0]["type"] == "frame"
    grid.close()


def test_a_thousand_halts_at_any_moment_leave_every_job_handed_over_or_given_up_once():
    done, left, rng = [], [], np.random.default_rng(1)

    def run(job):
        for _ in range(20):
            time.sleep(1e-5)  # the other thread has its turns
        worker.settle()
        done.append(job)

    worker = LatestWorker(run, ("job",), halted=left.append)
    for job in range(1000):
        replaced = worker.submit("job", job)
        left.extend([] if replaced is None else [replaced])
        time.sleep(rng.uniform(0, 1e-3))
        left.extend(worker.halt())
    worker.submit("job", "last")
    deadline = time.monotonic() + 20
    while "last" not in done and time.monotonic() < deadline:
        time.sleep(0.01)
    assert sorted([*done[:-1], *left]) == list(range(1000))
    assert done
    assert left
    worker.close()
    assert not worker.alive
