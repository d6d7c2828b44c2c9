"""Compression: what comes back, to what error, in how many bytes, and that no damaged or foreign file gets through."""

import warnings

import numpy as np
import pytest
from astropy.table import QTable
from astropy.time import Time

import galwidget as gw
from galwidget.cli import main
from galwidget.science import compression
from galwidget.science.codec.container import Reader, Writer
from galwidget.science.codec.entropy import Decoder, Encoder
from galwidget.science.codec.pixels import PIXEL_STEP, decode_mask, encode_mask
from galwidget.science.codec.psfs import TOLERANCE
from galwidget.science.codec.tables import decode_table, encode_table

warnings.filterwarnings("ignore", module="lightning")


@pytest.fixture(scope="module")
def sample():
    return gw.simulate(48, "KiDS", seed=3, stamp=32, bands=["g", "r"], mag_limit=20, flatten=1, progress=False)


def trained(sample, seed):
    return gw.fit(sample, epochs=2, latent_size=6, prior_epochs=1, progress=False, seed=seed)


@pytest.fixture(scope="module")
def model(sample):
    return trained(sample, 1)


@pytest.fixture(scope="module")
def written(model, sample, tmp_path_factory):
    """A file with a residual."""
    path = tmp_path_factory.mktemp("compressed") / "sample.gwz"
    gw.compress(model, sample, path, residual=0.5, progress=False)
    return path


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(compression, "BLOCK", 16)


def off(galaxies, original):
    """By how many sigma the pixels differ that are not masked."""
    good = original.ivar > 0
    return (np.abs(galaxies.flux.astype(float) - original.flux) * np.sqrt(original.ivar))[good]


@pytest.mark.parametrize("quantum", [0.25, 1.0, 4.0])
def test_with_a_residual_every_pixel_is_within_half_a_quantum_of_its_noise(model, sample, tmp_path, quantum):
    gw.compress(model, sample, tmp_path / "a", residual=quantum, progress=False)
    error = off(gw.decompress(tmp_path / "a", model, progress=False), sample)
    assert error.max() <= quantum / 2 * 1.0001
    assert error.max() > quantum / 4


def test_the_bound_holds_for_masked_saturated_and_unevenly_deep_images(model, sample, tmp_path):
    rng = np.random.default_rng(0)
    flux, ivar = sample.flux.copy(), sample.ivar * rng.uniform(0.3, 3, sample.ivar.shape).astype(np.float32)
    flux[3, :, 10:14, 5] = 3e7
    ivar[5, 0] = 0
    ivar[6, :, :9, 20:] = 0
    hard = gw.Galaxies(flux, ivar, sample.psf, survey=sample.survey)
    gw.compress(model, hard, tmp_path / "a", residual=1.0, progress=False)
    again = gw.decompress(tmp_path / "a", model, progress=False)
    # 3e7 nJy are known in single precision to 1 nJy
    assert off(again, hard).max() <= 0.5 + 2 * np.sqrt(ivar.max())
    assert np.array_equal(again.ivar == 0, hard.ivar == 0)
    ratio = (again.ivar / hard.ivar)[ivar > 0]
    assert ratio.min() > 0.9999
    assert ratio.max() < np.exp(PIXEL_STEP) * 1.0001


def test_without_a_residual_a_galaxy_is_what_the_model_sees(model, sample, tmp_path):
    size = gw.compress(model, sample, tmp_path / "a", step=1e-3, columns=[], progress=False)
    again = gw.decompress(tmp_path / "a", model, progress=False)
    seen = model.reconstruct(sample)
    assert np.abs((again.flux - seen.flux) * np.sqrt(sample.ivar)).max() < 0.05 * np.abs(seen.flux * np.sqrt(sample.ivar)).max()
    assert np.median(np.abs(np.log(again.ivar / sample.ivar))) < 0.02
    assert size.bytes == (tmp_path / "a").stat().st_size == sum(size.parts.values())
    assert 20 * size.parts["numbers"] < sample.flux.nbytes


def test_the_latent_is_within_half_a_step_of_its_width(model, sample, tmp_path):
    for step in (0.1, 1.0):
        gw.compress(model, sample, tmp_path / "a", step=step, overwrite=True, progress=False)
        latent, stored = model.encode(sample), gw.stored_latents(tmp_path / "a", model)
        assert np.abs((stored.mean - latent.mean) / stored.std).max() <= step / 2 * 1.001
        assert np.median(np.abs(np.log(stored.std / latent.std))) < 0.3


def test_a_finer_step_costs_more_bits(model, sample, tmp_path):
    numbers = [
        gw.compress(model, sample, tmp_path / "a", step=step, overwrite=True, progress=False).parts["numbers"] for step in (0.1, 0.5, 2.0)
    ]
    assert numbers == sorted(numbers, reverse=True)
    assert numbers[0] > numbers[2]


def test_attributes_units_and_masks_come_back_to_the_bit(galaxies):
    table = galaxies.table
    table.meta["origin"] = "a field"
    again = decode_table(encode_table(table))
    assert galaxies.with_table(again) == galaxies
    assert again.meta["origin"] == "a field"


def test_a_column_of_objects_is_refused_by_name():
    with pytest.raises(ValueError, match="'seen'"):
        encode_table(QTable({"seen": Time([2000.0], format="jyear")}))


def test_the_table_comes_back_or_only_the_columns_asked_for(model, sample, written, tmp_path):
    again = gw.decompress(written, model, progress=False)
    assert again == gw.Galaxies(again.flux, again.ivar, again.psf, sample.table, survey=sample.survey)
    gw.compress(model, sample, tmp_path / "a", columns=["redshift"], progress=False)
    assert gw.decompress(tmp_path / "a", model, progress=False).table.colnames == ["redshift"]
    with pytest.raises(ValueError, match="no column 'colour'"):
        gw.compress(model, sample, tmp_path / "b", columns=["colour"], progress=False)
    assert not list(tmp_path.glob("*b*"))


def test_which_columns_are_kept_does_not_change_the_latents(model, sample, tmp_path):
    gw.compress(model, sample, tmp_path / "a", columns=[], progress=False)
    gw.compress(model, sample, tmp_path / "b", progress=False)
    assert gw.stored_latents(tmp_path / "a", model) == gw.stored_latents(tmp_path / "b", model)


def test_psfs_come_back_to_the_tolerance_and_a_shared_one_to_the_bit(model, sample, tmp_path):
    assert sample.psf.ndim == 4
    odd = sample.psf.copy()
    odd[7] = np.roll(odd[7], 3, -1)  # no sum of the others' components
    for psf in (sample.psf, odd):
        own = gw.Galaxies(sample.flux, sample.ivar, psf, survey=sample.survey)
        gw.compress(model, own, tmp_path / "a", overwrite=True, progress=False)
        again = gw.decompress(tmp_path / "a", model, progress=False)
        assert own.psf.ndim == again.psf.ndim == 4
        assert (np.abs(again.psf - psf).max((2, 3)) / psf.max((2, 3))).max() <= TOLERANCE
    for psf in (sample.psf[0], np.stack([sample.psf[0]] * len(sample))):
        shared = gw.Galaxies(sample.flux, sample.ivar, psf, survey=sample.survey)
        written = gw.compress(model, shared, tmp_path / "a", overwrite=True, progress=False)
        assert np.array_equal(gw.decompress(tmp_path / "a", model, progress=False).psfs, shared.psfs)
        assert written.parts["psf"] == 1


@pytest.mark.usefixtures("small_blocks")
def test_the_same_galaxies_give_the_same_bytes_in_any_parts(model, sample, tmp_path):
    cuts = [sample], [sample[:5], sample[5:6], sample[6:40], sample[40:]], (galaxy for galaxy in sample)
    for name, parts in zip("abc", cuts, strict=True):
        gw.compress(model, parts, tmp_path / name, residual=1.0, progress=False)
    first = (tmp_path / "a").read_bytes()
    assert all((tmp_path / name).read_bytes() == first for name in "bc")


@pytest.mark.usefixtures("small_blocks")
def test_rows_and_blocks_are_those_of_the_whole(model, sample, tmp_path):
    path = tmp_path / "a"
    gw.compress(model, sample, path, residual=1.0, progress=False)
    whole = gw.decompress(path, model, progress=False)
    blocks = list(gw.decompress_blocks(path, model))
    assert [len(block) for block in blocks] == [16, 16, 16]
    assert gw.Galaxies.concatenate(blocks) == whole
    for rows in (slice(14, 19), [40, 2, 2], -1, slice(0, 0)):
        assert gw.decompress(path, model, rows=rows, progress=False) == whole[rows]
    with pytest.raises(IndexError, match=r"galaxy 48 .* 48"):
        gw.decompress(path, model, rows=48, progress=False)


@pytest.mark.usefixtures("small_blocks")
def test_later_galaxies_unlike_the_first_are_kept_as_well(model, sample, tmp_path):
    shared = gw.Galaxies(sample.flux[:16], sample.ivar[:16], sample.psf[0], survey=sample.survey)
    faint = gw.Galaxies(sample.flux[16:] * 1e-3, sample.ivar[16:] * 50, sample.psf[16:], survey=sample.survey)
    compression_of = [shared, faint]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compression, "SAMPLED", 1)
        gw.compress(model, compression_of, tmp_path / "a", residual=1.0, progress=False)
    again = gw.decompress(tmp_path / "a", model, progress=False)
    assert off(again, shared + faint).max() <= 0.5001
    assert np.abs(again.psfs[16:] - faint.psf).max() <= TOLERANCE * faint.psf.max()


def test_one_galaxy_is_enough(model, sample, tmp_path):
    gw.compress(model, sample[0], tmp_path / "a", residual=1.0, progress=False)
    assert off(gw.decompress(tmp_path / "a", model, progress=False), sample[0]).max() <= 0.5001


def test_any_changed_byte_is_noticed(model, written, tmp_path):
    data = written.read_bytes()
    places = np.unique([*range(60), *np.random.default_rng(0).integers(0, len(data), 60), *range(len(data) - 60, len(data))])
    bad = tmp_path / "bad"
    for place in places:
        bad.write_bytes(data[:place] + bytes([data[place] ^ 0x11]) + data[place + 1 :])
        with pytest.raises(ValueError, match=r"damaged|not a compressed sample|layout"):
            gw.decompress(bad, model, progress=False)


def test_a_file_cut_short_is_noticed(model, written, tmp_path):
    data = written.read_bytes()
    for length in (0, 5, 9, 200, len(data) // 2, len(data) - 1):
        (tmp_path / "cut").write_bytes(data[:length])
        with pytest.raises(ValueError, match=r"cut short|not a compressed sample|layout"):
            gw.decompress(tmp_path / "cut", model, progress=False)


def test_a_foreign_or_newer_file_is_refused(written, tmp_path):
    (tmp_path / "png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    with pytest.raises(ValueError, match="not a compressed sample"):
        Reader(tmp_path / "png")
    data = bytearray(written.read_bytes())
    data[8] = 99
    (tmp_path / "newer").write_bytes(data)
    with pytest.raises(ValueError, match=r"layout 99.*newer galwidget"):
        Reader(tmp_path / "newer")


def test_another_model_is_refused_with_the_remedy(sample, written):
    with pytest.raises(ValueError, match=r"another one.*galwidget\.load"):
        gw.decompress(written, trained(sample, 2), progress=False)


def test_what_cannot_be_compressed_is_refused(model, sample, tmp_path):
    path = tmp_path / "a"
    with pytest.raises(ValueError, match="no images"):
        gw.compress(model, gw.Galaxies(table=sample.table, survey=sample.survey), path, progress=False)
    with pytest.raises(ValueError, match="no galaxy"):
        gw.compress(model, sample[:0], path, progress=False)
    with pytest.raises(ValueError, match="observe"):
        gw.compress(model, gw.simulate(1, "LSST", seed=1, bands=["g", "r", "i"], stamp=32, progress=False), path, progress=False)
    with pytest.raises(ValueError, match="residual is 0"):
        gw.compress(model, sample, path, residual=0.0, progress=False)
    assert not list(tmp_path.iterdir())


def test_a_file_is_not_replaced_unasked_nor_left_half_written(model, sample, written, tmp_path):
    with pytest.raises(FileExistsError, match="overwrite=True"):
        gw.compress(model, sample, written, progress=False)
    with pytest.raises(RuntimeError, match="a full disk"), Writer(tmp_path / "half"):
        raise RuntimeError("a full disk")
    assert not list(tmp_path.iterdir())


def test_the_coder_gives_back_integers_of_any_size_near_what_they_are_worth():
    rng = np.random.default_rng(0)
    std = rng.uniform(0.01, 30, 20_000)
    values = np.round(rng.normal(0, std)).astype(np.int64)
    values[:6] = [4095, -4095, 4096, 2**40, -(2**40), 4094]
    encoder = Encoder()
    encoder.integers(values, std)
    encoder.alike(values, 20.0)
    encoder.classes(np.zeros(5, int), np.array([5]))
    data = encoder.to_bytes()
    decoder = Decoder(data)
    assert np.array_equal(decoder.integers(std), values)
    assert np.array_equal(decoder.alike(len(values), 20.0), values)
    assert np.array_equal(decoder.classes(5, np.array([5])), np.zeros(5))
    encoder = Encoder()
    encoder.integers(np.round(rng.normal(0, 10, 20_000)), np.full(20_000, 10.0))
    assert 8 * len(encoder.to_bytes()) / 20_000 == pytest.approx(np.log2(10 * np.sqrt(2 * np.pi * np.e)), abs=0.02)


def test_masks_come_back(galaxies):
    masked = galaxies.ivar == 0
    assert np.array_equal(decode_mask(encode_mask(masked), masked.shape), masked)
    assert encode_mask(np.zeros_like(masked)) == b""


def test_the_command_line_compresses_and_decompresses(model, sample, tmp_path):
    model.save(tmp_path / "model")
    sample[:3].write(tmp_path / "a.fits")
    sample[3:8].write(tmp_path / "b.fits")
    names = [str(tmp_path / name) for name in ("a.fits", "b.fits", "c.gwz", "d.fits")]
    chosen = ["--model", str(tmp_path / "model")]
    assert main(["compress", *names[:3], *chosen, "--residual", "1", "--columns", "mag_r,redshift"]) == 0
    assert main(["decompress", *names[2:], *chosen, "--rows", "2:6"]) == 0
    again = gw.read(tmp_path / "d.fits")
    assert again.table.colnames == ["mag_r", "redshift"]
    assert off(again, sample[2:6]).max() <= 0.5001
    assert main(["decompress", *names[2:], *chosen, "--rows", "two"]) == 2
