"""Who ran it and where: names that no file may tell."""

import os
import re
import socket
import struct
from pathlib import Path


def told(text, *paths):
    """Names of this machine and its user, and paths, that a text tells.

    Names count as whole words: a short one is part of many.
    """
    names = [socket.gethostname(), os.environ.get("USER")]
    words = [name for name in names if name and re.search(rf"\b{re.escape(name)}\b", text)]
    return words + [str(path) for path in (Path.home(), *paths) if str(path) in text]


def readable(path):
    """The text of a file; of a PNG all but its pixels, in which any letters occur by chance."""
    data = Path(path).read_bytes()
    if Path(path).suffix != ".png":
        return data.decode()
    chunks, at = [], 8
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        chunks += [] if kind == b"IDAT" else [data[at + 8 : at + 8 + length].decode("latin-1")]
        at += 12 + length
    return "\n".join(chunks)
