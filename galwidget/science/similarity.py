"""Similarity search: which galaxies of a catalogue are these seen again, or of their kind, whichever way they lie on the sky."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from astropy.table import QTable, hstack

from galwidget.galaxies import Galaxies
from galwidget.latent import Latent
from galwidget.progress import Progress
from galwidget.science.index import By, Index
from galwidget.science.orientation import canonical_latent
from galwidget.survey_check import refuse_another_survey

if TYPE_CHECKING:
    from galwidget.galaxy_model import GalaxyModel
    from galwidget.science.votes import Voters

__all__ = ["Neighbours", "like", "nearest"]

#: Galaxies that are drawn for a query by attributes alone, and their seed.
_DRAWN, _SEED = 64, 17


@dataclass(frozen=True, eq=False)
class Neighbours:
    """The nearest galaxies of a catalogue to each of m queries, nearest first.

    Parameters
    ----------
    index
        Their rows in the catalogue, shape (m, k).
    distance
        Shape (m, k). By identity in units of what noise and orientation do to one galaxy (`galwidget.science.metric.Metric`): two
        observations of one galaxy are at about 1. By kind in units of the spread among galaxies (`galwidget.science.kind.Kind`): two at
        random are at about 1.4. By voters, the root of the summed squares of the shares of people that differ.
    catalogue
        The catalogue, where it was given as galaxies.
    """

    index: np.ndarray
    distance: np.ndarray
    catalogue: Galaxies | None = None

    @property
    def table(self) -> QTable:
        """One row a neighbour: ``query``, ``rank`` (from 1), ``index``, ``distance``, and the catalogue's columns."""
        m, k = self.index.shape
        found = QTable(
            {
                "query": np.repeat(np.arange(m), k),
                "rank": np.tile(np.arange(1, k + 1), m),
                "index": self.index.ravel(),
                "distance": self.distance.ravel(),
            }
        )
        found["distance"].info.format = ".2f"
        if self.catalogue is None or not self.catalogue.table.colnames:
            return found
        return hstack(
            [found, self.catalogue.table[self.index.ravel()]], table_names=["", "catalogue"], uniq_col_name="{table_name}{col_name}"
        )

    @property
    def galaxies(self) -> Galaxies:
        """The neighbours themselves, m k of them, query after query.

        Raises
        ------
        ValueError
            Only an index was searched, which holds no galaxies; take ``index`` from where they are.
        """
        if self.catalogue is None:
            raise ValueError("an index holds no galaxies; take the rows .index from the catalogue that it was built from")
        return self.catalogue[self.index.ravel()]

    def __repr__(self) -> str:
        return f"<Neighbours: {self.index.shape[1]} of each of {len(self.index)}>"


def nearest(
    model: GalaxyModel,
    galaxies: Galaxies | Latent,
    catalogue: Galaxies | Index,
    k: int = 10,
    *,
    by: By = "identity",
    using: Sequence[str] | None = None,
    voters: Voters | None = None,
    progress: Progress = True,
) -> Neighbours:
    """The galaxies of a catalogue that look most like these, whatever their position angle, handedness and centring.

    By identity everything counts that an observation tells, brightness and size too: a galaxy that was seen twice finds itself. By kind
    only what tells galaxies of one type from those of others: colours and their gradients, concentration, flattening; or what people would
    say of their pictures, where it was learnt (`galwidget.science.votes.fit_votes`).

    Parameters
    ----------
    model
        The model whose latent space says what looks alike.
    galaxies
        m queries: galaxies with images, or with attributes alone (then pictures with these attributes are drawn); or points of latent
        space, such as ``model.edit_latent(galaxy, g_r=1.1)`` (like this, but redder) and `like` (like these, unlike those).
    catalogue
        The galaxies to search, or an `Index` of them: build one where the catalogue is searched again.
    k
        Neighbours of each.
    by
        ``"identity"`` or ``"kind"``.
    using
        Modalities or attributes to compare by, as in ``model.encode``; None takes the picture where there is one, else all attributes, or
        what the index was built with.
    voters
        Who says what is of one kind, from `galwidget.science.votes.fit_votes`, for galaxies like those they learnt from; an `Index` has its
        own.
    progress
        Show a progress bar while a catalogue is encoded; or a function of what is done, how many galaxies are ready, and of how many.

    Returns
    -------
    Neighbours
        ``index`` and ``distance``, (m, k), and ``table``. A query that is itself in the catalogue is its own first neighbour.

    Raises
    ------
    ValueError
        The galaxies or the catalogue are not of the model's survey (bring them to it with `galwidget.observe`), k is more than there are,
        the index is another model's or of other voters, or the model draws no galaxies and cannot tell kinds.

    Examples
    --------
    >>> import galwidget as gw
    >>> model = gw.load()
    >>> galaxies = gw.simulate(12, "KiDS", seed=1, progress=False)
    >>> found = gw.nearest(model, galaxies[:2], galaxies, k=3, progress=False)
    >>> found.index[:, 0]
    array([0, 1])
    >>> gw.nearest(model, galaxies[:2], galaxies, k=3, by="kind", progress=False).index[:, 0]
    array([0, 1])
    >>> gw.nearest(model, model.edit_latent(galaxies[:1], g_r=1.1), galaxies, k=3, progress=False).distance.shape
    (1, 3)
    """
    if isinstance(catalogue, Index):
        catalogue.check(model)
        if using is not None and list(using) != catalogue.using:
            raise ValueError(
                f"using is {list(using)}, but the index was built with using={catalogue.using}; leave using out, or build another"
            )
        if voters is not None:
            raise ValueError("an index has its own voters, or none; leave voters out, or build it with them: Index.build(..., voters=...)")
        index, using = catalogue, catalogue.using
    else:
        refuse_another_survey(model, catalogue)
        index = Index.build(model, catalogue, using=using, voters=voters, progress=progress)
    if isinstance(galaxies, Galaxies):
        refuse_another_survey(model, galaxies)
    imagined = isinstance(galaxies, Galaxies) and galaxies.flux is None and model.stamp and (using is None or "image" in using)
    latent = _imagined(model, galaxies) if imagined else canonical_latent(model, galaxies, using)  # type: ignore[arg-type]
    pictured = galaxies if isinstance(galaxies, Galaxies) and not imagined else None
    rows, distance = index.search(index.query(model, latent, by, pictured), k)
    return Neighbours(rows, distance, catalogue if isinstance(catalogue, Galaxies) else None)


def _imagined(model: GalaxyModel, galaxies: Galaxies) -> Latent:
    """Where pictures with these attributes are: centre and width of galaxies drawn with them, one point a row of the table."""
    parts = []
    for galaxy in galaxies:
        asked = {name: galaxy.table[name][0] for name in model.conditions if name in galaxy.table.colnames and not _missing(galaxy, name)}
        if not asked:
            raise ValueError(f"a query has no attribute that the model knows; it knows {', '.join(model.conditions)}")
        drawn = canonical_latent(model, model.draw(_DRAWN, seed=_SEED, **asked))
        parts.append(Latent(drawn.mean.mean(0)[None], np.sqrt((drawn.std**2).mean(0) + drawn.mean.var(0))[None]))
    return Latent.concatenate(parts)


def _missing(galaxy: Galaxies, name: str) -> bool:
    column = galaxy.table[name]
    if bool(np.any(getattr(column, "mask", False))):
        return True
    return not str(column[0]) if name == "morphology" else not np.isfinite(galaxy.attribute(name)[0])


def like(model: GalaxyModel, plus: Galaxies | Latent, minus: Galaxies | Latent | None = None, *, weight: float = 0.5) -> Latent:
    r"""One query from several examples: like all of these, and unlike those.

    The query is :math:`\bar z_+ + w (\bar z_+ - \bar z_-)`, Rocchio's (1971) for relevance feedback. It is as wide as the examples
    differ: what they do not share does not count.

    Parameters
    ----------
    model
        The model.
    plus, minus
        Examples of what is wanted, and of what is not.
    weight
        How far to move away from ``minus``, in units of the difference.

    Returns
    -------
    Latent
        One point, for `nearest`.

    Raises
    ------
    ValueError
        There is no example in ``plus``.

    Examples
    --------
    >>> import galwidget as gw
    >>> model = gw.load()
    >>> galaxies = gw.simulate(6, "KiDS", seed=1, progress=False)
    >>> query = gw.like(model, galaxies[:2], minus=galaxies[3:5])
    >>> query.mean.shape
    (1, 32)
    """
    wanted = canonical_latent(model, plus)
    if not len(wanted):
        raise ValueError("plus has no galaxies; give at least one example of what is wanted")
    mean = wanted.mean.mean(0)
    if minus is not None and len(minus):
        mean = mean + weight * (mean - canonical_latent(model, minus).mean.mean(0))
    return Latent(mean[None], np.sqrt((wanted.std**2).mean(0) + wanted.mean.var(0))[None])
