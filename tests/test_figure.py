"""Figures of widgets: the stretch of the screen, the labels of the rows, values, and text that is text."""

import io
import re

import numpy as np
import pytest
from astropy import units as u
from matplotlib.figure import Figure
from toy_model import ToyModel

import galwidget as gw


@pytest.fixture(scope="module")
def model():
    return ToyModel()


def texts(figure):
    return [text.get_text() for axes in figure.axes for text in axes.texts if text.get_text()] + [text.get_text() for text in figure.texts]


def pictures(figure):
    return [image.get_array() for image in figure.axes[0].images]


def test_pictures_have_the_stretch_of_the_screen(model):
    grid = gw.GalaxyGrid(model, rows=2, columns=3)
    grid.display = {**grid.display, "bands": ["Z", "i", "u"], "stretch": 20.0}
    drawn = pictures(grid.figure())
    np.testing.assert_array_equal(drawn, grid.shown.rgb(bands="Ziu", scale=grid.display["scale"], stretch=20.0, Q=grid.display["Q"]))
    grid.close()


def test_values_are_those_of_the_table_and_can_be_chosen(model):
    grid = gw.GalaxyGrid(model, rows=1, columns=2)
    usual, chosen, none = grid.figure(), grid.figure(values=["ellipticity", "morphology"]), grid.figure(values=[])
    assert sum(text.startswith("r = ") for text in texts(usual)) == 2
    first = grid.shown.table[0]
    assert f"|e| = {first['ellipticity']:.2f}\n{first['morphology']}" in texts(chosen)
    assert [text for text in texts(none) if "=" in text] == []
    with pytest.raises(ValueError, match=r"no attribute is named 'mass'; these galaxies have mag_r, g_r"):
        grid.figure(values=["mass"])
    grid.close()


def test_rows_and_columns_are_labelled(model):
    sweep = gw.AttributeSweep(model, "r_half", rows=3, columns=2)
    assert {*sweep._shown(sweep._wanted()).row_labels, "half-light radius"} <= set(texts(sweep.figure()))
    traversal = gw.LatentTraversal(model, dims=[0, 3], steps=3)
    names = {"z0: mostly r\nmagnitude, r\xa0=\xa0\N{MINUS SIGN}0.99", "z3: mostly ellipticity\ne1, r\xa0=\xa00.90"}
    assert {*names, "\N{MINUS SIGN}3", "0", "+3"} <= set(texts(traversal.figure()))
    assert len(pictures(traversal.figure())) == 6
    for widget in (sweep, traversal):
        widget.close()


def test_editor_has_its_residual_with_a_colour_bar(model):
    galaxies = gw.observe(model.sample(2, seed=3), seed=1)
    editor = gw.GalaxyEditor(model, galaxies)
    figure = editor.figure()
    assert {"galaxy", "reconstruction", "residual", "edited"} <= set(texts(figure))
    residual = pictures(figure)[2]
    band = galaxies.survey.index("r")
    np.testing.assert_allclose(residual, editor._shown(editor._wanted()).residual[0, band])
    assert any("residual in r" in axes.get_xlabel() for axes in figure.findobj(type(figure.axes[0])))
    editor.close()


def arrows(figure):
    """Directions of a figure's arrows, degrees from up counter-clockwise, by their letters."""
    (axes, *_) = figure.axes
    drawn = [text for text in axes.texts if hasattr(text, "arrow_patch") and text.arrow_patch]
    letters = [text.get_text() for text in axes.texts if text.get_text() in ("N", "E")]
    ways = [np.subtract(arrow.xy, arrow.xyann) for arrow in drawn]
    return [(letter, float(np.degrees(np.arctan2(-x, y)))) for letter, (x, y) in zip(letters, ways, strict=True)]


def lying(galaxies, north, east):
    table = galaxies.to_table()
    table["north_angle"], table["east_angle"] = north * u.deg, east * u.deg
    return galaxies.with_table(table)


def test_galaxies_that_lie_alike_share_a_compass_and_others_have_their_own(model):
    galaxies = model.sample(3, seed=1)
    alike = gw.GalaxyGrid(galaxies=lying(galaxies, np.array([20.0, 20.1, 19.9]), np.array([110.0, 110.1, 109.9])))
    assert arrows(alike.figure()) == [("N", pytest.approx(20)), ("E", pytest.approx(110))]
    apart = gw.GalaxyGrid(galaxies=lying(galaxies, np.array([20.0, 80.0, np.nan]), np.array([-70.0, 170.0, 0.0])))
    assert arrows(apart.figure()) == [
        ("N", pytest.approx(20)),
        ("E", pytest.approx(-70)),
        ("N", pytest.approx(80)),
        ("E", pytest.approx(170)),
    ]
    unknown = gw.GalaxyGrid(galaxies=galaxies)
    assert arrows(unknown.figure()) == []
    for widget in (alike, apart, unknown):
        widget.close()


def test_editor_is_drawn_as_other_surveys_see_it(model):
    editor = gw.GalaxyEditor(model, model.sample(1, seed=3), surveys=["LSST", "SDSS", "Euclid_VIS"])
    without = gw.GalaxyEditor(model, model.sample(1, seed=3))
    figure = editor.figure()
    under = figure.axes[-1]
    seen = editor.seen
    assert [text.get_text() for text in under.texts][::2] == [f"seen by {name.replace('_', ' ')}" for name in seen]
    assert [image.get_array().shape[:2] for image in under.images] == [galaxies.flux.shape[-2:] for galaxies in seen.values()]
    grey = [np.ptp(image.get_array().astype(int), axis=-1).max() == 0 for image in under.images]
    assert grey == [len(galaxies.survey.bands) == 1 for galaxies in seen.values()]
    assert figure.get_figheight() > without.figure().get_figheight()
    for widget in (editor, without):
        widget.close()


def test_scale_bar_is_as_long_as_it_says(model):
    grid = gw.GalaxyGrid(model, rows=1, columns=1)
    axes = grid.figure().axes[0]
    (bar,) = axes.lines
    words = next(text.get_text() for text in axes.texts if text.get_text().endswith("″"))
    arcsec = float(words[:-1])
    assert np.ptp(bar.get_xdata()) * model.stamp * model.survey.pixel_scale == pytest.approx(arcsec)
    grid.close()


def test_text_stays_text_in_svg_and_pdf_and_the_widths_are_a_journals(model):
    grid = gw.GalaxyGrid(model, rows=1, columns=3)
    figure = grid.figure(width=3.5)
    assert isinstance(figure, Figure)
    assert figure.get_size_inches()[0] == 3.5
    svg, pdf = io.StringIO(), io.BytesIO()
    figure.savefig(svg, format="svg")
    figure.savefig(pdf, format="pdf")
    assert re.search(r"<text[^>]*>[^<]*\d+\.?\d*″", svg.getvalue())
    assert b"/FontFile2" in pdf.getvalue() or b"/CIDFontType2" in pdf.getvalue()
    assert figure._repr_png_().startswith(b"\x89PNG")
    grid.close()


def test_hundred_galaxies_have_no_values_too_small_to_read(model):
    grid = gw.GalaxyGrid(model, rows=2, columns=16)
    assert [text for text in texts(grid.figure()) if "=" in text] == []
    grid.close()
