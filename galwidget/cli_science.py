"""The science tools on the command line: a file of galaxies in, a table or galaxies out."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from astropy.table import QTable

    from galwidget.galaxies import Galaxies
    from galwidget.galaxy_model import GalaxyModel

__all__ = ["add_science"]

#: How a table is written, by the ending of its file's name.
_FORMATS = {".ecsv": "ascii.ecsv", ".csv": "ascii.csv", ".fits": "fits", ".vot": "votable"}
_TABLE = f"table, one row a galaxy: {', '.join(_FORMATS)}"


def add_science(commands: Any) -> None:
    """Add a command for each tool to the parser's commands."""
    nearest = _command(commands, "nearest", "look-alikes of galaxies in a catalogue", _nearest, out=_TABLE.replace("galaxy", "neighbour"))
    nearest.add_argument("--catalogue", type=Path, required=True, help="FITS file of galaxies, or the folder of an index (galwidget index)")
    nearest.add_argument("-k", type=int, default=10, help="neighbours of each")
    nearest.add_argument("--by", choices=("identity", "kind"), default="identity")

    index = commands.add_parser("index", help="an index of a catalogue, to be searched again and again")
    index.add_argument("samples", nargs="+", type=Path, metavar="in", help="FITS files of galaxies; one is held at a time")
    index.add_argument("out", type=Path, help="folder of the index")
    index.add_argument("--model", type=Path, default=None, help="folder of a model; default: the shipped one")
    index.set_defaults(run=_index)

    odd = _command(commands, "anomalies", "how odd galaxies are, and why", _anomalies)
    odd.add_argument(
        "--reference", default=None, help="FITS file of normal galaxies, or own: the typical ones of in; default: simulated ones"
    )

    redshifts = _command(commands, "photoz", "redshifts from images and photometry", _photoz)
    redshifts.add_argument("--using", default=None, help="what is looked at, names with commas between: image, brightness, colours, ...")
    redshifts.add_argument("--qp", type=Path, default=None, metavar="FILE", help="also the densities, an ensemble of qp (.hdf5, .fits)")

    predict = _command(commands, "predict", "an attribute that was not measured", _predict)
    predict.add_argument("attribute")
    predict.add_argument("--using", default=None, help="what is looked at, names with commas between")

    types = _command(commands, "classify", "Hubble types and bulge fractions", _classify)
    types.add_argument("--reference", type=Path, default=None, help="FITS file of galaxies of known type; default: simulated ones")

    votes = commands.add_parser("votes", help="what people would say of colour pictures (JPEG, PNG), learnt from Galaxy Zoo")
    votes.add_argument("pictures", type=Path, metavar="in", help="folder of pictures")
    votes.add_argument("out", type=Path, help=_TABLE.replace("galaxy", "picture"))
    votes.add_argument("--voters", type=Path, required=True, help="folder of what was learnt, or, with --learn, where it is kept")
    votes.add_argument("--learn", type=Path, default=None, metavar="TABLE", help="first learn from these votes, columns of Galaxy Zoo 2")
    votes.add_argument("--name", default="asset_id", help="column of that table that names the pictures")
    votes.add_argument("--crop", type=int, default=None, help="side in pixels of the square around the middle that is looked at")
    votes.add_argument("--side", type=int, default=64, help="to how many pixels that is binned; it divides --crop")
    votes.set_defaults(run=_votes)

    denoise = _command(commands, "denoise", "galaxies without noise, with the error of every pixel", _denoise, out="FITS file of galaxies")
    denoise.add_argument("--fwhm", type=float, default=None, metavar="ARCSEC", help="through a PSF of this width instead of their own")


def _command(commands: Any, name: str, words: str, run: Any, out: str = _TABLE) -> argparse.ArgumentParser:
    made = commands.add_parser(name, help=words)
    made.add_argument("galaxies", type=Path, metavar="in", help="FITS file of galaxies")
    made.add_argument("out", type=Path, help=out)
    made.add_argument("--model", type=Path, default=None, help="folder of a model; default: the shipped one")
    made.set_defaults(run=run)
    return made


def _asked(options: argparse.Namespace) -> tuple[GalaxyModel, Galaxies]:
    """The model and the galaxies."""
    from galwidget.galaxy_model import load  # noqa: PLC0415 (only what a command needs)
    from galwidget.io.cutouts import read  # noqa: PLC0415

    return load(options.model), read(options.galaxies)


def _format(path: Path) -> str:
    if path.suffix not in _FORMATS:
        raise ValueError(f"the table is to be {path}; give a name that ends in {', '.join(_FORMATS)}")
    return _FORMATS[path.suffix]


def _write(table: QTable, path: Path) -> None:
    table.write(path, format=_format(path), overwrite=True)
    sys.stdout.write(f"{path}: {len(table)} rows of {', '.join(table.colnames)}\n")


def _names(text: str | None) -> list[str] | None:
    return None if text is None else [name for name in text.split(",") if name]


def _nearest(options: argparse.Namespace) -> None:
    from galwidget.io.cutouts import read  # noqa: PLC0415 (only what a command needs)
    from galwidget.science.index import Index  # noqa: PLC0415
    from galwidget.science.similarity import nearest  # noqa: PLC0415

    _format(options.out)
    model, galaxies = _asked(options)
    catalogue = Index.load(options.catalogue) if options.catalogue.is_dir() else read(options.catalogue)
    _write(nearest(model, galaxies, catalogue, options.k, by=options.by).table, options.out)


def _index(options: argparse.Namespace) -> None:
    from galwidget.galaxy_model import load  # noqa: PLC0415 (only what a command needs)
    from galwidget.io.cutouts import read  # noqa: PLC0415
    from galwidget.science.index import Index  # noqa: PLC0415

    index = Index.build(load(options.model), (read(path) for path in options.samples))
    index.save(options.out)
    sys.stdout.write(f"{options.out}: {index!r}\n")


def _anomalies(options: argparse.Namespace) -> None:
    from galwidget.io.cutouts import read  # noqa: PLC0415 (only what a command needs)
    from galwidget.science.anomaly import anomalies  # noqa: PLC0415

    _format(options.out)
    reference = options.reference if options.reference in (None, "own") else read(options.reference)
    found = anomalies(*_asked(options), reference=reference)
    sys.stdout.write(f"{found!r}\n")
    _write(found.table, options.out)


def _photoz(options: argparse.Namespace) -> None:
    from galwidget.science.photoz import photoz  # noqa: PLC0415 (only what a command needs)

    _format(options.out)
    found = photoz(*_asked(options), _names(options.using))
    _write(found.table, options.out)
    if options.qp is not None:
        found.to_qp().write_to(str(options.qp))
        sys.stdout.write(f"{options.qp}: densities of {len(found)} galaxies\n")


def _predict(options: argparse.Namespace) -> None:
    from astropy.table import QTable  # noqa: PLC0415 (only what a command needs)

    from galwidget.predicted import with_unit  # noqa: PLC0415
    from galwidget.prediction import Prediction  # noqa: PLC0415

    _format(options.out)
    model, galaxies = _asked(options)
    name, found = options.attribute, model.predict(galaxies, options.attribute, _names(options.using), progress=True)
    if isinstance(found, Prediction):
        table = QTable({name: with_unit(name, found.mean), f"{name}_err": with_unit(name, found.std)})
    else:
        shares = {f"p_{category}": found.probabilities[:, column] for column, category in enumerate(found.categories)}
        table = QTable({name: found.best, **shares})
    _write(table, options.out)


def _classify(options: argparse.Namespace) -> None:
    from galwidget.io.cutouts import read  # noqa: PLC0415 (only what a command needs)
    from galwidget.science.classification import classify  # noqa: PLC0415

    _format(options.out)
    reference = None if options.reference is None else read(options.reference)
    _write(classify(*_asked(options), reference=reference).table, options.out)


def _votes(options: argparse.Namespace) -> None:
    from astropy.table import QTable, Table  # noqa: PLC0415 (only what a command needs)

    from galwidget.io.pictures import read_pictures  # noqa: PLC0415
    from galwidget.science.votes import Voters, fit_votes, galaxy_zoo_votes  # noqa: PLC0415

    _format(options.out)
    binned: dict[str, Any] = {"crop": options.crop, "side": options.side}
    if options.learn is None:
        voters = Voters.load(options.voters)
    else:
        known = Table.read(options.learn)
        voters = fit_votes(read_pictures(options.pictures, known[options.name], **binned), galaxy_zoo_votes(known))
        voters.save(options.voters)
    pictures = read_pictures(options.pictures, **binned)
    said = voters(pictures, progress=True)
    shares = {name.replace(" ", "_").replace("-", "_"): said[:, column] for column, name in enumerate(voters.questions)}
    _write(QTable({"name": pictures.table["name"], **shares}), options.out)


def _denoise(options: argparse.Namespace) -> None:
    from galwidget.science.denoise import deconvolve, denoise  # noqa: PLC0415 (only what a command needs)

    model, galaxies = _asked(options)
    clean = denoise(model, galaxies) if options.fwhm is None else deconvolve(model, galaxies, fwhm=options.fwhm)
    clean.write(options.out, overwrite=True)
    sys.stdout.write(f"{options.out}: {clean!r}\n")
