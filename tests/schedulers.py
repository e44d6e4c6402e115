"""Stand-ins for systemctl and crontab that answer, and fail, as the real ones do."""

from dataclasses import dataclass
from pathlib import Path

import pytest

_SYSTEMCTL = """#!/bin/sh
echo "$*" >> "{state}/calls"
if [ -e "{state}/no-bus" ]; then echo 'Failed to connect to bus: No medium found' >&2; exit 1; fi
for word in $(cat "{state}/failing" 2>/dev/null); do
  case " $* " in *" $word "*) echo "Failed to $word unit: Access denied" >&2; exit 1;; esac
done
case " $* " in *" list-timers "*) echo 'NEXT LEFT LAST PASSED UNIT'; echo 'Sun 02:00 6 days - - a.timer';; esac
"""
# As Debian's and cronie's: it refuses a table with a line that is no comment, setting or entry.
_CRONTAB = r"""#!/bin/sh
echo "$*" >> "{state}/calls"
if [ -e "{state}/denied" ]; then
  echo "You ($(id -un)) are not allowed to use this program (crontab)" >&2
  echo "See crontab(1) for more information" >&2
  exit 1
fi
case "$1" in
-l)
  if [ ! -e "{state}/table" ]; then echo "no crontab for $(id -un)" >&2; exit 1; fi
  cat "{state}/table";;
-)
  cat > "{state}/new"
  if grep -Evq '^ *(#|$|[A-Za-z_]+ *=|@[a-z]+ |([-0-9*,/A-Za-z]+ +){5}[^ ])' "{state}/new"; then
    echo '"-":3: bad minute' >&2; echo "errors in crontab file, can't install." >&2; rm "{state}/new"; exit 1
  fi
  mv "{state}/new" "{state}/table";;
*) echo "crontab: usage error" >&2; exit 1;;
esac
"""


@dataclass(frozen=True)
class Schedulers:
    """Attributes: state: the folder in which they keep what they know."""

    state: Path

    @property
    def calls(self) -> list[str]:
        file = self.state / "calls"
        return file.read_text().splitlines() if file.exists() else []

    @property
    def table(self) -> Path:
        """The crontab."""
        return self.state / "table"

    def fail(self, *commands: str) -> None:
        """systemctl fails at these from now on."""
        (self.state / "failing").write_text(" ".join(commands))

    def lose_bus(self) -> None:
        (self.state / "no-bus").touch()

    def deny(self) -> None:
        """This user may have no crontab."""
        (self.state / "denied").touch()


def make_schedulers(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Schedulers:
    """Puts both before all other programs."""
    programs, state = folder / "bin", folder / "state"
    programs.mkdir(parents=True)
    state.mkdir()
    for name, text in (("systemctl", _SYSTEMCTL), ("crontab", _CRONTAB)):
        (programs / name).write_text(text.replace("{state}", str(state)))
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    return Schedulers(state)
