"""Start a program so that it ends when its parent ends, even by SIGKILL.

Run as a script in front of the program itself:

    python -I -S launch.py PARENT_PID SIGNAL {same|nobody} COMMAND...

It needs only the standard library, and replaces itself so that the process id stays the same.
"""

import ctypes
import os
import pwd
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

# <linux/prctl.h>, <linux/securebits.h> and <linux/capability.h>
_PR_SET_PDEATHSIG = 1
_PR_SET_KEEPCAPS = 8
_PR_SET_SECUREBITS = 28
_SECBIT_NO_SETUID_FIXUP = 1 << 2
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_CAP_DAC_OVERRIDE = 1
_CAPABILITY_VERSION_3 = 0x20080522


def launched(
    command: Sequence[str], *, stop_signal: signal.Signals, as_nobody: bool = False
) -> list[str]:
    """Return the command line that starts `command` as a child of this process."""
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


def become_nobody() -> None:
    """Change to the user `nobody`, keeping access to folders that only root may enter.

    PostgreSQL refuses to run as root. Its programs and data may still be below /root, and opening
    that folder to everybody would change the user's machine.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    nobody = pwd.getpwnam("nobody")
    # Keeps the capability across the change of user, and makes access(2) respect it: initdb looks
    # for the server's programs with access(2), which otherwise ignores the capabilities of any
    # user but root.
    if libc.prctl(_PR_SET_SECUREBITS, _SECBIT_NO_SETUID_FIXUP, 0, 0, 0) != 0:
        # A container may withhold CAP_SETPCAP; the data may then still be in a closed folder.
        libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setgid(nobody.pw_gid)
    os.setuid(nobody.pw_uid)
    bit = 1 << _CAP_DAC_OVERRIDE
    data = (_Data * 2)(_Data(bit, bit, bit), _Data(0, 0, 0))
    # Without the capability every folder has to be open as it is; the preflight check says so.
    if libc.capset(ctypes.byref(_Header(_CAPABILITY_VERSION_3, 0)), data) != 0:
        libc.capset(ctypes.byref(_Header(_CAPABILITY_VERSION_3, 0)), (_Data * 2)())
    libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _CAP_DAC_OVERRIDE, 0, 0)


def _main(parent: int, stop_signal: int, user: str, command: list[str]) -> None:
    if user == "nobody":
        become_nobody()
    # After the change of user, which clears it.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, stop_signal, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit("the parent ended before its child had started")
    os.execvp(command[0], command)  # noqa: S606 - that is what this script is for


if __name__ == "__main__":
    _main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4:])
