"""A population of galaxies: which redshifts, luminosities, types, sizes and colours there are on a patch of sky."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
from scipy.special import gammainc, gammaincinv

from galwidget.attributes import MORPHOLOGIES
from galwidget.simulation.spectra import (
    REDSHIFTS,
    REST_B,
    REST_R,
    Photometry,
    dimming,
    distance_modulus,
    kpc_per_arcsec,
    volume_per_redshift,
)
from galwidget.survey import Survey, magnitude_to_nanojansky

__all__ = ["BRIGHTEST", "BULGE_INDICES", "DISC_INDICES", "Population", "Sources"]

#: Sersic indices that occur: few, because GalSim tabulates each anew (70 ms).
BULGE_INDICES = (1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0)
DISC_INDICES = (0.8, 1.0, 1.2)
#: Reference magnitude of the brightest galaxy.
BRIGHTEST = 14.0
_E, _S0, _SB, _SC, _IM = range(len(MORPHOLOGIES))


@dataclass(frozen=True)
class Schechter:
    """A luminosity function in rest-frame B: M* = ``bright`` + ``fading`` z, phi* = ``density`` exp(z / ``decline``) Mpc-3 mag-1."""

    bright: float
    fading: float
    density: float
    decline: float
    slope: float

    def __call__(self, magnitude: np.ndarray, redshift: np.ndarray) -> np.ndarray:
        """Galaxies a Mpc3 and magnitude."""
        luminosity = 10 ** (0.4 * (self.bright + self.fading * redshift - magnitude))
        density = self.density * np.exp(redshift / self.decline)
        return 0.4 * np.log(10) * density * luminosity ** (self.slope + 1) * np.exp(-luminosity)


# Red and blue galaxies: Herbel et al. 2017 (arXiv 1705.05386), as SkyPy's example of SDSS photometry has them.
RED = Schechter(-20.372, -0.708, 0.00351, -1.416, -0.5)
BLUE = Schechter(-20.405, -0.941, 0.00370, -9.739, -1.3)
# Mean spectral types of the two, only to know roughly how bright a galaxy of a cell of the grid will be.
_MEAN_KIND = (0.15, 1.6)
# Median amplitude of the m = 1 wave of discs at two scale lengths, what KiDS galaxies' asymmetry asks for: twice that of the old stars of
# nearby discs (Rix & Zaritsky 1995, ApJ 447, 82).
_LEAN = 0.25


@dataclass
class Sources:
    """The true galaxies, one entry each: (n,) or, for the fluxes, (n, band).

    Fluxes in nJy; radii are half-light radii along the major axis in arcsec; ``axis_ratio`` of bulge and disc; angles in radians from the
    image's x axis. ``arms``, ``pitch``, ``phase``, ``contrast``, ``knots`` and ``clumping`` say where the young stars of a disc are; it is
    brighter by ``lean`` at two scale lengths on the side of ``lean_angle``, which is in its plane and from its major axis.
    """

    redshift: np.ndarray
    morphology: np.ndarray
    bulge_flux: np.ndarray
    disc_flux: np.ndarray
    young_flux: np.ndarray
    bulge_radius: np.ndarray
    disc_radius: np.ndarray
    bulge_index: np.ndarray
    disc_index: np.ndarray
    bulge_axis_ratio: np.ndarray
    disc_axis_ratio: np.ndarray
    angle: np.ndarray
    arms: np.ndarray
    pitch: np.ndarray
    phase: np.ndarray
    contrast: np.ndarray
    knots: np.ndarray
    clumping: np.ndarray
    lean: np.ndarray
    lean_angle: np.ndarray

    def __len__(self) -> int:
        return len(self.redshift)

    def __getitem__(self, item: np.ndarray | slice) -> Sources:
        return Sources(**{field.name: getattr(self, field.name)[item] for field in fields(self)})

    @staticmethod
    def concatenate(parts: list[Sources]) -> Sources:
        """All of ``parts``, in order."""
        return Sources(**{field.name: np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Sources)})

    @property
    def flux(self) -> np.ndarray:
        """Total flux in nJy, shape (n, band)."""
        return self.bulge_flux + self.disc_flux + self.young_flux

    def half_light_radius(self, reference: int) -> np.ndarray:
        """Circularised half-light radius in arcsec of bulge and disc together, in band number ``reference``."""
        share = self.bulge_flux[:, reference] / self.flux[:, reference]
        bulge = self.bulge_radius * np.sqrt(self.bulge_axis_ratio)
        disc = self.disc_radius * np.sqrt(self.disc_axis_ratio)
        return half_light_radius(share, bulge, self.bulge_index, disc, self.disc_index)


def half_light_radius(
    share: np.ndarray, bulge: np.ndarray, bulge_index: np.ndarray, disc: np.ndarray, disc_index: np.ndarray
) -> np.ndarray:
    """Radius of half the light of two Sersic profiles, the first of half-light radius ``bulge`` with ``share`` of the flux; all (n,)."""

    def inside(radius: np.ndarray, half: np.ndarray, index: np.ndarray) -> np.ndarray:
        return gammainc(2 * index, gammaincinv(2 * index, 0.5) * (radius / half) ** (1 / index))

    low, high = np.minimum(bulge, disc), np.maximum(bulge, disc)
    for _ in range(30):
        middle = np.sqrt(low * high)
        enough = share * inside(middle, bulge, bulge_index) + (1 - share) * inside(middle, disc, disc_index) > 0.5
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    return np.sqrt(low * high)


class Population:
    """Galaxies brighter than a limit, as a survey's bands would find them outside the atmosphere.

    Redshift and absolute magnitude from the luminosity functions of red and blue galaxies times the comoving volume; the Hubble type from
    those; bulge, disc and young stars with spectral types of their own, sums of kcorrect's spectra that have the colours of SDSS galaxies;
    sizes from the size-luminosity relation of Shen et al. 2003, smaller in the past; discs a little brighter on one side.

    Parameters
    ----------
    survey
        Its bands.
    reference
        Number of the band of ``limit``.
    limit
        AB magnitude of the faintest galaxy in the reference band.
    flatten
        0 for the counts of the sky, 1 for as many galaxies in each magnitude from 16 to ``limit``; between, weights counts^-flatten.
    """

    def __init__(self, survey: Survey, reference: int, limit: float, flatten: float = 0.0) -> None:
        self.survey, self.reference, self.limit, self.flatten = survey, reference, limit, flatten
        self.photometry = Photometry((*survey.bands, REST_B, REST_R))

    @cached_property
    def _cells(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, float]:
        """Cells of the grid that matter: class (0 red, 1 blue), redshift, M_B, cumulative probability; and galaxies a square degree."""
        redshift = np.arange(0.0075, REDSHIFTS[-1], 0.005)
        magnitude = np.arange(-24.5, -12.0, 0.1)
        weights, apparent = [], []
        for function, kind in zip((RED, BLUE), _MEAN_KIND, strict=True):
            flux = self.photometry.flux(np.full(redshift.shape, kind), redshift)
            rest_b = self.photometry.flux(np.full(1, kind), np.zeros(1))[0, -2]
            shift = distance_modulus(redshift) - 2.5 * np.log10(flux[:, self.reference] / rest_b)
            apparent.append(magnitude[None, :] + shift[:, None])
            weights.append(function(magnitude[None, :], redshift[:, None]) * volume_per_redshift(redshift)[:, None] * 0.005 * 0.1)
        m, weight = np.stack(apparent), np.stack(weights)
        weight = np.where((m > BRIGHTEST - 0.5) & (m < self.limit + 1.0), weight, 0.0)
        total = float(weight.sum())
        if self.flatten:
            counts, edges = np.histogram(m, bins=np.arange(BRIGHTEST - 0.5, self.limit + 1.25, 0.25), weights=weight)
            density = np.interp(np.clip(m, 16, self.limit), (edges[1:] + edges[:-1]) / 2, np.maximum(counts, counts[counts > 0].min()))
            weight = weight * density**-self.flatten
        kept = np.nonzero(weight)
        probability = np.cumsum(weight[kept])
        return kept[0], redshift[kept[1]], magnitude[kept[2]], probability / probability[-1], total

    def draw(self, rng: np.random.Generator, n: int, largest: float = np.inf) -> Sources:
        """Draw n galaxies within the magnitudes, of half-light radius below ``largest`` arcsec.

        Raises
        ------
        ValueError
            Almost no galaxy is allowed: the limit is too bright, or ``largest`` too small.
        """
        parts: list[Sources] = []
        found = tried = 0
        while found < n:
            part = self.candidates(rng, 2 * n)
            flux = part.flux[:, self.reference]
            inside = (flux > magnitude_to_nanojansky(self.limit)) & (flux < magnitude_to_nanojansky(BRIGHTEST))
            inside &= part.half_light_radius(self.reference) < largest
            parts.append(part[inside])
            found, tried = found + int(inside.sum()), tried + 2 * n
            if tried > 200 * (found + n):
                raise ValueError(
                    f"hardly any galaxy is brighter than {self.limit:g} mag and smaller than {largest:.2g} arcsec; "
                    "give a fainter mag_limit or a larger stamp"
                )
        return Sources.concatenate(parts)[:n]

    def candidates(self, rng: np.random.Generator, n: int) -> Sources:
        """Draw n galaxies of the grid, some of them a little fainter than the limit."""
        colour, z, magnitude, cumulative, _ = self._cells
        cell = np.searchsorted(cumulative, rng.random(n))
        blue, redshift = colour[cell] == 1, z[cell] + rng.uniform(-0.0025, 0.0025, n)
        return self._dress(rng, blue, redshift, magnitude[cell] + rng.uniform(-0.05, 0.05, n))

    def _dress(self, rng: np.random.Generator, blue: np.ndarray, redshift: np.ndarray, magnitude: np.ndarray) -> Sources:
        n = len(redshift)
        morphology = _morphology(rng, blue, magnitude)
        # share of bulge and of young stars in the rest-frame r light
        mean, scatter = np.array([[1.0, 0.55, 0.28, 0.06, 0.0], [0.0, 0.13, 0.12, 0.05, 0.0]])[:, morphology]
        bulge = np.clip(rng.normal(mean, scatter), 0, 1)
        low, high = np.array([[0, 0, 0.05, 0.12, 0.25], [0, 0, 0.20, 0.35, 0.55]])[:, morphology]
        young = np.minimum(rng.uniform(low, high) * (1 + 2 * (redshift - 0.1)), 0.8) * (1 - bulge)
        # bulges are old, discs as their type; both were younger then, and bluer: discs of spirals as the faint galaxies of a KiDS field ask
        younger = 0.6 * (redshift - 0.1)
        kind_bulge = np.array([0.0, 0.0, 0.2, 0.4, 1.0])[morphology] + np.abs(rng.normal(0, 0.12, n)) + younger
        kind_disc = np.array([0.4, 0.4, 0.9, 1.5, 2.3])[morphology] + rng.normal(0, 0.3, n)
        kind_disc += np.where(morphology >= _SB, 2.25, 0.6) * (redshift - 0.1)
        cosine = rng.uniform(0, 1, n)
        thickness = np.array([0.3, 0.27, 0.22, 0.2, 0.4])[morphology]
        axis_ratio = np.sqrt(cosine**2 * (1 - thickness**2) + thickness**2)
        # inclined discs are redder and fainter (Tully et al. 1998); the template is a galaxy of mean inclination
        dusty = np.array([0.0, 0.1, 0.5, 0.4, 0.15])[morphology]
        dust = rng.normal(0, 0.12, n) - dusty * (np.log10(axis_ratio) + 0.25)
        fluxes = [
            self.photometry.flux(kind, redshift, attenuation) * share[:, None]
            for kind, attenuation, share in (
                (kind_bulge, rng.normal(0, 0.08, n), bulge),
                (kind_disc, dust, 1 - bulge - young),
                (np.minimum(kind_disc + 1.2, 3.0), dust, young),
            )
        ]
        # normalised to M_B without dust's share: the luminosity function counts galaxies as they are seen
        rest = [
            self.photometry.flux(kind, np.zeros(n)) * share[:, None]
            for kind, share in ((kind_bulge, bulge), (kind_disc, 1 - bulge - young), (np.minimum(kind_disc + 1.2, 3.0), young))
        ]
        rest_b, rest_r = np.sum(rest, axis=0)[:, -2:].T
        scale = magnitude_to_nanojansky(magnitude) / rest_b * dimming(redshift)
        bulge_flux, disc_flux, young_flux = (flux[:, :-2] * scale[:, None] for flux in fluxes)
        magnitude_r = magnitude - 2.5 * np.log10(rest_r / rest_b)
        shape = _shape(rng, morphology, bulge, cosine)
        radius = _radius_kpc(rng, morphology, magnitude_r, redshift) / kpc_per_arcsec(redshift)
        late = morphology >= _SB
        # the relation is of circular apertures on discs of all inclinations, of mean axis ratio 0.7: this is the major axis
        unit = half_light_radius(bulge, shape["bulge_radius"], shape["bulge_index"], np.ones(n), shape["disc_index"])
        disc_radius = radius / unit * np.where(morphology == _E, 1 / np.sqrt(shape["bulge_axis_ratio"]), 1.18)
        return Sources(
            redshift=redshift,
            morphology=morphology,
            bulge_flux=bulge_flux,
            disc_flux=disc_flux,
            young_flux=young_flux,
            bulge_radius=shape["bulge_radius"] * disc_radius,
            disc_radius=disc_radius,
            bulge_index=shape["bulge_index"],
            disc_index=shape["disc_index"],
            bulge_axis_ratio=shape["bulge_axis_ratio"],
            disc_axis_ratio=np.where(morphology == _E, shape["bulge_axis_ratio"], axis_ratio),
            angle=rng.uniform(0, np.pi, n),
            arms=np.where(morphology == _IM, 1, rng.choice([2, 2, 2, 3, 4], n)),
            pitch=np.radians(np.where(morphology == _SB, rng.uniform(9, 20, n), rng.uniform(16, 32, n))) * rng.choice([-1, 1], n),
            phase=rng.uniform(0, 2 * np.pi, n),
            contrast=np.where(morphology == _IM, rng.uniform(0.3, 1.2, n), rng.uniform(1.0, 4.0, n)),
            knots=np.where(late, rng.poisson(np.array([0, 0, 8, 16, 10])[morphology]), 0),
            clumping=np.where(late, rng.uniform(0.05, np.array([0.1, 0.1, 0.2, 0.45, 0.6])[morphology]), 0.0),
            lean=np.where(morphology == _E, 0.0, np.minimum(_LEAN * np.exp(rng.normal(0, 0.6, n)), 0.8)),
            lean_angle=rng.uniform(0, 2 * np.pi, n),
        )


def _morphology(rng: np.random.Generator, blue: np.ndarray, magnitude: np.ndarray) -> np.ndarray:
    """Hubble types: ellipticals are the brighter of the red, irregulars the fainter of the blue (de Lapparent 2003)."""
    n, faint = len(magnitude), magnitude + 20.0
    chance = rng.random(n)
    elliptical = 1 / (1 + np.exp(1.2 * (faint + 0.7)))
    irregular = 0.75 / (1 + np.exp(-1.3 * (faint - 1.6)))
    early_spiral = (1 - irregular) / (1 + np.exp(0.9 * (faint + 0.1)))
    red = np.where(chance < 0.15, _SB, np.where(chance < 0.15 + 0.85 * elliptical, _E, _S0))
    return np.where(blue, np.where(chance < irregular, _IM, np.where(chance < irregular + early_spiral, _SB, _SC)), red)


def _shape(rng: np.random.Generator, morphology: np.ndarray, bulge: np.ndarray, cosine: np.ndarray) -> dict[str, np.ndarray]:
    """Bulge radius in disc radii, Sersic indices and the bulge's axis ratio."""
    n = len(morphology)
    elliptical = morphology == _E
    wanted = np.where(elliptical, rng.normal(4.0, 0.8, n), 1.5 + 3.5 * bulge + rng.normal(0, 0.4, n))
    index = np.array(BULGE_INDICES)[np.abs(wanted[:, None] - np.array(BULGE_INDICES)).argmin(axis=1)]
    ratio = np.exp(rng.normal(np.log(np.array([1.0, 0.40, 0.28, 0.22, 0.22])[morphology]), np.where(elliptical, 0.0, 0.25)))
    round_bulge = np.sqrt(cosine**2 * (1 - 0.65**2) + 0.65**2)
    return {
        "bulge_radius": ratio,
        "bulge_index": index,
        "disc_index": rng.choice(DISC_INDICES, n, p=(0.25, 0.5, 0.25)),
        "bulge_axis_ratio": np.where(elliptical, np.clip(rng.normal(0.78, 0.15, n), 0.35, 1.0), round_bulge),
    }


def _radius_kpc(rng: np.random.Generator, morphology: np.ndarray, magnitude_r: np.ndarray, redshift: np.ndarray) -> np.ndarray:
    """Circularised half-light radius in kpc: Shen et al. 2003 (MNRAS 343, 978, eq. 14-16, Table 1), for the luminosity faded to today."""
    late = morphology >= _SB
    faded = magnitude_r + np.where(late, -BLUE.fading, -RED.fading) * redshift
    alpha, beta, gamma, knee = 0.21, 0.53, -1.31, -20.52
    disc = -0.4 * alpha * faded + (beta - alpha) * np.log10(1 + 10 ** (-0.4 * (faded - knee))) + gamma
    # below M* early types stop following the power law of the bright ones (Shen et al., section 4.1)
    early = np.maximum(-0.4 * 0.60 * faded - 4.63, -0.4 * 0.30 * np.minimum(faded, 0) - 2.20)
    scatter = 0.25 + (0.48 - 0.25) / (1 + 10 ** (-0.8 * (faded - knee)))
    growth = np.where(late, -0.6, -1.0) * np.log10(1 + redshift)
    return 10 ** (np.where(late, disc, early) + growth) * np.exp(scatter * rng.normal(0, 1, len(redshift)))
