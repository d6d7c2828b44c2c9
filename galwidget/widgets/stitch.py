"""Stitch: the text of a notebook cell that makes selected galaxies again from scratch, and the check that the model is the same."""

from __future__ import annotations

import hashlib
import json
import tempfile
import textwrap
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from galwidget.galaxy_model import GalaxyModel, Latent

__all__ = ["FORMS", "Recipe", "cell", "check_model", "fingerprint", "latent_text", "listed", "name_of"]

#: What the cell ends with, by what is wanted.
FORMS = {
    "galaxies": "selected",
    "table": "table = selected.to_table()\ntable",
    "arrays": "flux, ivar, psf = selected.flux, selected.ivar, selected.psfs  # nJy, nJy-2 and unit sum; (n, band, y, x)\nflux.shape",
    "fits": 'selected.write("selected.fits", overwrite=True)  # gw.read("selected.fits") gives the same galaxies back',
    "compressed": 'gw.compress(model, selected, "selected.gwz", overwrite=True)  # gw.decompress("selected.gwz"), and galwidget decompress',
}
_WIDTH = 110
_SHIPPED = Path(__file__).parent.parent / "weights" / "kids"


@dataclass(frozen=True)
class Recipe:
    """How the shown galaxies are made.

    Parameters
    ----------
    setup
        Lines before, each with its end; they may use ``gw`` and ``model``.
    shown
        Expression of all shown galaxies.
    cells
        Indices into them of the selected ones; empty is all of them.
    model
        The model that is asked; None where the galaxies were given.
    coder
        The model that can compress them, where they are galaxies that were seen, with noise; else None.
    """

    setup: str
    shown: str
    cells: Sequence[int] | np.ndarray
    model: GalaxyModel | None = None
    coder: GalaxyModel | None = None


def cell(recipe: Recipe, form: str = "galaxies") -> str:
    """Text of a notebook cell that makes the galaxies of a recipe and ends with the ``form`` that is wanted, one of `FORMS`."""
    if form not in FORMS:
        raise ValueError(f"code as {form!r}; it is one of {', '.join(FORMS)}")
    if form == "compressed" and recipe.coder is None:
        raise ValueError("only galaxies that were seen are compressed; these are drawn, and their cell is all it takes to have them again")
    pick = "  # none was selected: all of them"
    if len(recipe.cells):
        pick = f"[{listed(recipe.cells)}]"
    model = recipe.coder if form == "compressed" else recipe.model
    needed = "" if model is None else _model_lines(model)
    return f"{needed}{recipe.setup}selected = {recipe.shown}{pick}\n{FORMS[form]}\n"


def fingerprint(model: GalaxyModel) -> str:
    """Sixteen hexadecimal digits that two models share when their weights and their description are the same.

    The first half of a SHA-256 over what ``model.save`` writes, whatever versions of the programs wrote it.
    """
    with tempfile.TemporaryDirectory() as folder:
        model.save(folder)
        return _digest(Path(folder))


def _digest(folder: Path) -> str:
    from safetensors.numpy import load_file  # noqa: PLC0415 (only where code is asked for)

    from galwidget.model.checkpoint import FILES  # noqa: PLC0415 (as above)

    digest = hashlib.sha256()
    weights, description = (folder / name for name in FILES)
    described = {name: value for name, value in json.loads(description.read_bytes()).items() if name != "versions"}
    digest.update(json.dumps(described, sort_keys=True).encode())
    for name, tensor in sorted(load_file(weights).items()):
        # a file may hold half floats, and masks among them: what counts is the value, which float64 has exactly
        digest.update(f"{name} {tensor.shape}".encode() + tensor.astype("<f8").tobytes())
    return digest.hexdigest()[:16]


def check_model(model: GalaxyModel, expected: str) -> GalaxyModel:
    """``model``, when its `fingerprint` is ``expected``: galaxies made with another would not be those that were selected.

    Raises
    ------
    ValueError
        It is another model.
    """
    found = fingerprint(model)
    if found != expected:
        raise ValueError(
            f"the galaxies of this cell came from the model {expected}, this one is {found}: load the model that they came from, "
            f"or remove the check to have what this one makes of the same request"
        )
    return model


def _model_lines(model: GalaxyModel) -> str:
    """The package, and the model with the check that it is the same."""
    if not hasattr(model, "save"):  # a model of one's own with the same verbs
        return "import galwidget as gw\n\nmodel = gw.load()\n"
    mark, path = fingerprint(model), model.path
    note, source = "", f"gw.load({'' if path is None else repr(str(path))})"
    if path is None and mark != _shipped():
        source = name_of(model, "model")
        note = '# this model is in no file: after model.save("my-model/"), gw.load("my-model/") makes the cell run in any notebook\n'
    start = "import galwidget as gw\nfrom galwidget.widgets.stitch import check_model\n"
    return f'{start}\n{note}model = check_model({source}, "{mark}")\n'


@cache
def _shipped() -> str:
    """Fingerprint of the model that ships with the package, without building it."""
    return _digest(_SHIPPED)


def listed(indices: Sequence[int] | np.ndarray) -> str:
    """Indices as they are typed: ``[0, 3]``."""
    return "[" + ", ".join(str(int(index)) for index in indices) + "]"


def latent_text(latent: Latent) -> str:
    """The points of a latent as source text, every float32 with as many digits as give it back."""
    rows = ["[" + ", ".join(str(value) for value in point) + "]" for point in latent.mean]
    lines = ",\n".join(textwrap.fill(row, _WIDTH, initial_indent="    ", subsequent_indent="     ", break_long_words=False) for row in rows)
    return f"gw.Latent([\n{lines},\n])"


def name_of(thing: Any, otherwise: str) -> str:
    """The name that ``thing`` has in the notebook, or ``otherwise``."""
    from IPython.core.interactiveshell import InteractiveShell  # noqa: PLC0415 (only where code is asked for)

    if not InteractiveShell.initialized():
        return otherwise
    names = [name for name, value in list(InteractiveShell.instance().user_ns.items()) if value is thing and not name.startswith("_")]
    return otherwise if otherwise in names else next(iter(names), otherwise)
