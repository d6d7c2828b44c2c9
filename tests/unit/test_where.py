"""Rows by a condition in words: what it says, and nothing else, is done."""

import numpy as np
import pytest
from astropy import units as u
from astropy.table import MaskedColumn, QTable

from galwidget.where import where

TABLE = QTable(
    {
        "mag_r": [18.5, 20.1, np.nan, 17.0] * u.mag,
        "g_r": [0.7, 0.3, 0.9, 0.5],
        "morphology": ["E", "Sc", "Im", "E"],
        "redshift": MaskedColumn([0.1, 0.2, 0.3, 0.4], mask=[False, False, False, True]),
        "flag": [True, False, True, False],
    }
)


@pytest.mark.parametrize(
    ("condition", "rows"),
    [
        ("mag_r < 19", [0, 3]),
        ("18 < mag_r <= 20.1", [0, 1]),
        ("mag_r < 19 and g_r > 0.6", [0]),
        ("(mag_r < 18) | (g_r > 0.8)", [2, 3]),
        ("not mag_r < 19", [1, 2]),
        ("mag_r != 17", [0, 1, 2]),
        ('morphology == "E"', [0, 3]),
        ('morphology in ("Sc", "Im")', [1, 2]),
        ('morphology not in ["Sc", "Im"] and g_r < 0.6', [3]),
        ("redshift > 0", [0, 1, 2]),
        ("mag_r - 2 * g_r < 17", [3]),
        ("-abs(g_r - 0.5) >= 0", [3]),
        ("log10(10 ** g_r) > 0.6", [0, 2]),
        ("flag and isfinite(mag_r)", [0]),
        ("9 ** 9 ** 9 > g_r", [0, 1, 2, 3]),
    ],
)
def test_rows_are_those_that_fulfil_it(condition, rows):
    assert np.flatnonzero(where(TABLE, condition)).tolist() == rows


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("", "empty"),
        ("g_r " * 200, "longer than"),
        ("mag_r <", "cannot read"),
        ("mag_r", "a value, not true or false"),
        ("size > 1", "there are mag_r, g_r"),
        ("mag_r < 19 & g_r > 0.6", "join comparisons by and"),
        ("morphology < 3", "cannot be compared"),
        ("morphology + g_r > 3", "no number"),
        ("morphology in g_r", "no list of values"),
        ("g_r is 3", "cannot compare"),
        ("__import__('os').getcwd() == 'x'", "cannot read"),
        ("g_r.__class__ == 1", "cannot read"),
        ("[x for x in (1, 2)] == g_r", "cannot read"),
        ("(lambda: 1)() > g_r", "cannot read"),
    ],
)
def test_what_cannot_be_read_is_refused_in_words(condition, words):
    with pytest.raises(ValueError, match=words):
        where(TABLE, condition)
