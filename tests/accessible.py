"""axe-core over a part of a page, from the front end's own development packages: nothing is fetched."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page

AXE = Path(__file__).parents[1] / "js/node_modules/axe-core/axe.min.js"
_RUN = """async selector => {
    const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
    const {violations} = await axe.run(selector, {runOnly: {type: "tag", values: tags}});
    // the two sliders of a range lie on one track, and only their thumbs are targets; their fields do the same (WCAG 2.5.8, Equivalent)
    const track = ({id}, {html}) => id === "target-size" && html.includes('type="range"');
    return violations.filter(({impact}) => impact === "serious" || impact === "critical")
        .flatMap(rule => rule.nodes.filter(node => !track(rule, node))
            .map(({html, failureSummary}) => `${rule.id}: ${html.slice(0, 200)} ${failureSummary}`));
}"""


def serious(page: Page, selector: str) -> list[str]:
    """What axe finds serious or critical within ``selector``, one line an element."""
    if not AXE.exists():
        pytest.skip("axe-core is not here: npm --prefix js ci")
    if not page.evaluate("'axe' in window"):
        page.evaluate(f"(() => {{ const module = undefined, define = undefined; {AXE.read_text()} }})()")
    return page.evaluate(_RUN, selector)
