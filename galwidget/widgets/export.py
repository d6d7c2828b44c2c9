"""What is taken away from a widget: FITS, PNG, a figure, and a page that scrubs and stretches without a kernel."""

from __future__ import annotations

import base64
import gzip
import html
import json
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from galwidget.picture import mosaic, png, rgb

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    from matplotlib.figure import Figure

    from galwidget.galaxies import Galaxies
    from galwidget.widgets.frames import FrameWidget
    from galwidget.widgets.map import LatentMap

__all__ = ["Exports", "write_page"]

_STATIC = Path(__file__).parent.parent / "static"
# the names of JupyterLab's dark theme that the style sheet reads
_DARK = """--jp-ui-font-color1: #fff; --jp-ui-font-color2: #ffffffb3; --jp-border-color1: #616161; --jp-border-color2: #424242;
--jp-layout-color1: #111; --jp-layout-color2: #424242; --jp-brand-color1: #2196f3; --jp-ui-inverse-font-color1: #fff;"""
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
{css}
@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}
body {{ max-width: 1200px; margin: 16px auto; padding: 0 12px; background: var(--jp-layout-color1, #fff);
  color: var(--jp-ui-font-color1, #222); font-family: system-ui, sans-serif; }}
</style>
<h1>{title}</h1>
<p>Saved by galwidget {version}. Bands, stretch, zoom, selection and scrubs work here; new galaxies need the notebook.</p>
<noscript>This page draws its galaxies with JavaScript, which is switched off.</noscript>
<main>{sections}</main>
<script type="application/json" id="saved">{saved}</script>
<script type="module">
const {{ source, widgets }} = JSON.parse(document.querySelector("#saved").textContent);
const {{ showSaved }} = await import(URL.createObjectURL(new Blob([source], {{ type: "text/javascript" }})));
for (const [index, saved] of widgets.entries()) await showSaved(saved, document.querySelector(`[data-saved="${{index}}"]`));
</script>
</html>
"""


class Exports:
    """The verbs of a `FrameWidget` that write what it shows."""

    def to_fits(self: FrameWidget, path: str | PathLike[str], *, overwrite: bool = False) -> None:  # type: ignore[misc]
        """Write the selected galaxies (all, where none is) as FITS, which `galwidget.read` gives back.

        Raises
        ------
        OSError
            The file exists and ``overwrite`` is False.
        """
        self._picked().write(path, overwrite=overwrite)

    def to_png(self: FrameWidget, path: str | PathLike[str], *, zoom: int = 1) -> None:  # type: ignore[misc]
        """Write the sheet of galaxies as on the screen, ``zoom`` pixels of the file a pixel of the galaxies, sky up."""
        if zoom < 1:
            raise ValueError(f"zoom is {zoom}; give a whole number of at least 1")
        shown = self._shown(self._wanted())
        pictures = rgb(shown.galaxies[: shown.rows * shown.columns], **self.display)
        sheet = mosaic(pictures.repeat(zoom, 1).repeat(zoom, 2), shown.columns, gap=zoom)
        Path(path).write_bytes(png(np.ascontiguousarray(sheet)))

    def figure(self: FrameWidget, *, width: float = 7.1, values: Sequence[str] | None = None) -> Figure:  # type: ignore[misc]
        """A matplotlib figure of what the widget shows, for a paper: labels, a scale bar, values, text as text; colours as on the screen.

        Parameters
        ----------
        width
            Inches: 7.1 spans both columns of a journal's page, 3.5 one.
        values
            Attributes written into each picture; default: two, where there is room. ``[]`` for none.

        Returns
        -------
        matplotlib.figure.Figure
            ``figure.savefig("sweep.pdf")`` writes it.

        Raises
        ------
        ValueError
            The galaxies have no such attribute.
        """
        from galwidget.widgets.figure import draw  # noqa: PLC0415 (matplotlib only when a figure is wanted)

        labels = self._figure_labels() | ({} if values is None else {"values": values})
        return draw(self._shown(self._wanted()), self.display, width=width, **labels)

    def export_html(self: FrameWidget, path: str | PathLike[str], title: str | None = None) -> None:  # type: ignore[misc]
        """Write one offline file that shows the widget: bands, stretch, zoom and scrubs work in it without a kernel or a network."""
        write_page([self], path, title or type(self).__name__)

    def _picked(self: FrameWidget) -> Galaxies:  # type: ignore[misc]
        return self.selected if self.selection else self.shown

    def _figure_labels(self) -> dict[str, Any]:
        """What `galwidget.widgets.figure.draw` writes beside the pictures of this widget."""
        return {}


def write_page(widgets: Sequence[FrameWidget | LatentMap], path: str | PathLike[str], title: str) -> None:
    """Write a page that shows ``widgets`` one under the other.

    Everything that they may ask the kernel for while they are only looked at is written into the page: the exact frame, with every band,
    and the strips, companded to 8 bits. Maps, which are no galaxies, come as pictures.
    """
    source = (_STATIC / "widget.js").read_text()
    try:
        number = version("galwidget")
    except PackageNotFoundError:
        number = "of this checkout"
    live = [widget for widget in widgets if isinstance(widget, Exports)]
    places = {id(widget): f'<section data-saved="{index}"></section>' for index, widget in enumerate(live)}
    sections = [places.get(id(widget)) or f"<section>{widget.as_html()}</section>" for widget in widgets]
    saved = json.dumps({"source": source, "widgets": [_saved(widget) for widget in live]})
    page = _PAGE.format(
        title=html.escape(title),
        css=(_STATIC / "widget.css").read_text(),
        dark=_DARK,
        version=html.escape(number),
        sections="\n".join(sections),
        # nothing in it may end the script element, whatever an attribute is called
        saved=saved.replace("<", "\\u003c"),
    )
    Path(path).write_text(page, encoding="utf-8")


def _saved(widget: FrameWidget) -> dict[str, Any]:
    """State, frame and strips of a widget as JSON."""
    wanted, display = widget._wanted(), dict(widget.display)  # noqa: SLF001 (the other half of the same class)
    shown = widget._shown(wanted)  # noqa: SLF001
    strips = []
    if "strip" in widget._request_kinds:  # noqa: SLF001
        names = list(widget.bands)
        scales = dict(zip(display["bands"], display["scale"], strict=True))
        every = {**display, "bands": names, "scale": [scales.get(name, 1.0) for name in names]}
        for row in range(widget._strip_rows(wanted)):  # noqa: SLF001
            strip = widget._locked(widget._show_strip, wanted, row)  # noqa: SLF001
            content, buffers = widget._frame(strip, every, draft=True)  # noqa: SLF001
            strips.append(_packed({**content, "type": "strip", "row": row, "draft": False}, buffers))
    content, buffers = widget._frame(shown, display, draft=False)  # noqa: SLF001
    state = {name: value for name, value in widget.get_state().items() if not name.startswith("_") and name != "layout"}
    return {"state": json.loads(json.dumps(state)), "frame": _packed({**content, "type": "frame"}, buffers), "strips": strips}


def _packed(content: dict[str, Any], buffers: Sequence[bytes]) -> dict[str, Any]:
    return {"content": content, "buffers": [base64.b64encode(gzip.compress(buffer, 6, mtime=0)).decode() for buffer in buffers]}
