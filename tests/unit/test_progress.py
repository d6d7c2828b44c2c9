"""Progress: a bar, or a function of the caller's own, which may stop the work or say that a part of it will do."""

import pytest

from galwidget.progress import EnoughError, steps


def counted(progress, n=5, *, partial=False):
    done = 0
    with steps(progress, "counting", n, partial=partial) as tell:
        for _ in range(n):
            done += 1
            tell(1)
    return done


def test_function_is_told_what_is_done_how_much_is_ready_and_of_how_much():
    told = []
    assert counted(lambda *report: told.append(report)) == 5
    assert told == [("counting", ready, 5) for ready in range(6)]


def test_bar_is_drawn_where_it_is_asked_for(capsys):
    assert counted(False) == 5
    assert capsys.readouterr().err == ""
    assert counted(True) == 5
    assert "counting: 100%" in capsys.readouterr().err


class SaidError(Exception):
    pass


@pytest.mark.parametrize("partial", [False, True])
def test_what_the_function_raises_ends_the_work(partial):
    def progress(_, ready, __):
        if ready == 2:
            raise SaidError

    with pytest.raises(SaidError):
        counted(progress, partial=partial)


def test_enough_keeps_a_part_only_of_work_that_is_of_use_in_part():
    def progress(*_):
        raise EnoughError

    assert counted(progress, partial=True) == 1  # nothing is of no use
    with pytest.raises(EnoughError):
        counted(progress)
