"""Entries in a crontab: what cron and the shell make of them, and what becomes of the other lines."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.output import OutputFolder
from pipeline.schedules.cron_expressions import check_cron
from pipeline.schedules.crontab import LONGEST_LINE, entry, installed_entry, with_entry, without_entry
from pipeline.schedules.schedule import Schedule
from schema.errors import ConfigurationError, ScheduleError

NAME, LINE = "breast-imaging-retrain-busi-0123abcd", "0 2 * * 0 cd / && exec true"
SHOW = "import sys; sys.stderr.write(repr(sys.argv[1:]))"
WORDS = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E, exclude_characters="\\"), max_size=12)
LINES = st.lists(st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), max_size=20), max_size=6)


def scheduled(folder: Path, *words: str) -> Schedule:
    return Schedule(NAME, (sys.executable, "-c", SHOW, *words), folder, folder, OutputFolder(folder))


def unescaped(command: str, keeps_backslash: bool) -> str:
    """What cron gives to the shell; fails where it would give it standard input."""
    assert not re.search(r"(?<!\\)%", command)
    return command if keeps_backslash else command.replace(r"\%", "%")


@pytest.mark.parametrize("keeps_backslash", [False, True], ids=["cronie", "older crons"])
@settings(max_examples=15)
@given(words=st.lists(WORDS, max_size=4), folder_name=WORDS.filter(lambda name: name.strip(".") and "/" not in name))
def test_the_program_gets_its_words(
    keeps_backslash: bool, words: list[str], folder_name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("cron") / folder_name
    (folder / "logs").mkdir(parents=True)
    line = entry(scheduled(folder, *words), "0 2 * * 0")

    times, command = line[:9], line[10:]
    assert times == "0 2 * * 0"
    subprocess.run(["/bin/sh", "-c", unescaped(command, keeps_backslash)], cwd="/", check=True)
    assert (folder / "logs" / "schedule.log").read_text() == repr(words)


def test_what_crons_do_not_agree_on_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="holds a backslash"):
        entry(scheduled(tmp_path, "a\\b"), "0 2 * * 0")
    room = LONGEST_LINE - len(entry(scheduled(tmp_path, "a"), "0 2 * * 0"))
    assert len(entry(scheduled(tmp_path, "a" * (room + 1)), "0 2 * * 0")) == LONGEST_LINE
    with pytest.raises(ConfigurationError, match="more than 998 bytes"):
        entry(scheduled(tmp_path, "a" * (room + 2)), "0 2 * * 0")


@given(LINES, LINES)
def test_other_lines_stay_as_they_are(before: list[str], after: list[str]) -> None:
    others = "".join(f"{line}\n" for line in [*before, *after])
    head, tail = ("".join(f"{line}\n" for line in lines) for lines in (before, after))
    installed = with_entry(others, NAME, LINE)

    assert installed.startswith(others)
    assert installed.count(LINE) == 1
    assert without_entry(installed, NAME) == others
    assert with_entry(installed, NAME, LINE) == installed
    # Wherever the owner of the crontab moved it.
    block = installed_entry(installed, NAME)
    assert without_entry(head + block + tail, NAME) == others
    assert with_entry(head + block + tail, NAME, "1 1 1 1 1 true").startswith(others)


def test_a_last_line_without_an_end_gets_one() -> None:
    assert with_entry("MAILTO=me", NAME, LINE).splitlines()[0] == "MAILTO=me"


def test_two_schedules_are_apart() -> None:
    other = NAME[:-1] + "e"
    both = with_entry(with_entry("", NAME, LINE), other, "1 1 1 1 1 false")

    assert without_entry(both, NAME) == with_entry("", other, "1 1 1 1 1 false")
    assert installed_entry(both, NAME) == with_entry("", NAME, LINE)
    assert installed_entry(both, NAME + "f") == ""


@pytest.mark.parametrize("lost", [0, 2])
def test_a_crontab_with_one_mark_is_left_alone(lost: int) -> None:
    lines = with_entry("", NAME, LINE).splitlines()
    del lines[lost]
    with pytest.raises(ScheduleError, match="not one beginning and one end"):
        with_entry("\n".join(lines), NAME, LINE)


@pytest.mark.parametrize(
    "expression",
    [
        "0 2 * * 0",
        "*/15 0-6 1,15 jan-mar MON",
        "0 3 29 2 *",
        "5-59/10 * * * 7",
        "0 0 31 2 1",
        "59 23 31 12 sun,wed-fri",
    ],
)
def test_times_that_cron_knows(expression: str) -> None:
    assert check_cron(expression) == expression
    assert check_cron(f" {expression.replace(' ', '  ')}\t") == expression


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("0 2 * *", "it has 4 fields, and needs 5"),
        ("0 0 2 * * 0", "it has 6 fields, and needs 5"),
        ("@weekly", "it has 1 fields, and needs 5"),
        ("60 2 * * 0", "'60' is no minute (0 to 59)"),
        ("0 24 * * 0", "'24' is no hour (0 to 23)"),
        ("0 2 0 * 0", "'0' is no day of the month (1 to 31)"),
        ("0 2 * 13 0", "'13' is no month (1 to 12)"),
        ("0 2 * * 8", "'8' is no weekday (0 to 7)"),
        ("0 2 * * son", "'son' is no weekday (0 to 7)"),
        ("5-1 2 * * 0", "'5-1' is no range of minutes"),
        ("*/0 2 * * 0", "'*/0' is no range of minutes"),
        ("5/10 2 * * 0", "'5/10' is no range of minutes"),
        ("*-5 2 * * 0", "'*-5' is no minute"),
        ("1, 2 * * 0", "'' is no minute"),
        ("-1 2 * * 0", "'-1' is no minute"),
        ("0 0 31 2,4 *", "no year has such a day"),
        ("0 2 * * 0; rm", "it has 6 fields"),
        ("0 2 * * %", "'%' is no weekday"),
    ],
)
def test_times_that_cron_does_not_know(expression: str, reason: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        check_cron(expression)
    assert reason in caught.value.what
    assert repr(expression) in caught.value.what
