"""Galaxies: the one data type that every verb takes and every image comes back as."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy import units as u
from astropy.table import Column, MaskedColumn, QTable
from astropy.table import vstack as stack_tables
from astropy.utils.masked import Masked

from galwidget.attributes import placeholders, warn_of_placeholders
from galwidget.survey import Survey

if TYPE_CHECKING:
    from os import PathLike

    from numpy.typing import ArrayLike

__all__ = ["Galaxies"]

_THUMBNAILS = 12
_ROWS = 5


class Galaxies:
    """Images, noise, PSFs and attributes of galaxies seen by one survey.

    Any part may be absent: a spectroscopic catalogue has a table and no images, cutouts may have no table.

    Parameters
    ----------
    flux
        Images in nJy, shape (n, band, y, x), or (band, y, x) for one galaxy; a `~astropy.units.Quantity` is converted. NaN pixels
        are masked (``ivar`` 0, ``flux`` 0).
    ivar
        Inverse variance of each pixel in nJy-2, shape of ``flux``; 0 = masked. Default: the survey's sky noise.
    psf
        PSF of each band, shape (band, k, k), or of each galaxy, (n, band, k, k); k odd, unit sum. Default: the survey's.
    table
        Attributes, one row a galaxy; a masked entry was not measured, nor was a magnitude of 99 or a radius of -1: what no galaxy has
        is told, kept, and taken for missing. Default: no columns.
    survey
        The survey, or the name of a preset; its bands are the image axis ``band``.
    mask
        True where a pixel is bad, shape of ``flux``: its ``ivar`` becomes 0.

    Raises
    ------
    ValueError
        A shape, unit, number or band does not fit the others; the message says which.

    Examples
    --------
    >>> import numpy as np
    >>> galaxies = Galaxies(np.ones((3, 2, 32, 32)), survey=Survey.named("KiDS").select("gr"))
    >>> galaxies
    <Galaxies: 3 of KiDS, bands g r, 32 x 32 pixels of 0.2", no attributes>
    >>> galaxies[0].flux.shape
    (1, 2, 32, 32)
    """

    flux: np.ndarray | None
    ivar: np.ndarray | None
    psf: np.ndarray | None
    table: QTable
    survey: Survey

    def __init__(
        self,
        flux: ArrayLike | u.Quantity | None = None,
        ivar: ArrayLike | u.Quantity | None = None,
        psf: ArrayLike | None = None,
        table: Any = None,
        *,
        survey: str | Survey,
        mask: ArrayLike | None = None,
    ) -> None:
        self.survey = Survey.named(survey)
        if flux is None:
            if ivar is not None or psf is not None or mask is not None:
                raise ValueError("ivar, psf or mask came without flux; give flux, or only a table")
            if table is None:
                raise ValueError("neither flux nor a table was given; give at least one")
            self.flux = self.ivar = self.psf = None
        else:
            self.flux = _pixels(flux, "flux", u.nJy)
            _check_images(self.flux, self.survey)
            finite = np.isfinite(self.flux)
            if finite.size and not finite.any():
                raise ValueError("flux has no finite pixel; check what was read (every pixel is NaN or infinite)")
            self.ivar = self._inverse_variance(ivar, finite, mask)
            if not finite.all():
                self.flux = np.where(finite, self.flux, np.float32(0))
            self.psf = _check_psf(psf, self.flux, self.survey)
        self.table = _table(table, None if self.flux is None else len(self.flux))
        warn_of_placeholders(self.table, self.survey.band_names)

    def _inverse_variance(self, ivar: Any, finite: np.ndarray, mask: ArrayLike | None) -> np.ndarray:
        assert self.flux is not None  # noqa: S101 (narrows the type)
        if ivar is None:
            weight = np.broadcast_to(self.survey.sky_sigma[:, None, None] ** -2.0, self.flux.shape).astype(np.float32)
        else:
            weight = _pixels(ivar, "ivar", u.nJy**-2)
            if weight.shape != self.flux.shape:
                raise ValueError(f"ivar has shape {weight.shape} but flux has {self.flux.shape}; they must be the same")
            if np.any(weight < 0):
                raise ValueError(f"ivar has {np.sum(weight < 0)} negative values; an inverse variance is >= 0, and 0 masks a pixel")
            finite = finite & np.isfinite(weight)
        if mask is not None:
            bad = np.asarray(mask, dtype=bool)
            bad = bad[None] if bad.ndim == 3 else bad
            if bad.shape != self.flux.shape:
                raise ValueError(f"mask has shape {bad.shape} but flux has {self.flux.shape}; they must be the same")
            finite = finite & ~bad
        return weight if finite.all() else np.where(finite, weight, np.float32(0))

    def __len__(self) -> int:
        return len(self.table) if self.flux is None else len(self.flux)

    def __getitem__(self, item: int | slice | Sequence[int] | np.ndarray) -> Galaxies:
        """Galaxies ``item``: an index (one galaxy, still `Galaxies`), a slice, a list of indices or a boolean array."""
        if isinstance(item, (int, np.integer)):
            index = int(item)
            if not -len(self) <= index < len(self):
                raise IndexError(f"galaxy {index} was asked for, but there are {len(self)}")
            index %= len(self)
            item = slice(index, index + 1)
        elif not isinstance(item, slice):
            item = np.asarray(item)
            if item.dtype == bool and item.shape != (len(self),):
                raise IndexError(f"boolean index has shape {item.shape}, but there are {len(self)} galaxies")
            if item.size == 0:
                item = item.astype(int)
            if item.dtype.kind not in "bui":
                raise TypeError("galaxies are taken by index, slice or boolean array; a column is galaxies.table[name]")
        part = object.__new__(Galaxies)
        part.survey, part.table = self.survey, self.table[item]
        part.flux = None if self.flux is None else self.flux[item]
        part.ivar = None if self.ivar is None else self.ivar[item]
        part.psf = self.psf if self.psf is None or self.psf.ndim == 3 else self.psf[item]
        return part

    def __iter__(self) -> Iterator[Galaxies]:
        return (self[index] for index in range(len(self)))

    def __add__(self, other: Galaxies) -> Galaxies:
        if not isinstance(other, Galaxies):
            return NotImplemented
        return Galaxies.concatenate([self, other])

    @staticmethod
    def concatenate(parts: Sequence[Galaxies]) -> Galaxies:
        """All galaxies of ``parts``, in order; an attribute that one part lacks is masked there.

        Raises
        ------
        ValueError
            The parts are of different surveys or stamp sizes, or only some have images.
        """
        parts = list(parts)
        if not parts:
            raise ValueError("nothing to concatenate: the list of Galaxies is empty")
        first = parts[0]
        for part in parts[1:]:
            if part.survey != first.survey:
                raise ValueError(
                    f"cannot join galaxies of {part.survey.name} [{' '.join(part.survey.band_names)}] to those of {first.survey.name} "
                    f"[{' '.join(first.survey.band_names)}]; bring them to one survey first (observe), or pass them as a list"
                )
            if (part.flux is None) != (first.flux is None):
                raise ValueError("cannot join galaxies with images to galaxies without; pass them as a list")
            if part.flux is not None and first.flux is not None and part.flux.shape[2:] != first.flux.shape[2:]:
                raise ValueError(f"cannot join stamps of {_size(part.flux)} to stamps of {_size(first.flux)}; cut them to one size")
        joined = object.__new__(Galaxies)
        joined.survey = first.survey
        joined.table = _join_tables(parts)
        joined.flux = joined.ivar = joined.psf = None
        if first.flux is not None:
            joined.flux = np.concatenate([part.flux for part in parts])
            joined.ivar = np.concatenate([part.ivar for part in parts])
            joined.psf = _join_psf(parts)
        return joined

    def __eq__(self, other: object) -> bool:
        """Same survey, same pixels to the bit, same PSF, same attributes with the same units and masks."""
        if not isinstance(other, Galaxies):
            return NotImplemented
        pixels = all(_same(getattr(self, part), getattr(other, part)) for part in ("flux", "ivar", "psf"))
        return self.survey == other.survey and pixels and _same_table(self.table, other.table)

    __hash__ = None  # type: ignore[assignment]

    @property
    def psfs(self) -> np.ndarray:
        """PSF of each galaxy in each band, shape (n, band, k, k), whether the galaxies share one or not."""
        flux, psf = self.require_images()[0], self.psf
        assert psf is not None  # noqa: S101 (narrows the type)
        return psf if psf.ndim == 4 else np.broadcast_to(psf, (len(flux), *psf.shape))

    def require_images(self) -> tuple[np.ndarray, np.ndarray]:
        """``flux`` and ``ivar``; an error in words when these galaxies are a table without images."""
        if self.flux is None or self.ivar is None:
            raise ValueError("these galaxies have attributes but no images; give galaxies with flux")
        return self.flux, self.ivar

    def attribute(self, name: str) -> np.ndarray:
        """A numeric column of the table as float64, shape (n,); NaN where it was not measured, or there is no such column."""
        if name not in self.table.colnames:
            return np.full(len(self), np.nan)
        column = self.table[name]
        mask = getattr(column, "mask", None)
        values = np.array(getattr(column, "unmasked", column), dtype=float) if mask is not None else np.array(column, dtype=float)
        return np.where(placeholders(name, values, self.survey.band_names) | (False if mask is None else np.asarray(mask)), np.nan, values)

    def with_table(self, table: Any) -> Galaxies:
        """The same images with another table."""
        other = self[:]
        other.table = _table(table, len(self))
        return other

    def select_bands(self, names: Sequence[str]) -> Galaxies:
        """The same galaxies in the bands ``names`` only, in that order."""
        index = [self.survey.index(name) for name in names]
        other = self[:]
        other.survey = self.survey.select(names)
        if self.flux is not None and self.ivar is not None and self.psf is not None:
            other.flux, other.ivar = self.flux[:, index], self.ivar[:, index]
            other.psf = self.psf[..., index, :, :]
        return other

    def to_table(self) -> QTable:
        """The attributes as a table of its own: changing it does not change the galaxies."""
        return self.table.copy()

    def write(self, path: str | PathLike[str], *, overwrite: bool = False) -> None:
        """Write a FITS file that `galwidget.read` gives back exactly: pixels, masks, units, PSF, survey.

        Raises
        ------
        OSError
            The file exists and ``overwrite`` is False.
        """
        from galwidget.fits import write  # noqa: PLC0415 (astropy.io.fits only when a file is wanted)

        write(self, path, overwrite=overwrite)

    def rgb(self, **display: Any) -> np.ndarray:
        """Colour pictures (Lupton asinh), shape (n, y, x, 3), uint8; arguments are those of `galwidget.picture.rgb`."""
        from galwidget.picture import rgb  # noqa: PLC0415 (astropy.visualization only when a picture is wanted)

        return rgb(self, **display)

    def __repr__(self) -> str:
        if self.flux is None:
            images = "no images"
        else:
            images = f'bands {" ".join(self.survey.band_names)}, {_size(self.flux)} pixels of {self.survey.pixel_scale:g}"'
        columns = len(self.table.colnames)
        attributes = f"{columns} attribute{'s' * (columns != 1)}" if columns else "no attributes"
        return f"<Galaxies: {len(self)} of {self.survey.name}, {images}, {attributes}>"

    def _repr_html_(self) -> str:
        parts = [f"<p><b>{html.escape(repr(self)[1:-1])}</b></p>"]
        if self.flux is not None and len(self):
            from galwidget.picture import data_uri, rgb  # noqa: PLC0415 (only in a notebook)

            pictures = rgb(self[:_THUMBNAILS])
            images = "".join(f'<img alt="galaxy {i}" width="64" height="64" src="{data_uri(p)}">' for i, p in enumerate(pictures))
            parts.append(f'<p style="line-height:0">{images}</p>')
        if self.table.colnames:
            if len(self) > _ROWS:
                parts.append(f"<p>first {_ROWS} of {len(self)} rows:</p>")
            parts.extend(_readable(self.table[:_ROWS]).pformat(html=True, max_lines=-1, max_width=-1))
        return "".join(parts)


def _readable(rows: QTable) -> QTable:
    """Rows whose numbers have the digits that a person reads; a column with a format of its own keeps it."""
    for name in rows.colnames:
        known = rows[name].info
        if known.format is None and getattr(known.dtype, "kind", "") == "f":
            known.format = ".6f" if name in ("ra", "dec") else ".3f" if known.unit == u.mag else ".5g"
    return rows


def _pixels(values: Any, name: str, unit: u.Unit) -> np.ndarray:
    if isinstance(values, u.Quantity):
        try:
            values = values.to_value(unit)
        except u.UnitConversionError as error:
            raise ValueError(f"{name} is in {values.unit}, which is not {unit}; convert it, or give plain numbers in {unit}") from error
    pixels = np.ascontiguousarray(values, dtype=np.float32)
    return pixels[None] if pixels.ndim == 3 else pixels


def _check_images(flux: np.ndarray, survey: Survey) -> None:
    if flux.ndim != 4:
        raise ValueError(f"flux has shape {flux.shape}; expected (n, band, y, x), or (band, y, x) for one galaxy")
    if flux.shape[1] != len(survey.bands):
        raise ValueError(
            f"flux has {flux.shape[1]} bands but survey {survey.name} has {len(survey.bands)} ({', '.join(survey.band_names)}); "
            f"pass survey=Survey.named({survey.name!r}).select([...]) with the bands of these images"
        )


def _check_psf(psf: Any, flux: np.ndarray, survey: Survey) -> np.ndarray:
    if psf is None:
        return survey.psf()
    psf = np.ascontiguousarray(psf, dtype=np.float32)
    expected = f"(band, k, k) or (n, band, k, k) with {flux.shape[1]} bands and {len(flux)} galaxies"
    if psf.ndim not in (3, 4) or psf.shape[-3] != flux.shape[1] or (psf.ndim == 4 and len(psf) != len(flux)):
        raise ValueError(f"psf has shape {psf.shape}; expected {expected}")
    if psf.shape[-1] != psf.shape[-2] or psf.shape[-1] % 2 == 0:
        raise ValueError(f"psf images are {psf.shape[-2]} x {psf.shape[-1]}; they must be square with an odd side (a central pixel)")
    if not np.isfinite(psf).all():
        raise ValueError("psf has NaN or infinite pixels; measure it again, or leave it out to use the survey's")
    total = psf.sum(axis=(-2, -1))
    if np.any(np.abs(total - 1) > 0.02):
        raise ValueError(f"psf sums to {total.flat[np.argmax(np.abs(total - 1))]:.4g}, not 1; divide each PSF by its sum")
    return psf


def _table(table: Any, length: int | None) -> QTable:
    if table is None:
        return QTable()
    table = table.copy() if isinstance(table, QTable) else QTable(table)
    decode_words(table)
    if length is not None and table.colnames and len(table) != length:
        raise ValueError(f"the table has {len(table)} rows but there are {length} images; one row a galaxy is needed")
    return table


def decode_words(table: QTable) -> None:
    """Make words of the columns of bytes, as FITS tables have them, in place."""
    # astropy's convert_bytestring_to_unicode loses the mask of words that are not ASCII
    for name, column in table.items():
        if isinstance(column, Column) and column.dtype.kind == "S":
            table[name] = column.__class__(np.char.decode(np.asarray(column), "utf-8"), meta=column.meta)
            if isinstance(column, MaskedColumn):
                table[name].mask = column.mask


def _join_tables(parts: Sequence[Galaxies]) -> QTable:
    # a table without columns has no rows: a column for the time of joining keeps the rows of galaxies without attributes
    row = "galwidget row"
    tables = [part.table.copy(copy_data=False) for part in parts]
    for part, table in zip(parts, tables, strict=True):
        table[row] = np.zeros(len(part), bool)
    joined = stack_tables(tables, join_type="outer", metadata_conflicts="silent")
    joined.remove_column(row)
    return joined


def _join_psf(parts: Sequence[Galaxies]) -> np.ndarray:
    first = parts[0].psf
    if first is not None and first.ndim == 3 and all(_same(first, part.psf) for part in parts[1:]):
        return first
    side = max(part.psfs.shape[-1] for part in parts)
    grown = []
    for part in parts:
        margin = (side - part.psfs.shape[-1]) // 2
        grown.append(np.pad(part.psfs, ((0, 0), (0, 0), (margin, margin), (margin, margin))))
    return np.concatenate(grown)


def _same(one: Any, other: Any) -> bool:
    if one is None or other is None:
        return one is other
    return one.shape == other.shape and one.dtype == other.dtype and bool(np.array_equal(one, other, equal_nan=one.dtype.kind == "f"))


def _same_table(one: QTable, other: QTable) -> bool:
    if one.colnames != other.colnames or len(one) != len(other):
        return False
    return all(_same_column(one[name], other[name]) for name in one.colnames)


def _same_column(one: Any, other: Any) -> bool:
    if getattr(one, "unit", None) != getattr(other, "unit", None):
        return False
    mask, mask2 = (np.broadcast_to(np.asarray(getattr(c, "mask", False)), np.shape(c)) for c in (one, other))
    if not np.array_equal(mask, mask2):
        return False
    plain = [np.asarray(c.unmasked if isinstance(c, Masked) else getattr(c, "data", c)) for c in (one, other)]
    one, other = (np.asarray(values)[~mask] for values in plain)
    if one.dtype.kind == other.dtype.kind == "U":  # the width of a column of words is no part of the words
        return bool(np.array_equal(one, other))
    return _same(one, other)


def _size(flux: np.ndarray) -> str:
    return f"{flux.shape[-2]} x {flux.shape[-1]}"
