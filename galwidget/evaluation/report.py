"""What an evaluation looks like: a table, JSON, and one HTML page that holds its figures."""

from __future__ import annotations

import base64
import html
import io
import json
import math
import textwrap
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.table import Table

from galwidget.evaluation.scores import Curve, Part, Score

if TYPE_CHECKING:
    from os import PathLike

    from matplotlib.axes import Axes

__all__ = ["Evaluation"]

_COLUMNS = 4
_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; max-width: 1080px; margin: 2em auto; padding: 0 1em; color: #1b1f24; background: #fff; }
h1 { font-weight: 600; } h2 { font-weight: 600; margin-top: 2.2em; border-bottom: 1px solid #d0d7de; padding-bottom: .2em; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: 1em 0; }
th, td { padding: .2em .9em .2em 0; text-align: left; border-bottom: 1px solid #eaeef2; vertical-align: top; }
td.n, th.n { text-align: right; white-space: nowrap; } th { color: #57606a; font-weight: 500; }
img { max-width: 100%; } figure { margin: 1em 0; } figcaption { color: #57606a; } p.note { color: #57606a; }
"""


@dataclass
class Evaluation:
    """What `galwidget.evaluate` found.

    Parameters
    ----------
    model
        The model in words.
    samples
        What it was judged on, in words, by role.
    parts
        By heading.
    skipped
        Headings that could not be judged, and why.

    Examples
    --------
    >>> from galwidget.evaluation.scores import Part, Score
    >>> found = Evaluation("a model", {}, {"reconstruction": Part([Score("reconstruction", "chi2 a pixel, mean", 1.02, 0.01, 1.0)])})
    >>> found["reconstruction", "chi2 a pixel, mean"].value
    1.02
    """

    model: str
    samples: dict[str, str]
    parts: dict[str, Part] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)

    @property
    def scores(self) -> list[Score]:
        """All numbers, in order."""
        return [score for part in self.parts.values() for score in part.scores]

    def __getitem__(self, key: tuple[str, str]) -> Score:
        """The score of a section and a name, as the table gives them."""
        for score in self.scores:
            if (score.section, score.name) == tuple(key):
                return score
        sections = sorted({score.section for score in self.scores})
        names = [score.name for score in self.scores if score.section == key[0]]
        raise KeyError(f"no score {key!r}; " + (f"{key[0]} has {', '.join(names)}" if names else f"the sections are {', '.join(sections)}"))

    @property
    def table(self) -> Table:
        """One row a score: section, name, value, error, perfect, reference, against, unit."""
        rows = [asdict(score) for score in self.scores]
        names = ("section", "name", "value", "error", "perfect", "reference", "against", "unit")
        return Table({name: [row[name] for row in rows] for name in names})

    def to_text(self) -> str:
        """The table for a terminal."""
        lines = [f"{self.model}", *(f"{role}: {words}" for role, words in self.samples.items())]
        width = max((len(score.name) for score in self.scores), default=10)
        for heading, part in self.parts.items():
            lines += ["", f"{heading:{width}}  {'value':>19}  {'perfect':>9}  {'reference':>9}"]
            for score in part.scores:
                value = f"{_number(score.value)} ± {_number(score.error)}" if math.isfinite(score.error) else _number(score.value)
                against = f"{score.unit}  {score.against}".strip()
                numbers = f"{value:>19}  {_number(score.perfect):>9}  {_number(score.reference):>9}"
                lines.append(f"{score.name:{width}}  {numbers}  {against}".rstrip())
        lines += [f"not judged: {heading}: {why}" for heading, why in self.skipped.items()]
        return "\n".join(lines)

    def to_json(self, path: str | PathLike[str] | None = None) -> str:
        """Everything but the pictures as JSON, also to the file ``path``; numbers that are not there are null."""
        described = {
            "model": self.model,
            "samples": self.samples,
            "skipped": self.skipped,
            "parts": {
                heading: {
                    "scores": [asdict(score) for score in part.scores],
                    "curves": {name: asdict(curve) for name, curve in part.curves.items()},
                    "tables": part.tables,
                }
                for heading, part in self.parts.items()
            },
        }
        text = json.dumps(_plain(described), indent=1, allow_nan=False)
        if path is not None:
            Path(path).write_text(text + "\n", encoding="utf-8")
        return text

    def to_html(self, path: str | PathLike[str] | None = None) -> str:
        """One page that needs nothing else: tables, figures and pictures; also to the file ``path``."""
        head = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Evaluation</title><style>{_STYLE}</style>'
        body = ["<h1>Evaluation</h1>", f"<p>{html.escape(self.model)}</p>", "<ul>"]
        body += [f"<li>{html.escape(role)}: {html.escape(words)}</li>" for role, words in self.samples.items()]
        body.append(
            "</ul><p class=note>Errors are bootstrap standard deviations over galaxies. <b>Perfect</b> is what a perfect model reaches "
            "on as many galaxies, <b>reference</b> the same number of what the last column names.</p>"
        )
        for heading, part in self.parts.items():
            body.append(f"<h2>{html.escape(heading[:1].upper() + heading[1:])}</h2>")
            body += [_figure(caption, _png(picture), "image/png") for caption, picture in part.pictures.items()]
            body.append(_score_table(part.scores))
            if part.curves:
                body.append(_figure("", _curves(list(part.curves.values())), "image/svg+xml"))
            body += [
                f"<details><summary>{html.escape(title[:1].upper() + title[1:])}</summary>{_rows(rows)}</details>"
                for title, rows in part.tables.items()
                if rows
            ]
        body += [f"<p class=note>Not judged: {html.escape(heading)}: {html.escape(why)}</p>" for heading, why in self.skipped.items()]
        page = head + "\n".join(body) + "</html>"
        if path is not None:
            Path(path).write_text(page, encoding="utf-8")
        return page

    def __repr__(self) -> str:
        return f"<Evaluation: {len(self.scores)} scores of {self.model.strip('<>')}: {', '.join(self.parts)}>"

    def _repr_html_(self) -> str:
        return "".join(f"<h4>{html.escape(heading)}</h4>{_score_table(part.scores)}" for heading, part in self.parts.items())


def _number(value: float) -> str:
    if not math.isfinite(value):
        return ""
    return f"{value:.4f}" if abs(value) < 100 else f"{value:.4g}"


def _plain(value: Any) -> Any:
    """Numbers, lists and strings of ``value``, for JSON."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return _plain(value.tolist())
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _score_table(scores: list[Score]) -> str:
    rows = []
    for score in scores:
        error = f" ± {_number(score.error)}" if math.isfinite(score.error) else ""
        unit = f" {html.escape(score.unit)}" if score.unit else ""
        cells = [f"{_number(score.value)}{error}{unit}", _number(score.perfect), _number(score.reference)]
        numbers = "".join(f"<td class=n>{cell}</td>" for cell in cells)
        rows.append(f"<tr><td>{html.escape(score.name)}</td>{numbers}<td>{html.escape(score.against)}</td></tr>")
    head = "<tr><th></th><th class=n>value</th><th class=n>perfect</th><th class=n>reference</th><th></th></tr>"
    return f"<table>{head}{''.join(rows)}</table>" if rows else ""


def _rows(rows: list[dict[str, Any]]) -> str:
    names = list(rows[0])
    head = "".join(f"<th>{html.escape(name)}</th>" for name in names)
    body = "".join("<tr>" + "".join(f"<td>{_cell(row.get(name))}</td>" for name in names) + "</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def _cell(value: Any) -> str:
    return _number(value) if isinstance(value, float) else html.escape(str(value))


def _figure(caption: str, content: bytes, kind: str) -> str:
    source = f"data:{kind};base64,{base64.b64encode(content).decode()}"
    return f'<figure><img alt="{html.escape(caption)}" src="{source}"><figcaption>{html.escape(caption)}</figcaption></figure>'


def _png(picture: np.ndarray) -> bytes:
    from PIL import Image  # noqa: PLC0415 (not at import)

    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return file.getvalue()


def _curves(curves: list[Curve]) -> bytes:
    """Small multiples as SVG."""
    from matplotlib import rc_context  # noqa: PLC0415 (heavy)
    from matplotlib.figure import Figure  # noqa: PLC0415 (no pyplot: it keeps every figure alive)

    columns = min(_COLUMNS, len(curves))
    rows = -(-len(curves) // columns)
    with rc_context(
        {"font.size": 8, "axes.spines.top": False, "axes.spines.right": False, "svg.fonttype": "none", "svg.hashsalt": "galwidget"}
    ):
        figure = Figure(figsize=(2.9 * columns, 2.4 * rows), layout="constrained")
        for index, curve in enumerate(curves):
            _draw(figure.add_subplot(rows, columns, index + 1), curve)
        file = io.BytesIO()
        figure.savefig(file, format="svg", metadata={"Date": None})
    return file.getvalue()


def _draw(axes: Axes, curve: Curve) -> None:
    from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter  # noqa: PLC0415 (heavy)

    for color, (label, (y, error)) in zip(("C0", "C1", "C2", "C3"), curve.lines.items(), strict=False):
        if error is None:
            axes.plot(curve.x, y, "--", color=color, label=label)
        else:
            axes.errorbar(curve.x, y, error, fmt="o-", markersize=2.5, linewidth=1, elinewidth=0.8, color=color, label=label)
    if curve.perfect == "diagonal":
        ends = [float(np.min(curve.x)), float(np.max(curve.x))]
        axes.plot(ends, ends, color="0.6", linewidth=0.8, zorder=0)
    elif curve.perfect is not None:
        axes.axhline(float(curve.perfect), color="0.6", linewidth=0.8, zorder=0)
    if curve.log_x:
        axes.set_xscale("log")
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.set(title=textwrap.fill(curve.title, 32), xlabel=curve.x_label, ylabel=curve.y_label)
    if len(curve.lines) > 1:
        axes.legend(frameon=False, fontsize=6)
