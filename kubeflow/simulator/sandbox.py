"""Runs one command in a root file system of its own; started by `unshare`, with the standard library alone.

`python sandbox.py PLAN.json`: the plan is what `pod.py` writes. The process has the rights of root within its own
namespaces alone. It makes an empty root, binds into it what the plan names, makes all else read-only, moves there
and becomes the command.
"""

import ctypes
import json
import os
import subprocess
import sys
from pathlib import Path

_MS_BIND, _MS_REC, _MS_PRIVATE = 0x1000, 0x4000, 0x40000
_MNT_DETACH = 2
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
_SYS_MOUNT_SETATTR = 442  # on every architecture; since Linux 5.12
_MOUNT_ATTR_RDONLY = 1

_libc = ctypes.CDLL(None, use_errno=True)


class _MountAttributes(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("attr_set", "attr_clr", "propagation", "userns_fd")]


def main(plan_file: str) -> None:
    """Becomes the command; ends with OSError where the system does not allow it."""
    plan = json.loads(Path(plan_file).read_text("utf-8"))
    root = Path(plan["root"])
    _mount(None, Path("/"), None, _MS_REC | _MS_PRIVATE)
    _mount("tmpfs", root, "tmpfs", 0)
    for link, target in plan["links"].items():
        (root / link.lstrip("/")).symlink_to(target)
    for mount in plan["mounts"]:
        target = root / mount["target"].lstrip("/")
        target.mkdir(parents=True, exist_ok=True)
        _mount(mount["source"], target, None, _MS_BIND | _MS_REC)
        if not mount["writable"]:
            _make_read_only(target, _AT_RECURSIVE)
    _make_read_only(root, 0)
    _enter(root)
    os.execvp(plan["command"][0], plan["command"])  # noqa: S606


def _enter(root: Path) -> None:
    """Makes the folder the root of this process, and lets go of the old root."""
    os.chdir(root)
    subprocess.run(["pivot_root", ".", "."], check=True)
    if _libc.umount2(b".", _MNT_DETACH):
        raise _last_error(root)
    os.chdir("/")


def _mount(source: str | None, target: Path, kind: str | None, flags: int) -> None:
    encoded = [None if text is None else os.fsencode(text) for text in (source, kind)]
    if _libc.mount(encoded[0], os.fsencode(target), encoded[1], ctypes.c_ulong(flags), None):
        raise _last_error(target)


def _make_read_only(target: Path, flags: int) -> None:
    attributes = _MountAttributes(attr_set=_MOUNT_ATTR_RDONLY)
    size = ctypes.c_size_t(ctypes.sizeof(attributes))
    path = ctypes.c_char_p(os.fsencode(target))
    if _libc.syscall(_SYS_MOUNT_SETATTR, _AT_FDCWD, path, flags, ctypes.byref(attributes), size):
        raise _last_error(target)


def _last_error(target: Path) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number), str(target))


if __name__ == "__main__":
    main(sys.argv[1])
