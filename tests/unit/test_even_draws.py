"""Draws that are the same for every galaxy: even, mirrored, and as wide in every direction."""

import numpy as np
import pytest
import torch

from galwidget.even_draws import balanced_draws, even_draws


@pytest.mark.parametrize(("dimensions", "at_least", "count"), [(1, 0, 2), (32, 0, 64), (32, 65, 128), (5, 20, 20)])
def test_balanced_draws_have_mean_0_and_covariance_1_in_every_direction(dimensions, at_least, count):
    draws = balanced_draws(dimensions, 3, at_least=at_least).double()
    assert draws.shape == (count, dimensions)
    assert torch.equal(draws.sum(0), torch.zeros(dimensions).double())
    torch.testing.assert_close(draws.T @ draws / count, torch.eye(dimensions).double(), atol=1e-5, rtol=0)


def test_as_many_even_draws_have_directions_in_which_they_hardly_differ():
    draws = even_draws(64, 32, 0).double()
    assert torch.linalg.eigvalsh(draws.T @ draws / 64)[0] < 0.1


def test_the_seed_decides_the_draws():
    assert torch.equal(balanced_draws(8, 1), balanced_draws(8, 1))
    assert not np.allclose(balanced_draws(8, 1), balanced_draws(8, 2))
    assert not np.allclose(balanced_draws(8, None), balanced_draws(8, None))


def test_an_odd_number_of_mirrored_draws_is_refused():
    with pytest.raises(ValueError, match="draws is 3; give an even number"):
        even_draws(3, 4, 0)
