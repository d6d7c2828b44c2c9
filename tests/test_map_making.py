"""A map while it is made: told of, stopped, gone on with, and its UMAP in a process of its own."""

import threading

import numpy as np
import pytest
from patience import SOON, until
from toy_model import ToyModel

import galwidget as gw
from galwidget.widgets import map_jobs
from galwidget.widgets.map import LatentMap
from galwidget.widgets.plane import Plane


@pytest.fixture(scope="module")
def model():
    return ToyModel()


@pytest.fixture(scope="module")
def galaxies(model):
    return gw.observe(model.sample(40, seed=3), seed=1)


@pytest.fixture
def chart(model, galaxies):
    made = LatentMap(model, galaxies)
    assert made.wait(SOON)
    yield made
    made.close()


@pytest.fixture
def slow_umap(tmp_path, monkeypatch):
    """A package umap that says how far it is and waits for a file before it goes on."""
    (tmp_path / "umap.py").write_text(
        f"""
import sys, time
from pathlib import Path

class UMAP:
    def __init__(self, **_): pass
    def fit_transform(self, latent):
        print("Epochs completed:  40%|####", file=sys.stderr, flush=True)
        while not Path({str(tmp_path / "go")!r}).exists():
            time.sleep(0.02)
        if len(latent) == 5:
            raise RuntimeError("five are too few")
        return latent[:, :2] * 2
"""
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path


def test_stopped_map_keeps_what_is_placed_and_goes_on_from_there(galaxies, monkeypatch):
    class Stepwise(ToyModel):
        steps, seen = threading.Semaphore(0), 0

        def encode(self, galaxies, *arguments, **options):
            assert self.steps.acquire(timeout=SOON)
            self.seen += len(galaxies)
            return super().encode(galaxies, *arguments, **options)

    monkeypatch.setattr(map_jobs, "_CHUNK", 10)
    model = Stepwise()
    chart = LatentMap(model, galaxies)
    model.steps.release()
    until(lambda: "encoded 10 of 40" in chart._status.value)
    chart._halt.click()
    model.steps.release()
    assert not chart.wait(SOON)
    assert chart._status.value == "stopped: 20 of 40 galaxies are there"
    assert (chart._halt.description, chart._halt.disabled) == ("Go on", False)
    with pytest.raises(ValueError, match="there is no map: stopped"):
        _ = chart.latent
    chart._halt.click()
    model.steps.release(2)
    assert chart.wait(SOON)
    assert model.seen == 40
    np.testing.assert_array_equal(chart._latent.mean, ToyModel().encode(galaxies).mean)
    assert chart._halt.layout.display == "none"
    chart.close()


def test_selection_outlives_another_projection_but_not_other_galaxies(model, slow_umap):
    (slow_umap / "go").touch()
    chart = LatentMap(model, n=40)
    assert chart.wait(SOON)
    chart.selection = [3, 7]
    chart.projection = "UMAP"
    assert chart.wait(SOON)
    assert chart.selection == [3, 7]
    assert "2 selected" in chart._chosen.value
    assert chart._undo.disabled  # what was done was done on another plane
    chart.seed = 2
    assert chart.wait(SOON)
    assert chart.selection == []
    chart.close()


def test_umap_is_told_of_and_stops_at_once_for_pca(chart, slow_umap):
    del slow_umap
    chart.projection = "UMAP"
    until(lambda: chart._status.value == "UMAP: 40 %")
    chart._halt.click()
    until(lambda: chart.ready)
    assert chart.projection == "PCA"
    assert chart._plane.labels[0].startswith("PC 1")


def test_umap_comes_from_its_own_process_with_its_errors(slow_umap):
    (slow_umap / "go").touch()
    latent = np.random.default_rng(1).normal(size=(30, 4)).astype(np.float32)
    np.testing.assert_array_equal(Plane(latent, "UMAP").points, latent[:, :2] * 2)
    with pytest.raises(ValueError, match="UMAP failed: RuntimeError: five are too few"):
        Plane(latent[:5], "UMAP")


def test_umap_that_is_not_installed_is_said_with_the_remedy(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(ValueError, match=r"pip install 'galwidget\[umap\]'"):
        Plane(np.zeros((5, 2)), "UMAP")


def test_umap_keeps_clusters_apart_and_lifts_a_point_to_the_galaxies_around_it():
    pytest.importorskip("umap", reason="umap-learn is not installed: pip install 'galwidget[umap]'")
    rng = np.random.default_rng(2)
    latent = rng.normal(size=(60, 6)).astype(np.float32) + np.repeat([[0.0], [30.0]], 30, axis=0).astype(np.float32)
    plane = Plane(latent, "UMAP")
    assert plane.labels == ("UMAP 1", "UMAP 2")
    left, right = plane.points[:30], plane.points[30:]
    apart = np.linalg.norm(left[:, None] - right, axis=-1).min()
    assert apart > max(np.ptp(left, axis=0).max(), np.ptp(right, axis=0).max()) / 2
    lifted = plane.lift(tuple(right.mean(0)))
    assert lifted.shape == (1, 6)
    assert np.abs(lifted - 30).max() < 3
    np.testing.assert_allclose(plane.lift(tuple(plane.points[4])), latent[4:5], atol=0.5)
