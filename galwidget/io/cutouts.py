"""Galaxies that were cut out already: this project's FITS, other people's FITS cubes, folders of images."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.table import QTable

from galwidget.fits import is_galaxies
from galwidget.fits import read as read_galaxies
from galwidget.galaxies import Galaxies
from galwidget.io.images import first_image, nanojanskys_per_unit, open_fits
from galwidget.survey import Survey

__all__ = ["read"]

_FITS = (".fits", ".fit", ".fits.gz", ".fit.gz", ".fits.fz", ".fit.fz")
_LATER = (".parquet", ".hdf5", ".h5", ".hdf")
_IVAR = ("IVAR", "INVVAR", "WEIGHT", "WHT")
_VARIANCE = ("VARIANCE", "VAR")
_MASK = ("MASK", "FLAGS", "DQ")


def read(
    path: str | PathLike[str],
    survey: str | Survey | None = None,
    bands: Sequence[str] | None = None,
    zero_point: float | Mapping[str, float] | None = None,
) -> Galaxies:
    """Galaxies from a file or a folder.

    Parameters
    ----------
    path
        A FITS file that `Galaxies.write` wrote; a FITS file with an image cube (n, band, y, x), or (band, y, x) for one galaxy, or
        (n, y, x) when there is one band; or a folder with one such file a galaxy, or with one image (y, x) a galaxy and band,
        ``<name>_<band>.fits``. A cube may come with extensions IVAR, INVVAR or WEIGHT (inverse variance), VARIANCE, MASK (not 0 = bad)
        and PSF, and with a table of one row a galaxy.
    survey
        The survey or preset that took the images; needed for everything but this project's own files.
    bands
        The survey's bands on the axis ``band``, in order; default: all of them. The galaxies come in the survey's order.
    zero_point
        AB magnitude of one unit of the images, one for all or one a band; default: ``BUNIT`` or the header's zero point.

    Returns
    -------
    Galaxies
        Those of one file, or of all files of the folder in the order of their names, which are the column ``name``.

    Raises
    ------
    FileNotFoundError
        There is no such file or folder.
    ValueError
        It cannot be read, or what it holds does not fit the survey and bands.

    Examples
    --------
    >>> galaxies = read("galaxies.fits")  # doctest: +SKIP
    >>> galaxies = read("cutouts/", survey="HSC", bands=["g", "r", "i"], zero_point=27.0)  # doctest: +SKIP
    """
    path = Path(path)
    if path.suffix.lower() in _LATER:
        raise ValueError(f"{path}: {path.suffix} files cannot be read yet; write them as FITS, or build Galaxies(flux=..., table=...)")
    if path.is_dir():
        return _read_folder(path, survey, bands, zero_point)
    hdus = open_fits(path)
    return read_galaxies(hdus) if is_galaxies(hdus) else _read_cube(hdus, str(path), *_chosen(survey, bands, str(path)), zero_point)


def _chosen(survey: str | Survey | None, bands: Sequence[str] | None, name: str) -> tuple[Survey, tuple[str, ...]]:
    if survey is None:
        raise ValueError(f"{name} does not say which survey took it; pass survey=, a preset ({', '.join(Survey.presets())}) or a Survey")
    survey = Survey.named(survey)
    names = survey.band_names if bands is None else tuple(bands)
    survey.select(names)
    return survey, names


def _in_survey_order(galaxies: Galaxies, survey: Survey) -> Galaxies:
    """Bands in the survey's own order, so that samples of it join."""
    order = tuple(band for band in survey.band_names if band in galaxies.survey.band_names)
    return galaxies if order == galaxies.survey.band_names else galaxies.select_bands(order)


def _units(header: fits.Header, bands: tuple[str, ...], zero_point: float | Mapping[str, float] | None) -> np.ndarray:
    points = zero_point if isinstance(zero_point, Mapping) else dict.fromkeys(bands, zero_point)
    return np.array([nanojanskys_per_unit(header, band, points.get(band)) for band in bands])[:, None, None]


def _stamps(data: np.ndarray, bands: int, name: str) -> np.ndarray:
    """An array as (n, band, y, x)."""
    if data.ndim == 2:
        data = data[None]
    if data.ndim == 3:
        data = data[:, None] if bands == 1 else data[None]
    if data.ndim != 4 or data.shape[1] != bands:
        raise ValueError(
            f"{name} holds an array of shape {data.shape}, but {bands} bands were named; expected (n, {bands}, y, x) or ({bands}, y, x): "
            "pass bands= with the names on its band axis"
        )
    return data


def _read_cube(
    hdus: fits.HDUList, name: str, survey: Survey, bands: tuple[str, ...], zero_point: float | Mapping[str, float] | None
) -> Galaxies:
    image = next((hdu for hdu in hdus if hdu.is_image and len(getattr(hdu, "shape", ()) or ()) in (3, 4)), None)
    if image is None:
        image = first_image(hdus, 2 if len(bands) == 1 else 3, name)
    factor = _units(image.header, bands, zero_point)
    flux = _stamps(image.data, len(bands), name) * factor
    parts = {hdu.name.upper(): hdu for hdu in hdus if hdu is not image and hdu.is_image and hdu.data is not None}

    def stamps(names: tuple[str, ...]) -> np.ndarray | None:
        found = next((parts[key] for key in names if key in parts), None)
        return None if found is None else _stamps(found.data, len(bands), f"{name}[{found.name}]")

    ivar, variance, mask = stamps(_IVAR), stamps(_VARIANCE), stamps(_MASK)
    if ivar is None and variance is not None:
        ivar = np.divide(1.0, variance, where=variance > 0, out=np.zeros(variance.shape))
    if ivar is not None:
        ivar = ivar / factor**2
    psf = parts["PSF"].data if "PSF" in parts else None
    try:
        galaxies = Galaxies(flux, ivar, psf, _table(hdus, len(flux)), survey=survey.select(bands), mask=None if mask is None else mask != 0)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
    return _in_survey_order(galaxies, survey)


def _table(hdus: fits.HDUList, rows: int) -> QTable | None:
    for index, hdu in enumerate(hdus):
        if isinstance(hdu, fits.BinTableHDU) and not hdu.is_image and len(hdu.data) == rows:
            return QTable.read(hdus, hdu=index, format="fits", character_as_bytes=False)
    return None


def _read_folder(
    folder: Path, survey: str | Survey | None, bands: Sequence[str] | None, zero_point: float | Mapping[str, float] | None
) -> Galaxies:
    files = sorted(file for file in folder.iterdir() if file.name.lower().endswith(_FITS))
    if not files:
        raise ValueError(f"{folder} holds no FITS file ({', '.join(_FITS)}); give the folder with the images")
    hdus = open_fits(files[0])
    if is_galaxies(hdus):
        return Galaxies.concatenate([read_galaxies(open_fits(file)) for file in files])
    survey, names = _chosen(survey, bands, str(folder))
    by_galaxy = _by_galaxy(files, names)
    parts, labels = [], []
    for label, group in by_galaxy.items():
        if isinstance(group, Path):
            part = _read_cube(open_fits(group), str(group), survey, names, zero_point)
        else:
            missing = [band for band in names if band not in group]
            if missing:
                raise ValueError(
                    f"{folder}: galaxy {label!r} has no image in band {missing[0]!r}; add {label}_{missing[0]}.fits, or pass bands="
                )
            part = _joined(
                [_read_cube(open_fits(group[band]), str(group[band]), survey, (band,), zero_point) for band in names], survey, names
            )
        parts.append(_named(part, label))
        labels.append(label)
    for label, part in zip(labels, parts, strict=True):
        if part.flux is not None and parts[0].flux is not None and part.flux.shape[1:] != parts[0].flux.shape[1:]:
            raise ValueError(
                f"{folder}: {label!r} is {part.flux.shape[-1]} x {part.flux.shape[-2]} pixels but {labels[0]!r} is "
                f"{parts[0].flux.shape[-1]} x {parts[0].flux.shape[-2]}; cut them to one size"
            )
    return Galaxies.concatenate(parts)


def _by_galaxy(files: Sequence[Path], bands: tuple[str, ...]) -> dict[str, Any]:
    """Galaxy name: its file, or band: file when file names end in ``_<band>``."""
    stems = {file: re.sub(r"\.fits?(\.[gf]z)?$", "", file.name, flags=re.IGNORECASE) for file in files}
    split = {
        file: (stem[: -len(band) - 1], band) for file, stem in stems.items() for band in bands if stem.endswith((f"_{band}", f"-{band}"))
    }
    if not split:
        return {stem: file for file, stem in stems.items()}
    grouped: dict[str, Any] = {}
    for file, (label, band) in split.items():
        grouped.setdefault(label, {})[band] = file
    return grouped


def _joined(planes: Sequence[Galaxies], survey: Survey, bands: tuple[str, ...]) -> Galaxies:
    """Galaxies of one band each, as galaxies of all."""
    sizes = {band: plane.require_images()[0].shape[-2:] for band, plane in zip(bands, planes, strict=True)}
    if len(set(sizes.values())) > 1:
        raise ValueError(f"the bands of one galaxy have different sizes: {sizes}; cut them to one size")
    flux, ivar = (np.concatenate([plane.require_images()[part] for plane in planes], axis=1) for part in (0, 1))
    return _in_survey_order(Galaxies(flux, ivar, survey=survey.select(bands)), survey)


def _named(galaxies: Galaxies, label: str) -> Galaxies:
    table = galaxies.to_table()
    table["name"] = [label] * len(galaxies)
    return galaxies.with_table(table)
