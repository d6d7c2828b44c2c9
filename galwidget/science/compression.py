"""Galaxies as a few numbers each: their latents to a fraction of the posterior's width, and on demand what the model does not see."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from galwidget.galaxies import Galaxies
from galwidget.galaxy_model import load
from galwidget.latent import Latent
from galwidget.model.telescope import convolve
from galwidget.progress import Progress, steps
from galwidget.science.codec.container import Reader, Writer, join, split
from galwidget.science.codec.entropy import Decoder, Encoder
from galwidget.science.codec.latents import LatentCode
from galwidget.science.codec.pixels import PIXEL_STEP, VARIANCE_STEP, NoiseCode, decode_mask, decode_residual, encode_mask, encode_residual
from galwidget.science.codec.psfs import PsfCode
from galwidget.science.codec.tables import decode_table, encode_table
from galwidget.science.index import fingerprint
from galwidget.survey import Survey
from galwidget.survey_check import refuse_another_survey

if TYPE_CHECKING:
    from os import PathLike

    from galwidget.galaxy_model import GalaxyModel

__all__ = ["Compressed", "compress", "decompress", "decompress_blocks", "stored_latents"]

#: Galaxies that are read and written at a time, and blocks of them that the coder's tables are made from.
BLOCK, SAMPLED = 256, 8

_PARTS = ("numbers", "psf", "mask", "table", "residual")


@dataclass(frozen=True)
class Compressed:
    """What `compress` wrote.

    Parameters
    ----------
    galaxies, bytes
        How many, and the size of the file.
    parts
        Bytes by part: ``numbers`` (latents, noise levels, coefficients of PSFs), ``psf`` (the rest of PSFs), ``mask``, ``table``,
        ``residual``, and ``file`` (header, tables of the coder, checksums, index).
    """

    galaxies: int
    bytes: int
    parts: dict[str, int] = field(default_factory=dict)

    @property
    def bits(self) -> float:
        """Bits a galaxy, all counted."""
        return 8 * self.bytes / self.galaxies

    def __repr__(self) -> str:
        parts = ", ".join(f"{name} {count}" for name, count in self.parts.items() if count)
        return f"<Compressed: {self.galaxies} galaxies in {self.bytes} bytes ({parts}), {self.bits:.0f} bits a galaxy>"


def compress(
    model: GalaxyModel,
    galaxies: Galaxies | Iterable[Galaxies],
    path: str | PathLike[str],
    *,
    residual: float | None = None,
    step: float = 1.0,
    using: Sequence[str] | None = None,
    refine: int = 0,
    columns: Sequence[str] | None = None,
    overwrite: bool = False,
    progress: Progress = True,
) -> Compressed:
    r"""Write galaxies to a file as the model sees them, in some twenty bytes each; with ``residual``, as they are, to a part of the noise.

    Parameters
    ----------
    model
        The model; the same one is needed to read the file.
    galaxies
        The galaxies, or their parts one after the other (a generator of files, say): some 2,000 are held at a time at most.
    path
        The file.
    residual
        Also write what the model does not see: each pixel less the model, in steps of ``residual`` sigma of its own noise. A pixel then
        comes back to within half a step, ``residual`` / 2 sigma; 0.5 is a common choice. None leaves it out.
    step
        The latent is rounded to this fraction of its posterior's width, which adds step\ :sup:`2`/12 to the posterior's variance.
    using, refine
        Modalities to encode from, and steps towards the best latent, as in ``model.encode``.
    columns
        Columns of the table to keep, to the bit; None keeps all.
    overwrite
        Whether to replace a file.
    progress
        Show a progress bar; or a function of what is done, how many galaxies are ready, and of how many.

    Returns
    -------
    Compressed
        What it took.

    Raises
    ------
    ValueError
        The galaxies are none, have no images, or are not of the model's survey; ``step`` or ``residual`` is not above 0; a column cannot be
        written.
    OSError
        The file exists and ``overwrite`` is False.

    Notes
    -----
    Masked pixels are remembered as masked, not their flux: they come back as the model draws them. Without ``residual`` the noise
    of a galaxy is one number a band, to 1%; with it, that of each pixel, rounded down by 2.5% at most. PSFs that
    differ come back to 0.001 of their peak, one that all share to the bit.
    The same galaxies give the same bytes, in however many parts they come. The layout of the file is described in
    `galwidget.science.codec.container`.

    Examples
    --------
    >>> import galwidget as gw
    >>> from tempfile import TemporaryDirectory
    >>> model = gw.load()
    >>> galaxies = gw.simulate(3, "KiDS", seed=1, bands=model.survey.band_names, progress=False)
    >>> with TemporaryDirectory() as folder:
    ...     written = gw.compress(model, galaxies, f"{folder}/three.gwz", residual=0.5, progress=False)
    ...     again = gw.decompress(f"{folder}/three.gwz", model, progress=False)
    >>> bool((abs(again.flux - galaxies.flux) * galaxies.ivar**0.5).max() <= 0.2501)
    True
    """
    for name, value in (("step", step), ("residual", residual)):
        if value is not None and not (value > 0 and np.isfinite(value)):
            raise ValueError(f"{name} is {value}; give a number above 0, in units of the noise")
    target = Path(path)
    if target.exists() and not overwrite:
        raise FileExistsError(f"{target} exists; choose another name, or pass overwrite=True")
    parts = [galaxies] if isinstance(galaxies, Galaxies) else galaxies
    blocks = ((block.with_table(_chosen(block, columns)), model.encode(block, using, refine=refine)) for block in _blocks(model, parts))
    sample = list(islice(blocks, SAMPLED))
    if not sample:
        raise ValueError("there is nothing to compress: no galaxy was given")
    coder = _Coder.fit(model, sample, step, residual)
    sizes = dict.fromkeys((*_PARTS, "file"), 0)
    count = 0
    with Writer(target) as writer, steps(progress, "compressing") as tell:
        writer.head(coder.description(), coder.tables())
        for block, latent in chain(sample, blocks):
            payload = coder.encode(block, latent)
            writer.block(join(payload), len(block))
            count += len(block)
            for name, part in zip(_PARTS, payload, strict=True):
                sizes[name] += len(part)
            tell(len(block))
    size = target.stat().st_size
    sizes["file"] = size - sum(sizes.values())
    return Compressed(count, size, sizes)


def decompress(
    path: str | PathLike[str],
    model: GalaxyModel | None = None,
    *,
    rows: int | slice | Sequence[int] | None = None,
    progress: Progress = True,
) -> Galaxies:
    """The galaxies of a file that `compress` wrote.

    Parameters
    ----------
    path
        The file.
    model
        The model that compressed them; None is the one that ships with the package.
    rows
        Which galaxies, by number or slice; only their blocks are read. None reads all: see `decompress_blocks` for more than fit memory.
    progress
        Show a progress bar; or a function of what is done, how many galaxies are ready, and of how many.

    Returns
    -------
    Galaxies
        With ``residual``: flux to within half its step of sigma. Without: as the model sees them, through their own PSF, noiseless. The
        table is that of the galaxies compressed.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        The file is damaged, cut short, of another program or newer, or the model is not the one that wrote it.
    IndexError
        There is no such row.
    """
    with Reader(Path(path)) as reader:
        coder = _Coder.read(reader, model, Path(path))
        total = sum(reader.galaxies)
        wanted = _rows(rows, total)
        ends = np.cumsum(reader.galaxies)
        found: list[Galaxies] = []
        order: list[np.ndarray] = []
        with steps(progress, "decompressing", len(wanted)) as tell:
            for number in np.unique(np.searchsorted(ends, wanted, side="right")):
                first = ends[number] - reader.galaxies[number]
                places = np.flatnonzero((wanted >= first) & (wanted < ends[number]))
                block = coder.decode(reader.block(number), reader.galaxies[number])
                found.append(block if len(places) == len(block) and rows is None else block[wanted[places] - first])
                order.append(places)
                tell(len(places))
        if not found:
            return coder.decode(reader.block(0), reader.galaxies[0])[:0]
        joined = found[0] if len(found) == 1 else Galaxies.concatenate(found)
        places = np.concatenate(order)
        return joined if np.array_equal(places, np.arange(len(places))) else joined[np.argsort(places)]


def decompress_blocks(path: str | PathLike[str], model: GalaxyModel | None = None) -> Iterator[Galaxies]:
    """The galaxies of a file block by block (256), for files larger than memory; arguments and errors are those of `decompress`."""
    with Reader(Path(path)) as reader:
        coder = _Coder.read(reader, model, Path(path))
        for number, count in enumerate(reader.galaxies):
            yield coder.decode(reader.block(number), count)


def stored_latents(path: str | PathLike[str], model: GalaxyModel | None = None) -> Latent:
    """The latents in a file, without drawing anything, (n, d): to search, or to predict from. Arguments and errors as in `decompress`.

    ``mean`` is to within ``step`` / 2 of the posterior's width, ``std`` that of galaxies as well measured.
    """
    with Reader(Path(path)) as reader:
        coder = _Coder.read(reader, model, Path(path))
        found = []
        for number, count in enumerate(reader.galaxies):
            numbers = split(reader.block(number))[0]
            found.append(coder.latents.decode(Decoder(numbers), count))
        return Latent.concatenate(found)


def _blocks(model: GalaxyModel, parts: Iterable[Galaxies]) -> Iterator[Galaxies]:
    """The same galaxies, `BLOCK` at a time, whatever parts they come in."""
    held: list[Galaxies] = []
    survey = None
    for part in parts:
        part.require_images()
        refuse_another_survey(model, part)
        survey = survey or part.survey
        if part.survey != survey:
            raise ValueError(
                f"the parts are of different surveys, {survey.name} and {part.survey.name}; compress each to a file of its own"
            )
        start = 0
        while start < len(part):
            held.append(part[start : start + BLOCK - sum(map(len, held))])
            start += len(held[-1])
            if sum(map(len, held)) == BLOCK:
                yield held[0] if len(held) == 1 else Galaxies.concatenate(held)
                held = []
    if held:
        yield held[0] if len(held) == 1 else Galaxies.concatenate(held)


def _chosen(part: Galaxies, columns: Sequence[str] | None) -> Any:
    if columns is None:
        return part.table
    missing = [name for name in columns if name not in part.table.colnames]
    if missing:
        raise ValueError(f"the table has no column {missing[0]!r}; it has {', '.join(part.table.colnames) or 'none'}")
    return part.table[list(columns)] if columns else None


def _rows(rows: Any, total: int) -> np.ndarray:
    if isinstance(rows, (int, np.integer)):
        rows = [int(rows)]
    if rows is None or isinstance(rows, slice):
        return np.arange(total)[rows or slice(None)]
    wanted = np.asarray(rows, int).reshape(-1)
    outside = wanted[(wanted < -total) | (wanted >= total)]
    if len(outside):
        raise IndexError(f"galaxy {outside[0]} was asked for, but the file has {total}")
    return wanted % total


@dataclass(frozen=True)
class _Coder:
    """The codes of a file's parts, side by side."""

    model: GalaxyModel
    survey: Survey
    latents: LatentCode
    psfs: PsfCode
    noise: NoiseCode
    residual: float | None

    @classmethod
    def fit(cls, model: GalaxyModel, sample: Sequence[tuple[Galaxies, Latent]], step: float, residual: float | None) -> _Coder:
        galaxies = Galaxies.concatenate([block for block, _ in sample]) if len(sample) > 1 else sample[0][0]
        latent = Latent.concatenate([latent for _, latent in sample])
        latents = LatentCode.fit(latent, step, model.prior.center.numpy(), model.prior.spread.numpy())
        _, ivar = galaxies.require_images()
        assert galaxies.psf is not None  # noqa: S101 (narrows the type)
        noise = NoiseCode.fit(galaxies.survey, ivar, _expected(model, latent, galaxies.psf))
        return cls(model, galaxies.survey, latents, PsfCode.fit(galaxies), noise, residual)

    def description(self) -> dict[str, Any]:
        """What the header says."""
        return {
            "model": fingerprint(self.model),
            "model_name": "shipped" if self.model.path is None else self.model.path.name,
            "survey": self.survey.to_dict(),
            "stamp": self.model.stamp,
            "step": self.latents.step,
            "residual": self.residual,
            "shot_noise": bool(self.noise.shot),
            "noise_center": self.noise.center.tolist(),
            "noise_scatter": self.noise.scatter.tolist(),
        }

    def tables(self) -> bytes:
        """What the coder needs beside: latents and PSFs."""
        return join([self.latents.to_bytes(), self.psfs.to_bytes()])

    @classmethod
    def read(cls, reader: Reader, model: GalaxyModel | None, path: Path) -> _Coder:
        """The codes that a file was written with.

        Raises
        ------
        ValueError
            The model is not the one that the file was written with.
        """
        about = reader.description
        model = load() if model is None else model
        if fingerprint(model) != about["model"]:
            named = "the model that shipped then" if about["model_name"] == "shipped" else f"the model in a folder {about['model_name']!r}"
            raise ValueError(
                f"{path} was compressed with {named} (digest {about['model'][:12]}) and this model is another one "
                f"(digest {fingerprint(model)[:12]}); pass the model that wrote it: model=galwidget.load(folder)"
            )
        latents, psfs = split(reader.tables)
        survey = Survey.from_dict(about["survey"])
        noise = NoiseCode(survey, about["shot_noise"], np.array(about["noise_center"]), np.array(about["noise_scatter"]))
        return cls(model, survey, LatentCode.from_bytes(latents, about["step"]), PsfCode.from_bytes(psfs), noise, about["residual"])

    def encode(self, galaxies: Galaxies, latent: Latent) -> list[bytes]:
        """A block, in the order of `_PARTS`."""
        flux, ivar = galaxies.require_images()
        encoder = Encoder()
        stored = self.latents.encode(encoder, latent)
        psf_extra, psf = self.psfs.encode(encoder, galaxies)
        expected = _expected(self.model, stored, psf)
        levels = self.noise.levels(ivar, expected)
        self.noise.encode(encoder, levels)
        variance = self._variance(levels, expected)
        left = b"" if self.residual is None else encode_residual(flux, ivar, expected, variance, self.residual)
        return [encoder.to_bytes(), psf_extra, encode_mask(ivar <= 0), encode_table(galaxies.table), left]

    def _variance(self, levels: np.ndarray, expected: np.ndarray) -> np.ndarray:
        """Variance of each pixel; half a step less before a residual, which rounds sigma down: most pixels then need no step more."""
        lower = 0 if self.residual is None else PIXEL_STEP / (2 * VARIANCE_STEP)
        return self.noise.variance(levels - lower, expected)

    def decode(self, payload: bytes, count: int) -> Galaxies:
        """The galaxies of a block."""
        numbers, psf_extra, mask, table, left = split(payload)
        decoder = Decoder(numbers)
        latent = self.latents.decode(decoder, count)
        psf = self.psfs.decode(decoder, psf_extra, count, len(self.survey.bands))
        flux = _expected(self.model, latent, psf)
        variance = self._variance(self.noise.decode(decoder, count), flux)
        good = ~decode_mask(mask, flux.shape)
        if self.residual is None:
            ivar = np.where(good, 1 / variance, 0).astype(np.float32)
        else:
            flux, ivar = decode_residual(left, good, flux, variance, self.residual)
        return Galaxies(flux, ivar, psf, decode_table(table), survey=self.survey)


def _expected(model: GalaxyModel, latent: Latent, psf: np.ndarray) -> np.ndarray:
    """What the telescope sees of these latents, without noise, nJy, (n, band, y, x)."""
    flux = model.flux(latent)
    with torch.no_grad():
        for start in range(0, len(flux), BLOCK):
            here = slice(start, start + BLOCK)
            own = torch.from_numpy(np.ascontiguousarray(psf if psf.ndim == 3 else psf[here]))
            flux[here] = convolve(torch.from_numpy(flux[here]), own).numpy()
    return flux
