"""What an evaluation looks like: a table, JSON, and one HTML page that holds its figures."""

from __future__ import annotations

import base64
import html
import io
import json
import math
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatch
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.table import Table

from galwidget.evaluation.figures import small_multiples
from galwidget.evaluation.scores import Part, Score

if TYPE_CHECKING:
    from os import PathLike

__all__ = ["Evaluation"]

#: Sections and names of the numbers that are told first.
_FIRST = (
    ("reconstruction*", "chi2 a pixel, mean"),
    ("reconstruction*", "radial profile ratio*"),
    ("realism, unconditional*", "AUC*"),
    ("realism, unconditional*", "Wasserstein distance, mean*"),
    ("conditions", "mag_* jointly: s*"),
    ("conditions", "* jointly: R2"),
    ("prediction of redshift", "*: photo-z sigma_NMAD"),
    ("prediction of redshift", "*: PIT*"),
    ("missing modalities*", "*half of the attributes removed"),
    ("edits", "mag_*: slope*"),
    ("edits", "r_half: slope*"),
)
_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; max-width: 1080px; margin: 2em auto; padding: 0 1em; color: #1b1f24; background: #fff; }
h1, h2, h3 { font-weight: 600; } h2 { margin-top: 2.2em; border-bottom: 1px solid #d0d7de; padding-bottom: .2em; }
h3 { font-size: 1em; margin: 1.6em 0 0; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: 1em 0; }
th, td { padding: .2em .9em .2em 0; text-align: left; border-bottom: 1px solid #eaeef2; vertical-align: top; }
td.n, th.n { text-align: right; white-space: nowrap; } th, small, .note { color: #57606a; } th { font-weight: 500; }
td.note { white-space: nowrap; } .wide { overflow-x: auto; }
.cross { font-size: 13px; } .cross th.n { white-space: normal; vertical-align: bottom; } small { font-size: 11px; }
img { max-width: 100%; } img.pixels { width: 100%; image-rendering: pixelated; } figure { margin: 1em 0; } figcaption { color: #57606a; }
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
            sections = _by_section(part.scores)
            for section, some in sections:
                lines += [section] if len(sections) > 1 else []
                for score in some:
                    perfect, reference = _beside(score)
                    against = f"{score.unit}  {score.against}".strip()
                    lines.append(f"{score.name:{width}}  {_with_error(score):>19}  {perfect:>9}  {reference:>9}  {against}".rstrip())
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
        body = ["<h1>Evaluation</h1>", f"<p>{html.escape(self.model.strip('<>'))}</p>", "<ul>"]
        body += [f"<li>{html.escape(role)}: {html.escape(words.strip('<>'))}</li>" for role, words in self.samples.items()]
        body.append(
            "</ul><p class=note>Errors are bootstrap standard deviations over galaxies. <b>Perfect</b> is what a perfect model reaches "
            "on as many galaxies, <b>reference</b> the same number of what is named beside it.</p>"
        )
        if first := _told_first(self.scores):
            body += ["<h2>At a glance</h2>", _list(first, sections=True)]
        for heading, part in self.parts.items():
            body.append(f"<h2>{html.escape(heading[:1].upper() + heading[1:])}</h2>")
            body += [_figure(caption, _png(picture), "image/png") for caption, picture in part.pictures.items()]
            body.append(_score_tables(part.scores))
            if part.curves:
                body.append(_figure("", small_multiples(list(part.curves.values())), "image/svg+xml"))
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
        return "".join(f"<h4>{html.escape(heading)}</h4>{_score_tables(part.scores)}" for heading, part in self.parts.items())


def _number(value: float, error: float = float("nan")) -> str:
    """A number to two digits of its error, or to four of its own."""
    if not math.isfinite(value):
        return ""
    if not (math.isfinite(error) and error > 0):
        return f"{value:.4g}"
    if error < 1e-6:
        return f"{value:.2g}"
    return f"{value:.{max(0, 1 - math.floor(math.log10(error)))}f}"


def _with_error(score: Score) -> str:
    value = _number(score.value, score.error)
    return f"{value} ± {_number(score.error, score.error)}" if math.isfinite(score.error) else value


def _beside(score: Score) -> tuple[str, str]:
    """What is perfect, and the reference, to three digits."""
    perfect, reference = (f"{value:.3g}" if math.isfinite(value) else "" for value in (score.perfect, score.reference))
    return perfect, reference


def _by_section(scores: list[Score]) -> list[tuple[str, list[Score]]]:
    return [(section, list(some)) for section, some in groupby(scores, lambda score: score.section)]


def _told_first(scores: list[Score]) -> list[Score]:
    return [score for section, name in _FIRST for score in scores if fnmatch(score.section, section) and fnmatch(score.name, name)]


def _plain(value: Any) -> Any:
    """Numbers, lists and strings of ``value``, for JSON."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return _plain(value.tolist())
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _score_tables(scores: list[Score]) -> str:
    """A table a section; scores named ``row: column`` are laid out as such, with what they are compared with in small print."""
    sections, tables = _by_section(scores), []
    for section, some in sections:
        if len(sections) > 1:
            tables.append(f"<h3>{html.escape(section[:1].upper() + section[1:])}</h3>")
        crossed = [score for score in some if ": " in score.name]
        tables += [_list([score for score in some if score not in crossed]), _crossed(crossed)]
    return "".join(tables)


def _list(scores: list[Score], *, sections: bool = False) -> str:
    rows = []
    for score in scores:
        unit = f" {html.escape(score.unit)}" if score.unit else ""
        numbers = "".join(f"<td class=n>{cell}</td>" for cell in (f"{_with_error(score)}{unit}", *_beside(score)))
        before = f"<td class=note>{html.escape(score.section)}</td>" if sections else ""
        rows.append(f"<tr>{before}<td>{html.escape(score.name)}</td>{numbers}<td class=note>{html.escape(score.against)}</td></tr>")
    first = "<th></th>" * (1 + sections)
    head = f"<tr>{first}<th class=n>value</th><th class=n>perfect</th><th class=n>reference</th><th></th></tr>"
    return f"<table>{head}{''.join(rows)}</table>" if rows else ""


def _crossed(scores: list[Score]) -> str:
    cells = {tuple(score.name.split(": ", 1)): score for score in scores}
    rows, columns = (list(dict.fromkeys(key[k] for key in cells)) for k in (0, 1))
    if not cells:
        return ""
    perfect = {column: {_beside(score)[0] for (_, other), score in cells.items() if other == column} for column in columns}
    always = {column: next(iter(values)) for column, values in perfect.items() if len(values) == 1}
    head = "<tr><th></th>"
    for column in columns:
        head += f"<th class=n>{html.escape(column)}{_small('perfect', always.get(column, ''))}</th>"
    head += "</tr>"
    body = []
    for row in rows:
        found = "".join(f"<td class=n>{_both(cells.get((row, column)), told=column in always)}</td>" for column in columns)
        body.append(f"<tr><td>{html.escape(row)}</td>{found}</tr>")
    against: dict[str, list[str]] = {}
    for (_, column), score in cells.items():
        if score.against and column not in against.setdefault(score.against, []):
            against[score.against].append(column)
    named = [words if len(some) == len(columns) else f"{words} ({', '.join(some)})" for words, some in against.items()]
    small = f"<p class=note>Reference: {html.escape(', '.join(named))}.</p>" if named else ""
    return f"<div class=wide><table class=cross>{head}{''.join(body)}</table></div>{small}"


def _both(score: Score | None, *, told: bool) -> str:
    if score is None:
        return ""
    perfect, reference = _beside(score)
    unit = f" {html.escape(score.unit)}" if score.unit else ""
    return f"{_with_error(score)}{unit}{_small('perfect', '' if told else perfect)}{_small('reference', reference)}"


def _small(label: str, number: str) -> str:
    return f"<br><small>{label} {number}</small>" if number else ""


def _rows(rows: list[dict[str, Any]]) -> str:
    names = list(rows[0])
    head = "".join(f"<th>{html.escape(name)}</th>" for name in names)
    body = "".join("<tr>" + "".join(f"<td>{_cell(row.get(name))}</td>" for name in names) + "</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def _cell(value: Any) -> str:
    return _number(value) if isinstance(value, float) else html.escape(str(value))


def _figure(caption: str, content: bytes, kind: str) -> str:
    source = f"data:{kind};base64,{base64.b64encode(content).decode()}"
    pixels = " class=pixels" if kind == "image/png" else ""
    return f'<figure><img{pixels} alt="{html.escape(caption)}" src="{source}"><figcaption>{html.escape(caption)}</figcaption></figure>'


def _png(picture: np.ndarray) -> bytes:
    from PIL import Image  # noqa: PLC0415 (not at import)

    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return file.getvalue()
