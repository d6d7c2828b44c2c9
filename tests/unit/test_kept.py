"""What a tool learns of a model is kept by its weights."""

import pytest
import torch

import galwidget as gw
from galwidget.science.kept import Kept


@pytest.fixture
def learn():
    """Counts how often it learns."""
    times = []

    def once():
        times.append(None)
        return len(times)

    return once


def test_a_model_that_is_loaded_again_is_known_and_another_way_or_weight_is_not(learn):
    kept, model = Kept(), gw.load()
    assert kept(model, learn) == 1
    assert kept(gw.load(), learn) == 1
    assert kept(model, learn, "another way") == 2
    with torch.no_grad():
        model.prior.center += 1
    assert kept(model, learn) == 3
    assert kept(gw.load(), learn) == 1


def test_only_the_last_few_models_are_kept(learn):
    kept, model = Kept(), gw.load()
    for way in range(4):
        kept(model, learn, way)
    assert kept(model, learn, 0) == 1  # asked again, so that another one is the oldest
    kept(model, learn, 4)
    assert kept(model, learn, 0) == 1
    assert kept(model, learn, 1) == 6


def test_a_model_without_our_networks_is_known_by_itself(learn):
    class Own:
        survey = gw.Survey.named("KiDS")

    kept, own = Kept(), Own()
    assert [kept(own, learn), kept(own, learn), kept(Own(), learn)] == [1, 1, 2]
