"""Keeps freed memory for reuse, which the C library would return to the system at once."""

import ctypes

# Named as in malloc.h of glibc.
_TRIM_THRESHOLD = -1
_MMAP_THRESHOLD = -3
_LARGEST_KEPT_BLOCK = 16 * 1024 * 1024
_KEPT_AT_THE_TOP_LIMIT = 64 * 1024 * 1024


def keep_freed_memory() -> bool:
    """Reuse buffers of up to 16 MiB; call it first in a main. Return False if this is not glibc.

    By default each large buffer consists of new pages from the kernel, which are cleared one by one
    and returned when the buffer is freed. A service that moves files does this several times for
    every message: it is most of the cost of an upload (decision 10), and a tenth of the cost of a
    film in `preprocess`. In return, up to 64 MiB for each memory arena stay with the process.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return False
    kept = mallopt(_MMAP_THRESHOLD, _LARGEST_KEPT_BLOCK)
    return bool(kept and mallopt(_TRIM_THRESHOLD, _KEPT_AT_THE_TOP_LIMIT))
