"""The command line: simulate galaxies, cut them out of a field, train a model, ask it, all from and to files."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from galwidget.cli_science import add_science

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``galwidget`` with these arguments (default: those of the shell); 0 if all went well, 2 for bad input."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except (OSError, ValueError, KeyError) as error:
        # KeyError quotes its message
        sys.stderr.write(f"galwidget {options.command}: {error.args[0] if isinstance(error, KeyError) else error}\n")
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="galwidget", description="Galaxies that do not exist: an MVAE of galaxies.")
    commands = parser.add_subparsers(dest="command", required=True)

    simulate = commands.add_parser("simulate", help="simulated galaxies to a FITS file")
    simulate.add_argument("out", type=Path)
    simulate.add_argument("--number", type=int, default=1000)
    simulate.add_argument("--survey", default="KiDS")
    simulate.add_argument("--flatten", type=float, default=0.0, help="0: counts of the sky, 1: as many of each magnitude")
    simulate.add_argument("--seed", type=int, default=None)
    simulate.set_defaults(run=_simulate)

    field = commands.add_parser("field", help="galaxies of a survey field to a FITS file")
    field.add_argument("out", type=Path)
    field.add_argument("images", nargs="+", metavar="BAND=FILE")
    field.add_argument("--survey", required=True)
    field.add_argument("--mag-limit", type=float, default=None)
    field.set_defaults(run=_field)

    train = commands.add_parser("train", help="a model from files of galaxies")
    train.add_argument("out", type=Path, help="folder of the model")
    train.add_argument("samples", nargs="*", type=Path, help="FITS files; they may differ in what they have")
    train.add_argument("--start", type=Path, default=None, help="folder of a model to go on from; with --shipped one that it made")
    train.add_argument("--epochs", type=int, default=30)
    train.add_argument("--latent-size", type=int, default=32)
    train.add_argument("--seed", type=int, default=0)
    train.add_argument("--checkpoints", type=Path, default=None, help="folder; what is interrupted goes on from it")
    train.add_argument("--shipped", type=Path, metavar="DATA", default=None, help="make the shipped model from the folder of survey data")
    train.set_defaults(run=_train)

    compare = commands.add_parser("compare", help="every model of the talk on one sample: a table and a picture")
    compare.add_argument("out", type=Path, help="folder for table.ecsv and models.png")
    compare.add_argument("--data", type=Path, required=True, metavar="FILE", help="galaxies with images and measured attributes")
    compare.add_argument("--models", default=None, help="names with commas between; default: all")
    compare.add_argument("--latent-size", type=int, default=32)
    compare.add_argument("--epochs", type=int, default=20)
    compare.add_argument("--seed", type=int, default=0)
    compare.set_defaults(run=_compare)

    evaluate = commands.add_parser("evaluate", help="judge a model: table on the terminal, report as JSON and HTML")
    evaluate.add_argument("model", help="folder of the model, or 'shipped'")
    evaluate.add_argument("data", type=Path, help="FITS file of galaxies that it has not seen")
    evaluate.add_argument("--training", type=Path, default=None, help="FITS file of galaxies that it has seen, for the references")
    evaluate.add_argument("--real", type=Path, default=None, help="FITS file of real galaxies that it has not seen")
    evaluate.add_argument("--out", type=Path, default=None, help="folder for evaluation.json and evaluation.html")
    evaluate.add_argument("--quick", action="store_true", help="a few hundred galaxies, no network on the pixels")
    evaluate.add_argument("--seed", type=int, default=0)
    evaluate.set_defaults(run=_evaluate)
    _add_compression(commands)
    add_science(commands)
    return parser


def _add_compression(commands: Any) -> None:
    compress = commands.add_parser("compress", help="galaxies as a few numbers each, by a model")
    compress.add_argument("samples", nargs="+", type=Path, metavar="in", help="files of galaxies of one survey; one is held at a time")
    compress.add_argument("out", type=Path)
    compress.add_argument("--model", type=Path, default=None, help="folder of a model; default: the shipped one")
    compress.add_argument("--residual", type=float, default=None, metavar="Q", help="also the residual: each pixel to Q/2 sigma")
    compress.add_argument("--step", type=float, default=1.0, help="of the latents, in posterior widths")
    compress.add_argument("--columns", default=None, help="attributes to keep, names with commas between; default: all")
    compress.set_defaults(run=_compress)

    decompress = commands.add_parser("decompress", help="compressed galaxies to a FITS file")
    decompress.add_argument("compressed", type=Path, metavar="in")
    decompress.add_argument("out", type=Path)
    decompress.add_argument("--model", type=Path, default=None, help="folder of the model that compressed them; default: the shipped one")
    decompress.add_argument("--rows", default=None, metavar="FIRST:END", help="only these galaxies")
    decompress.set_defaults(run=_decompress)


def _evaluate(options: argparse.Namespace) -> None:
    from galwidget.evaluation import evaluate  # noqa: PLC0415 (only what a command needs)
    from galwidget.galaxy_model import load  # noqa: PLC0415
    from galwidget.io.cutouts import read  # noqa: PLC0415

    training, real = (None if path is None else read(path) for path in (options.training, options.real))
    model = load(None if options.model == "shipped" else options.model)
    found = evaluate(model, read(options.data), training=training, real=real, quick=options.quick, seed=options.seed)
    sys.stdout.write(f"{found.to_text()}\n")
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
        found.to_json(options.out / "evaluation.json")
        found.to_html(options.out / "evaluation.html")
        sys.stdout.write(f"{options.out / 'evaluation.html'}\n")


def _simulate(options: argparse.Namespace) -> None:
    from galwidget.simulation import simulate  # noqa: PLC0415 (only what a command needs)

    galaxies = simulate(options.number, options.survey, options.seed, flatten=options.flatten)
    galaxies.write(options.out, overwrite=True)
    sys.stdout.write(f"{options.out}: {galaxies!r}\n")


def _field(options: argparse.Namespace) -> None:
    from galwidget.io.field import read_field  # noqa: PLC0415 (only what a command needs)

    wrong = [pair for pair in options.images if "=" not in pair]
    if wrong:
        raise ValueError(f"{wrong[0]!r} is not BAND=FILE; give each image with its band, as in r=field_r.fits")
    images = dict(pair.split("=", 1) for pair in options.images)
    galaxies = read_field(images, survey=options.survey, mag_limit=options.mag_limit)
    galaxies.write(options.out, overwrite=True)
    sys.stdout.write(f"{options.out}: {galaxies!r}\n")


def _train(options: argparse.Namespace) -> None:
    from galwidget.galaxy_model import load  # noqa: PLC0415 (only what a command needs)
    from galwidget.science.prepare import prepare  # noqa: PLC0415

    start = load(options.start) if options.start else None
    if options.shipped is not None:
        from galwidget.recipe import train_shipped  # noqa: PLC0415 (only what a command needs)

        model = train_shipped(options.out, options.shipped, start=start, run=options.checkpoints, seed=options.seed)
        prepare(options.out)
        sys.stdout.write(f"{options.out}: {model!r}\n{model.about['metrics']}\n")
        return
    from galwidget.io.cutouts import read  # noqa: PLC0415 (only what a command needs)
    from galwidget.train import fit  # noqa: PLC0415

    if not options.samples:
        raise ValueError("no sample to train on; give FITS files of galaxies, or --shipped DATA")
    model = fit(
        [read(path) for path in options.samples],
        epochs=options.epochs,
        model=start,
        latent_size=options.latent_size,
        seed=options.seed,
        run=options.checkpoints,
    )
    model.save(options.out)
    prepare(options.out)
    sys.stdout.write(f"{options.out}: {model!r}\n")


def _compare(options: argparse.Namespace) -> None:
    from galwidget.comparison import compare  # noqa: PLC0415 (only what a command needs)
    from galwidget.io.cutouts import read  # noqa: PLC0415

    names = options.models.split(",") if options.models else None
    found = compare(read(options.data), names, latent_size=options.latent_size, epochs=options.epochs, seed=options.seed)
    found.write(options.out)
    sys.stdout.write(f"{found}\n{options.out}: table.ecsv, models.png\n")


def _compress(options: argparse.Namespace) -> None:
    from galwidget.galaxy_model import load  # noqa: PLC0415 (only what a command needs)
    from galwidget.io.cutouts import read  # noqa: PLC0415
    from galwidget.science.compression import compress  # noqa: PLC0415

    columns = None if options.columns is None else [name for name in options.columns.split(",") if name]
    parts = (read(path) for path in options.samples)
    written = compress(
        load(options.model), parts, options.out, residual=options.residual, step=options.step, columns=columns, overwrite=True
    )
    sys.stdout.write(f"{options.out}: {written!r}\n")


def _decompress(options: argparse.Namespace) -> None:
    from galwidget.galaxy_model import load  # noqa: PLC0415 (only what a command needs)
    from galwidget.science.compression import decompress  # noqa: PLC0415

    rows = None
    if options.rows is not None:
        first, colon, end = options.rows.partition(":")
        if not colon or not all(part.isdecimal() for part in (first, end) if part):
            raise ValueError(f"--rows is {options.rows!r}; give FIRST:END, as in 0:1000")
        rows = slice(int(first or 0), int(end) if end else None)
    galaxies = decompress(options.compressed, load(options.model), rows=rows)
    galaxies.write(options.out, overwrite=True)
    sys.stdout.write(f"{options.out}: {galaxies!r}\n")
