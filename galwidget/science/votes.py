"""What people would say of a picture: a small network on the pixels beside measured structure, learnt from the votes of Galaxy Zoo."""

from __future__ import annotations

import hashlib
import json
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors.numpy import load_file, save_file

from galwidget.galaxies import Galaxies
from galwidget.observation import observe
from galwidget.progress import Progress, steps
from galwidget.science.structure import StructureVotes, structure
from galwidget.science.votes_network import BATCH, VotesNetwork, quarter_turned, train
from galwidget.survey import Survey

if TYPE_CHECKING:
    from galwidget.galaxy_model import GalaxyModel
    from galwidget.latent import Latent

__all__ = ["QUESTIONS", "Voters", "fit_votes", "galaxy_zoo_votes"]

#: What is asked: how many of all voters would say so.
QUESTIONS = ("smooth", "edge-on", "spiral arms", "merger")
FORMAT = 1
_AT_ONCE = 128
_STRUCTURE = ("knots", "known", "weights", "usual")


def galaxy_zoo_votes(table: Any) -> np.ndarray:
    """Fractions of all voters for each of `QUESTIONS`, (n, question), from the columns of a table of Galaxy Zoo 2.

    The weighted fractions of Willett et al. (2013, doi:10.1093/mnras/stt1458), not the debiased ones: those say what would be seen nearer,
    these what was seen in this picture. A question that was put to some is multiplied by the fractions on its path down the tree.
    """

    def share(name: str) -> np.ndarray:
        return np.nan_to_num(np.asarray(table[f"{name}_weighted_fraction"], float))

    disc = share("t01_smooth_or_features_a02_features_or_disk")
    arms = disc * share("t02_edgeon_a05_no") * share("t04_spiral_a08_spiral")
    merger = share("t06_odd_a14_yes") * share("t08_odd_feature_a24_merger")
    return np.stack([share("t01_smooth_or_features_a01_smooth"), disc * share("t02_edgeon_a04_yes"), arms, merger], 1)


class Voters:
    """What was learnt from votes; called with pictures, it says what share of voters would say yes to each question, (n, question).

    Every picture is seen in its eight turns and mirrors, and the answers averaged. Made by `fit_votes`, kept by `save`. Given to
    `galwidget.nearest` and `galwidget.science.index.Index`, it says which pictures are of one kind: those of which people would say the
    same.

    Parameters
    ----------
    network
        Trained.
    regression
        On the structure of the pictures.
    scales
        Mean and standard deviation of the pixels of each band, (2, band).
    questions
        Their names.
    survey, side
        Of the pictures.
    """

    def __init__(
        self, network: VotesNetwork, regression: StructureVotes, scales: np.ndarray, questions: tuple[str, ...], survey: Survey, side: int
    ) -> None:
        self.questions, self.survey, self.side = questions, survey, side
        self._network, self._regression, self._scales = network.eval(), regression, scales

    def __call__(self, pictures: Galaxies, *, progress: Progress = False) -> np.ndarray:
        """Fractions (n, question) for n pictures; a picture gets the same alone and among others.

        Parameters
        ----------
        pictures
            Of the survey and size of those that were learnt from.
        progress
            Show a progress bar; or a function of what is done, how many pictures are ready, and of how many.

        Raises
        ------
        ValueError
            They are of another survey or size than those that were learnt from.
        """
        self.check(pictures)
        found = [np.zeros((0, len(self.questions)))]
        with steps(progress, "asking voters", len(pictures)) as tell:
            for start in range(0, len(pictures), _AT_ONCE):
                part = pictures[start : start + _AT_ONCE]
                found.append(self._answer(part))
                tell(len(part))
        return np.concatenate(found)

    def check(self, pictures: Galaxies) -> None:
        """Whether these are such pictures as the voters saw; a `ValueError` says what is not."""
        flux, _ = pictures.require_images()
        if pictures.survey != self.survey or flux.shape[-1] != self.side:
            raise ValueError(
                f"the pictures are {flux.shape[-1]} pixels wide, of {pictures.survey.name}; the voters saw "
                f"{self.side} of {self.survey.name}: read them the same way (galwidget.io.pictures.read_pictures)"
            )

    def _answer(self, pictures: Galaxies) -> np.ndarray:
        image = _scaled(pictures, self._scales)
        known = torch.from_numpy(self._regression(structure(pictures)).astype(np.float32))
        with torch.no_grad():
            answers = [self._network(quarter_turned(image, turn), known).sigmoid() for turn in range(8)]
        return torch.stack(answers).mean(0).double().numpy()

    def points(self, model: GalaxyModel, latent: Latent, pictures: Galaxies | None) -> np.ndarray:
        """Kinds as points, (n, question), float32: what voters say of the pictures, or of what the model draws where there are none."""
        if pictures is None or pictures.flux is None:
            pictures = observe(model.decode(latent, attributes=False), noise=False)
        return self(pictures).astype(np.float32)

    def _numbers(self) -> dict[str, np.ndarray]:
        numbers = {f"network.{name}": tensor.numpy() for name, tensor in self._network.state_dict().items()}
        numbers |= {f"structure.{name}": getattr(self._regression, name) for name in _STRUCTURE}
        return {name: np.ascontiguousarray(value) for name, value in (numbers | {"scales": self._scales}).items()}

    @property
    def fingerprint(self) -> str:
        """A digest of all numbers: voters with the same one give the same answers."""
        digest = hashlib.sha256()
        for name, value in sorted(self._numbers().items()):
            digest.update(name.encode() + value.tobytes())
        return digest.hexdigest()

    def save(self, path: str | PathLike[str]) -> None:
        """Write to a folder: numbers as safetensors, the rest as JSON."""
        folder = Path(path)
        folder.mkdir(parents=True, exist_ok=True)
        save_file(self._numbers(), folder / "voters.safetensors")
        about = {"format": FORMAT, "questions": self.questions, "survey": self.survey.to_dict(), "side": self.side}
        (folder / "voters.json").write_text(json.dumps(about, indent=1) + "\n")

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Voters:
        """Read what `save` wrote.

        Raises
        ------
        FileNotFoundError, ValueError
            There are no voters, or they are damaged or of another version.
        """
        folder = Path(path)
        if not (folder / "voters.json").is_file():
            raise FileNotFoundError(f"no voters in {folder}: voters.json is missing; voters are a folder written by Voters.save(...)")
        try:
            about = json.loads((folder / "voters.json").read_text())
            number = int(about["format"])
            if number == FORMAT:
                survey, questions, side = Survey.from_dict(about["survey"]), tuple(about["questions"]), int(about["side"])
                numbers = load_file(folder / "voters.safetensors")
                network = VotesNetwork(len(survey.bands), len(questions))
                network.load_state_dict(
                    {
                        name.removeprefix("network."): torch.from_numpy(value)
                        for name, value in numbers.items()
                        if name.startswith("network.")
                    }
                )
                regression = StructureVotes(*(numbers[f"structure.{name}"] for name in _STRUCTURE))
                return cls(network, regression, numbers["scales"], questions, survey, side)
        except Exception as error:  # safetensors, torch and json each raise their own
            raise ValueError(
                f"the voters in {folder} are damaged ({error}); learn them again (galwidget.science.votes.fit_votes)"
            ) from error
        remedy = "install a newer galwidget" if number > FORMAT else "learn them again"
        raise ValueError(f"{folder} has voters of layout {number}, this version reads {FORMAT}; {remedy}")

    def __repr__(self) -> str:
        return f"<Voters: {', '.join(self.questions)}; of {self.side} x {self.side} pixels of {self.survey.name}>"


def fit_votes(
    pictures: Galaxies,
    votes: np.ndarray,
    *,
    questions: tuple[str, ...] = QUESTIONS,
    epochs: int = 60,
    seed: int = 0,
    progress: Progress = True,
) -> Voters:
    """Learn what people say of pictures from the shares of their votes.

    A regression on measured structure (`galwidget.science.structure`) learns first, and says of each picture what the others' votes would
    have it be; a small network on the pixels then learns what is left, and how far to believe it.

    Parameters
    ----------
    pictures
        n pictures, as `galwidget.io.pictures.read_pictures` reads them.
    votes
        Shares from 0 to 1, (n, question): soft targets of a cross-entropy.
    questions
        Their names.
    epochs, seed
        Passes over the pictures, each turned, mirrored, moved and scaled at random; what decides weights, order and turns.
    progress
        Show a progress bar; or a function of what is done, how much is ready, and of how much.

    Raises
    ------
    ValueError
        There are not as many votes as pictures, or too few pictures for a batch.

    Examples
    --------
    Drawn pictures, and voters who find the flat ones edge-on:

    >>> import numpy as np
    >>> import galwidget as gw
    >>> random = np.random.default_rng(0)
    >>> y, x = np.mgrid[-15.5:16, -15.5:16]
    >>> width = random.uniform(1.5, 5, (40, 1, 1, 1))
    >>> levels = np.exp(-0.5 * ((x / 5) ** 2 + (y / width) ** 2)) + random.normal(0, 0.01, (40, 3, 32, 32))
    >>> survey = gw.Survey("pictures", tuple(gw.Band(name, 600.0, 2.0, 0.01) for name in "BGR"), 1.0)
    >>> pictures = gw.Galaxies(levels, survey=survey)
    >>> voters = gw.fit_votes(pictures, 1 - width[:, 0, 0] / 5, questions=("edge-on",), epochs=2, progress=False)
    >>> voters(pictures[:3]).shape
    (3, 1)
    """
    votes = np.asarray(votes, np.float32)
    if votes.shape != (len(pictures), len(questions)) or not ((votes >= 0) & (votes <= 1)).all():
        raise ValueError(
            f"votes has shape {votes.shape}; give shares from 0 to 1 for {len(pictures)} pictures and {len(questions)} questions"
        )
    if len(pictures) < BATCH:
        raise ValueError(f"there are {len(pictures)} pictures; learning needs at least {BATCH}")
    flux, _ = pictures.require_images()
    parts = []
    with steps(progress, "measuring structure", len(pictures)) as tell:
        for start in range(0, len(pictures), _AT_ONCE):
            parts.append(structure(pictures[start : start + _AT_ONCE]))
            tell(len(parts[-1]))
    regression, others = StructureVotes.fit(np.concatenate(parts), votes.astype(float))
    scales = np.stack([flux.mean((0, 2, 3)), flux.std((0, 2, 3))]).astype(np.float32)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = VotesNetwork(flux.shape[1], len(questions))
        known = torch.from_numpy(others.astype(np.float32))
        train(network, _scaled(pictures, scales), known, torch.from_numpy(votes), epochs=epochs, seed=seed, progress=progress)
    return Voters(network, regression, scales, tuple(questions), pictures.survey, flux.shape[-1])


def _scaled(pictures: Galaxies, scales: np.ndarray) -> torch.Tensor:
    """Pixels of order one; a masked one is the mean."""
    flux, ivar = pictures.require_images()
    return torch.from_numpy(np.where(ivar > 0, (flux - scales[0][:, None, None]) / scales[1][:, None, None], 0).astype(np.float32))
