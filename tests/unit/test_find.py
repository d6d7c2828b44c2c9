"""GalaxyFinder as Python sees it: neighbours, edits and examples, oddities in the order that marks teach, code, and misuse."""

import base64
import gzip
import json
import re
import threading
import warnings

import numpy as np
import pytest
from traitlets import TraitError
from wire import Browser

import galwidget as gw
from galwidget.science import anomaly, classification, metric
from galwidget.widgets import find

warnings.filterwarnings("ignore", module="lightning")


@pytest.fixture(scope="module")
def galaxies():
    return gw.simulate(60, "KiDS", seed=3, stamp=32, bands=["g", "r"], mag_limit=20.5, flatten=0.5, progress=False)


@pytest.fixture(scope="module")
def model(galaxies):
    return gw.fit(galaxies, epochs=2, latent_size=6, prior_epochs=1, progress=False, seed=1)


@pytest.fixture(scope="module")
def index(model, galaxies):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metric, "_DRAWN", 24)
        return gw.Index.build(model, galaxies, progress=False)


@pytest.fixture
def finder(model, galaxies, index):
    made = gw.GalaxyFinder(model, galaxies, query=5, k=6, index=index, reference=galaxies)
    assert made.wait(20)
    yield made
    made.close()


def run(code, finder):
    """The names that a stitched cell leaves, run without loading its model again."""
    lines = [line for line in code.splitlines() if "check_model" not in line]
    names = {"gw": gw, "model": finder.model, "galaxies": finder._galaxies}
    exec("\n".join(lines), names)  # noqa: S102 (the claim is that this text runs)
    return names


def rows_of(code, finder):
    return list(run(code, finder)["rows"])


def test_neighbours_are_those_of_nearest_without_the_galaxy_itself(finder, model, galaxies, index):
    expected = gw.nearest(model, galaxies[5], index, 7)
    assert expected.index[0, 0] == 5
    np.testing.assert_array_equal(finder.neighbours.index[0], expected.index[0, 1:])
    np.testing.assert_allclose(finder.neighbours.distance[0], expected.distance[0, 1:])
    np.testing.assert_array_equal(finder.shown.flux[1:], galaxies[expected.index[0, 1:]].flux)
    assert finder.shown.table["distance"][1:].tolist() == expected.distance[0, 1:].tolist()


def test_selection_is_rows_of_the_sample_and_survives_a_walk(finder, galaxies):
    finder.selection = [9, 3]
    finder.query = 7
    assert finder.selected == galaxies[[3, 9]]
    assert finder.table["index"].tolist() == [3, 9]
    assert (finder.table["distance"] > 0).all()
    assert "galaxies[[3, 9]]" in finder.code()


@pytest.mark.parametrize("selection", [[3, 9], []])
def test_galaxies_that_were_found_are_compressed_by_the_finder_s_model(finder, tmp_path, monkeypatch, selection):
    monkeypatch.chdir(tmp_path)
    finder.selection = selection
    code = finder.code("compressed")
    assert "check_model" in code
    selected = run(code, finder)["selected"]
    again = gw.decompress("selected.gwz", finder.model, progress=False)
    assert len(again) == len(selected) == (2 if selection else 6)
    np.testing.assert_allclose(again.attribute("mag_r"), selected.attribute("mag_r"), atol=0.01)


def test_edit_is_looked_for_and_shown(finder, model, galaxies, index):
    finder.edits = {"g_r": 1.2}
    expected = gw.nearest(model, model.edit_latent(galaxies[5], seed=0, g_r=1.2), index, 7).index[0]
    assert finder.neighbours.index[0].tolist() == [row for row in expected if row != 5][:6]
    assert finder._shown(finder._wanted()).about["rows"][:2] == [5, -1]
    assert len(finder.shown) == 8


def test_examples_make_one_query_and_are_not_their_own_answer(finder, model, galaxies):
    finder.plus, finder.minus = [7], [2]
    assert finder.sought == gw.like(model, galaxies[[5, 7]], galaxies[[2]])
    assert not {5, 7, 2} & set(finder.neighbours.index[0].tolist())


@pytest.mark.parametrize("changes", [{}, {"plus": [7], "minus": [2], "edits": {"g_r": 1.0}}], ids=["galaxy", "examples and edit"])
def test_code_finds_the_same_neighbours_again(finder, monkeypatch, changes):
    monkeypatch.setattr(metric, "_DRAWN", 24)
    for name, value in changes.items():
        setattr(finder, name, value)
    assert rows_of(finder.code(), finder) == finder.neighbours.index[0].tolist()


def test_oddities_come_in_order_with_reasons_and_follow_marks(finder):
    finder.view = "odd"
    assert finder.wait(60)
    found = finder.oddities
    about = finder._shown(finder._wanted()).about
    assert about["rows"] == found.order[:6].tolist()
    assert about["score"] == sorted(about["score"], reverse=True)
    assert about["reason"] == [found.reason[row] for row in about["rows"]]
    finder.interesting, finder.boring = about["rows"][3:4], about["rows"][:1]
    assert finder.oddities.order.tolist() == found.order.tolist()  # not before it is asked for
    finder.learn()
    expected = found.marked(finder.interesting, finder.boring).order
    assert finder.oddities.order.tolist() == expected.tolist() != found.order.tolist()
    assert rows_of(finder.code(), finder) == expected[:6].tolist()
    finder.page = 1
    assert finder._shown(finder._wanted()).about["rows"] == expected[6:12].tolist()


@pytest.mark.parametrize("marks", [{}, {"boring": 2}, {"boring": 2, "interesting": 1}], ids=["none", "boring", "interesting"])
def test_what_to_mark_next_is_what_to_mark_chooses_and_the_code_says_so(finder, marks):
    finder.view, finder.order = "odd", "marking"
    assert finder.wait(60)
    found = finder.oddities
    rows = found.order[:3].tolist()
    for name, count in marks.items():
        setattr(finder, name, [rows.pop() for _ in range(count)])
    finder.learn()
    given = {"interesting": finder.interesting, "boring": finder.boring}
    expected = found.to_mark(60, **given)
    assert expected != found.marked(**given).order.tolist() if marks else expected != found.order.tolist()
    for page in (0, 1):
        finder.page = page
        about = finder._shown(finder._wanted()).about
        assert about["rows"] == expected[6 * page : 6 * page + 6] == rows_of(finder.code(), finder)
        assert about["reason"] == [found.reason[row] for row in about["rows"]]
        assert about["total"] == len(expected) == 60 - sum(marks.values())
    assert not {*finder.interesting, *finder.boring} & set(expected)


def test_typical_galaxies_of_a_large_sample_are_what_is_normal_and_the_code_says_so(model, galaxies, monkeypatch):
    monkeypatch.setattr(metric, "_DRAWN", 24)
    monkeypatch.setattr(find, "_OWN_REFERENCE", 70)
    monkeypatch.setattr(anomaly, "_REFERENCE", 60)
    more = gw.Galaxies.concatenate([galaxies, galaxies[:10]])
    finder = gw.GalaxyFinder(model, more, k=6)
    finder.view = "odd"
    assert finder.wait(60)
    np.testing.assert_array_equal(finder.oddities.score, gw.anomalies(model, more, reference="own", progress=False).score)
    assert 'reference="own"' in finder.code()
    assert rows_of(finder.code(), finder) == finder.oddities.order[:6].tolist()
    finder.close()


def test_nothing_is_left_to_mark_once_all_are_marked(finder):
    finder.view, finder.order = "odd", "marking"
    assert finder.wait(60)
    finder.boring = list(range(60))
    finder.learn()
    assert finder._shown(finder._wanted()).about["rows"] == []
    assert len(finder.shown) == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"query": 60}, "galaxy 60 was asked for, but there are 60"),
        ({"plus": [1, 99]}, "galaxy 99 was asked for"),
        ({"selection": [77]}, "galaxy 77 was asked for"),
        ({"edits": {"mag_x": 1}}, "no condition is named 'mag_x'"),
        ({"learned": {"dull": [1]}}, "marks are called dull"),
        ({"learned": {"boring": [61]}}, "a galaxy was marked that is not there"),
    ],
)
def test_state_that_cannot_be_is_refused_in_words(finder, change, words):
    (name, value), *_ = change.items()
    before = getattr(finder, name)
    with pytest.raises(TraitError, match=words):
        setattr(finder, name, value)
    assert getattr(finder, name) == before


def test_sample_and_index_that_do_not_fit_are_refused(model, galaxies, index):
    with pytest.raises(ValueError, match="nothing to find among 1 galaxies"):
        gw.GalaxyFinder(model, galaxies[:1])
    with pytest.raises(ValueError, match="the index has 60 galaxies, the sample 30"):
        gw.GalaxyFinder(model, galaxies[:30], index=index)
    with pytest.raises(ValueError, match="no images"):
        gw.GalaxyFinder(model, gw.Galaxies(table=galaxies.table, survey=galaxies.survey))


def test_finder_stops_its_search_and_begins_it_anew_as_the_browser_says(model, galaxies, monkeypatch):
    go, build = threading.Event(), find.Index.build

    def slowly(*of, progress, **options):
        progress("encoding", 0, 8)
        assert go.wait(20)
        progress("encoding", 8, 8)
        return build(*of, progress=False, **options)

    monkeypatch.setattr(find.Index, "build", slowly)
    finder = gw.GalaxyFinder(model, galaxies, k=3)
    browser, told = Browser(finder), threading.Event()
    finder.observe(lambda _: told.set(), "stopped")
    browser.say({"type": "stop", "state": {"query": 2}})
    go.set()
    assert told.wait(20)
    assert (finder.stopped, finder.ready, finder.progress, finder.query) == (["neighbours"], [], {}, 2)
    browser.say({"type": "frame", "seq": 1, "state": {}})
    content, _ = browser.hear()
    assert content["about"]["waiting"]
    assert finder.stopped == ["neighbours"]
    browser.say({"type": "resume", "state": {}})
    assert finder.wait(20)
    assert (finder.stopped, finder.ready) == ([], ["neighbours"])
    assert finder.neighbours.index.shape == (1, 3)
    finder.close()


def test_neighbours_by_kind_are_those_of_nearest_by_kind_and_the_code_says_so(finder, model, galaxies, index, monkeypatch):
    monkeypatch.setattr(metric, "_DRAWN", 24)
    finder.by = "kind"
    expected = gw.nearest(model, galaxies[5], index, 7, by="kind")
    assert finder.neighbours.index[0].tolist() == [row for row in expected.index[0] if row != 5][:6]
    assert (
        finder.shown.table["distance"][1:].tolist()
        == [far for row, far in zip(expected.index[0], expected.distance[0], strict=True) if row != 5][:6]
    )
    finder.selection = [9]
    np.testing.assert_allclose(
        finder.table["distance"],
        gw.nearest(model, galaxies[5], index, 60, by="kind").distance[0][
            gw.nearest(model, galaxies[5], index, 60, by="kind").index[0] == 9
        ],
    )
    finder.selection = []
    assert rows_of(finder.code(), finder) == finder.neighbours.index[0].tolist()


@pytest.fixture(scope="module")
def voters(galaxies):
    """Who find the red ones smooth."""
    colour = galaxies.attribute("g_r")
    return gw.fit_votes(galaxies, (colour > np.median(colour))[:, None].astype(float), questions=("smooth",), epochs=2, progress=False)


@pytest.mark.parametrize("given", ["index", "voters"])
def test_neighbours_by_kind_are_those_of_whom_voters_say_the_same(model, galaxies, voters, monkeypatch, given):
    monkeypatch.setattr(metric, "_DRAWN", 24)
    index = gw.Index.build(model, galaxies, voters=voters, progress=False)
    explorer = gw.explore(model, galaxies, voters=voters)
    finder = gw.GalaxyFinder(model, galaxies, index=index, query=5, k=6) if given == "index" else explorer.finder
    finder.query, finder.k, finder.by = 5, 6, "kind"
    assert finder.wait(60)
    assert finder.questions == ["smooth"]
    expected = gw.nearest(model, galaxies[5], index, 7, by="kind")
    found = [row for row in expected.index[0] if row != 5][:6]
    assert finder.neighbours.index[0].tolist() == found
    said = voters(galaxies)
    np.testing.assert_allclose(finder.neighbours.distance[0], np.abs(said[found] - said[5])[:, 0], atol=2e-3)  # half floats
    finder.selection = found[:2]
    np.testing.assert_allclose(finder.table["distance"], finder.shown.table["distance"][np.argsort(found[:2]) + 1])
    finder.selection = []
    monkeypatch.setattr(gw, "voters", voters, raising=False)
    assert rows_of(finder.code().replace("voters=voters", "voters=gw.voters"), finder) == found
    finder.edits = {"g_r": 1.2}  # voters look at what the model draws
    assert len(finder.neighbours.index[0]) == 6
    finder.close()
    explorer.close()


def test_voters_of_other_pictures_or_without_galaxies_are_refused(model, galaxies, voters, index):
    other = gw.simulate(3, "KiDS", seed=3, stamp=48, bands=["g", "r"], progress=False)
    with pytest.raises(ValueError, match="the voters saw 32 of KiDS"):
        gw.explore(model, other, voters=voters)
    with pytest.raises(ValueError, match="voters were given without galaxies"):
        gw.explore(model, voters=voters)
    with pytest.raises(ValueError, match="an index has its own voters, or none"):
        gw.GalaxyFinder(model, galaxies, index=index, voters=voters)


def test_types_are_told_when_they_are_asked_for(finder, model, galaxies, monkeypatch):
    monkeypatch.setattr(classification, "_REFERENCE", 160)
    assert "types" not in finder._shown(finder._wanted()).about
    finder.types = True
    told = finder.classification
    about = finder._shown(finder._wanted()).about
    assert about["types"]["names"] == list(told.types)
    np.testing.assert_allclose(about["types"]["probabilities"], told.probabilities[about["rows"]], atol=1e-3)
    np.testing.assert_array_equal(told.probabilities, gw.classify(model, galaxies, progress=False).probabilities)
    finder.edits = {"g_r": 1.2}
    assert finder._shown(finder._wanted()).about["types"]["probabilities"][1] is None  # what is looked for is no galaxy of the sample
    finder.selection = [3]
    assert finder.table["best"][0] == told.best[3]


def test_a_page_has_the_neighbours_as_galaxies_that_stretch(finder, tmp_path):
    finder.export_html(tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    (saved,) = json.loads(re.search(r'id="saved">(.*?)</script>', text, re.DOTALL)[1])["widgets"]
    assert (saved["state"]["kind"], saved["state"]["query"]) == ("finder", 5)
    assert saved["frame"]["content"]["about"]["rows"][1:] == finder.neighbours.index[0].tolist()
    flux = np.frombuffer(gzip.decompress(base64.b64decode(saved["frame"]["buffers"][0])), "<f2")
    np.testing.assert_allclose(flux, finder.shown.flux.ravel(), rtol=1e-3, atol=1e-3)
