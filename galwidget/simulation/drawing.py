"""Drawing: a galaxy's bulge, disc and young stars on the pixels of a stamp, through the PSF of each band."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import fft

from galwidget.simulation.population import Sources
from galwidget.survey import Survey

__all__ = ["PSF_SIZE", "Camera", "Seeing"]

#: Side of the PSF images in pixels.
PSF_SIZE = 25
#: Scatter of the seeing from galaxy to galaxy, as from tile to tile of a survey (KiDS: Kuijken et al. 2019, A&A 625, A2); of each component
#: of the PSF's ellipticity; the range of Moffat's beta, from the broad wings of a coadd (2) towards those of the atmosphere alone
#: (Trujillo et al. 2001, MNRAS 328, 977).
_SEEING_SCATTER, _PSF_ELLIPTICITY, _MOFFAT_BETA = 0.12, 0.012, (2.0, 3.5)
#: Standard deviation in fine pixels of what smooths a disc before it leans or has arms: one that is narrower than a pixel would ring.
_SMOOTHING = 0.6
#: A PSF narrower than this many pixels is drawn on a grid three times finer.
_UNDERSAMPLED = 2.5


@dataclass(frozen=True)
class Seeing:
    """The PSF of each galaxy: Moffat's beta (n,), and, in units of the band's, width and two components of ellipticity, each (n, band)."""

    beta: np.ndarray
    width: np.ndarray
    e1: np.ndarray
    e2: np.ndarray

    @classmethod
    def draw(cls, rng: np.random.Generator, n: int, bands: int) -> Seeing:
        """PSFs of n galaxies."""
        width = np.exp(rng.normal(0, _SEEING_SCATTER, (n, bands)))
        return cls(rng.uniform(*_MOFFAT_BETA, n), width, *rng.normal(0, _PSF_ELLIPTICITY, (2, n, bands)))


class Camera:
    """Draws galaxies on the pixels of a stamp: in Fourier space, on a grid three times finer where the PSF is undersampled."""

    def __init__(self, survey: Survey, stamp: int, *, finer: bool = True) -> None:
        import galsim  # noqa: PLC0415 (heavy)

        self.galsim = galsim
        self.stamp, self.pixel = stamp, survey.pixel_scale
        self.fwhm = np.array([band.psf_fwhm for band in survey.bands])
        self.finer = 3 if finer and self.fwhm.min() < _UNDERSAMPLED * self.pixel else 1
        self.scale = self.pixel / self.finer
        self._grids: dict[int, _Grid] = {}

    def spectrum(self, source: Sources, offset: np.ndarray, clump: np.random.Generator) -> tuple[_Grid, np.ndarray]:
        """The grid, and the Fourier transform of one galaxy before the PSF in each band, (band, ky, kx), complex64."""
        radius = max(source.bulge_radius[0], source.disc_radius[0]) / self.pixel
        # light that leaves the grid comes back at its other side: wide galaxies need a wide grid
        grid = self._grid(fft.next_fast_len(2 * self.stamp if radius < self.stamp / 8 else 4 * self.stamp, real=True))
        spectrum = np.zeros((len(source.bulge_flux[0]), len(grid.ky), len(grid.kx)), np.complex64)
        if source.bulge_flux[0].any():
            bulge = self._sersic(source, "bulge", grid)
            spectrum += source.bulge_flux[0].astype(np.float32)[:, None, None] * bulge
        if source.disc_flux[0].any():
            disc = grid.leaning(self._sersic(source, "disc", grid), source)
            spectrum += source.disc_flux[0].astype(np.float32)[:, None, None] * disc
            if source.young_flux[0].any():
                young = grid.young(disc, source, clump)
                spectrum += source.young_flux[0].astype(np.float32)[:, None, None] * young
        # where a survey would find it: at the centre of its light, not of its disc
        x, y = (self.stamp - 1) / 2 + offset - grid.centre(spectrum.sum(0)) / self.finer
        return grid, spectrum * grid.shift(x, y)

    def _sersic(self, source: Sources, part: str, grid: _Grid) -> np.ndarray:
        galsim = self.galsim
        ratio = float(getattr(source, f"{part}_axis_ratio")[0])
        radius = float(getattr(source, f"{part}_radius")[0]) * np.sqrt(ratio)
        profile = galsim.Sersic(float(getattr(source, f"{part}_index")[0]), half_light_radius=radius)
        profile = profile.shear(q=ratio, beta=float(source.angle[0]) * galsim.radians)
        n = grid.n
        image = galsim.ImageCF(galsim.BoundsI(0, n // 2, -(n // 2), n - n // 2 - 1), scale=2 * np.pi / (n * self.scale))
        profile.drawKImage(image=image, recenter=False)
        return fft.ifftshift(image.array, axes=0)

    def psf(self, seeing: Seeing, index: int) -> tuple[np.ndarray, np.ndarray]:
        """PSF of one galaxy on the fine grid and on the pixels, (band, k, k), each of unit sum."""
        side, sub = PSF_SIZE * self.finer, 5 if self.finer == 1 else 3
        fine = ((np.arange(side * sub) + 0.5) / sub - side / 2) * self.scale
        beta = seeing.beta[index]
        core = self.fwhm * seeing.width[index] / (2 * np.sqrt(2 ** (1 / beta) - 1))
        e1, e2 = seeing.e1[index], seeing.e2[index]
        # r^2 of an ellipse of small ellipticity, of the area of the circle
        xx, yy, xy = ((1 - 2 * e1) / core**2, (1 + 2 * e1) / core**2, -4 * e2 / core**2)
        square = fine.astype(np.float32) ** 2
        cross = np.multiply.outer(fine, fine).astype(np.float32)
        radius2 = (
            xx.astype(np.float32)[:, None, None] * square[None, None, :]
            + yy.astype(np.float32)[:, None, None] * square[None, :, None]
            + xy.astype(np.float32)[:, None, None] * cross
        )
        profile = np.exp(np.float32(-beta) * np.log1p(radius2))
        fine_psf = profile.reshape(-1, side, sub, side, sub).mean(axis=(2, 4))
        fine_psf /= fine_psf.sum(axis=(1, 2), keepdims=True)
        return fine_psf, _binned(fine_psf, self.finer)

    def image(self, galaxy: tuple[_Grid, np.ndarray], fine_psf: np.ndarray | None) -> np.ndarray:
        """Flux in the pixels of the stamp, (band, y, x); without a PSF, only the pixel is convolved with."""
        grid, spectrum = galaxy
        transfer = grid.pixel if fine_psf is None else grid.transfer(fine_psf)
        drawn = fft.irfft2(spectrum * transfer, s=(grid.n, grid.n), overwrite_x=True)
        side = self.stamp * self.finer
        return _binned(drawn[:, :side, :side], self.finer)

    def _grid(self, n: int) -> _Grid:
        if n not in self._grids:
            self._grids[n] = _Grid(n * self.finer, self.finer, self.scale)
        return self._grids[n]


def _binned(image: np.ndarray, factor: int) -> np.ndarray:
    if factor == 1:
        return image
    bands, height, width = image.shape
    return image.reshape(bands, height // factor, factor, width // factor, factor).sum(axis=(2, 4))


class _Grid:
    """A square of n x n (fine) pixels and its half-plane of Fourier space."""

    def __init__(self, n: int, finer: int, scale: float) -> None:
        self.n, self.finer, self.scale = n, finer, scale
        self.ky = (2 * np.pi * fft.fftfreq(n)).astype(np.float32)
        self.kx = (2 * np.pi * fft.rfftfreq(n)).astype(np.float32)
        # a fine pixel is a box of side one
        self.pixel = (np.sinc(self.ky / (2 * np.pi))[:, None] * np.sinc(self.kx / (2 * np.pi))).astype(np.float32)
        self.smoothing = np.exp(np.float32(-0.5 * _SMOOTHING**2) * (self.ky[:, None] ** 2 + self.kx**2))
        axis = fft.fftfreq(n, 1 / n).astype(np.float32) * np.float32(scale)
        self.x, self.y = axis[None, :], axis[:, None]

    def shift(self, x: float, y: float) -> np.ndarray:
        """Fourier factor that moves the origin to pixel (x, y) of the stamp."""
        x, y = (self.finer * (place + 0.5) - 0.5 for place in (x, y))
        return np.exp(-1j * self.ky * np.float32(y))[:, None] * np.exp(-1j * self.kx * np.float32(x))

    def centre(self, spectrum: np.ndarray) -> np.ndarray:
        """Centre (x, y) of the light in fine pixels from the origin, by the phases of the longest waves."""
        return np.array([-np.angle(spectrum[0, 1]) / self.kx[1], -np.angle(spectrum[1, 0]) / self.ky[1]])

    def transfer(self, psf: np.ndarray) -> np.ndarray:
        """Fourier transform of a PSF (band, k, k), its middle pixel at the origin."""
        half = psf.shape[-1] // 2
        padded = np.zeros((len(psf), self.n, self.n), np.float32)
        padded[:, : psf.shape[-2], : psf.shape[-1]] = psf
        return fft.rfft2(padded) * self.shift_of_middle(half)

    def shift_of_middle(self, half: int) -> np.ndarray:
        """Fourier factor that moves pixel (half, half) to the origin."""
        return np.exp(1j * self.ky * np.float32(half))[:, None] * np.exp(1j * self.kx * np.float32(half))

    def plane(self, source: Sources) -> tuple[np.ndarray, np.ndarray]:
        """Coordinates in the plane of a disc, along and across its major axis, in arcsec."""
        angle = float(source.angle[0])
        cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
        return self.x * cos + self.y * sin, (self.y * cos - self.x * sin) / np.float32(source.disc_axis_ratio[0])

    def leaning(self, disc: np.ndarray, source: Sources) -> np.ndarray:
        """A disc that is brighter on one side, by its ``lean`` at two scale lengths; nothing is darkened below a tenth."""
        lean, towards = float(source.lean[0]), float(source.lean_angle[0])
        if not lean:
            return disc
        along, across = self.plane(source)
        slope = np.float32(lean / (2 * float(source.disc_radius[0]) / 1.678))
        tilt = np.clip(slope * (along * np.float32(np.cos(towards)) + across * np.float32(np.sin(towards))), -0.9, 0.9)
        tilted = disc + fft.rfft2(self.light(disc) * tilt)
        return tilted * (disc[0, 0].real / tilted[0, 0].real)

    def light(self, disc: np.ndarray) -> np.ndarray:
        """A disc on the pixels, (y, x), none negative."""
        return np.maximum(fft.irfft2(disc * self.smoothing, s=(self.n, self.n)), 0)

    def young(self, disc: np.ndarray, source: Sources, rng: np.random.Generator) -> np.ndarray:
        """Fourier transform of the young stars of a disc, of unit flux: arms, and knots along them."""
        angle, ratio = float(source.angle[0]), float(source.disc_axis_ratio[0])
        arms, pitch, phase = int(source.arms[0]), float(source.pitch[0]), float(source.phase[0])
        radius = float(source.disc_radius[0]) / 1.678
        cos, sin = np.cos(angle), np.sin(angle)
        along, across = self.plane(source)
        r2 = along * along + across * across + np.float32((0.02 * radius) ** 2)
        wound = np.float32(1 / (2 * np.tan(pitch))) * np.log(r2 / np.float32(radius**2))
        crest = np.exp(np.float32(source.contrast[0]) * np.cos(arms * (np.arctan2(across, along) - wound - np.float32(phase))))
        # arms begin where bulge or bar end
        light = self.light(disc) * crest * (r2 / (r2 + np.float32(0.5 * radius**2)))
        young = fft.rfft2(light)
        young /= young[0, 0].real
        count = int(source.knots[0])
        if not count:
            return young
        share = np.float32(source.clumping[0])
        distance = np.float64(radius) * rng.gamma(2.5, 1.0, count)
        theta = np.log(distance / radius) / np.tan(pitch) + phase + 2 * np.pi * rng.integers(0, arms, count) / arms
        theta += rng.normal(0, 0.35 if arms > 1 else 1.2, count)
        u, v = distance * np.cos(theta), ratio * distance * np.sin(theta)
        x, y = (u * cos - v * sin) / self.scale, (u * sin + v * cos) / self.scale
        # luminosities of HII regions: a power law of slope -2 (Kennicutt et al. 1989), cut off at the bright end
        flux = 1 / rng.uniform(0.1, 1.0, count)
        flux /= flux.sum()
        width = 0.12 * radius / self.scale
        ey = np.exp(-1j * self.ky[:, None] * y) * np.exp(-0.5 * (self.ky[:, None] * width) ** 2)
        ex = np.exp(-1j * self.kx[:, None] * x) * np.exp(-0.5 * (self.kx[:, None] * width) ** 2)
        knots = ((ey * flux) @ ex.T).astype(np.complex64)
        return (1 - share) * young + share * knots
