"""Units of systemd: what systemd makes of them, and when it is asked to start them."""

import re
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.output import OutputFolder
from pipeline.schedules import calendar_events
from pipeline.schedules.calendar_events import check_event
from pipeline.schedules.schedule import Schedule
from pipeline.schedules.systemd import verify_units
from pipeline.schedules.units import system_service_unit, timer_unit, user_service_unit
from schema.errors import ConfigurationError

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not there")
WORDS = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=15)
FOLDERS = WORDS.filter(lambda name: name.strip(".") and not name.endswith((" ", "\\")) and "/" not in name)


def scheduled(folder: Path = Path("/srv/x"), program: str = "/bin/true", words: tuple[str, ...] = ()) -> Schedule:
    return Schedule("a-name", (program, *words), folder, folder / "data", OutputFolder(folder / "out"))


def settings_of(unit: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in unit.splitlines() if "=" in line and not line.startswith("#"))


def words_of(value: str) -> list[str]:
    """As systemd splits a line: quotes, backslashes, and `%%` for a percent sign."""
    words = re.findall(r'"((?:[^"\\]|\\.)*)"(?: |$)', value)
    assert sum(len(word) + 3 for word in words) == len(value) + 1
    return [re.sub(r"\\(.)", r"\1", word).replace("%%", "%") for word in words]


@given(st.lists(WORDS, max_size=4), FOLDERS)
def test_systemd_gets_the_words_and_paths(words: list[str], name: str) -> None:
    folder = Path("/srv") / name
    settings = settings_of(system_service_unit(scheduled(folder, words=tuple(words)), 24, "research"))

    assert settings["ExecStart"].startswith(":")
    assert words_of(settings["ExecStart"][1:]) == ["/bin/true", *words]
    assert settings["WorkingDirectory"].replace("%%", "%") == str(folder)
    assert words_of(settings["ReadWritePaths"]) == [str(folder / "out")]
    assert words_of(settings["RequiresMountsFor"]) == [str(folder / "data"), str(folder / "out")]
    single = re.sub("%%", "", "".join(settings.values()))
    assert "%" not in single, "a specifier of systemd"


def test_a_service_of_the_machine_is_fenced_in() -> None:
    settings = settings_of(system_service_unit(scheduled(), 7, "research"))

    assert (
        settings
        | {
            "Type": "oneshot",
            "User": "research",
            "TimeoutStartSec": "7h",
            "SuccessExitStatus": "2 3",
            "NoNewPrivileges": "yes",
            "ProtectSystem": "strict",
            "ProtectHome": "read-only",
            "PrivateTmp": "yes",
            "CapabilityBoundingSet": "",
            "Nice": "10",
            "IOSchedulingClass": "best-effort",
        }
        == settings
    )
    # They would hide the GPU.
    assert {"PrivateDevices", "DevicePolicy", "DeviceAllow", "ProtectClock"}.isdisjoint(settings)


def test_a_service_of_a_user_asks_for_no_namespaces() -> None:
    settings = settings_of(user_service_unit(scheduled(), 24))

    assert settings["NoNewPrivileges"] == "yes"
    assert {"User", "ProtectSystem", "PrivateTmp", "ReadWritePaths", "CapabilityBoundingSet"}.isdisjoint(settings)


def test_the_timer_makes_up_for_times_that_were_missed() -> None:
    settings = settings_of(timer_unit(scheduled(), "Sun 02:00"))

    assert (settings["OnCalendar"], settings["Persistent"]) == ("Sun 02:00", "true")
    assert (settings["RandomizedDelaySec"], settings["WantedBy"]) == ("15min", "timers.target")


@pytest.mark.parametrize("folder", ["/tmp", "/tmp/x", "/var/tmp/x"])
def test_a_service_of_the_machine_sees_no_temporary_folder(folder: str) -> None:
    with pytest.raises(ConfigurationError, match="temporary folder"):
        system_service_unit(scheduled(Path(folder)), 24, "research")
    assert "/tmpfiles" in system_service_unit(scheduled(Path("/tmpfiles")), 24, "research")


@pytest.mark.parametrize("folder", ["/srv/a ", "/srv/a\\"])
def test_a_working_folder_that_systemd_would_misread(folder: str) -> None:
    with pytest.raises(ConfigurationError, match="ends with a space or a backslash"):
        user_service_unit(scheduled(Path(folder)), 24)


@needs_systemd
def test_systemd_itself_finds_no_fault(tmp_path: Path) -> None:
    folder = tmp_path / "a b%c$d"  # in which it allows neither quotes nor backslashes
    folder.mkdir()
    program = folder / "program"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    schedule = scheduled(folder, str(program), ("--set", "a=[1, 2]", "100%"))
    user = {"a-name.service": user_service_unit(schedule, 24), "a-name.timer": timer_unit(schedule, "Sun 02:00")}
    system = {"b.service": system_service_unit(scheduled(), 24, "daemon"), "b.timer": timer_unit(schedule, "monthly")}

    # That it finds the program shows that it reads the quotes as we do.
    assert verify_units(user) == "systemd-analyze verify finds no fault."
    assert verify_units(system) == "systemd-analyze verify finds no fault."
    program.unlink()
    with pytest.raises(ConfigurationError) as caught:
        verify_units(user)
    assert any("is not executable: No such file or directory" in reason for reason in caught.value.reasons)


@needs_systemd
def test_systemd_finds_faults_that_it_passes_over() -> None:
    with pytest.raises(ConfigurationError) as caught:
        verify_units({"a-name.service": user_service_unit(scheduled(), 24) + "Nonsense=yes\n"})
    assert any("Unknown key" in reason and "Nonsense" in reason for reason in caught.value.reasons)


def test_units_that_nobody_can_verify(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert verify_units({"a.service": ""}) == "The units were not verified: systemd-analyze is not there."


@needs_systemd
def test_times_that_systemd_knows() -> None:
    assert len(check_event("Sun 02:00")) == 3
    assert check_event("Sun 02:00")[0].startswith("Sun ")
    assert check_event("2099-01-01 03:30 UTC") == ["Thu 2099-01-01 03:30:00 UTC"]


@needs_systemd
@pytest.mark.parametrize("event", ["bogus", "", "Sun 25:00", "--help", "Sun 02:00\nPersistent=no"])
def test_times_that_systemd_does_not_know(event: str) -> None:
    with pytest.raises(ConfigurationError, match="no time at which systemd can start anything"):
        check_event(event)


@needs_systemd
def test_a_time_that_never_comes() -> None:
    with pytest.raises(ConfigurationError, match="it never comes"):
        check_event("2020-01-01 00:00")


@pytest.mark.parametrize(
    ("event", "known"),
    [
        ("Sun 02:00", True),
        ("Mon..Fri 22:30:00", True),
        ("Mon,Thu *-*-* 03:00", True),
        ("*-*-01 03:30", True),
        ("*-02~01 03:30", True),
        ("weekly", True),
        ("*:0/15 UTC", True),
        ("", False),
        ("Son 02:00", False),
        ("0 2 * * 0", False),
        ("Sun 02:00\nPersistent=no", False),
        ("02:00 Sun", False),
    ],
)
def test_without_systemd_the_common_forms_are_checked(
    event: str, known: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calendar_events, "is_there", lambda _: False)
    if known:
        assert check_event(event) == []
    else:
        with pytest.raises(ConfigurationError, match="none of the forms that can be checked without systemd-analyze"):
            check_event(event)


@needs_systemd
@pytest.mark.parametrize(
    "event", ["Mon..Fri 22:30:00", "Mon,Thu *-*-* 03:00", "*-*-01 03:30", "*-02~01 03:30", "*:0/15 UTC"]
)
def test_the_common_forms_are_those_of_systemd(event: str) -> None:
    assert check_event(event)
