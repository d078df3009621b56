"""Start a program so that it ends when its parent ends, even by SIGKILL.

Run as a script, before the program itself:

    python -I -S launch.py PARENT_PID SIGNAL {same|nobody} COMMAND...

It needs nothing but the standard library and replaces itself, so the process id stays.
"""

import ctypes
import os
import pwd
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

# <linux/prctl.h> and <linux/capability.h>
_PR_SET_PDEATHSIG = 1
_PR_SET_KEEPCAPS = 8
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_CAP_DAC_OVERRIDE = 1
_CAPABILITY_VERSION_3 = 0x20080522


def launched(
    command: Sequence[str], *, stop_signal: signal.Signals, as_nobody: bool = False
) -> list[str]:
    """Return `command` as a child of this process has to be started."""
    user = "nobody" if as_nobody and os.geteuid() == 0 else "same"
    script = str(Path(__file__).resolve())
    start = [sys.executable, "-I", "-S", script, str(os.getpid()), str(int(stop_signal)), user]
    return [*start, *command]


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Data(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def _become_nobody(libc: ctypes.CDLL) -> None:
    """Change to `nobody`, but go on reaching folders that only root may enter.

    PostgreSQL refuses to run as root. Its files may still lie below /root, and opening that
    folder to everybody, as others do, would change the user's machine.
    """
    nobody = pwd.getpwnam("nobody")
    libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setgid(nobody.pw_gid)
    os.setuid(nobody.pw_uid)
    bit = 1 << _CAP_DAC_OVERRIDE
    data = (_Data * 2)(_Data(bit, bit, bit), _Data(0, 0, 0))
    # A container may withhold the capability; then the folders have to be open as they are.
    libc.capset(ctypes.byref(_Header(_CAPABILITY_VERSION_3, 0)), data)
    libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _CAP_DAC_OVERRIDE, 0, 0)


def _main(parent: int, stop_signal: int, user: str, command: list[str]) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if user == "nobody":
        _become_nobody(libc)
    # After the change of user, which clears it.
    libc.prctl(_PR_SET_PDEATHSIG, stop_signal, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit("the parent ended before its child had started")
    os.execvp(command[0], command)  # noqa: S606 - that is what this script is for


if __name__ == "__main__":
    _main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4:])
