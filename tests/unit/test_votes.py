"""Pictures that are no flux, and their voters: what is learnt from votes, kept, searched by, and refused."""

import warnings

import numpy as np
import pytest
from astropy.table import Table
from PIL import Image

import galwidget as gw
from galwidget.cli import main
from galwidget.io.pictures import read_pictures
from galwidget.science import structure as module
from galwidget.science.index import Index
from galwidget.science.structure import StructureVotes, structure
from galwidget.science.votes import QUESTIONS, Voters, fit_votes, galaxy_zoo_votes

warnings.filterwarnings("ignore", module="lightning")
GALAXY_ZOO = ("t01_smooth_or_features_a01_smooth", "t01_smooth_or_features_a02_features_or_disk", "t02_edgeon_a04_yes", "t02_edgeon_a05_no",
              "t04_spiral_a08_spiral", "t06_odd_a14_yes", "t08_odd_feature_a24_merger")  # fmt: skip


@pytest.fixture(scope="module")
def drawn():
    """Pictures of Gaussians, half of them edge-on, on a grey sky."""
    random = np.random.default_rng(0)
    y, x = np.mgrid[-15.5:16, -15.5:16]
    flat = random.random(96) < 0.5
    angle = random.uniform(0, np.pi, 96)[:, None, None]
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    light = 0.7 * np.exp(-0.5 * ((along / 5) ** 2 + (across / np.where(flat, 1.5, 4)[:, None, None]) ** 2))
    levels = light[..., None] * [1.0, 0.8, 0.6] + 0.1 + random.normal(0, 0.01, (96, 32, 32, 3))
    return (255 * levels.clip(0, 1)).round().astype(np.uint8), flat


@pytest.fixture(scope="module")
def folder(drawn, tmp_path_factory):
    place = tmp_path_factory.mktemp("pictures")
    for number, pixels in enumerate(drawn[0]):
        Image.fromarray(pixels).save(place / f"{number:03d}.png")
    return place


@pytest.fixture(scope="module")
def pictures(folder):
    return read_pictures(folder, side=32)


def test_pictures_are_read_less_their_sky_blue_first(pictures, drawn):
    assert pictures.survey.band_names == ("B", "G", "R")
    assert list(pictures.table["name"][:2]) == ["000", "001"]
    middle = pictures.flux[:, :, 15:17, 15:17].mean((0, 2, 3))
    assert middle[0] < middle[1] < middle[2]
    assert np.abs(pictures.flux[..., :2, :2]).mean() < 0.02
    np.testing.assert_allclose(
        pictures.flux[3, 2] - pictures.flux[3, 2, 0, 0], (drawn[0][3, ..., 0] - float(drawn[0][3, 0, 0, 0])) / 255, atol=1e-6
    )


def test_binning_and_cropping_keep_the_middle(folder, pictures):
    small = read_pictures(folder, ["007"], crop=32, side=16)
    whole = pictures.flux[7].reshape(3, 16, 2, 16, 2).mean((2, 4))
    np.testing.assert_allclose(small.flux[0] - small.flux[0, :, :1, :1], whole - whole[:, :1, :1], atol=1e-6)


def test_pictures_that_are_not_there_or_too_small_are_named(folder, tmp_path):
    with pytest.raises(FileNotFoundError, match="no picture 'x'"):
        read_pictures(folder, ["x"])
    with pytest.raises(ValueError, match="crop is 48"):
        read_pictures(folder, crop=48, side=16)
    with pytest.raises(ValueError, match="holds no picture"):
        read_pictures(tmp_path)


def test_levels_of_a_display_are_never_taken_for_flux(pictures, gri):
    with pytest.raises(ValueError, match="to those of pictures"):
        pictures + gw.Galaxies(np.ones((1, 3, 32, 32)), survey=gri)
    with pytest.raises(ValueError, match="the galaxies are of pictures"):
        gw.classify(gw.load(), pictures, progress=False)


def test_turned_pictures_have_the_same_structure(pictures):
    flux, ivar = (np.rot90(part, 1, (-2, -1))[..., ::-1] for part in (pictures.flux[:12], pictures.ivar[:12]))
    turned = gw.Galaxies(flux.copy(), ivar.copy(), survey=pictures.survey)
    before, after = structure(pictures[:12]), structure(turned)
    width = np.nanstd(structure(pictures), 0)
    assert np.nanmedian(np.abs(before - after) / np.maximum(width, 1e-6)) < 0.01


@pytest.fixture(scope="module")
def voters(pictures, drawn):
    votes = np.where(drawn[1], 0.9, 0.2)[:, None]
    return fit_votes(pictures[:64], votes[:64], questions=("edge-on",), epochs=15, progress=False)


def test_votes_are_learnt_and_no_turn_changes_the_answer(voters, pictures, drawn):
    said = voters(pictures[64:])
    assert np.corrcoef(said[:, 0], drawn[1][64:])[0, 1] > 0.8
    flux, ivar = (part[64:, :, :, ::-1].copy() for part in (pictures.flux, pictures.ivar))
    np.testing.assert_allclose(voters(gw.Galaxies(flux, ivar, survey=pictures.survey)), said, atol=0.02)
    with pytest.raises(ValueError, match="the voters saw 32 of pictures"):
        voters(read_pictures_of_another_size(pictures))


def test_a_picture_gets_the_same_answer_alone_and_in_any_batch(voters, pictures, monkeypatch):
    together = voters(pictures[:9])
    monkeypatch.setattr("galwidget.science.votes._AT_ONCE", 4)
    told = []
    np.testing.assert_allclose(voters(pictures[:9], progress=lambda *how_far: told.append(how_far)), together, atol=1e-5)
    assert told == [("asking voters", ready, 9) for ready in (0, 4, 8, 9)]
    np.testing.assert_allclose(voters(pictures[4])[0], together[4], atol=1e-5)


def test_what_the_regression_says_of_a_picture_does_not_know_its_own_votes():
    """Leave-one-out in closed form is what comes out when each picture is left out in turn."""
    random = np.random.default_rng(0)
    numbers = random.normal(size=(40, 3))
    votes = 1 / (1 + np.exp(-numbers[:, :1] + random.normal(0, 0.3, (40, 1))))
    numbers[3, 1] = np.nan
    regression, others = StructureVotes.fit(numbers, votes)
    for row in range(40):
        rest = np.arange(40) != row
        covariance = module._kernel(regression.known[rest], regression.known[rest]) + module._NOISE * np.eye(39)
        weights = np.linalg.solve(covariance, votes[rest] - regression.usual)
        alone = StructureVotes(regression.knots, regression.known[rest], weights, regression.usual)
        np.testing.assert_allclose(others[row], alone(numbers[row : row + 1])[0], rtol=1e-6)
    assert np.abs(regression(numbers) - others).max() > 0.1


def test_voters_come_back_from_a_folder_and_damaged_ones_are_refused(voters, pictures, tmp_path):
    voters.save(tmp_path)
    again = Voters.load(tmp_path)
    np.testing.assert_array_equal(again(pictures[:5]), voters(pictures[:5]))
    assert again.fingerprint == voters.fingerprint
    numbers = (tmp_path / "voters.safetensors").read_bytes()
    (tmp_path / "voters.safetensors").write_bytes(numbers[:-100])
    with pytest.raises(ValueError, match="are damaged"):
        Voters.load(tmp_path)
    (tmp_path / "voters.json").write_text('{"format": 99}')
    with pytest.raises(ValueError, match="install a newer galwidget"):
        Voters.load(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"voters\.json is missing"):
        Voters.load(tmp_path / "none")


@pytest.fixture(scope="module")
def of_pictures(pictures):
    """A model of a moment: it knows the survey, and no more is asked of it."""
    return gw.fit(pictures.with_table(None), epochs=1, latent_size=4, prior_epochs=0, progress=False)


def test_neighbours_by_voters_are_those_of_whom_they_say_the_same(of_pictures, voters, pictures, drawn, tmp_path, monkeypatch):
    monkeypatch.setattr("galwidget.science.metric._DRAWN", 16)
    bare = pictures[64:].with_table(None)
    found = gw.nearest(of_pictures, bare[:8], bare, k=6, by="kind", voters=voters, progress=False)
    said = voters(bare)
    np.testing.assert_allclose(found.distance, np.abs(said[found.index, 0] - said[:8]), atol=2e-3)  # half floats
    assert np.mean(drawn[1][64:][found.index] == drawn[1][64:72, None]) > 0.9

    index = Index.build(of_pictures, bare[:20], voters=voters, progress=False)
    index.add(of_pictures, bare[20:], progress=False)
    index.save(tmp_path)
    again = Index.load(tmp_path, voters)
    np.testing.assert_array_equal(gw.nearest(of_pictures, bare[:8], again, k=6, by="kind").index, found.index)
    drawn_again = gw.nearest(of_pictures, of_pictures.encode(bare[:2]), again, k=3, by="kind")  # voters look at what the model draws
    assert drawn_again.index.shape == (2, 3)


def test_an_index_of_voters_is_refused_without_them_and_with_others(of_pictures, voters, pictures, tmp_path, monkeypatch):
    monkeypatch.setattr("galwidget.science.metric._DRAWN", 16)
    bare = pictures[:6].with_table(None)
    Index.build(of_pictures, bare, voters=voters, progress=False).save(tmp_path / "voted")
    Index.build(of_pictures, bare, progress=False).save(tmp_path / "plain")
    alone = Index.load(tmp_path / "voted")
    assert gw.nearest(of_pictures, bare[:1], alone, k=1).index[0, 0] == 0
    with pytest.raises(ValueError, match=r"read it with them: Index\.load"):
        gw.nearest(of_pictures, bare[:1], alone, k=1, by="kind")
    with pytest.raises(ValueError, match="built with no voters"):
        Index.load(tmp_path / "plain", voters)
    with pytest.raises(ValueError, match="leave voters out"):
        gw.nearest(of_pictures, bare[:1], alone, k=1, voters=voters)


def test_the_command_line_learns_votes_and_asks_voters(folder, tmp_path, capsys):
    table = Table({"asset_id": [f"{number:03d}" for number in range(64)]})
    for name in GALAXY_ZOO:
        table[f"{name}_weighted_fraction"] = np.linspace(0, 1, 64)
    table.write(tmp_path / "votes.ecsv")
    arguments = ["votes", str(folder), str(tmp_path / "said.ecsv"), "--voters", str(tmp_path / "voters"), "--side", "32"]
    assert main([*arguments, "--learn", str(tmp_path / "votes.ecsv")]) == 0
    one = Table.read(tmp_path / "said.ecsv")
    assert one.colnames == ["name", "smooth", "edge_on", "spiral_arms", "merger"]
    assert len(one) == 96
    assert main(arguments) == 0
    np.testing.assert_array_equal(Table.read(tmp_path / "said.ecsv")["smooth"], one["smooth"])
    assert main([*arguments[:3], "--voters", str(tmp_path), "--side", "32"]) == 2
    assert "voters.json is missing" in capsys.readouterr().err


def read_pictures_of_another_size(pictures):
    return gw.Galaxies(pictures.flux[:, :, ::2, ::2].copy(), survey=pictures.survey)


def test_votes_that_do_not_fit_the_pictures_are_refused(pictures):
    with pytest.raises(ValueError, match="votes has shape"):
        fit_votes(pictures, np.zeros((5, 4)), progress=False)
    with pytest.raises(ValueError, match="at least 32"):
        fit_votes(pictures[:8], np.zeros((8, 4)), progress=False)


def test_a_question_put_to_some_counts_for_all_voters():
    table = Table(
        {f"{name}_weighted_fraction": [value] for name, value in zip(GALAXY_ZOO, (0.3, 0.6, 0.25, 0.75, 0.8, 0.5, 0.2), strict=True)}
    )
    assert dict(zip(QUESTIONS, galaxy_zoo_votes(table)[0], strict=True)) == pytest.approx(
        {"smooth": 0.3, "edge-on": 0.15, "spiral arms": 0.36, "merger": 0.1}
    )


def test_galaxy_zoo_is_read_with_its_votes(data):
    votes = Table.read(data / "galaxyzoo2" / "votes.csv")[:20]
    thumbnails = read_pictures(data / "galaxyzoo2" / "thumbs", votes["asset_id"], crop=128)
    assert thumbnails.flux.shape == (20, 3, 64, 64)
    shares = galaxy_zoo_votes(votes)
    assert ((shares >= 0) & (shares <= 1)).all()
    middle = thumbnails.flux[:, :, 28:36, 28:36].mean((1, 2, 3))
    assert (middle > 5 * np.abs(thumbnails.flux[:, :, :4].mean((1, 2, 3)))).mean() > 0.9
