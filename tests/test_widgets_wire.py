"""The widgets' wire from the kernel's side: requests in, half floats out, errors in words, latest wins, threads freed."""

import threading
import time

import numpy as np
import pytest
from toy_model import ToyModel
from wire import Browser

import galwidget as gw
from galwidget.widgets.editor import GalaxyEditor
from galwidget.widgets.grid import GalaxyGrid
from galwidget.widgets.traversal import FINER, LatentTraversal
from galwidget.widgets.worker import LatestWorker


@pytest.fixture
def grid():
    widget = GalaxyGrid(ToyModel(), rows=2, columns=3)
    yield widget
    widget.close()


def test_frame_is_the_flux_of_the_displayed_bands(grid):
    browser = Browser(grid)
    browser.say({"type": "frame", "seq": 1, "state": {}})
    content, _ = browser.hear()
    assert (content["type"], content["seq"], content["rows"], content["columns"]) == ("frame", 1, 2, 3)
    expected = grid.shown.select_bands(content["bands"]).flux
    np.testing.assert_allclose(browser.flux(), expected, rtol=2**-11, atol=1e-6)


def test_frame_names_the_attributes_of_its_cells(grid):
    browser = Browser(grid)
    browser.say({"type": "frame", "seq": 1, "state": {}})
    columns = browser.attributes(1)
    assert columns["mag_r"]["unit"] == "mag"
    np.testing.assert_allclose(columns["mag_r"]["values"], grid.shown.table["mag_r"].value, atol=1e-3)
    assert columns["morphology"]["values"] == list(grid.shown.table["morphology"])


def test_request_sets_the_state_that_python_reads(grid):
    browser = Browser(grid)
    heard = []
    grid.observe(lambda change: heard.append(change["new"]), "seed")
    browser.say({"type": "frame", "seq": 1, "state": {"seed": 9, "conditions": {"mag_r": [18, 19]}}})
    browser.hear()
    assert (grid.seed, grid.conditions, heard) == (9, {"mag_r": [18.0, 19.0]}, [9])
    assert ((grid.shown.table["mag_r"].value > 18) & (grid.shown.table["mag_r"].value < 19)).all()


def test_selection_of_the_browser_is_selected_in_python(grid):
    Browser(grid).say({"type": "state", "state": {"selection": [4, 1]}})
    assert grid.selected == grid.shown[[1, 4]]


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ({"type": "frame", "seq": 1, "state": {"conditions": {"colour": 1}}}, "no condition is named 'colour'; this model knows mag_r"),
        ({"type": "frame", "seq": 1, "state": {"conditions": {"morphology": ["cow"]}}}, "give one or more of E, S0, Sb, Sc, Im"),
        ({"type": "frame", "seq": 1, "state": {"conditions": {"mag_r": [1, 2, 3]}}}, "give a number, or a range"),
        ({"type": "frame", "seq": 1, "state": {"rows": 10**9}}, "rows"),
        ({"type": "frame", "seq": 1, "state": {"_esm": "alert(1)"}}, "this widget's state is"),
        (
            {"type": "frame", "seq": 1, "state": {"display": {"bands": ["r", "g", "x"], "scale": [1, 1, 1], "stretch": 1, "Q": 1}}},
            "no band 'x'",
        ),
        (
            {"type": "frame", "seq": 1, "state": {"display": {"bands": ["r", "g", "u"], "scale": [1, "x", 1], "stretch": 1, "Q": 1}}},
            "each must be a finite number",
        ),
        (
            {"type": "frame", "seq": 1, "state": {"display": {"bands": ["r", "g", "u"], "scale": [1, 1, 1], "stretch": "1", "Q": 1}}},
            "display has stretch '1'",
        ),
        ({"type": "frame", "seq": 1, "state": {"seed": 5, "conditions": {"mag_r": "bright"}}}, "could not convert"),
        ({"type": "frame", "seq": 1, "state": [1, 2]}, "this widget's state is"),
        ({"type": "frame", "seq": "1", "state": {}}, "expected one of frame, code, where, details, numbered"),
        ({"type": "strip", "seq": 1, "row": 0, "state": {}}, "expected one of frame, code, where, details, numbered"),
        ({"type": "steal", "seq": 1}, "a message of type 'steal'"),
        ({}, "a message of type None"),
        ("text", "a message of type None"),
    ],
)
def test_bad_message_is_answered_in_words_and_changes_nothing(grid, message, words):
    browser, before = Browser(grid), grid._wanted()
    browser.say(message)
    answer, _ = browser.hear()
    assert answer["type"] == "error"
    assert words in answer["message"]
    assert grid._wanted() == before


def test_error_of_the_model_is_answered_in_words_and_the_next_request_is_served(grid):
    browser, decode = Browser(grid), grid.model.decode
    grid.model.decode = lambda _, **__: 1 / 0
    browser.say({"type": "frame", "seq": 1, "state": {"seed": 5}})
    assert browser.hear()[0] == {"type": "error", "seq": 1, "message": "ZeroDivisionError: division by zero"}
    grid.model.decode = decode
    browser.say({"type": "frame", "seq": 2, "state": {}})
    assert browser.hear(2)[0]["type"] == "frame"


def test_latest_request_wins_and_the_others_are_told():
    model = ToyModel()
    grid = GalaxyGrid(model, rows=1, columns=1)
    browser = Browser(grid)
    with model.lock:  # the model is busy elsewhere: one request waits for it, the others for that one
        browser.say({"type": "frame", "seq": 1, "state": {"seed": 1}})
        while grid._worker._waiting:
            time.sleep(0.001)
        for seq in (2, 3, 4):
            browser.say({"type": "frame", "seq": seq, "state": {"seed": seq}})
    browser.hear(4)
    assert [(content["type"], content["seq"]) for content, _ in browser.received] == [
        ("superseded", 2),
        ("superseded", 3),
        ("frame", 1),
        ("frame", 4),
    ]
    # the first and the last picture, and what is measured on the last
    browser.attributes(4)
    assert model.decodes == 3
    grid.close()


def test_pixels_do_not_wait_for_what_is_measured_on_them(grid):
    browser, decode = Browser(grid), grid.model.decode
    measuring = threading.Event()

    def slow(latent, *, attributes=True):
        if attributes:
            assert measuring.wait(20)
        return decode(latent, attributes=attributes)

    grid.model.decode = slow
    browser.say({"type": "frame", "seq": 1, "state": {}})
    content, _ = browser.hear()
    assert (content["pending"], content["attributes"], browser.measured) == (True, [], [])
    measuring.set()
    assert set(browser.attributes(1)) >= {"mag_r", "r_half"}


def test_nothing_is_measured_on_a_picture_that_gave_way_to_another(grid):
    browser = Browser(grid)
    with grid.model.lock:
        browser.say({"type": "frame", "seq": 1, "state": {"seed": 1}})
        while grid._worker._waiting:
            time.sleep(0.001)
        browser.say({"type": "frame", "seq": 2, "state": {"seed": 2}})
    browser.attributes(2)
    assert [content["seq"] for content in browser.measured] == [2]


def test_given_galaxies_come_with_their_attributes_at_once():
    widget = GalaxyGrid(galaxies=ToyModel().sample(4, seed=3))
    browser = Browser(widget)
    browser.say({"type": "frame", "seq": 1, "state": {}})
    content, _ = browser.hear()
    assert not content["pending"]
    assert "mag_r" in {column["name"] for column in content["attributes"]}
    widget.close()


def test_same_state_is_decoded_once(grid):
    browser = Browser(grid)
    for seq in (1, 2):
        browser.say({"type": "frame", "seq": seq, "state": {}})
        browser.hear(seq)
        browser.attributes(1)
    assert browser.hear(2)[0]["attributes"]
    assert len(grid.shown) == 6
    assert grid.model.decodes == 2  # for the pixels, and to be measured


def test_close_frees_the_thread_and_answers_no_more(grid):
    browser = Browser(grid)
    browser.say({"type": "frame", "seq": 1, "state": {}})
    browser.hear()
    thread = grid._worker._thread
    assert thread in threading.enumerate()
    grid.close()
    assert not grid._worker.alive
    assert thread not in threading.enumerate()
    assert grid.comm is None


def test_idle_worker_ends_its_thread_and_starts_again():
    done = []
    worker = LatestWorker(done.append, ("frame",), idle=0.01)
    for job in (1, 2):
        worker.submit("frame", job)
        deadline = time.monotonic() + 10
        while worker.alive and time.monotonic() < deadline:
            time.sleep(0.005)
        assert not worker.alive
    assert done == [1, 2]


def test_requests_from_many_threads_leave_the_last_state(grid):
    browser = Browser(grid)
    threads = [threading.Thread(target=browser.say, args=({"type": "frame", "seq": seq, "state": {}},)) for seq in range(1, 21)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    browser.hear(20)
    assert sorted(content["seq"] for content, _ in browser.received) == list(range(1, 21))


def test_strip_of_a_row_passes_through_the_cells_of_the_row():
    traversal = LatentTraversal(ToyModel(), dims=[0, 2], steps=5)
    browser = Browser(traversal)
    browser.say({"type": "strip", "seq": 1, "row": 1, "state": {}})
    browser.say({"type": "frame", "seq": 2, "state": {}})
    browser.hear(2)
    answers = {content["type"]: index for index, (content, _) in enumerate(browser.received, 1)}
    strip, cells = browser.flux(answers["strip"]), browser.flux(answers["frame"])
    assert len(strip) == 4 * FINER + 1
    np.testing.assert_array_equal(strip[::FINER], cells[5:10])
    traversal.close()


def test_position_that_is_no_number_leaves_the_galaxy_where_it_was():
    traversal = LatentTraversal(ToyModel(), dims=[0])
    traversal.position = {"0": 1.0}
    browser = Browser(traversal)
    browser.say({"type": "frame", "seq": 1, "state": {"position": {"x": 1}}})
    assert browser.hear()[0]["type"] == "error"
    assert traversal.position == {"0": 1.0}
    traversal.close()


def test_strip_of_a_row_that_is_not_there_is_an_error_in_words():
    traversal = LatentTraversal(ToyModel(), dims=[0, 2])
    browser = Browser(traversal)
    browser.say({"type": "strip", "seq": 1, "row": 2, "state": {}})
    assert browser.hear()[0]["message"] == "strip of row 2; there are rows 0 to 1"
    traversal.close()


def test_frames_of_galaxies_on_the_sky_say_which_way_is_north():
    galaxies = ToyModel().sample(2, seed=3)
    table = galaxies.to_table()
    table["north_angle"], table["east_angle"] = [12.345, np.nan], [102.0, 90.0]
    for widget, expected in (
        (GalaxyGrid(galaxies=galaxies.with_table(table)), [[12.35, 102.0], None]),
        (GalaxyEditor(ToyModel(), galaxies.with_table(table)), [[12.35, 102.0]] * 3),
        (GalaxyGrid(galaxies=galaxies), None),
    ):
        browser = Browser(widget)
        browser.say({"type": "frame", "seq": 1, "state": {}})
        content, _ = browser.hear()
        assert content.get("compass") == expected
        assert not {"north_angle", "east_angle"} & {column["name"] for column in content["attributes"]}
        widget.close()


def test_editor_sends_the_residual_of_every_band_in_sigma():
    model = ToyModel()
    galaxies = gw.observe(model.sample(2, seed=4, ellipticity=0.0, mag_r=20.0), seed=1)
    editor = GalaxyEditor(model, galaxies)
    browser = Browser(editor)
    browser.say({"type": "frame", "seq": 1, "state": {"index": 1}})
    content, buffers = browser.hear()
    shape = content["layers"][1]["shape"]
    assert shape == [1, 5, 24, 24]
    residual = np.frombuffer(buffers[1], "<f2").reshape(shape).astype(float)
    assert content["about"]["chi2"] == pytest.approx(np.mean(residual**2), rel=1e-2)
    np.testing.assert_allclose(browser.flux()[0], galaxies[1].select_bands(content["bands"]).flux[0], rtol=2**-10, atol=1e-5)
    editor.close()


def test_galaxies_that_fulfil_a_condition_are_named_and_not_yet_selected(grid):
    browser = Browser(grid)
    magnitude = grid.shown.attribute("mag_r")
    limit = float(np.median(magnitude))
    browser.say({"type": "where", "seq": 1, "condition": f"mag_r < {limit}", "state": {}})
    content, _ = browser.hear()
    assert content == {"type": "where", "seq": 1, "selection": np.flatnonzero(magnitude < limit).tolist(), "total": 6}
    assert grid.selection == []


def test_condition_that_cannot_be_read_is_an_error_in_words(grid):
    browser = Browser(grid)
    for seq, (condition, words) in enumerate((("mag_q < 19", "no attribute is named 'mag_q'"), (None, "give text such as")), 1):
        browser.say({"type": "where", "seq": seq, "condition": condition, "state": {}})
        content, _ = browser.hear(seq)
        assert (content["type"], content["seq"]) == ("error", seq)
        assert words in content["message"]


def test_details_of_a_drawn_galaxy_are_its_latent_and_of_another_cell_an_error(grid):
    browser = Browser(grid)
    browser.say({"type": "details", "seq": 1, "cell": 4, "state": {}})
    content, _ = browser.hear()
    np.testing.assert_allclose(content["latent"]["mean"], grid.model.draw(6, seed=grid.seed).mean[4], atol=1e-4)
    assert content["predicted"] == {}  # the toy has no decoders of attributes
    browser.say({"type": "details", "seq": 2, "cell": 6, "state": {}})
    content, _ = browser.hear(2)
    assert "details of cell 6 were asked for; give one of 6" in content["message"]
