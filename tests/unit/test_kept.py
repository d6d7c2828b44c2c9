"""What a tool learns of a model is kept by its weights."""

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

import galwidget as gw
from galwidget.science import anomaly, metric
from galwidget.science.kept import Kept, write
from galwidget.science.prepare import prepare


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


@pytest.fixture
def kept():
    return Kept("answer", lambda number: {"number": np.array([number])}, lambda arrays: arrays["number"].item())


@pytest.fixture
def saved(tmp_path):
    """A folder with a model that is not the shipped one."""
    model = gw.load()
    with torch.no_grad():
        model.prior.center += 1
    model.save(tmp_path)
    return tmp_path


def again(kept, version=1):
    return Kept(kept._name, kept._pack, kept._unpack, version)


def test_what_lies_beside_a_model_is_not_learnt_again(kept, learn, saved):
    model = gw.load(saved)
    learn()
    assert kept(model, learn, 7) == 2
    write(saved, model, kept)
    assert again(kept)(gw.load(saved), learn, 7) == 2
    assert again(kept)(gw.load(saved), learn, 8) == 3
    assert again(kept)(gw.load(), learn, 7) == 4


def test_what_lies_beside_other_weights_is_not_believed(kept, learn, saved):
    model = gw.load(saved)
    kept(model, learn)
    write(saved, model, kept)
    with torch.no_grad():
        model.prior.center += 1
    model.save(saved)
    assert again(kept)(gw.load(saved), learn) == 2


def test_what_an_older_tool_left_beside_a_model_is_not_believed(kept, learn, saved):
    learn()
    kept(gw.load(saved), learn)
    write(saved, gw.load(saved), kept)
    newer = again(kept, version=2)
    assert newer(gw.load(saved), learn) == 3
    write(saved, gw.load(saved), newer)
    assert again(kept, version=2)(gw.load(saved), learn) == 3
    assert again(kept)(gw.load(saved), learn) == 4


def test_what_is_to_be_forgotten_is_learnt_again_though_it_lies_beside_the_model(kept, learn, saved):
    kept(gw.load(saved), learn)
    write(saved, gw.load(saved), kept)
    other = again(kept)
    other.forget(gw.load(saved))
    assert [other(gw.load(saved), learn) for _ in range(2)] == [2, 2]
    write(saved, gw.load(saved), other)
    other._known.clear()  # as where other models came after
    assert other(gw.load(saved), learn) == 2


def test_a_damaged_file_beside_a_model_is_named_with_the_remedy(kept, learn, saved):
    (saved / "tools.safetensors").write_bytes(b"no tensors")
    with pytest.raises(ValueError, match=r"tools\.safetensors is damaged .*; copy it again, or delete it"):
        kept(gw.load(saved), learn)


def test_what_ships_is_what_the_tools_would_learn(monkeypatch):
    model, sample = gw.load(), gw.simulate(64, "KiDS", seed=5, flatten=0.5, progress=False)
    one, other = (model.encode(gw.observe(sample, seed=seed), ["image"]) for seed in (1, 2))

    def asked():
        unit = metric.Metric.of_model(model)
        squares = [unit.squares(*first, *(part[None] for part in second)) for first, second in zip(views(one), views(other), strict=True)]
        return np.sqrt(squares), gw.anomalies(model, sample, progress=False).score

    def views(latent):
        return zip(latent.mean, latent.std, strict=True)

    shipped = asked()
    for tool in (metric, anomaly):
        monkeypatch.setattr(tool, "KNOWN", Kept())
    for known, learnt in zip(shipped, asked(), strict=True):
        np.testing.assert_allclose(known, learnt, rtol=0.02, atol=0.02)


def test_a_prepared_model_is_asked_without_being_learnt(monkeypatch, saved):
    monkeypatch.setattr(metric, "_DRAWN", 64)
    monkeypatch.setattr(anomaly, "_REFERENCE", 64)
    prepare(saved, progress=False)
    learnt = load_file(saved / "tools.safetensors")
    (saved / "tools.safetensors").write_bytes(b"damaged")
    prepare(saved, progress=False)
    anew = load_file(saved / "tools.safetensors")
    assert anew.keys() == learnt.keys()
    assert all(np.array_equal(anew[name], learnt[name]) for name in learnt)
    for tool in (metric, anomaly):
        monkeypatch.setattr(tool, "KNOWN", again(tool.KNOWN))
    monkeypatch.setattr(anomaly, "simulate", None)
    monkeypatch.setattr(metric, "observe", None)
    galaxies = gw.simulate(6, "KiDS", seed=5, progress=False)
    assert len(gw.anomalies(gw.load(saved), galaxies, progress=False)) == 6
    assert gw.nearest(gw.load(saved), galaxies[:1], galaxies, k=1, progress=False).index.item() == 0
    with pytest.raises(TypeError):
        gw.anomalies(gw.load(), galaxies, progress=False)
