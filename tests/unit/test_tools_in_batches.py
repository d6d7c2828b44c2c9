"""Every tool takes a long sample in short batches, and says as it goes how many galaxies are ready."""

import warnings

import numpy as np
import pytest

import galwidget as gw
from galwidget.model.inputs import Inputs
from galwidget.science import metric

warnings.filterwarnings("ignore", module="lightning")
LONG, MOST = 600, 256


@pytest.fixture(scope="module")
def few():
    return gw.simulate(60, "KiDS", seed=3, stamp=32, bands=["g", "r"], mag_limit=20, flatten=1, progress=False)


@pytest.fixture(scope="module")
def model(few):
    return gw.fit(few, epochs=1, latent_size=4, prior_epochs=1, progress=False, seed=1)


TOOLS = {
    "nearest": lambda model, long, few, *_: gw.nearest(model, few[:1], long, k=3, progress=False),
    "nearest by kind": lambda model, long, few, *_: gw.nearest(model, few[:1], long, k=3, by="kind", progress=False),
    "anomalies": lambda model, long, few, *_: gw.anomalies(model, long, reference=few, progress=False),
    "classify": lambda model, long, _, known, __: gw.classify(model, long, reference=known, progress=False),
    "predict": lambda model, long, *_: model.predict(long, "r_half"),
    "photoz": lambda model, long, *_: gw.photoz(model, long, progress=False),
    "denoise": lambda model, long, *_: gw.denoise(model, long, draws=2, residual=False, progress=False),
    "deconvolve": lambda model, long, *_: gw.deconvolve(model, long, fwhm=0.5, draws=2, residual=False, progress=False),
    "compress": lambda model, long, _, __, path: gw.compress(model, long, path, progress=False),
}


@pytest.fixture(scope="module")
def known(model):
    return gw.simulate(120, model.survey, seed=4, stamp=32, mag_limit=20, flatten=1, measured=False, progress=False)


@pytest.mark.parametrize("tool", TOOLS)
def test_no_more_than_a_batch_goes_through_the_networks_at_once(model, few, known, tool, tmp_path, monkeypatch):
    monkeypatch.setattr(metric, "_DRAWN", 16)
    sizes, tensors = [], Inputs.tensors

    def counted(inputs, galaxies, *arguments, **keywords):
        sizes.append(len(galaxies))
        return tensors(inputs, galaxies, *arguments, **keywords)

    monkeypatch.setattr(Inputs, "tensors", counted)
    long = few[np.arange(LONG) % len(few)]
    TOOLS[tool](model, long, few, known, tmp_path / "long.gwz")
    assert sum(sizes) >= LONG
    assert max(sizes) <= MOST


@pytest.mark.parametrize("tool", ["nearest", "anomalies", "classify", "denoise", "predict"])
def test_a_function_of_the_caller_is_told_how_far_it_is(model, few, known, tool, monkeypatch):
    monkeypatch.setattr(metric, "_DRAWN", 16)
    told = []
    report = {"progress": lambda what, ready, total: told.append((what, ready, total))}
    long = few[np.arange(300) % len(few)]
    {
        "nearest": lambda: gw.nearest(model, few[:1], long, k=3, **report),
        "anomalies": lambda: gw.anomalies(model, long, reference=few, **report),
        "classify": lambda: gw.classify(model, long, reference=known, **report),
        "denoise": lambda: gw.denoise(model, long, draws=2, residual=False, **report),
        "predict": lambda: model.predict(long, "redshift", **report),
    }[tool]()
    last = told[-1][0]
    start = max(place for place, (what, count, _) in enumerate(told) if what == last and count == 0)
    ready = [count for _, count, _ in told[start:]]
    assert ready[0] == 0
    assert ready[-1] == told[-1][2] == 300
    assert len(ready) > 2
    assert ready == sorted(ready)
