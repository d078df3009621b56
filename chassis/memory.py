"""Freed memory is kept for the next use, where the C library would give it back at once."""

import ctypes

# glibc's names, from malloc.h.
_TRIM_THRESHOLD = -1
_MMAP_THRESHOLD = -3
_LARGEST_KEPT_BLOCK = 16 * 1024 * 1024
_MOST_KEPT_AT_THE_TOP = 64 * 1024 * 1024


def keep_freed_memory() -> bool:
    """Let buffers of up to 16 MiB be used again; call it first in a main. False: not glibc.

    By default each large buffer is fresh pages from the kernel, cleared one by one, and given back
    when it is freed. A service that moves files does that several times for every message: it is
    most of what an upload costs (decision 10), and a tenth of what a film costs `preprocess`. Up to
    64 MiB for each pool of memory, of which threads have some, may stay with the process for it.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return False
    kept = mallopt(_MMAP_THRESHOLD, _LARGEST_KEPT_BLOCK)
    return bool(kept and mallopt(_TRIM_THRESHOLD, _MOST_KEPT_AT_THE_TOP))
