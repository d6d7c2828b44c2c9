"""How many galaxies a second the simulator draws on one core: 5 bands of 64 x 64, with and without the measuring."""

import time

import pytest

import galwidget as gw

GALAXIES = 640


@pytest.mark.parametrize("measured", [False, True])
def test_a_hundred_galaxies_a_second(measured):
    options = {"survey": "KiDS", "measured": measured, "progress": False}
    gw.simulate(64, seed=0, **options)  # GalSim's look-up tables, once a process
    started, used = time.perf_counter(), time.process_time()
    gw.simulate(GALAXIES, seed=1, **options)
    wall, cpu = time.perf_counter() - started, time.process_time() - used
    what = "drawn and measured" if measured else "drawn"
    print(f"\n{what}: {GALAXIES / wall:.0f} galaxies/s ({1e3 * cpu / GALAXIES:.1f} ms of CPU a galaxy)")
    assert GALAXIES / cpu >= 100
