"""Units of systemd, as text."""

from typing import Final

from pipeline.schedules.schedule import Schedule
from schema.errors import ConfigurationError

_HEAD: Final = (
    "# Written by `breast-imaging schedule install`, which overwrites changes; `systemctl edit` adds to it.\n"
)
TEMPORARY: Final = ("/tmp", "/var/tmp")  # noqa: S108  no file is made there

# Without mount namespaces, which a user's own services do not get everywhere.
_HARDENING: Final = """\
NoNewPrivileges=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
"""
# Not among them: PrivateDevices, DevicePolicy and ProtectClock hide GPUs; TensorFlow makes memory executable.
_SYSTEM_HARDENING: Final = """\
CapabilityBoundingSet=
PrivateTmp=yes
ProtectControlGroups=yes
ProtectHome=read-only
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectSystem=strict
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
SystemCallArchitectures=native
"""


def timer_unit(schedule: Schedule, event: str) -> str:
    """Starts the service of the same name; a time that was missed while the machine was off is made up for."""
    return f"""{_HEAD}
[Unit]
Description=Times of {schedule.name}

[Timer]
OnCalendar={event}
Persistent=true
RandomizedDelaySec=15min

[Install]
WantedBy=timers.target
"""


def user_service_unit(schedule: Schedule, hours: int) -> str:
    """Of a user's own manager. Args: hours: after which it is stopped."""
    return _service_unit(schedule, hours) + _HARDENING


def system_service_unit(schedule: Schedule, hours: int, user: str) -> str:
    """Of the whole machine: it sees its folders, and can write to the output folder alone.

    Raises ConfigurationError where a path is below a temporary folder, of which the service has its own.
    """
    for path in (schedule.data, schedule.output.root, schedule.working_directory, *schedule.command):
        if any(str(path).startswith(f"{folder}/") or str(path) == folder for folder in TEMPORARY):
            raise ConfigurationError(
                f"{path} is a temporary folder or lies in one, which a service of the whole machine does not see.",
                fix="put data, output and configuration elsewhere, and schedule from another folder",
            )
    writable = f"ReadWritePaths={_quote(str(schedule.output.root))}\n"
    return _service_unit(schedule, hours) + f"User={user}\n" + _HARDENING + _SYSTEM_HARDENING + writable


def _service_unit(schedule: Schedule, hours: int) -> str:
    command = " ".join(_quote(word) for word in schedule.command)
    mounts = " ".join(_quote(str(path)) for path in (schedule.data, schedule.output.root))
    return f"""{_HEAD}
[Unit]
Description={schedule.name}
RequiresMountsFor={mounts}

[Service]
Type=oneshot
WorkingDirectory={_plain(str(schedule.working_directory))}
# The colon: no variable is looked for in the arguments.
ExecStart=:{command}
# Refused data and a rejected model are decisions, which the alerts tell of.
SuccessExitStatus=2 3
TimeoutStartSec={hours}h
Nice=10
CPUSchedulingPolicy=batch
IOSchedulingClass=best-effort
IOSchedulingPriority=7
"""


def _quote(word: str) -> str:
    """A word of a list, in which a backslash escapes and a percent sign begins a specifier."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'


def _plain(path: str) -> str:
    """A value that is taken to the end of its line. Raises ConfigurationError where that end would be lost."""
    if path != path.strip() or path.endswith("\\"):
        raise ConfigurationError(
            f"The working folder {path!r} ends with a space or a backslash, which systemd would not see.",
            fix="run the command from another folder",
        )
    return path.replace("%", "%%")
