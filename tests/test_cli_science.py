"""The science tools on the command line say what they say in Python, of files; bad input is one line and exit code 2."""

import numpy as np
import pytest
from astropy.table import QTable

import galwidget as gw
from galwidget.cli import main
from galwidget.science import anomaly


@pytest.fixture(scope="module")
def galaxies():
    return gw.simulate(10, "KiDS", seed=5, progress=False)


@pytest.fixture(scope="module")
def folder(galaxies, tmp_path_factory):
    """A folder with ``in.fits``, and ``known.fits``: enough galaxies to learn from."""
    made = tmp_path_factory.mktemp("cli")
    galaxies.write(made / "in.fits")
    gw.simulate(160, "KiDS", seed=6, progress=False).write(made / "known.fits")
    return made


def run(folder, command, *arguments):
    """Run a command in a folder, files by their names there; the exit code."""
    return main([command, *(str(folder / part) if (part[0].isalpha() and "." in part) or part == "index" else part for part in arguments)])


def read_table(path):
    return QTable.read(path)


@pytest.mark.parametrize("ending", ["ecsv", "fits"])
def test_photoz_writes_its_table(folder, galaxies, ending, capsys):
    assert run(folder, "photoz", "in.fits", f"z.{ending}", "--using", "image") == 0
    expected = gw.photoz(gw.load(), galaxies, ["image"], progress=False).table
    found = read_table(folder / f"z.{ending}")
    assert found.colnames == expected.colnames
    np.testing.assert_allclose(found["z_median"], expected["z_median"], rtol=1e-3)
    assert "10 rows of z_mean" in capsys.readouterr().out


def test_nearest_searches_a_file_and_an_index_of_files(folder):
    assert run(folder, "nearest", "in.fits", "near.ecsv", "--catalogue", "known.fits", "-k", "3") == 0
    assert run(folder, "index", "known.fits", "in.fits", "index") == 0
    assert run(folder, "nearest", "in.fits", "again.ecsv", "--catalogue", "index", "-k", "3") == 0
    one, other = read_table(folder / "near.ecsv"), read_table(folder / "again.ecsv")
    assert len(one) == len(other) == 30
    # in the index, after the 160 of the catalogue, they are there themselves
    assert list(other["index"][other["rank"] == 1]) == list(range(160, 170))
    # and each other's neighbours; the rest of them is what the catalogue has
    rest = other[other["index"] < 160]
    nearest = [rest["index"][rest["query"] == query][0] for query in range(10)]
    assert nearest == list(one["index"][one["rank"] == 1])


def test_predict_writes_values_with_errors_and_types_with_probabilities(folder, galaxies):
    assert run(folder, "predict", "in.fits", "area.ecsv", "area", "--using", "image") == 0
    found, expected = read_table(folder / "area.ecsv"), gw.load().predict(galaxies, "area", ["image"])
    np.testing.assert_allclose(found["area"].value, expected.mean, rtol=1e-3)
    assert str(found["area_err"].unit) == "arcsec2"
    assert run(folder, "predict", "in.fits", "kind.csv", "morphology") == 0
    kinds = read_table(folder / "kind.csv")
    np.testing.assert_allclose(sum(kinds[name] for name in kinds.colnames[1:]), 1, rtol=1e-5)


def test_anomalies_and_classify_learn_from_a_file(folder):
    assert run(folder, "anomalies", "in.fits", "odd.ecsv", "--reference", "known.fits") == 0
    odd = read_table(folder / "odd.ecsv")
    assert odd.colnames[:3] == ["score", "p_value", "reason"]
    assert len(odd) == 10
    assert run(folder, "classify", "in.fits", "types.fits", "--reference", "known.fits") == 0
    assert set(read_table(folder / "types.fits")["best"].astype(str)) <= {"elliptical", "lenticular", "spiral", "irregular"}


def test_a_file_is_its_own_measure_of_what_is_normal(folder, monkeypatch):
    monkeypatch.setattr(anomaly, "_REFERENCE", 60)
    assert run(folder, "anomalies", "known.fits", "own.ecsv", "--reference", "own") == 0
    found = read_table(folder / "own.ecsv")
    np.testing.assert_allclose(found["score"], gw.anomalies(gw.load(), gw.read(folder / "known.fits"), reference="own").score, atol=1e-3)


def test_denoise_writes_galaxies_through_the_psf_asked_for(folder):
    assert run(folder, "denoise", "in.fits", "clean.fits", "--fwhm", "0.5") == 0
    clean = gw.read(folder / "clean.fits")
    assert clean.flux.shape == (10, 5, 64, 64)
    assert (clean.ivar > 0).all()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("photoz", "in.fits", "z.txt"), "give a name that ends in .ecsv"),
        (("photoz", "gone.fits", "gone.ecsv"), "gone.fits"),
        (("predict", "in.fits", "mass.ecsv", "mass"), "the model cannot predict 'mass'"),
        (("nearest", "in.fits", "n.ecsv", "--catalogue", "in.fits", "-k", "99"), "99"),
    ],
)
def test_bad_input_is_a_line_and_leaves_no_file(folder, arguments, words, capsys):
    assert run(folder, *arguments) == 2
    assert words in capsys.readouterr().err
    assert not (folder / arguments[2]).exists()
