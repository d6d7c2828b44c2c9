"""The file of a compressed sample: a magic number, checked chunks, and an index at the end, so that any block is read alone."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

__all__ = ["FORMAT", "Reader", "Writer", "join", "split"]

#: Version of the layout; a reader refuses a larger one.
FORMAT = 1

# as in PNG: not text, and a transfer that changes ends of lines is noticed
_MAGIC = b"\x89GWZ\r\n\x1a\n"
_END = b"GWZ\x1aEND\n"
_VERSION = struct.Struct("<H")
_CHUNK = struct.Struct("<4sQ")
_CHECK = struct.Struct("<I")
_ENTRY = struct.Struct("<QI")
_TRAILER = struct.Struct(f"<Q{len(_END)}s")


class Writer:
    r"""Write a container: header first, then blocks of galaxies one after the other; memory holds one block.

    The layout, all numbers little-endian::

        \x89 G W Z \r \n \x1a \n     magic
        u16                          version of the layout
        chunk HEAD                   JSON, deflated: model, survey, settings
        chunk STAT                   the tables that the coder works with
        chunk BLCK ...               one a block of galaxies
        chunk INDX                   u64 offset and u32 galaxies of each block
        u64, "GWZ\x1aEND\n"          offset of INDX

    A chunk is a tag of 4 letters, u64 length, the bytes, and u32 CRC-32 of all three.

    Parameters
    ----------
    path
        The file; it has this name once all is written, so that a reader never meets half of it.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._partial = path, path.with_name(f".{path.name}.partial")
        self._file: BinaryIO = self._partial.open("wb")
        self._blocks: list[tuple[int, int]] = []
        self._file.write(_MAGIC + _VERSION.pack(FORMAT))

    def head(self, description: dict[str, Any], tables: bytes) -> None:
        """Write the header: ``description`` is anything that JSON can hold."""
        self._chunk(b"HEAD", zlib.compress(json.dumps(description, separators=(",", ":")).encode(), 9))
        self._chunk(b"STAT", tables)

    def block(self, payload: bytes, galaxies: int) -> None:
        """Append a block of that many galaxies."""
        self._blocks.append((self._file.tell(), galaxies))
        self._chunk(b"BLCK", payload)

    def _chunk(self, tag: bytes, payload: bytes) -> None:
        start = _CHUNK.pack(tag, len(payload))
        self._file.write(start)
        self._file.write(payload)
        self._file.write(_CHECK.pack(zlib.crc32(payload, zlib.crc32(start))))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            index = self._file.tell()
            self._chunk(b"INDX", b"".join(_ENTRY.pack(*entry) for entry in self._blocks))
            self._file.write(_TRAILER.pack(index, _END))
        self._file.close()
        if kind is None:
            self._partial.replace(self._path)
        else:
            self._partial.unlink()


class Reader:
    """A container that `Writer` wrote: header and index are read at once, a block when it is asked for.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        The file is of another program, newer, cut short or damaged.
    """

    description: dict[str, Any]
    tables: bytes
    #: Galaxies of each block.
    galaxies: list[int]

    def __init__(self, path: Path) -> None:
        self._path, self._size = path, path.stat().st_size
        self._file: BinaryIO = path.open("rb")
        try:
            self._open()
        except BaseException:
            self._file.close()
            raise

    def _open(self) -> None:
        start = self._file.read(len(_MAGIC))
        if start != _MAGIC:
            kind = (
                "its ends of lines were changed: copy it again as binary" if start[:4] == _MAGIC[:4] else "galwidget.compress writes them"
            )
            raise ValueError(f"{self._path} is not a compressed sample of galwidget (it begins with {start!r}); {kind}")
        version = self._file.read(_VERSION.size)
        number = _VERSION.unpack(version)[0] if len(version) == _VERSION.size else 0
        if not 1 <= number <= FORMAT:
            raise ValueError(f"{self._path} has layout {number}, this version reads up to {FORMAT}; install a newer galwidget")
        head = self._chunk(b"HEAD", self._file.tell())
        self.tables = self._chunk(b"STAT", self._file.tell())
        self._file.seek(max(self._size - _TRAILER.size, 0))
        trailer = self._file.read(_TRAILER.size)
        if len(trailer) != _TRAILER.size or not trailer.endswith(_END):
            raise self._broken("it was cut short: the end is missing")
        index = self._chunk(b"INDX", _TRAILER.unpack(trailer)[0])
        if self._file.tell() != self._size - _TRAILER.size or len(index) % _ENTRY.size:
            raise self._broken("the index is not where the end says")
        self.description = json.loads(zlib.decompress(head))
        entries = list(_ENTRY.iter_unpack(index))
        self._offsets, self.galaxies = [offset for offset, _ in entries], [count for _, count in entries]

    def block(self, number: int) -> bytes:
        """The bytes of a block.

        Raises
        ------
        ValueError
            They are damaged.
        """
        return self._chunk(b"BLCK", self._offsets[number])

    def _chunk(self, tag: bytes, offset: int) -> bytes:
        self._file.seek(min(offset, self._size))
        start = self._file.read(_CHUNK.size)
        if len(start) < _CHUNK.size:
            raise self._broken(f"it was cut short before {tag.decode()}")
        found, length = _CHUNK.unpack(start)
        if found != tag or length > self._size - self._file.tell() - _CHECK.size:
            raise self._broken(f"{tag.decode()} is not whole at byte {offset}: it was cut short or changed")
        payload = self._file.read(length)
        if self._file.read(_CHECK.size) != _CHECK.pack(zlib.crc32(payload, zlib.crc32(start))):
            raise self._broken(f"the checksum of {tag.decode()} at byte {offset} is wrong")
        return payload

    def _broken(self, how: str) -> ValueError:
        return ValueError(f"{self._path} is damaged ({how}); copy it again from where it was written, or compress the galaxies again")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._file.close()


def join(parts: Sequence[bytes]) -> bytes:
    """Several byte strings as one: u32 length before each."""
    return b"".join(_CHECK.pack(len(part)) + part for part in parts)


def split(joined: bytes) -> list[bytes]:
    """What `join` joined."""
    parts, at = [], 0
    while at < len(joined):
        (length,) = _CHECK.unpack_from(joined, at)
        at += _CHECK.size
        parts.append(joined[at : at + length])
        at += length
    return parts
