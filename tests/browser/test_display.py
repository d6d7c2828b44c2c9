"""How galaxies are looked at: every widget alone in a page, its Python side beside it, no notebook between them."""

import time

import matplotlib as mpl
import numpy as np
import pytest
from astropy.visualization import make_lupton_rgb
from jupyter_in_browser import pixels
from toy_model import ToyModel
from widget_page import WidgetPage

import galwidget as gw


@pytest.fixture(scope="module")
def toy():
    return ToyModel(stamp=48)


@pytest.fixture(scope="module")
def shown(chromium, toy):
    """A grid of 3 x 4 galaxies, in a page that all tests of it share."""
    page = WidgetPage(chromium, gw.GalaxyGrid(toy, rows=3, columns=4, seed=3))
    yield page
    assert page.console == []
    page.close()


@pytest.fixture
def grid(shown):
    """The shared grid with the survey's display, nothing selected, and the keyboard on its first galaxy."""
    shown.page.evaluate("window.scrollTo(0, 0)")
    shown.root.get_by_role("button", name="back to the display of the survey").click()
    shown.cell(0).click()
    shown.keys("0", "Escape")
    return shown


@pytest.fixture(scope="module")
def observed(toy):
    """Galaxies with noise, a neighbour's light masked in the first."""
    return gw.observe(toy.sample(3, seed=5, mag_r=18.5), seed=6)


def canvas(page, index=0):
    return pixels(page.root.locator("canvas").nth(index), whole=True)["data"]


def native(picture, columns, side=48, gap=2):
    """Pixels of the cells of a sheet, without the gaps, as (n, y, x, 3)."""
    rows = (picture.shape[0] + gap) // (side + gap)
    corners = [(row * (side + gap), column * (side + gap)) for row in range(rows) for column in range(columns)]
    return np.array([picture[y : y + side, x : x + side] for y, x in corners]).astype(int)


def lupton(red, green, blue, display):
    """What astropy makes of three bands, first row on top; it divides by the intensity before it looks whether that is 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return make_lupton_rgb(red, green, blue, minimum=0, stretch=display["stretch"], Q=display["Q"])[::-1].astype(int)


def set_slider(page, name, step):
    slider = page.root.get_by_role("slider", name=name, exact=True)
    slider.evaluate("(slider, step) => { slider.value = step; slider.dispatchEvent(new Event('input', {bubbles: true})); }", step)
    page.settle()


@pytest.mark.parametrize(("stretch", "softening"), [(20, 30), (90, 150), (160, 90)])
def test_every_pixel_is_make_lupton_rgb_at_any_stretch_and_no_message_is_sent(grid, stretch, softening):
    before = grid.messages()
    set_slider(grid, "stretch", stretch)
    set_slider(grid, "softening Q", softening)
    display = grid.page.evaluate("model.get('display')")
    flux = grid.widget.shown.flux
    red, green, blue = (
        flux[:, grid.widget.bands.index(b)] * np.float32(s) for b, s in zip(display["bands"], display["scale"], strict=True)
    )
    expected = [lupton(*channels, display) for channels in zip(red, green, blue, strict=True)]
    drawn = native(canvas(grid), 4)
    assert np.abs(drawn - np.array(expected)).max() <= 1
    assert drawn.std() > 5
    assert grid.messages() == before


@pytest.mark.parametrize("name", ["viridis", "coolwarm"])
def test_a_band_alone_has_the_colours_of_matplotlib_and_no_message_is_sent(grid, name):
    before = grid.messages()
    grid.root.get_by_label("bands shown").select_option("r")
    grid.root.get_by_label("colours of the band").select_option(name)
    grid.settle()
    display = grid.page.evaluate("model.get('display')")
    band = grid.widget.shown.flux[:, grid.widget.bands.index("r")]
    levels = np.array([lupton(flux, flux, flux, display)[..., 0] for flux in band])
    neighbours = [mpl.colormaps[name](np.clip(levels + step, 0, 255), bytes=True)[..., :3] for step in (-1, 0, 1)]
    # a level may be off by one where half floats round, a colour by one where stops do
    low, high = np.min(neighbours, axis=0).astype(int) - 1, np.max(neighbours, axis=0).astype(int) + 1
    drawn = native(canvas(grid), 4)
    assert ((drawn >= low) & (drawn <= high)).all()
    assert grid.messages() == before


def test_every_band_is_here_and_shown_without_a_message(grid):
    before = grid.messages()
    grid.root.get_by_label("bands shown").select_option("u")
    grid.settle()
    expected = lupton(*[grid.widget.shown.flux[0, 0]] * 3, grid.widget.display)
    assert np.abs(native(canvas(grid), 4)[0] - expected).max() <= 1
    grid.root.get_by_label("bands shown").select_option("")
    grid.settle()
    assert grid.messages() == before


def test_a_light_sky_is_light_and_x_turns_it(grid):
    assert canvas(grid).mean() < 90
    grid.keys("x")
    assert native(canvas(grid), 4).mean() > 165
    grid.keys("x")
    assert canvas(grid).mean() < 90


def test_dragging_selects_a_rectangle_and_keys_undo_and_redo_it(grid):
    first, last = grid.cell(1).bounding_box(), grid.cell(6).bounding_box()
    mouse = grid.page.mouse
    mouse.move(first["x"] + 10, first["y"] + 10)
    mouse.down()
    mouse.move(last["x"] + 5, last["y"] + 5, steps=4)
    mouse.move(last["x"] + 20, last["y"] + 20)
    mouse.up()
    grid.settle()
    assert grid.widget.selection == [1, 2, 5, 6]
    grid.keys("i")
    assert grid.widget.selection == [0, 3, 4, 7, 8, 9, 10, 11]
    grid.keys("Control+a")
    assert len(grid.widget.selection) == 12
    grid.keys("Control+z", "Control+z")
    assert grid.widget.selection == [1, 2, 5, 6]
    grid.keys("Control+Shift+z")
    assert grid.widget.selection == [0, 3, 4, 7, 8, 9, 10, 11]


def test_buttons_select_and_undo_as_keys_do(grid):
    grid.root.get_by_role("button", name="select all (Ctrl+A)").click()
    grid.root.get_by_role("button", name="select none (Escape)").click()
    grid.root.get_by_role("button", name="select the others instead (i)").click()
    grid.settle()
    assert len(grid.widget.selection) == 12
    grid.root.get_by_role("button", name="undo what was asked for, selected or changed in the display (Ctrl+Z)").click()
    grid.settle()
    assert grid.widget.selection == []


def test_undo_takes_back_a_stretch(grid):
    before = canvas(grid)
    set_slider(grid, "stretch", 10)
    assert not np.array_equal(canvas(grid), before)
    grid.cell(0).focus()
    grid.keys("Control+z")
    assert np.array_equal(canvas(grid), before)


def test_undo_takes_back_what_was_asked_for(grid):
    before, seed = canvas(grid), grid.widget.seed
    grid.cell(0).focus()
    grid.keys("n")
    grid.keys("n")
    assert grid.widget.seed == seed + 2
    grid.keys("Control+z")
    assert grid.widget.seed == seed + 1
    grid.keys("Control+z")
    assert (grid.widget.seed, np.array_equal(canvas(grid), before)) == (seed, True)
    grid.keys("Control+Shift+z")
    assert grid.widget.seed == seed + 1
    grid.keys("Control+z")


def test_pixel_under_the_pointer_is_read_out_in_flux_and_surface_brightness(grid):
    box = grid.cell(5).bounding_box()
    # column 30 and, from the bottom, row 20 of a stamp of 48
    grid.page.mouse.move(box["x"] + box["width"] * 30.5 / 48, box["y"] + box["height"] * (1 - 20.5 / 48))
    words = grid.root.locator(".gw-probe").inner_text().split()
    assert words[:4] == ["x", "30", "y", "20"]
    assert "".join(words[4:6]) == "(+1.3″,\u22120.7″)"  # a minus sign
    flux = grid.widget.shown.flux[5, grid.widget.bands.index("r"), 20, 30]
    at = words.index("r")
    assert float(words[at + 1]) == pytest.approx(flux, rel=2e-3)
    assert float(words[at + 2]) == pytest.approx(31.4 - 2.5 * np.log10(flux / grid.widget.pixel_scale**2), abs=0.01)
    assert grid.root.locator(".gw-probe").inner_text().endswith("nJy, mag/arcsec²")


def test_plus_zooms_all_galaxies_about_their_middle_and_0_goes_back(grid):
    before = canvas(grid)
    grid.keys("+", "+", "+")
    zoomed = canvas(grid)
    assert zoomed.mean() > 1.2 * before.mean()
    grid.keys("0")
    assert np.array_equal(canvas(grid), before)


def test_a_zoom_is_undone_as_a_whole(grid):
    whole = canvas(grid)
    for _ in range(3):
        grid.keys("+")
    assert not np.array_equal(canvas(grid), whole)
    grid.page.keyboard.press("Control+z")
    assert np.array_equal(canvas(grid), whole)


def test_enter_opens_the_side_panel_with_what_is_known_of_the_galaxy(grid):
    grid.keys("ArrowRight", "ArrowDown", "Enter")
    panel = grid.root.get_by_role("region", name="The galaxy at hand")
    assert "galaxy 5, seed 3" in panel.inner_text()
    magnitude = grid.widget.shown.attribute("mag_r")[5]
    row = panel.get_by_role("row").filter(has_text="r magnitude")
    assert float(row.get_by_role("cell").nth(1).inner_text()) == pytest.approx(
        magnitude, abs=0.005
    )  # measured, in four digits; nothing is predicted
    stamp = 31.4 - 2.5 * np.log10(grid.widget.shown.flux[5, grid.widget.bands.index("r")].sum())
    assert f"r {stamp:.2f}" in panel.inner_text()
    assert panel.locator("svg polyline").count() == len(grid.widget.bands)
    # it follows the keyboard
    grid.cell(5).focus()
    grid.keys("ArrowRight")
    assert "galaxy 6, seed 3" in panel.inner_text()
    panel.get_by_role("button", name="close the side panel").click()
    assert panel.is_hidden()


def test_large_picture_is_zoomed_by_the_wheel_panned_by_a_drag_and_reset_by_a_double_click(grid):
    grid.keys("Enter")
    large = grid.root.get_by_role("grid", name="the galaxy, large").get_by_role("gridcell")
    drawn = grid.root.locator(".gw-inspector canvas").first
    whole = pixels(drawn)["hash"]
    large.scroll_into_view_if_needed()
    large.hover()
    grid.page.mouse.wheel(0, -100)  # the page's own until the picture was clicked
    grid.settle()
    assert pixels(drawn)["hash"] == whole
    large.click()
    for _ in range(3):
        grid.page.mouse.wheel(0, -100)
    grid.settle()
    zoomed = pixels(drawn)["hash"]
    assert zoomed != whole
    box = large.bounding_box()
    grid.page.mouse.move(box["x"] + 100, box["y"] + 100)
    grid.page.mouse.down()
    grid.page.mouse.move(box["x"] + 150, box["y"] + 120, steps=5)
    grid.page.mouse.up()
    grid.settle()
    moved = pixels(drawn)["hash"]
    assert moved not in (whole, zoomed)
    large.dblclick()
    grid.settle()
    assert pixels(drawn)["hash"] == whole
    grid.keys("Control+z")
    assert pixels(drawn)["hash"] == moved
    grid.root.get_by_role("button", name="close the side panel").click()


def test_question_mark_shows_the_keys_and_escape_hides_them(grid):
    grid.keys("?")
    keys = grid.root.get_by_role("dialog", name="Keys")
    assert "undo and redo" in keys.inner_text()
    grid.keys("Escape")
    assert keys.is_hidden()
    assert grid.page.evaluate("document.activeElement.dataset.cell") == "0"


def test_every_cell_and_every_control_has_a_name_for_the_screen_reader(grid):
    nameless = """root => [...root.querySelectorAll("button, input, select, [role=grid], [role=gridcell], [role=toolbar]")]
        .filter(one => !(one.getAttribute("aria-label") ?? "").trim()).map(one => one.outerHTML)"""
    assert grid.root.evaluate(nameless) == []


def test_blinking_shows_two_pictures_in_one_place_by_turns(chromium, toy, observed):
    page = WidgetPage(chromium, gw.GalaxyEditor(toy, observed))
    galaxy, reconstruction = native(canvas(page), 4, side=192)[:2]
    page.cell(0).focus()
    page.page.keyboard.press("b")
    for turn in (reconstruction, galaxy, reconstruction, galaxy):
        wait_for_first_picture(page, turn)
    page.page.keyboard.press("b")
    wait_for_first_picture(page, galaxy)
    page.page.wait_for_timeout(1500)
    assert np.array_equal(native(canvas(page), 4, side=192)[0], galaxy)
    assert page.console == []
    page.close()


def wait_for_first_picture(page, picture, patience=20.0):
    begun = time.monotonic()
    while not np.array_equal(native(canvas(page), 4, side=192)[0], picture):
        assert time.monotonic() - begun < patience, "the picture did not come"
        page.page.wait_for_timeout(50)


def test_residual_is_in_sigma_on_a_scale_that_is_white_at_zero(chromium, toy, observed):
    page = WidgetPage(chromium, gw.GalaxyEditor(toy, observed))
    residual = page.widget._shown(page.widget._wanted()).residual[0, page.widget.bands.index("r")]
    drawn = native(canvas(page), 4, side=192)[2][2::4, 2::4][::-1]
    level = np.clip(np.floor(128 * (1 + residual / 5)), 0, 255).astype(int)
    neighbours = [mpl.colormaps["RdBu_r"](np.clip(level + step, 0, 255), bytes=True)[..., :3].astype(int) for step in (-1, 0, 1)]
    inside = (drawn >= np.min(neighbours, axis=0) - 1) & (drawn <= np.max(neighbours, axis=0) + 1)
    # the legend lies over the lowest rows, the caption over the highest
    assert inside[8:-8].all()
    page.close()


def test_another_residual_and_another_pair_are_undone(chromium, toy, observed):
    page = WidgetPage(chromium, gw.GalaxyEditor(toy, observed))
    residual, partner = (page.page.get_by_label(name, exact=True) for name in ("band of the residual", "blink with"))
    first = native(canvas(page), 4, side=192)[2]
    residual.select_option("g")
    assert not np.array_equal(native(canvas(page), 4, side=192)[2], first)
    partner.select_option("3")
    page.cell(0).focus()
    for expected in (("g", "1"), ("r", "1")):
        page.page.keyboard.press("Control+z")
        assert (residual.input_value(), partner.input_value()) == expected
    assert np.array_equal(native(canvas(page), 4, side=192)[2], first)
    page.close()


@pytest.mark.parametrize("width", [400, 600, 1180, 2560])
@pytest.mark.parametrize("kind", ["grid", "sweep", "traversal", "editor"])
def test_nothing_is_wider_than_its_cell(chromium, toy, observed, kind, width):
    widget = {
        "grid": lambda: gw.GalaxyGrid(toy, rows=2, columns=8),
        "sweep": lambda: gw.AttributeSweep(toy, "mag_r", rows=2, columns=7),
        "traversal": lambda: gw.LatentTraversal(toy, dims=[0, 2]),
        "editor": lambda: gw.GalaxyEditor(toy, observed),
    }[kind]()
    page = WidgetPage(chromium, widget, width=width)
    page.root.get_by_role("button", name="side panel of the galaxy at hand (Enter)").click()
    page.settle()
    wide = """root => {
        const edge = root.getBoundingClientRect().right + 1;
        const wide = [...root.querySelectorAll("*")].filter(one => one.getBoundingClientRect().right > edge);
        return wide.map(one => one.outerHTML.slice(0, 80));
    }"""
    assert page.root.evaluate(wide) == []
    assert page.console == []
    page.close()


@pytest.mark.parametrize("density", [1.5, 2, 3])
def test_a_dense_screen_is_drawn_in_its_own_pixels(chromium, toy, density):
    page = WidgetPage(chromium, gw.GalaxyGrid(toy, rows=2, columns=3, seed=3), density=density)
    drawn, box = canvas(page), page.root.locator("canvas").first.bounding_box()
    assert drawn.shape[1] == pytest.approx(box["width"] * density, abs=1)
    side = (drawn.shape[1] - 2 * round(2 * density)) // 3
    assert side > 48  # more pixels than the galaxy has, each of its pixels as many of the screen
    first = drawn[:side, :side].astype(int)
    factor = side // 48
    assert side == 48 * factor
    expected = page.widget.shown.rgb(**page.widget.display)[0, ::-1].astype(int)
    assert np.abs(first[::factor, ::factor] - expected).max() <= 1
    assert np.array_equal(first, first[::factor, ::factor].repeat(factor, 0).repeat(factor, 1))
    page.close()


def test_beside_another_widget_the_picture_keeps_its_width(grid):
    grid.page.evaluate("document.querySelector('#cell').style.display = 'inline-block'")
    assert grid.root.bounding_box()["width"] > grid.root.locator("canvas").first.bounding_box()["width"]
    grid.page.evaluate("document.querySelector('#cell').style.display = ''")
