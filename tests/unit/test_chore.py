"""Something slow on a thread: told of, stopped and begun anew, dropped on close; in a widget by what the browser says."""

import threading

import pytest
from toy_model import ToyModel
from wire import Browser

import galwidget as gw
from galwidget.widgets.chore import Chore

_SOON = 20


class Steps:
    """Work of two steps that waits before each for a word from the test."""

    def __init__(self):
        self.go, self.begun, self.reports = threading.Semaphore(0), 0, []

    def __call__(self, report):
        self.begun += 1
        for step in range(2):
            report("counting", step, 2)
            assert self.go.acquire(timeout=_SOON)
        report("counting", 2, 2)
        return "done"


@pytest.fixture
def steps():
    return Steps()


@pytest.fixture
def chore(steps):
    return Chore(steps, steps.reports.append, "counting")


def stopped_now(chore, steps):
    chore.begin()
    chore.stop()
    steps.go.release(2)
    assert chore._done.wait(_SOON)


def test_stopped_chore_waits_to_be_asked_again(chore, steps):
    stopped_now(chore, steps)
    assert (chore.stopped, chore.here, steps.reports) == (True, False, [("counting", 0, 2), None])
    chore.begin()  # a view that is drawn again does not start it
    assert not chore.wait(0.1)
    assert steps.begun == 1
    steps.go.release(2)
    assert chore.result(_SOON) == "done"  # who asks for the thing does
    assert (chore.stopped, chore.here, steps.begun) == (False, True, 2)


def test_who_waits_for_a_chore_that_is_stopped_is_told(chore, steps):
    said = []

    def wait():
        try:
            chore.result(_SOON)
        except ValueError as error:
            said.append(str(error))

    waiting = threading.Thread(target=wait)
    waiting.start()
    while not steps.reports:
        pass
    stopped_now(chore, steps)
    waiting.join(_SOON)
    assert said == ["it was stopped in the widget; ask again, and it begins anew"]


def test_chore_that_is_begun_again_before_it_noticed_goes_on(chore, steps):
    chore.begin()
    chore.stop()
    chore.begin(again=True)
    steps.go.release(2)
    assert chore.result(_SOON) == "done"
    assert steps.begun == 1


def test_finished_chore_is_not_stopped(chore, steps):
    steps.go.release(2)
    assert chore.result(_SOON) == "done"
    chore.stop()
    assert not chore.stopped
    assert chore.result() == "done"


def test_stopped_chore_that_is_dropped_does_not_begin_again(chore, steps):
    stopped_now(chore, steps)
    chore.drop()
    with pytest.raises(ValueError, match="the widget was closed"):
        chore.result(1)
    assert steps.begun == 1


def test_chore_reports_and_stops_when_it_is_dropped():
    reports, held = [], threading.Event()

    def make(report):
        report("counting", 0, 2)
        held.wait(10)
        report("counting", 2, 2)
        return "done"

    kept, dropped = Chore(make, reports.append, "kept"), Chore(make, reports.append, "dropped")
    dropped.begin()
    dropped.drop()
    held.set()
    assert kept.result(10) == "done"
    assert reports[-3:] == [("counting", 0, 2), ("counting", 2, 2), None]
    with pytest.raises(ValueError, match="the widget was closed"):
        dropped.result(10)


def test_chore_that_fails_says_why():
    def make(_):
        raise ValueError("no light at all")

    chore = Chore(make, lambda _: None, "failing")
    assert not chore.wait(10)
    with pytest.raises(ValueError, match="no light at all"):
        chore.result()


def test_other_widgets_know_no_such_order():
    grid = gw.GalaxyGrid(ToyModel(), rows=1, columns=1)
    browser = Browser(grid)
    browser.say({"type": "stop", "state": {}})
    content, _ = browser.hear()
    assert content["type"] == "error"
    assert "'stop'" in content["message"]
    grid.close()
