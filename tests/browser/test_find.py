"""GalaxyFinder in a real JupyterLab: neighbours appear, a click walks on and back, marks reorder, and what is selected reaches Python."""

import pytest
from jupyter_in_browser import pixels

CELLS = (
    """
import galwidget as gw
from galwidget.science import classification, metric

metric._DRAWN = 16  # what noise does, from few galaxies, and types from few: they are not what is tested here
classification._REFERENCE = 200
model = gw.load()
galaxies = gw.simulate(60, model.survey, seed=3, stamp=model.stamp, mag_limit=20.5, flatten=0.7, progress=False)
""",
    """
finder = gw.GalaxyFinder(model, galaxies, query=5, reference=galaxies)
finder
""",
    """
import threading

from galwidget.widgets import find

assert finder.wait(60)
go, build = threading.Event(), find.Index.build

def slowly(*of, progress, **options):
    progress("encoding", 12, 60)
    go.wait()
    progress("encoding", 60, 60)
    return build(*of, progress=progress, **options)

find.Index.build = slowly
slow = gw.GalaxyFinder(model, galaxies, query=5)
slow
""",
)


@pytest.fixture(scope="module")
def notebook(run_cells, shipped):
    del shipped
    made = run_cells("find", CELLS, height=1100)
    made.run("assert finder.wait(60)")
    return made


@pytest.fixture
def widget(notebook):
    found = notebook.page.locator(".gw-widget").first
    found.scroll_into_view_if_needed()
    notebook.settle(found)
    return found


def cells(widget):
    return widget.locator(".gw-found .gw-cell")


def rows(notebook, expression):
    return [int(word) for word in notebook.run(f"print(*{expression})").split()]


def walked(notebook, widget, row):
    widget.page.wait_for_function(f"document.querySelector('.gw-find > .gw-sheet .gw-caption')?.textContent === 'galaxy {row}'")
    notebook.settle(widget)


def test_neighbours_stand_beside_the_galaxy_in_order(notebook, widget, photograph):
    notebook.page.wait_for_function("document.querySelectorAll('.gw-found .gw-cell').length === 12")
    captions = cells(widget).locator(".gw-caption").all_text_contents()
    distances = [float(caption.removeprefix("D ")) for caption in captions]
    assert distances == sorted(distances)
    assert distances == [pytest.approx(float(d), abs=6e-3) for d in notebook.run("print(*finder.neighbours.distance[0])").split()]
    assert pixels(widget.locator(".gw-found canvas").first)["deviation"] > 3
    photograph(notebook.page, "find_alike")


def test_click_walks_on_and_the_trail_leads_back(notebook, widget, photograph):
    nearest = rows(notebook, "finder.neighbours.index[0]")
    cells(widget).nth(2).click()
    walked(notebook, widget, nearest[2])
    assert rows(notebook, "[finder.query, *finder.trail]") == [nearest[2], 5]
    assert rows(notebook, "finder.selection") == []
    photograph(notebook.page, "find_walked")
    widget.get_by_role("button", name="back to the galaxy before (b)").click()
    walked(notebook, widget, 5)
    assert rows(notebook, "[finder.query, *finder.trail]") == [5]
    assert rows(notebook, "finder.neighbours.index[0]") == nearest


def test_selected_neighbours_stay_selected_in_python_while_one_walks(notebook, widget):
    nearest = rows(notebook, "finder.neighbours.index[0]")
    cells(widget).nth(1).click(modifiers=["Control"])
    cells(widget).nth(3).click(modifiers=["Control"])
    cells(widget).nth(0).click()
    walked(notebook, widget, nearest[0])
    chosen = sorted([nearest[1], nearest[3]])
    assert rows(notebook, "finder.selection") == chosen
    assert rows(notebook, "finder.table['index']") == chosen
    assert notebook.run("print(finder.selected == galaxies[finder.selection])") == "True\n"
    notebook.page.keyboard.press("b")
    walked(notebook, widget, 5)


def test_edit_asks_for_a_galaxy_that_is_not_there(notebook, widget, photograph):
    slider = widget.get_by_role("slider", name="g - r", exact=True)
    slider.focus()
    for _ in range(6):
        slider.press("PageUp")
    notebook.settle(widget)
    assert widget.locator(".gw-find > .gw-sheet .gw-cell").count() == 2
    assert notebook.run("print(list(finder.edits), finder.sought is not None)") == "['g_r'] True\n"
    photograph(notebook.page, "find_redder")
    widget.get_by_role("button", name="undo all changes").click()
    notebook.settle(widget)
    assert widget.locator(".gw-find > .gw-sheet .gw-cell").count() == 1


def test_examples_are_taken_in_by_keys(notebook, widget):
    nearest = rows(notebook, "finder.neighbours.index[0]")
    widget.locator('.gw-found .gw-cell[tabindex="0"]').focus()
    for key in ("Control+Home", "ArrowDown", "l"):  # the first of the second row
        notebook.page.keyboard.press(key)
    notebook.settle(widget)
    assert rows(notebook, "finder.plus") == [nearest[4]]
    assert nearest[4] not in rows(notebook, "finder.neighbours.index[0]")
    widget.get_by_role("button", name="no more examples").click()
    notebook.settle(widget)


def test_the_same_kind_is_looked_for_and_types_are_told(notebook, widget, photograph):
    seen = rows(notebook, "finder.neighbours.index[0]")
    widget.get_by_role("combobox", name="alike in").select_option("kind")
    notebook.settle(widget)
    alike = rows(notebook, "finder.neighbours.index[0]")
    assert alike != seen
    widget.get_by_role("checkbox", name="tell Hubble types").check()
    notebook.run("told = finder.classification", timeout=200)
    first = float(notebook.run(f"print(told.probabilities[{alike[0]}].max())"))
    best = notebook.run(f"print(told.best[{alike[0]}])").strip()
    notebook.page.wait_for_function(f"document.querySelector('.gw-found .gw-foot')?.textContent.startsWith('{best}')")
    word, number = cells(widget).locator(".gw-foot").first.text_content().rsplit(" ", 1)
    assert word == best
    assert abs(float(number) - first) < 0.006  # two decimals, rounded more than once on the way
    cells(widget).first.hover()
    cells(widget).first.focus()
    notebook.page.keyboard.press("Enter")
    panel = widget.get_by_role("region", name="The galaxy at hand")
    shown = int(panel.get_by_role("heading").inner_text().split()[1])
    for name, share in zip(
        *(notebook.run(f"print(*{what})").split() for what in ("told.types", f"told.probabilities[{shown}]")), strict=True
    ):
        number = panel.get_by_role("row").filter(has_text=f"probability: {name}").inner_text().split()[-1]
        assert abs(float(number) - float(share)) < 0.006
    photograph(notebook.page, "find_types")
    notebook.page.keyboard.press("Enter")
    notebook.run("finder.set_trait('types', False); finder.set_trait('by', 'identity')")


def test_oddities_say_why_and_marks_change_their_order(notebook, widget, photograph):
    widget.get_by_role("combobox", name="what is shown").select_option("odd")
    notebook.run("assert finder.wait(120)", timeout=130)
    notebook.page.wait_for_function(
        "document.querySelector('.gw-foot')?.textContent && !document.querySelector('.gw-foot').textContent.includes('·')"
    )
    notebook.settle(widget)
    first = rows(notebook, "finder.oddities.order[:12]")
    scores = [float(text.removeprefix("odd ")) for text in cells(widget).locator(".gw-caption").all_text_contents()]
    assert scores == sorted(scores, reverse=True)
    reasons = cells(widget).locator(".gw-foot").all_text_contents()
    assert notebook.run("print([finder.oddities.reason[row] for row in finder.oddities.order[:12]])") == f"{reasons}\n"
    cells(widget).nth(0).click()
    notebook.page.keyboard.press("n")
    cells(widget).nth(3).click()
    notebook.page.keyboard.press("y")
    notebook.settle(widget)
    assert cells(widget).nth(0).get_attribute("data-marked") == "boring"
    photograph(notebook.page, "find_odd")
    notebook.page.keyboard.press("o")
    notebook.settle(widget)
    assert rows(notebook, "[*finder.interesting, *finder.boring]") == [first[3], first[0]]
    after = rows(notebook, "finder.oddities.order[:12]")
    assert after != first
    assert after.index(first[3]) < after.index(first[0]) if first[0] in after else first[3] in after
    reasons = cells(widget).locator(".gw-foot").all_text_contents()
    assert notebook.run("print([finder.oddities.reason[row] for row in finder.oddities.order[:12]])") == f"{reasons}\n"
    photograph(notebook.page, "find_odd_marked")


def test_what_to_mark_next_is_another_order_without_those_that_were_marked(notebook, widget, photograph):
    marked = rows(notebook, "[*finder.interesting, *finder.boring]")
    widget.get_by_role("combobox", name="order of the oddities").select_option("marking")
    notebook.settle(widget)
    expected = rows(notebook, "finder.oddities.to_mark(12, finder.interesting, finder.boring)")
    assert not set(marked) & set(expected)
    captions = cells(widget).locator(".gw-caption").all_text_contents()
    assert captions == [f"odd {float(score):.2f}" for score in notebook.run(f"print(*finder.oddities.score[{expected}])").split()]
    assert widget.locator(".gw-where").inner_text().endswith("12 of 58")
    photograph(notebook.page, "find_to_mark")
    widget.get_by_role("combobox", name="order of the oddities").select_option("score")
    notebook.settle(widget)


def test_search_is_stopped_and_begun_again(notebook, photograph):
    widget = notebook.page.locator(".gw-widget").last
    making = widget.locator(".gw-making")
    making.get_by_role("status").filter(has_text="encoding: 12 of 60 galaxies").wait_for()
    photograph(notebook.page, "find_making")
    making.get_by_role("button", name="Stop").click()
    assert making.get_by_role("button").is_disabled()
    notebook.run("go.set()")
    making.get_by_role("status").filter(has_text="neighbours: stopped").wait_for()
    assert notebook.run("print(slow.stopped, slow.ready)") == "['neighbours'] []\n"
    making.get_by_role("button", name="Begin again").press("Enter")
    notebook.page.wait_for_function("document.querySelectorAll('.gw-widget')[1].querySelectorAll('.gw-found .gw-cell').length === 12")
    making.wait_for(state="hidden")
    assert notebook.run("print(slow.stopped, slow.ready)") == "[] ['neighbours']\n"


def test_nothing_went_wrong_in_the_page(notebook):
    assert notebook.errors() == []
    assert [line for line in notebook.console if "Error" in line] == []
    assert notebook.elsewhere == []
