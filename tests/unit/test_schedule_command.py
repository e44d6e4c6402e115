"""`breast-imaging schedule`, with stand-ins for systemctl and crontab."""

import os
import pwd
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.cli.main import run_app
from pipeline.schedules import plans, schedule, systemd
from tests.schedulers import Schedulers, make_schedulers

OTHER_LINES = "MAILTO=me@example.org\n# mine\n5 4 * * 1 /usr/bin/backup --all\n"


@pytest.fixture
def schedulers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Schedulers:
    """Of a user with a home, a program to start, and folders with spaces and percent signs below the current one."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr(plans, "LINGERING", tmp_path)
    program = tmp_path / "environment" / "breast-imaging"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program.with_name("python")))
    (tmp_path / "work" / "my data 100%").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "work")
    return make_schedulers(tmp_path / "schedulers", monkeypatch)


def run(command: str, *options: str) -> int:
    data = ["--data", "my data 100%"] if command == "install" else []
    return run_app(["schedule", command, "--config", "synthetic", "--output", "out", *data, *options])


def systemd_install(*options: str, every: str = "Sun 02:00") -> int:
    return run("install", "--every", every, *options)


def cron_install(*options: str, times: str = "0 2 * * 0") -> int:
    return run("install", "--engine", "cron", "--cron", times, *options)


def units(tmp_path: Path) -> dict[str, str]:
    """By what their names end with."""
    return {path.suffix: path.read_text() for path in (tmp_path / "config").rglob("*.*") if path.is_file()}


def test_a_timer_is_installed(schedulers: Schedulers, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert systemd_install("--set", "train.epochs=3") == 0

    installed = units(tmp_path)
    assert set(installed) == {".service", ".timer"}
    assert f'"{tmp_path}/work/my data 100%%" "--output" "{tmp_path}/work/out"' in installed[".service"]
    assert '"--set" "train.epochs=3"' in installed[".service"]
    assert "OnCalendar=Sun 02:00" in installed[".timer"]
    name = next((tmp_path / "config" / "systemd" / "user").glob("*.timer")).name
    assert name.startswith("breast-imaging-retrain-synthetic-")
    assert schedulers.calls == ["--user daemon-reload", f"--user enable {name}", f"--user restart {name}"]
    assert (tmp_path / "work" / "out" / "logs").is_dir()
    assert "loginctl enable-linger" in capsys.readouterr().out


@pytest.mark.parametrize("install", [systemd_install, cron_install])
@pytest.mark.parametrize(("user", "warned"), [(0, True), (1000, False)])
def test_root_is_warned(
    user: int,
    warned: bool,
    install: Callable[[], int],
    schedulers: Schedulers,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user)

    assert install() == 0
    assert ("It will retrain as root" in capsys.readouterr().out) is warned


def test_other_times_take_the_place_of_the_first(schedulers: Schedulers, tmp_path: Path) -> None:
    assert systemd_install() == systemd_install(every="monthly") == 0

    assert len(units(tmp_path)) == 2
    assert "OnCalendar=monthly" in units(tmp_path)[".timer"]
    assert sum(" restart " in call for call in schedulers.calls) == 2


def test_a_dry_run_shows_what_would_be_written(
    schedulers: Schedulers, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert systemd_install("--dry-run") == 0
    shown = capsys.readouterr().out

    assert (units(tmp_path), schedulers.calls, (tmp_path / "work" / "out").exists()) == ({}, [], False)
    assert systemd_install() == 0
    for text in units(tmp_path).values():
        assert text in shown


def test_without_a_bus_nothing_is_left(
    schedulers: Schedulers, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    schedulers.lose_bus()
    assert systemd_install() == 1

    assert units(tmp_path) == {}
    said = capsys.readouterr().err
    assert "systemctl --user daemon-reload: Failed to connect to bus: No medium found." in said
    assert "loginctl enable-linger" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("failing", ["daemon-reload", "enable", "restart"])
def test_where_systemd_refuses_all_is_as_it_was(failing: str, schedulers: Schedulers, tmp_path: Path) -> None:
    schedulers.fail(failing)
    assert systemd_install() == 1
    assert units(tmp_path) == {}

    schedulers.fail()
    assert systemd_install() == 0
    before = units(tmp_path)
    schedulers.fail(failing)
    assert systemd_install(every="monthly") == 1
    assert units(tmp_path) == before


def test_a_timer_is_shown_and_removed(
    schedulers: Schedulers, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("show") == 1
    assert run("remove") == 0
    assert capsys.readouterr().out.count("nothing") == 2
    assert schedulers.calls == []
    systemd_install()
    capsys.readouterr()

    assert run("show") == 0
    shown = capsys.readouterr().out
    assert all(text in shown for text in units(tmp_path).values())
    assert "Sun 02:00 6 days" in shown
    schedulers.fail("disable")
    assert run("remove") == 1
    assert len(units(tmp_path)) == 2
    schedulers.fail()
    assert run("remove") == 0
    assert units(tmp_path) == {}
    assert schedulers.calls[-1] == "--user daemon-reload"


def test_the_entry_in_a_crontab(schedulers: Schedulers, tmp_path: Path) -> None:
    schedulers.table.write_text(OTHER_LINES)
    assert cron_install() == 0

    table = schedulers.table.read_text()
    assert table.startswith(OTHER_LINES)
    line = table.splitlines()[4]
    assert line.startswith(f"0 2 * * 0 cd {tmp_path}/work && exec nice -n 10 {tmp_path}/environment/breast-imaging")
    assert rf"--data '{tmp_path}/work/my data 100'\%''" in line
    assert line.endswith(f">> {tmp_path}/work/out/logs/schedule.log 2>&1")
    assert (tmp_path / "work" / "out" / "logs").is_dir()
    assert cron_install() == 0
    assert schedulers.table.read_text() == table
    assert schedulers.calls.count("-") == 1, "the same again writes nothing"
    assert cron_install(times="30 3 1 * *") == 0
    assert schedulers.table.read_text() == table.replace("0 2 * * 0 cd", "30 3 1 * * cd")


def test_an_entry_is_shown_and_removed(schedulers: Schedulers, capsys: pytest.CaptureFixture[str]) -> None:
    schedulers.table.write_text(OTHER_LINES)
    assert run("show", "--engine", "cron") == 1
    cron_install()
    capsys.readouterr()

    assert run("show", "--engine", "cron") == 0
    assert capsys.readouterr().out == schedulers.table.read_text().removeprefix(OTHER_LINES)
    assert run("remove", "--engine", "cron") == 0
    assert schedulers.table.read_text() == OTHER_LINES
    assert run("remove", "--engine", "cron") == 0


def test_the_first_entry_of_a_user(schedulers: Schedulers, capsys: pytest.CaptureFixture[str]) -> None:
    assert cron_install("--dry-run") == 0
    shown = capsys.readouterr().out
    assert not schedulers.table.exists()
    assert cron_install() == 0

    assert shown.split("\n", 1)[1] == schedulers.table.read_text()


def test_who_may_not_use_cron_is_told(schedulers: Schedulers, capsys: pytest.CaptureFixture[str]) -> None:
    schedulers.deny()
    assert cron_install() == 1
    assert "are not allowed to use this program (crontab)" in capsys.readouterr().err


def test_what_cron_does_not_take_changes_nothing(
    schedulers: Schedulers, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    schedulers.table.write_text("what cron never took\n")
    assert cron_install() == 1

    assert "can't install" in capsys.readouterr().err
    assert schedulers.table.read_text() == "what cron never took\n"
    monkeypatch.setenv("PATH", "/nowhere")
    assert cron_install() == 1
    assert "crontab cannot be run (No such file or directory)." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--cron", "0 2 * * 0"], "systemd takes its times with --every."),
        (["--every", "Sun 02:00", "--engine", "cron"], "cron takes its times with --cron."),
        (["--cron", "0 2 * *", "--engine", "cron"], "it has 4 fields"),
        (["--every", "bogus"], "no time at which systemd can start anything"),
        (["--every", "daily", "--run-as", "nobody"], "give --system and --run-as together"),
        (["--every", "daily", "--system"], "give --system and --run-as together"),
        (["--every", "daily", "--system", "--run-as", "no-such-user"], "There is no user 'no-such-user'."),
        (["--every", "daily", "--system", "--run-as", "root"], "needs no rights of root"),
        (["--every", "daily", "--system", "--run-as", "nobody"], "does not belong to nobody"),
        (["--cron", "0 2 * * 0", "--engine", "cron", "--system"], "crontab of the user"),
        (["--every", "daily", "--data", "nowhere"], "The data folder nowhere does not exist."),
        (["--every", "daily", "--set", "name=a\nb"], "cannot be used"),
        (["--every", "daily", "--set", "data.seed=1\n"], "holds a line end"),
        (["--every", "daily", "--time-limit", "0"], "time-limit"),
    ],
)
def test_what_cannot_be_scheduled(
    options: list[str], said: str, schedulers: Schedulers, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("install", *options) == 4

    assert said in capsys.readouterr().err
    assert (units(tmp_path), schedulers.calls, schedulers.table.exists()) == ({}, [], False)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives folders to others")
def test_a_service_of_the_machine_does_not_see_temporary_folders(
    schedulers: Schedulers, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "work" / "out").mkdir()
    os.chown(tmp_path / "work" / "out", pwd.getpwnam("nobody").pw_uid, -1)
    assert systemd_install("--system", "--run-as", "nobody") == 4
    assert "which a service of the whole machine does not see" in capsys.readouterr().err


def test_units_of_the_machine(schedulers: Schedulers, tmp_path: Path) -> None:
    manager = systemd.Manager(tmp_path / "etc")
    systemd.install_units(manager, "a", {"a.service": "[Service]\n", "a.timer": "[Timer]\n"})

    assert schedulers.calls == ["daemon-reload", "enable a.timer", "restart a.timer"]
    assert systemd.installed_units(manager, "a") == {
        tmp_path / "etc" / "a.service": "[Service]\n",
        tmp_path / "etc" / "a.timer": "[Timer]\n",
    }


def test_secrets_that_a_schedule_does_not_have(schedulers: Schedulers, capsys: pytest.CaptureFixture[str]) -> None:
    server = "metadata={backend: mysql, namespace: a, host: db, database: m, user: u, password_from: 'env:METADATA'}"
    assert cron_install("--dry-run", "--set", "alerts.webhook.url_from=env:HOOK", "--set", server) == 0
    said = capsys.readouterr().out
    assert "Alerts need env:HOOK, which is not in the environment of a schedule" in said
    assert "The metadata server needs env:METADATA, which is not in the environment of a schedule" in said


def test_each_output_folder_has_a_schedule_of_its_own(schedulers: Schedulers) -> None:
    cron_install()
    run("install", "--engine", "cron", "--cron", "0 4 * * 0", "--output", "other")
    table = schedulers.table.read_text()

    assert (table.count("# BEGIN "), table.count("0 2 * * 0 cd"), table.count("0 4 * * 0 cd")) == (2, 1, 1)


def test_a_program_that_is_not_there(
    schedulers: Schedulers, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(schedule, "PROGRAM", "no-such-program")
    assert cron_install() == 4
    assert "no-such-program is not there, which the schedule would start." in capsys.readouterr().err
