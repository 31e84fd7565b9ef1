"""XXH3-64 with a secret, from the system's libxxhash.

The tag of a blob proves its bytes already; a fingerprint proves that a map leaf points to the right
ones. Python has no XXH3, and one written in it would be slower than the disk by far.
"""

from __future__ import annotations

import ctypes
from typing import Callable, Optional

Fingerprint = Callable[[bytes], int]


def load(secret: bytes) -> Optional[Fingerprint]:
    """None when the library is not installed (Debian: libxxhash0)."""
    try:
        function = ctypes.CDLL("libxxhash.so.0").XXH3_64bits_withSecret
    except (OSError, AttributeError):
        return None
    function.restype = ctypes.c_uint64
    function.argtypes = (ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t)
    return lambda data: int(function(data, len(data), secret, len(secret)))
