"""The training monitor: the notebook stays free, pause rests, stop keeps, curves stay small, and an interrupt leaves it ready."""

import io
import signal
import threading
import time

import numpy as np
import pytest
from lightning.pytorch.callbacks import Callback
from patience import SOON, until
from PIL import Image
from toy_model import ToyModel

import galwidget as gw
from galwidget.widgets.loss_charts import Curve, LossCharts
from galwidget.widgets.monitor import TrainingMonitor

_SMALL = {"latent_size": 4, "batch_size": 8, "prior_epochs": 1}


@pytest.fixture(scope="module")
def galaxies():
    return gw.observe(ToyModel(32).sample(24, seed=3), seed=1)


@pytest.fixture
def monitor():
    made = TrainingMonitor()
    yield made
    made.close()


def test_fit_returns_at_once_and_the_notebook_goes_on(monitor, galaxies):
    monitor.fit(galaxies, epochs=200, **_SMALL)
    assert monitor.model is None
    until(lambda: monitor.progress > 0)
    assert monitor._thread is not threading.current_thread()
    assert monitor._thread.is_alive()
    with pytest.raises(RuntimeError, match="training is running; stop it first"):
        monitor.fit(galaxies)
    monitor.pause()
    assert monitor.phase == "paused"
    until(lambda: not monitor._going.is_set())
    time.sleep(0.5)  # the step it is at
    rested = monitor._steps
    time.sleep(0.5)
    assert monitor._steps <= rested + 1
    monitor.resume()
    until(lambda: monitor._steps > rested + 1)
    monitor.stop()
    model = monitor.wait(SOON)
    assert monitor.phase == "stopped"
    assert monitor.progress < 1
    assert model.sample(2, seed=1).flux.shape == (2, 5, 32, 32)


def test_stop_while_the_prior_is_fitted_keeps_what_it_has_learnt(monitor, galaxies):
    words = []
    monitor._status.observe(lambda change: words.append(change["new"]), "value")
    monitor.fit(galaxies, epochs=1, **{**_SMALL, "prior_epochs": 100_000})
    until(lambda: any(word.startswith("fitting the prior: 1 of") for word in words))
    assert monitor.phase == "trained"
    assert not monitor._keep.disabled
    monitor._keep.click()
    model = monitor.wait(SOON)
    assert monitor.phase == "stopped"
    assert model.sample(2, seed=1).flux.shape == (2, 5, 32, 32)
    assert words[-1] == "Stopped, and kept: monitor.model"


def test_stop_before_the_first_step_is_not_forgotten(monitor, galaxies, monkeypatch):
    begin = monitor.on_train_start
    monkeypatch.setattr(monitor, "on_train_start", lambda *of: (monitor.stop(), begin(*of)))
    monitor.fit(galaxies, epochs=200, **_SMALL)
    assert monitor.wait(SOON) is not None
    assert monitor.phase == "stopped"
    assert monitor._steps == 1


def test_callback_of_gw_fit_shows_losses_of_each_modality_and_pictures(monitor, galaxies):
    gw.fit(galaxies, epochs=2, callbacks=[monitor], progress=False, **_SMALL)
    assert monitor.phase == "trained"
    assert monitor.progress == 1
    assert {"loss", "kl", "image", "brightness", "shape"} <= set(monitor._charts._lines)
    assert all(np.isfinite(line.y).all() and len(line.y) == 6 for line in monitor._charts._lines.values())
    sheets = [np.asarray(Image.open(io.BytesIO(image.png))) for image in monitor._pictures]
    assert len({sheet.shape for sheet in sheets}) == 1
    assert all(sheet.std() > 1 for sheet in sheets)


def test_watched_training_learns_what_an_unwatched_one_does(monitor, galaxies):
    watched = gw.fit(galaxies, epochs=1, callbacks=[monitor], progress=False, **_SMALL)
    alone = gw.fit(galaxies, epochs=1, progress=False, **_SMALL)
    np.testing.assert_array_equal(watched.encode(galaxies).mean, alone.encode(galaxies).mean)


def test_interrupt_of_the_kernel_leaves_the_monitor_ready(monitor, galaxies):
    class Interrupt(Callback):
        def on_train_batch_start(self, *_):
            raise KeyboardInterrupt

    listening = signal.getsignal(signal.SIGINT)
    with pytest.raises(SystemExit):  # as Lightning ends an interrupted training
        gw.fit(galaxies, epochs=2, callbacks=[monitor, Interrupt()], progress=False, **_SMALL)
    signal.signal(signal.SIGINT, listening)  # Lightning stops listening; ipykernel begins again with the next cell
    assert monitor.phase == "interrupted"
    assert monitor._keep.disabled
    monitor.fit(galaxies, epochs=1, **_SMALL)
    assert monitor.wait(SOON) is not None
    assert monitor.phase == "done"


def test_training_that_fails_says_so_and_raises_for_who_waits(monitor):
    monitor.fit(gw.Galaxies(table={"a": [1, 2]}, survey="KiDS"))
    with pytest.raises(ValueError, match="neither images nor an attribute"):
        monitor.wait(SOON)
    assert monitor.phase == "failed"
    assert "neither images nor an attribute" in monitor._status.value


def test_button_fine_tunes_the_model_it_was_given(galaxies):
    model = gw.fit(galaxies, epochs=1, progress=False, **_SMALL)
    monitor = TrainingMonitor(galaxies, model)
    monitor._epochs.value = 1
    monitor._begin.click()
    tuned = monitor.wait(SOON)
    assert tuned is not model
    assert tuned.about["trained_on"] == model.about["trained_on"] * 2
    monitor.close()


def test_curve_keeps_the_mean_whatever_its_length():
    curve = Curve(most=50)
    values = np.random.default_rng(1).normal(size=12_800)
    for step, value in enumerate(values):
        curve.add(step, value)
    step, mean = curve.points()
    assert 50 <= len(step) <= 100
    assert (np.diff(step) > 0).all()
    assert mean.mean() == pytest.approx(values.mean(), abs=1e-9)


def test_value_that_is_not_finite_is_left_out():
    charts = LossCharts()
    for step, value in enumerate((1.0, np.nan, np.inf, 2.0)):
        charts.add(step, {"loss": value})
    charts.draw()
    assert charts._lines["loss"].y.tolist() == [1.0, 2.0]
    charts.close()


def test_closed_monitor_leaves_no_model_behind(galaxies):
    from ipywidgets.widgets import widget as ipywidget

    before = set(ipywidget._instances)
    for given in (None, galaxies):
        monitor = TrainingMonitor(given)
        monitor._charts.add(1, {"loss": 1.0})
        monitor._charts.draw()
        assert set(ipywidget._instances) - before
        monitor.close()
    assert set(ipywidget._instances) == before
