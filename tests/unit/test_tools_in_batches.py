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


@pytest.mark.parametrize("band", [0, 1])
@pytest.mark.parametrize("tool", TOOLS)
def test_a_galaxy_without_one_of_the_bands_gets_an_answer_and_changes_no_other_s(model, few, known, tool, band, tmp_path, monkeypatch):
    monkeypatch.setattr(metric, "_DRAWN", 16)
    ivar = few.ivar.copy()
    ivar[1, band] = 0
    flux = np.where(ivar > 0, few.flux, np.nan)
    lacking = gw.Galaxies(np.nan_to_num(flux), ivar, few.psf, few.table, survey=few.survey)
    whole, some = (TOOLS[tool](model, galaxies, few, known, tmp_path / f"{number}.gwz") for number, galaxies in enumerate((few, lacking)))
    answers = {
        "nearest": lambda found: found.distance,
        "nearest by kind": lambda found: found.distance,
        "anomalies": lambda found: found.score,
        "classify": lambda found: found.probabilities,
        "predict": lambda found: found.mean,
        "photoz": lambda found: np.asarray(found.table["z_median"]),
        "denoise": lambda found: found.flux,
        "deconvolve": lambda found: found.flux,
        "compress": lambda _: None,
    }[tool]
    if tool == "compress":
        again = gw.decompress(tmp_path / "1.gwz", model, progress=False)
        assert (again.ivar[1, band] == 0).all()
        assert (again.ivar[1, 1 - band] > 0).any()
        return
    assert np.isfinite(answers(some)).all()
    if not tool.startswith("nearest"):
        np.testing.assert_allclose(answers(some)[2:], answers(whole)[2:], rtol=1e-3, atol=1e-4 * np.abs(answers(whole)).max())


WITHOUT_IMAGES = ("nearest", "nearest by kind", "anomalies", "classify", "predict", "photoz")


@pytest.mark.parametrize("tool", TOOLS)
def test_without_images_a_tool_answers_or_says_that_it_needs_them(model, few, known, tool, tmp_path):
    bare = gw.Galaxies(table=few.table, survey=few.survey)
    if tool not in WITHOUT_IMAGES:
        with pytest.raises(ValueError, match="image"):
            TOOLS[tool](model, bare, few, known, tmp_path / "bare.gwz")
    else:
        assert TOOLS[tool](model, bare, bare if "nearest" in tool or tool == "anomalies" else few, known, tmp_path / "bare.gwz") is not None


@pytest.mark.parametrize("tool", TOOLS)
def test_a_survey_that_the_model_does_not_know_is_refused_with_the_remedy(model, few, known, tool, tmp_path):
    foreign = gw.simulate(2, "LSST", seed=1, stamp=32, bands=["u", "z"], progress=False, measured=False)
    with pytest.raises(ValueError, match=r"galwidget\.observe|galwidget\.fit"):
        TOOLS[tool](model, foreign, few, known, tmp_path / "foreign.gwz")


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
