"""Training as it happens: losses, pictures that get better, time left; pause, stop and keep, with the notebook free meanwhile."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any

import ipywidgets
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback
from traitlets import Enum, Float

from galwidget.galaxies import Galaxies
from galwidget.observation import observe
from galwidget.picture import mosaic, png, rgb
from galwidget.progress import EnoughError
from galwidget.widgets.beside import hear_beside_cells
from galwidget.widgets.loss_charts import LossCharts
from galwidget.widgets.parts import close_parts
from galwidget.widgets.pictured import Pictured
from galwidget.widgets.shown import in_words

if TYPE_CHECKING:
    from galwidget.galaxy_model import GalaxyModel

__all__ = ["TrainingMonitor"]

#: Seconds between two drawings of the curves, and at least between two pictures.
_CURVES, _PICTURES = 0.5, 5.0
#: Pictures may take this share of the training's time.
_SHARE = 0.02
_SHOWN = 8
_ROWS = ("galaxies", "reconstructed", "sampled")
_PHASES = ("waiting", "training", "paused", "trained", "done", "stopped", "interrupted", "failed")
_BUSY = ("training", "paused", "trained")


class TrainingMonitor(ipywidgets.VBox, Callback):
    """A training shown live: ``gw.fit(galaxies, callbacks=[monitor])``, or ``monitor.fit(galaxies)`` on a thread of its own.

    Parameters
    ----------
    galaxies, model
        What the button *Train* trains on (`fit`), and the model that it goes on from; default: no button.

    Attributes
    ----------
    phase
        ``waiting``, ``training``, ``paused``, ``trained`` (the prior is next), ``done``, ``stopped`` (and kept), ``interrupted`` or
        ``failed``.
    progress
        Share of the steps that is done, 0 to 1.
    model
        The trained model of `fit`; None before.
    error
        What `fit` failed with; None otherwise.

    Notes
    -----
    *Stop and keep* ends the epochs; the prior is then fitted to what was learnt, and the model is as usable as any. Pressed again, it ends
    the step of that fit, or of the calibration after it, that runs. Samples are decoded from N(0, 1), for the fitted prior comes last.

    Examples
    --------
    >>> monitor = TrainingMonitor()  # doctest: +SKIP
    >>> monitor.fit(galaxies, epochs=30)  # returns at once  # doctest: +SKIP
    >>> model = monitor.wait()  # doctest: +SKIP
    """

    phase = Enum(_PHASES, "waiting")
    progress = Float(0.0)

    def __init__(self, galaxies: Galaxies | None = None, model: GalaxyModel | None = None) -> None:
        self.model: GalaxyModel | None = None
        self.error: BaseException | None = None
        self._start_with = (galaxies, model)
        self._thread: threading.Thread | None = None
        self._going = threading.Event()
        self._going.set()
        self._stop = self._cut = self._ended = self._closed = False
        self._charts = LossCharts()
        self._pause = ipywidgets.Button(description="Pause", icon="pause", disabled=True)
        self._keep = ipywidgets.Button(description="Stop and keep", icon="stop", disabled=True)
        self._epochs = ipywidgets.BoundedIntText(value=5, min=1, max=1000, description="epochs", layout=ipywidgets.Layout(width="150px"))
        self._begin = ipywidgets.Button(description="Train", icon="play", button_style="primary")
        self._bar = ipywidgets.FloatProgress(value=0, min=0, max=1, layout=ipywidgets.Layout(width="200px"))
        self._status = ipywidgets.Label(value="Waiting for a training: gw.fit(..., callbacks=[monitor]) or monitor.fit(...)")
        hidden = ipywidgets.Layout(display="none")
        self._pictures = [Pictured(528) for _ in range(3)]
        captions = [ipywidgets.Label(value=word, layout=ipywidgets.Layout(width="92px")) for word in _ROWS]
        rows = [ipywidgets.HBox(pair) for pair in zip(captions, self._pictures, strict=True)]
        self._sheet = ipywidgets.VBox(rows, layout=hidden)
        for own in (self._begin, self._epochs):
            own.layout.display = None if galaxies is not None else "none"
        bar = ipywidgets.HBox(
            [self._begin, self._epochs, self._pause, self._keep, self._bar, self._status],
            layout=ipywidgets.Layout(flex_flow="row wrap", align_items="center"),
        )
        super().__init__([bar, self._charts, self._sheet])
        self._pause.on_click(lambda _: self.resume() if self.phase == "paused" else self.pause())
        self._keep.on_click(lambda _: self.stop())
        self._begin.on_click(lambda _: self._train())
        hear_beside_cells(self)
        if galaxies is not None:
            self._status.value = f"{len(galaxies):,} galaxies to {'train' if model is None else 'fine-tune'} on"

    @property
    def log(self) -> logging.Logger:
        """A widget's logger. Lightning lends its callbacks the module's ``log``, which this one does not use."""
        return logging.getLogger(__name__)

    @log.setter
    def log(self, _: Any) -> None:
        pass

    # ---- what people do

    def fit(self, *samples: Galaxies, **arguments: Any) -> None:
        """`galwidget.fit` with these arguments on a thread of its own; `model` has the result, `wait` waits for it.

        Raises
        ------
        RuntimeError
            A training of this monitor is running.
        """
        if self._thread is not None and self._thread.is_alive():
            raise RuntimeError("this monitor's training is running; stop it first (monitor.stop()), or use another TrainingMonitor")
        self.model = self.error = None
        self._stop = self._cut = self._ended = False
        self._thread = threading.Thread(target=self._fit, args=(samples, arguments), name="galwidget training", daemon=True)
        self._set("training", "Preparing the galaxies")
        self._thread.start()

    def wait(self, timeout: float | None = None) -> GalaxyModel | None:
        """Wait for the training of `fit`, at most ``timeout`` seconds; return the model (None where it is not done) or raise its error."""
        if self._thread is not None:
            self._thread.join(timeout)
        if self.error is not None:
            raise self.error
        return self.model

    def pause(self) -> None:
        """Let the training rest after the step it is at."""
        if self.phase == "training":
            self._going.clear()
            self._set("paused", "Paused")

    def resume(self) -> None:
        """Let a paused training go on."""
        if self.phase == "paused":
            self._set("training", "Going on")
        self._going.set()

    def stop(self) -> None:
        """End the epochs after the step they are at, or the part of the prior's fit that comes after them; what was learnt is kept."""
        if self.phase == "trained":
            self._cut = self._ended = True
        else:
            self._stop = True
        self.resume()

    def close(self) -> None:
        """Stop the training, and free the widget in the kernel and in the page."""
        self._closed = True
        self.stop()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(10)
        close_parts(self)
        super().close()

    # ---- the thread

    @property
    def _own(self) -> bool:
        """Whether the training is that of `fit`, not of a cell that the monitor is a callback of."""
        return threading.current_thread() is self._thread

    def _train(self) -> None:
        galaxies, model = self._start_with
        try:
            self.fit(galaxies, model=model, epochs=self._epochs.value)  # type: ignore[arg-type]
        except RuntimeError as error:
            self._status.value = str(error)

    def _fit(self, samples: tuple[Galaxies, ...], arguments: dict[str, Any]) -> None:
        from galwidget.train import fit  # noqa: PLC0415 (only here)

        stopped = False
        try:
            callbacks = [*(arguments.pop("callbacks", None) or []), self]
            self.model = fit(*samples, **({"progress": self._report} | arguments), callbacks=callbacks)
            stopped = self._stop or self._ended
        except BaseException as error:  # noqa: BLE001 (it belongs to whoever waits; the kernel goes on)
            self.error = error
            self._set("failed", in_words(error))
        else:
            self._set("stopped" if stopped else "done", "Stopped, and kept: monitor.model" if stopped else "Done: monitor.model")

    def _report(self, what: str, ready: int, total: int) -> None:
        """How far the fit of the prior and the calibration are, and whether that will do."""
        self._bar.value = ready / max(1, total)
        self._status.value = f"{what}: {ready:,} of {total:,}"
        cut, self._cut = self._cut, False
        if cut or self._closed:
            raise EnoughError

    def _set(self, phase: str, words: str) -> None:
        self.phase = phase
        self._status.value = words
        self._pause.disabled = phase not in ("training", "paused")
        self._keep.disabled = self._pause.disabled and not (phase == "trained" and self._own)
        self._begin.disabled = phase in _BUSY
        self._pause.description, self._pause.icon = ("Go on", "play") if phase == "paused" else ("Pause", "pause")

    # ---- what Lightning calls

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Begin afresh, whatever an earlier training left."""
        self._going.set()
        self._stop = self._stop and self._own  # pressed while the galaxies were prepared
        self._charts.clear()
        self._spent, self._steps = 0.0, 0
        self._last = self._drawn = time.monotonic()
        self._pictured = -np.inf
        self._total = max(1, int(trainer.estimated_stepping_batches))
        self._before = trainer.global_step
        self._given = _first_images(pl_module)
        self._set("training", "Training")

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Note what the step logged, draw now and then, and wait while paused."""
        del outputs, batch, batch_idx
        now = time.monotonic()
        self._spent, self._steps, self._last = self._spent + now - self._last, self._steps + 1, now
        self._charts.add(trainer.global_step, trainer.callback_metrics)
        if now - self._drawn > _CURVES or self._steps == 1:
            self._draw(trainer)
        if now > self._pictured:
            self._picture(pl_module)
            self._pictured = time.monotonic() + max(_PICTURES, (time.monotonic() - now) / _SHARE)
        while not self._going.wait(0.1):  # in pieces, so that an interrupt of the kernel gets through
            self._last = time.monotonic()
        if self._stop:
            trainer.should_stop = True

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        """Show where the networks ended."""
        self._draw(trainer)
        self._picture(pl_module)
        self._set("trained", "Stopped: the prior is fitted to what was learnt" if self._stop else "Networks trained: the prior is fitted")

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        """Leave the monitor as ready as a new one, and say why the training ended."""
        del trainer, pl_module
        self._going.set()
        self._stop = False
        if isinstance(exception, KeyboardInterrupt):
            self._set("interrupted", "Interrupted; train again, from run= where there was one")
        else:
            self._set("failed", in_words(exception))

    def _draw(self, trainer: Any) -> None:
        self._drawn = time.monotonic()
        self._charts.draw()
        self.progress = self._bar.value = min(1.0, trainer.global_step / self._total)
        if self.phase == "training":
            left = (self._total - trainer.global_step) * self._spent / max(1, trainer.global_step - self._before)
            self._status.value = (
                f"epoch {trainer.current_epoch + 1} of {trainer.max_epochs}, step {trainer.global_step:,}, {_duration(left)} left"
            )

    @torch.no_grad()
    def _picture(self, module: Any) -> None:
        """The same galaxies and the same draws each time, before and after the telescope's PSF, without noise."""
        if self._given is None:
            return
        galaxies, data = self._given
        mvae, device = module.mvae, module.device
        posterior = mvae.encode({name: type(part)(*(tensor.to(device) for tensor in part)) for name, part in data.items()})
        noise = torch.randn(posterior.mean.shape, generator=torch.Generator().manual_seed(1)).to(device)
        flux = mvae.decode(torch.cat([posterior.mean, noise]), "image").cpu().numpy()
        n = len(galaxies)
        pairs = ((flux[:n], galaxies.psf), (flux[n:], None))
        seen = [observe(Galaxies(part, survey=galaxies.survey), psf=psf, noise=False) for part, psf in pairs]
        for image, part, words in zip(self._pictures, (galaxies, *seen), _ROWS, strict=True):
            image.show(png(mosaic(rgb(part), _SHOWN)), f"{n} {words}" if part is galaxies else f"{n} galaxies, {words}")
        self._sheet.layout.display = "flex"


def _first_images(module: Any) -> tuple[Galaxies, dict[str, Any]] | None:
    """The first galaxies with images that are trained on, as galaxies and as the model's modalities."""
    inputs = module.batches.inputs
    part = next((part for part in module.batches.parts if "image" in part), None)
    if part is None:
        return None
    data = {name: type(columns)(*(tensor[:_SHOWN] for tensor in columns)) for name, columns in part.items()}
    flux, ivar, psf = (tensor.numpy() for tensor in data["image"])
    return Galaxies(flux, ivar, psf, survey=inputs.survey), data


def _duration(seconds: float) -> str:
    """Seconds as people say them."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
