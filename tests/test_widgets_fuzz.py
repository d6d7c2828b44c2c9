"""Whatever the browser's end of the wire says, the kernel answers each numbered request once, in words, and goes on."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from toy_model import ToyModel
from wire import Browser

from galwidget.widgets.grid import GalaxyGrid
from galwidget.widgets.traversal import LatentTraversal

NAMES = (
    "seed",
    "rows",
    "conditions",
    "temperature",
    "display",
    "selection",
    "dims",
    "steps",
    "position",
    "_esm",
    "_bundle",
    "comm",
    "mag_r",
)
SMALL = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.sampled_from([10**30, -(2**63), 1e308, float("nan"), float("inf"), "", "mag_r", "<b>"])
)
JUNK = st.recursive(
    SMALL, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3), max_leaves=8
)
MESSAGE = JUNK | st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["frame", "strip", "exact", "halt", "where", "details", "code", "state", "superseded", "error"]) | JUNK,
        "seq": st.integers(0, 9) | JUNK,
        "row": JUNK,
        "at": JUNK,
        "draft": JUNK,
        "condition": st.sampled_from(["mag_r < 19", "mag_r <", "9 ** 9 ** 9"]) | JUNK,
        "form": JUNK,
        "cell": JUNK,
        "state": st.dictionaries(st.sampled_from(NAMES), JUNK, max_size=3) | JUNK,
    },
)


def must_answer(message):
    """Whether a message is a request with a number, or so wrong that the browser is told."""
    return not isinstance(message, dict) or message.get("type") not in ("state", "halt")


@pytest.mark.parametrize(
    "make", [lambda: GalaxyGrid(ToyModel(), rows=1, columns=2), lambda: LatentTraversal(ToyModel(), dims=[0, 1], steps=2)]
)
@settings(max_examples=80, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(messages=st.lists(MESSAGE, min_size=1, max_size=6))
def test_any_messages_are_answered_once_each_and_the_next_picture_comes(make, messages):
    widget = make()
    browser, good = Browser(widget), widget._wanted()
    for message in messages:
        browser.say(message)
    numbered = sum(map(must_answer, messages))
    browser.say({"type": "frame", "seq": 1000, "state": good})
    with browser._news:
        # what is less urgent than the picture comes after it
        done = browser._news.wait_for(
            lambda: len(browser.received) > numbered and any(content["seq"] == 1000 for content, _ in browser.received), timeout=20
        )
    assert done, f"of {numbered} messages and a request for a picture, {len(browser.received)} were answered"
    answers = [content for content, _ in browser.received]
    assert len(answers) <= len(messages) + 1
    assert all(content["message"] for content in answers if content["type"] == "error")
    assert next(content["type"] for content in answers if content["seq"] == 1000) == "frame"
    assert len(widget.shown) >= 1
    widget.close()
