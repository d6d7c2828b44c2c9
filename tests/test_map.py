"""The latent map as Python sees it: where galaxies are, what a click decodes, what a lasso selects, and that nothing waits for it."""

import base64
import io
import threading

import numpy as np
import pytest
from astropy.table import QTable
from patience import SOON, until
from PIL import Image
from toy_model import ToyModel
from traitlets import TraitError

import galwidget as gw
from galwidget.widgets.map import LatentMap
from galwidget.widgets.map_chart import POINTS
from galwidget.widgets.plane import Plane, attribute_values, raster


@pytest.fixture(scope="module")
def model():
    return ToyModel()


@pytest.fixture(scope="module")
def galaxies(model):
    return gw.observe(model.sample(40, seed=3), seed=1)


@pytest.fixture
def chart(model, galaxies):
    made = LatentMap(model, galaxies)
    assert made.wait(SOON)
    yield made
    made.close()


def click(chart, x, y):
    """What bqplot sends when the plane is clicked."""
    chart._chart._behind._handle_custom_msgs(None, {"event": "element_click", "data": {"click_x": x, "click_y": y}})


def lasso(chart, inside):
    """What bqplot sends when a lasso is closed."""
    chart._chart._all.selected = np.asarray(inside, np.uint32)


def test_map_is_there_before_its_galaxies_are_encoded(galaxies):
    class Slow(ToyModel):
        held = threading.Event()

        def encode(self, *arguments, **options):
            assert self.held.wait(SOON)
            return super().encode(*arguments, **options)

    chart = LatentMap(Slow(), galaxies)
    assert not chart.ready
    assert "40 galaxies" in chart._status.value
    Slow.held.set()
    assert chart.wait(SOON)
    chart.close()


def test_lassos_clicks_and_colours_are_undone_and_done_again(chart):
    first = chart.attribute
    assert chart._undo.disabled
    lasso(chart, [2, 5, 31])
    click(chart, 0.3, -0.2)
    chart.attribute = "g_r"
    chart._undo.click()
    assert (chart.attribute, chart.at) == (first, (0.3, -0.2))
    chart._undo.click()
    assert (chart.at, chart.selection) == (None, [2, 5, 31])
    chart._undo.click()
    assert chart.selection == []
    assert chart._undo.disabled
    for _ in range(3):
        chart._redo.click()
    assert (chart.attribute, chart.at, chart.selection) == ("g_r", (0.3, -0.2), [2, 5, 31])
    assert chart._redo.disabled
    chart._undo.click()
    chart.selection = [1]  # from here there is no way forward to what was undone
    assert chart._redo.disabled


def test_point_of_a_galaxy_lifts_to_that_galaxy(model):
    latent = model.draw(200, seed=1).mean
    plane = Plane(latent)
    for row in (0, 57, 199):
        np.testing.assert_allclose(plane.lift(tuple(plane.points[row])), latent[row : row + 1], atol=1e-5)


def test_lifted_point_projects_back_to_itself_and_keeps_what_the_plane_leaves_out(model):
    latent = model.draw(200, seed=1).mean
    plane = Plane(latent)
    point = (0.31, -0.77)
    lifted = plane.lift(point)
    np.testing.assert_allclose((lifted[0] - latent.mean(0)) @ plane._axes.T, point, atol=1e-4)
    away = lifted[0] - latent[plane.nearest(point)]
    np.testing.assert_allclose(away, (away @ plane._axes.T) @ plane._axes, atol=1e-5)


def test_click_decodes_that_point_of_the_plane(chart, model):
    click(chart, 0.4, -0.2)
    assert chart.at == (0.4, -0.2)
    expected = model.decode(gw.Latent(chart._plane.lift((0.4, -0.2))))
    assert chart.decoded == expected
    until(lambda: "Decoded at (0.40, -0.20)" in chart._values.value)
    until(lambda: len(chart._beneath.shown) == 1)
    np.testing.assert_allclose(chart._beneath.shown.flux, expected.flux, rtol=1e-6)
    assert "r magnitude" in chart._values.value


def test_lasso_selects_in_python(chart, galaxies):
    lasso(chart, [5, 2, 31])
    assert chart.selection == [2, 5, 31]
    assert chart.selected == galaxies[[2, 5, 31]]
    assert len(chart.latent) == len(chart.table) == 3
    until(lambda: "3 selected" in chart._chosen.value)
    np.testing.assert_array_equal(chart._chart._points.selected, [2, 5, 31])
    chart._clear.click()
    assert len(chart.selected) == 0


def test_pointing_at_a_galaxy_shows_it(chart):
    x, y = chart._plane.points[7].tolist()
    chart._chart._points._handle_custom_msgs(None, {"event": "hover", "point": {"x": x, "y": y}})
    until(lambda: chart._chart.caption.value.startswith("galaxy 7 "))
    assert "r magnitude" in chart._chart.caption.value
    assert Image.open(io.BytesIO(chart._chart.thumbnail.png)).size == (24, 24)


def test_many_galaxies_are_a_picture_and_the_lasso_sees_them_all(model):
    n = 4 * POINTS
    latent = model.draw(n, seed=2)
    many = gw.Galaxies(table={"mag_r": 19.5 - latent.mean[:, 0]}, survey=model.survey)
    chart = LatentMap(model, many, latent=latent)
    assert chart.wait(SOON)
    assert len(chart._chart._points.x) == POINTS
    assert len(chart._chart._all.x) == n
    picture = np.asarray(Image.open(io.BytesIO(chart._chart._behind.image.value)))
    assert (picture[..., 3] > 0).sum() > POINTS
    lasso(chart, np.arange(n))
    assert len(chart.selected) == n
    click(chart, 0.0, 0.0)
    assert chart.decoded.flux.shape == (1, 5, 24, 24)
    chart.close()


def test_galaxies_without_images_are_shown_as_the_model_has_them(model):
    latent = model.draw(10, seed=2)
    chart = LatentMap(model, gw.Galaxies(table={"redshift": np.linspace(0, 1, 10)}, survey=model.survey), latent=latent)
    assert chart.wait(SOON)
    assert chart.attribute == "redshift"
    np.testing.assert_array_equal(chart._images(np.array([3])), model.decode(latent[[3]]).rgb())
    chart.close()


def test_drawn_galaxies_are_selected_and_made_again_by_their_code(model, monkeypatch):
    monkeypatch.setattr(gw, "load", lambda: model, raising=False)
    chart = LatentMap(model, n=50, seed=4)
    assert chart.wait(SOON)
    chart.selection, chart.at = [9, 3], (0.1, 0.2)
    names = {}
    exec(chart.code(), names)  # noqa: S102 (the claim is that this text runs)
    assert names["selected"] == chart.selected
    assert names["decoded"] == chart.decoded
    chart.close()


def test_same_state_gives_the_same_map(model, galaxies, chart):
    other = LatentMap(model, galaxies)
    assert other.wait(SOON)
    np.testing.assert_array_equal(chart._plane.points, other._plane.points)
    np.testing.assert_array_equal(chart._chart._points.color, other._chart._points.color)
    other.close()


def test_colours_are_logarithms_classes_and_grey_where_not_measured(galaxies):
    table = QTable(galaxies.table)
    table["redshift"] = np.where(np.arange(40) == 4, np.nan, 0.1)
    galaxies = galaxies.with_table(table)
    values, label, _ = attribute_values(galaxies, "r_half")
    np.testing.assert_allclose(values, np.log10(galaxies.attribute("r_half")))
    assert label == "log half-light radius / arcsec"
    values, _, classes = attribute_values(galaxies, "morphology")
    assert [classes[int(value)] for value in values] == list(galaxies.table["morphology"])
    assert np.flatnonzero(np.isnan(attribute_values(galaxies, "redshift")[0])).tolist() == [4]


def test_density_picture_is_opaque_where_galaxies_are_and_up_is_up():
    picture = raster(np.array([[0.1, 0.9], [0.1, 0.9], [0.9, 0.1]]), np.array([[1, 0, 0], [1, 0, 0], [0, 0, 1.0]]), (0, 1, 0, 1), side=2)
    assert picture[0, 0].tolist() == [255, 0, 0, 255]
    assert picture[1, 1, :3].tolist() == [0, 0, 255]
    assert picture[0, 1, 3] == picture[1, 0, 3] == 0 < picture[1, 1, 3] < 255


def test_saved_notebook_has_a_small_picture_of_the_map(chart):
    data = chart._repr_mimebundle_()
    image = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
    assert np.asarray(image.convert("L")).std() > 5
    assert len(data["image/png"]) + len(data["text/html"]) < 200_000


def test_names_from_data_are_never_html(model):
    latent = model.draw(10, seed=2)
    chart = LatentMap(model, gw.Galaxies(table={"<img onerror=x>": np.arange(10.0)}, survey=model.survey), latent=latent)
    assert chart.wait(SOON)
    decode = model.decode

    def renamed(*arguments, **options):
        decoded = decode(*arguments, **options)
        return decoded.with_table({"<img onerror=x>": ["<b>"]})

    chart.model = type("Named", (), {"decode": staticmethod(renamed)})()
    click(chart, 0.0, 0.0)
    until(lambda: "onerror" in chart._values.value)
    assert "<img" not in chart._values.value
    assert "&lt;b&gt;" in chart._values.value
    chart.close()


def test_model_that_fails_is_said_in_the_widget(galaxies):
    class Failing(ToyModel):
        def encode(self, *_, **__):
            raise ValueError("the model was trained on other bands")

    chart = LatentMap(Failing(), galaxies)
    assert not chart.wait(SOON)
    assert chart._status.value == "the model was trained on other bands"
    with pytest.raises(ValueError, match="there is no map: the model was trained on other bands"):
        _ = chart.latent
    chart.close()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"n": 2}, "three galaxies or more; there are 2"),
        ({"latent": gw.Latent(np.zeros((3, 6)))}, "give it with galaxies"),
        ({"projection": "tSNE"}, "PCA"),
    ],
)
def test_misuse_is_said_in_words(model, options, words):
    with pytest.raises((ValueError, TraitError), match=words):
        LatentMap(model, **options)


def test_column_and_galaxy_that_are_not_there_are_named(chart, model, galaxies):
    with pytest.raises(TraitError, match="no column 'mag_x' can colour the map; these can: mag_r, g_r"):
        chart.attribute = "mag_x"
    with pytest.raises(TraitError, match="galaxy 40 was selected, but there are 40"):
        chart.selection = [40]
    with pytest.raises(ValueError, match="no column 'mag_x'"):
        LatentMap(model, galaxies, attribute="mag_x")


def test_closed_map_leaves_no_model_and_no_thread_behind(model, galaxies):
    from ipywidgets.widgets import widget as ipywidget

    before = set(ipywidget._instances)
    chart = LatentMap(model, galaxies)
    assert chart.wait(SOON)
    chart.tool = "lasso"
    chart.tool = "pan"
    chart.attribute = "morphology"
    assert set(ipywidget._instances) - before
    chart.close()
    assert set(ipywidget._instances) == before
    assert not chart._worker.alive


def test_galaxies_that_were_not_measured_are_grey_points_of_their_own(model):
    galaxies = model.sample(6, seed=3)
    table = galaxies.to_table()
    table["redshift"] = [0.1, np.nan, 0.3, np.nan, 0.2, 0.4]
    chart = LatentMap(model, galaxies.with_table(table), attribute="redshift")
    assert chart.wait(SOON)
    drawn = chart._chart
    until(lambda: len(drawn._unmeasured.x) == 2)
    np.testing.assert_allclose(drawn._unmeasured.x, chart._plane.points[[1, 3], 0])
    assert np.isfinite(drawn._points.color).all()
    chart.selection = [0, 3]
    until(lambda: drawn._unmeasured.selected is not None)
    np.testing.assert_array_equal(drawn._points.selected, [0])
    np.testing.assert_array_equal(drawn._unmeasured.selected, [1])
    chart.attribute = "mag_r"
    until(lambda: len(drawn._unmeasured.x) == 0)
    assert len(drawn._points.x) == 6
    chart.close()
