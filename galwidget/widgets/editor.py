"""A galaxy of one's own: its reconstruction, or itself denoised or deconvolved, the residual in sigma, and the galaxy changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from traitlets import Bool, Dict, Float, Int, List, Unicode, validate

from galwidget.galaxies import Galaxies
from galwidget.picture import default_display
from galwidget.survey import Survey
from galwidget.widgets import conditions as asked
from galwidget.widgets.details import details
from galwidget.widgets.frames import FrameWidget
from galwidget.widgets.shown import Shown, StateError, state
from galwidget.widgets.stitch import Recipe, name_of
from galwidget.widgets.wire import ORIENTATION

if TYPE_CHECKING:
    from collections.abc import Sequence

    from galwidget.galaxy_model import GalaxyModel, Latent

__all__ = ["GalaxyEditor"]

#: Presets that most people ask for.
_FIRST = ("KiDS", "DES", "LSST", "SDSS", "HSC", "Euclid_VIS")


class GalaxyEditor(FrameWidget):
    """Galaxy, reconstruction, residual and edit, side by side; a slider an attribute.

    The reconstruction is all the model's; `view` puts the galaxy without its noise (`galwidget.denoise`: where pixels tell, they are
    believed) or deconvolved in its place.

    Parameters
    ----------
    model
        The model that is asked.
    galaxies
        Galaxies with images in the model's bands; `index` says which is shown.
    index
        The galaxy that is shown first.
    surveys
        Presets (`Survey.presets`) that look at the edited galaxy, each with its bands, pixels, PSF and noise; see `seen`.
    seed
        Of their noise.
    view
        What stands beside the galaxy: ``"reconstruction"``, ``"denoised"`` or ``"deconvolved"``.
    fwhm
        Of the PSF of the deconvolved galaxy, arcsec.

    Raises
    ------
    ValueError
        No galaxies, galaxies without images, or a survey that is no preset.
    """

    index = state(Int(0, min=0))
    edits = state(Dict(help="attributes asked of the edited galaxy, by name"))
    view = state(Unicode("reconstruction", help="what stands beside the galaxy: reconstruction, denoised or deconvolved"))
    fwhm = state(Float(0.5, min=0.1, max=5.0, help="of the PSF of the deconvolved galaxy, arcsec"))
    telescope = state(Bool(True, help="show the edited galaxy through its own PSF, else before the telescope"))
    surveys = state(List(Unicode(), help="surveys that look at the edited galaxy, with their PSF and noise"))
    seed = state(Int(1, min=0, help="of their noise"))
    presets = List(Unicode(), help="surveys that may be asked").tag(sync=True)
    controls = List(Dict()).tag(sync=True)
    total = Int(0).tag(sync=True)

    _drafts: ClassVar[bool] = False  # three galaxies are soon sent, and the panel shows their attributes
    CELLS = ("galaxy", "reconstruction", "edited")
    VIEWS = ("reconstruction", "denoised", "deconvolved")

    def __init__(
        self,
        model: GalaxyModel,
        galaxies: Galaxies,
        index: int = 0,
        *,
        surveys: Sequence[str] = (),
        seed: int = 1,
        view: str = "reconstruction",
        fwhm: float = 0.5,
    ) -> None:
        galaxies.require_images()
        if not len(galaxies):
            raise ValueError("no galaxies were given; give at least one with images")
        self._galaxies = galaxies
        super().__init__(
            model,
            galaxies.survey,
            kind="editor",
            index=index,
            surveys=list(surveys),
            seed=seed,
            view=view,
            fwhm=fwhm,
            presets=sorted(Survey.presets(), key=lambda name: name not in _FIRST),
            controls=asked.controls(model),
            total=len(galaxies),
            selection=[self.CELLS.index("edited")],
        )

    @validate("index")
    def _one_of_them(self, proposal: Any) -> int:
        if proposal["value"] >= len(self._galaxies):
            raise StateError(f"galaxy {proposal['value']} was asked for, but there are {len(self._galaxies)}")
        return proposal["value"]

    @validate("edits")
    def _known_edits(self, proposal: Any) -> dict[str, Any]:
        return asked.checked(self.model, proposal["value"])  # type: ignore[arg-type]

    @validate("view")
    def _known_view(self, proposal: Any) -> str:
        if proposal["value"] not in self.VIEWS:
            raise StateError(f"view is {proposal['value']!r}; give {', '.join(self.VIEWS)}")
        return proposal["value"]

    @validate("surveys")
    def _known_surveys(self, proposal: Any) -> list[str]:
        unknown = [name for name in proposal["value"] if name not in Survey.presets()]
        if unknown:
            raise StateError(f"no survey is named {unknown[0]!r}; there are {', '.join(Survey.presets())}")
        return list(dict.fromkeys(proposal["value"]))

    @property
    def seen(self) -> dict[str, Galaxies]:
        """The edited galaxy as the `surveys` see it that reach any of its bands, by name, each (1, band, y, x) on its own pixels."""
        return {galaxies.survey.name: galaxies for galaxies in self._shown(self._wanted()).seen}

    @property
    def edited(self) -> Galaxies:
        """The edited galaxy, noiseless and before the telescope, shape (1, band, y, x)."""
        model: Any = self.model
        latent: Any = self._shown(self._wanted()).latent()
        return model.decode(latent[self.CELLS.index("edited")])

    def _edit(self, latent: Latent, wanted: dict[str, Any]) -> Latent:
        model: Any = self.model
        return model.edit_latent(latent, seed=0, **asked.arguments(wanted["edits"])) if wanted["edits"] else latent

    def _show(self, wanted: dict[str, Any], *, draft: bool = False) -> Shown:
        from galwidget.observation import observe  # noqa: PLC0415 (scipy only when a galaxy is looked at)

        del draft
        model: Any = self.model
        galaxy = self._galaxies[wanted["index"]]
        latent = model.encode(galaxy)
        edited = self._edit(latent, wanted)
        both = type(latent).concatenate([latent, edited])
        decoded = model.decode(both)
        seen = observe(decoded, psf=galaxy.psfs[0], noise=False)
        beside = self._beside(galaxy, decoded[0], seen[0], wanted)
        flux, ivar = galaxy.require_images()
        # through the galaxy's own PSF, or it would be no residual
        through = seen[0] if wanted["view"] == "deconvolved" else beside
        residual = (flux - through.require_images()[0]) * np.sqrt(ivar)
        good = ivar > 0
        residual[~good] = np.nan  # drawn grey: nothing is known there
        chi2 = float(np.mean(residual[good] ** 2)) if good.any() else float("nan")
        last = seen[1] if wanted["telescope"] else decoded[1]
        about: dict[str, Any] = {
            "chi2": chi2,
            "values": {name: _value(decoded[1], name) for name in model.conditions if name in decoded.table.colnames},
        }
        about["outside"] = [*self._outside(latent, galaxy), "", *self._outside(edited)]
        seen_by, about["seen"] = _seen_by(decoded[1], wanted["surveys"], wanted["seed"])
        known = galaxy.table[[name for name in galaxy.table.colnames if name in decoded.table.colnames]]
        parts = [galaxy.with_table(known), beside, last]
        for name in ORIENTATION:  # all of them lie as the galaxy does
            if name in galaxy.table.colnames:
                for part in parts:
                    part.table[name] = galaxy.table[name]
        cells = Galaxies.concatenate([Galaxies(p.flux, p.ivar, p.psf, p.table, survey=galaxy.survey) for p in parts])
        points = type(latent).concatenate([latent, both])
        return Shown(cells, 1, 3, lambda: points, residual=residual, seen=seen_by, about=about)

    def _beside(self, galaxy: Galaxies, decoded: Galaxies, seen: Galaxies, wanted: dict[str, Any]) -> Galaxies:
        """What stands beside the galaxy, with what is measured on it, and what the decoders say of the rest."""
        if wanted["view"] == "reconstruction":
            return seen
        from galwidget.measurement import measure  # noqa: PLC0415 (only where it is asked for)
        from galwidget.science.denoise import deconvolve, denoise  # noqa: PLC0415

        model: Any = self.model
        sharp = {"fwhm": wanted["fwhm"]} if wanted["view"] == "deconvolved" else {}
        clean = deconvolve(model, galaxy, progress=False, **sharp) if sharp else denoise(model, galaxy, progress=False)
        found = measure(clean.with_table(None), noiseless=True).table
        table = decoded.table.copy()
        for name in set(table.colnames) & set(found.colnames):
            table[name] = found[name]
        return clean.with_table(table)

    def _details(self, wanted: dict[str, Any], cell: int) -> dict[str, Any]:
        latent = self._shown(wanted).latent()
        assert latent is not None  # noqa: S101 (narrows the type)
        drawn = cell == self.CELLS.index("edited")
        return details(self.model, latent[[cell]], None if drawn else self._galaxies[wanted["index"]])

    def _figure_labels(self) -> dict[str, Any]:
        return {"captions": ("galaxy", self.view, "residual", "edited")}

    def _recipe(self) -> Recipe:
        edited = f"model.edit_latent(latent, seed=0{asked.as_arguments(self.edits)})" if self.edits else "latent"
        beside = {
            "reconstruction": "seen[0]",
            "denoised": "gw.denoise(model, galaxy)",
            "deconvolved": f"gw.deconvolve(model, galaxy, fwhm={self.fwhm!r})",
        }[self.view]
        setup = (
            f"galaxy = {name_of(self._galaxies, 'galaxies')}[{self.index}]\n"
            f"latent = model.encode(galaxy)\n"
            f"edited = {edited}\n"
            f"decoded = model.decode(gw.Latent.concatenate([latent, edited]))  # before the telescope\n"
            f"seen = gw.observe(decoded, psf=galaxy.psfs[0], noise=False)\n"
            f"beside = {beside}\n"
            f"shown = gw.Galaxies.concatenate([\n"
            f"    gw.Galaxies(part.flux, part.ivar, part.psf, part.table, survey=galaxy.survey)\n"
            f"    for part in (galaxy, beside, {'seen' if self.telescope else 'decoded'}[1])\n"
            f"])\n"
        )
        if self.seen:
            setup += (
                f"seen_by = {{  # the edited galaxy as other surveys see it\n"
                f"    survey: gw.observe(decoded[1], survey=survey, seed={self.seed})\n"
                f"    for survey in {list(self.seen)!r}\n"
                f"}}\n"
            )
        return Recipe(setup, "shown", self._cells(), self.model)


def _seen_by(galaxy: Galaxies, surveys: Sequence[str], seed: int) -> tuple[list[Galaxies], list[dict[str, Any]]]:
    """A galaxy that no telescope saw as surveys see it, and what is to be said of each: its pixels, its bands, and what it cannot show."""
    from galwidget.observation import observe  # noqa: PLC0415 (scipy only when a galaxy is looked at)

    seen: list[Galaxies] = []
    said: list[dict[str, Any]] = []
    own = galaxy.survey
    for name in surveys:
        every = Survey.named(name).band_names
        try:
            looked = observe(galaxy, survey=name, seed=seed)
        except ValueError:
            said.append(
                {"name": name, "bands": [], "words": f"not {', '.join(every)}: beyond the model's bands {', '.join(own.band_names)}"}
            )
            continue
        survey = looked.survey
        nearest = {band.name: _nearest(survey, band.wavelength) for band in own.bands}
        middle = survey[nearest[default_display(own)["bands"][1]]]  # type: ignore[index]
        missing = [band for band in every if band not in survey.band_names]
        words = f"{survey.pixel_scale:.3g}″ a pixel, PSF {middle.psf_fwhm:.2g}″ in {middle.name}"
        words += "; one band" * (len(survey.bands) == 1) + f"; not {', '.join(missing)}: beyond the model's bands" * bool(missing)
        seen.append(looked)
        said.append({"name": name, "bands": list(survey.band_names), "pixel_scale": survey.pixel_scale, "nearest": nearest, "words": words})
    return seen, said


def _nearest(survey: Survey, wavelength: float) -> str:
    """Name of the band nearest in wavelength (nm)."""
    return min(survey.bands, key=lambda band: abs(band.wavelength - wavelength)).name


def _value(galaxies: Galaxies, name: str) -> Any:
    """Attribute of the only galaxy, as JSON."""
    column = galaxies.table[name]
    return float(galaxies.attribute(name)[0]) if np.asarray(column).dtype.kind in "biuf" else str(column[0])
