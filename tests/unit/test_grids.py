"""Grids of mixed galaxies and of two attributes: what stands at the corners, what lies between, what is refused."""

import numpy as np
import pytest

import galwidget as gw
from galwidget.widgets.grid import GalaxyGrid

SEEDS = [3, 1, 4, 15]


@pytest.fixture(scope="module")
def model():
    return gw.load()


def normals(model, latent):
    """What the flow makes of points without attributes: the standard normal that was mixed, (n, d)."""
    import torch

    nothing = torch.zeros(len(latent), len(model.inputs.condition_names))
    with torch.no_grad():
        return model.prior.inverse(torch.from_numpy(latent.mean), nothing, nothing.bool()).numpy()


@pytest.mark.parametrize("conditions", [{}, {"mag_r": (18, 20), "ellipticity": 0.3, "morphology": ["E", "Sc"]}], ids=["free", "asked"])
def test_corners_of_a_mixture_are_the_draws_of_their_seeds(model, conditions):
    mixed = gw.mix(model, SEEDS, 4, 5, **conditions)
    corners = [model.draw(1, seed=seed, **conditions).mean[0] for seed in SEEDS]
    np.testing.assert_allclose(mixed.mean[[0, 4, 15, 19]], corners, atol=1e-4)


def test_mixtures_are_as_long_as_draws_where_straight_lines_are_not(model):
    corners = np.stack([np.random.default_rng(seed).standard_normal(model.latent_size) for seed in SEEDS])
    lengths = np.linalg.norm(normals(model, gw.mix(model, SEEDS, 7, 7)), axis=1)
    ends = np.linalg.norm(corners, axis=1)
    assert lengths.min() > 0.9 * ends.min()
    assert lengths.max() < 1.1 * ends.max()
    assert np.linalg.norm(corners.mean(0)) < 0.7 * ends.min()


def test_neighbours_in_a_mixture_are_nearer_than_its_corners(model):
    z = normals(model, gw.mix(model, SEEDS, 6, 6)).reshape(6, 6, -1)
    steps = np.concatenate([np.linalg.norm(np.diff(z, axis=axis), axis=-1).ravel() for axis in (0, 1)])
    across = [np.linalg.norm(z[0, 0] - z[0, -1]), np.linalg.norm(z[0, 0] - z[-1, 0])]
    assert steps.max() < 0.6 * min(across)


def test_a_mixture_of_one_seed_or_without_spread_is_one_galaxy(model):
    same = gw.mix(model, [2, 2, 2, 2], 2, 3).mean
    np.testing.assert_allclose(same, np.repeat(same[:1], 6, axis=0), atol=1e-4)
    typical = gw.mix(model, SEEDS, 2, 3, temperature=0).mean
    np.testing.assert_allclose(typical, np.repeat(typical[:1], 6, axis=0), atol=1e-4)


def test_an_attribute_asked_of_a_mixture_is_met_in_every_cell(model):
    measured = model.decode(gw.mix(model, SEEDS, 4, 4, mag_r=19)).attribute("mag_r")
    free = model.decode(gw.mix(model, SEEDS, 4, 4)).attribute("mag_r")
    assert np.nanstd(measured) < 0.25 * np.nanstd(free)
    np.testing.assert_allclose(measured, 19, atol=0.5)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([1, 2], 2, 2), "2 seeds were given; a mixture needs four"),
        ((SEEDS, 0, 2), "the grid has 0 rows"),
    ],
)
def test_a_mixture_that_cannot_be_is_said_in_words(model, arguments, words):
    with pytest.raises(ValueError, match=words):
        gw.mix(model, *arguments)


def test_code_of_a_mixed_grid_makes_its_galaxies_again_to_the_pixel(model):
    grid = GalaxyGrid(model, rows=3, columns=3, corners=SEEDS, conditions={"r_half": (0.6, 1.2)}, temperature=0.8)
    grid.selection = [0, 4, 5]
    names = {}
    exec(grid.code(), names)  # noqa: S102 (the claim is that this text runs)
    assert names["selected"] == grid.selected
    np.testing.assert_allclose(model.decode(grid.latent).flux, grid.selected.flux, rtol=1e-3)
    grid.close()


def test_both_attributes_of_a_plane_change_along_their_own_side(model):
    plane = gw.sweep_plane(model, "mag_r", "r_half", of=model.draw(1, seed=2), rows=[18, 19, 20], columns=[0.6, 0.8, 1.1], seed=1)
    brightness, size = (plane.attribute(name).reshape(3, 3) for name in ("mag_r", "r_half"))
    assert (np.diff(brightness, axis=0) > 0.5).all()
    assert (np.diff(size, axis=1) > 0).all()
    assert list(plane.table["requested_mag_r"].value) == [18, 18, 18, 19, 19, 19, 20, 20, 20]
    assert str(plane.table["requested_r_half"].unit) == "arcsec"
