"""Checks of input files (readable, not empty, plain text), and JSON files that SNPgen wrote."""

import codecs
import gzip
import json
from io import TextIOWrapper
from pathlib import Path
from typing import Any, BinaryIO, TextIO, cast

import zstandard

from snpgen.messages import Code, InputError

_CHUNK = 1 << 24  # bytes

GZIP = b"\x1f\x8b"
ZSTANDARD = b"\x28\xb5\x2f\xfd"
_DECOMPRESS = {
    GZIP: "gunzip",
    b"BZh": "bunzip2",
    ZSTANDARD: "unzstd",
    b"\xfd7zX": "unxz",
    b"7z\xbc\xaf": "7z x",
    b"\x1f\x9d": "uncompress",
}
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # .xlsx, which is a zip archive, and .xls
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def read_json(path: str | Path) -> Any:
    """Read a JSON file that SNPgen wrote."""
    return json.loads(Path(path).read_text())


def find_fault(path: str | Path) -> tuple[Code, str] | None:
    """Code and description of the fault of a file; None if the file can be read and is not empty."""
    path = Path(path)
    try:
        if path.is_dir():
            return Code.UNREADABLE_FILE, "the path is a directory, not a file"
        if path.is_symlink() and not path.exists():
            target = path.readlink()
            return (
                Code.UNREADABLE_FILE,
                f"the file is a symbolic link to {target}, which does not exist",
            )
        with path.open("rb") as file:
            return None if file.read(1) else (Code.EMPTY_FILE, "the file is empty")
    except FileNotFoundError:
        return Code.UNREADABLE_FILE, "the file does not exist"
    except OSError as error:
        return Code.UNREADABLE_FILE, f"the file cannot be read ({error.strerror})"


def check_file(path: str | Path, remedy: str) -> None:
    """Raise `InputError` with this remedy unless the file can be read and is not empty."""
    fault = find_fault(path)
    if fault:
        raise InputError(*fault, remedy, file=path)


def begins_with(path: str | Path, magic: bytes) -> bool:
    """Whether the first bytes of the file are `magic`."""
    with Path(path).open("rb") as file:
        return file.read(len(magic)) == magic


def open_binary(path: str | Path) -> BinaryIO:
    """Open a file that may be compressed with gzip or Zstandard, and return its uncompressed bytes."""
    if begins_with(path, GZIP):
        return cast(BinaryIO, gzip.open(path, "rb"))
    if begins_with(path, ZSTANDARD):
        return cast(BinaryIO, zstandard.open(path, "rb"))
    return Path(path).open("rb")


def open_text(path: str | Path) -> TextIO:
    """Open a UTF-8 text file, which may be compressed with gzip or Zstandard. A byte order mark is skipped."""
    return TextIOWrapper(open_binary(path), encoding="utf-8-sig", newline="")


def check_uncompressed(path: str | Path, allowed: tuple[bytes, ...] = ()) -> None:
    """Raise `InputError` on a compressed file, a workbook or UTF-16 text.

    Compression with one of the formats `allowed` (`GZIP`, `ZSTANDARD`) is accepted.
    """
    with Path(path).open("rb") as file:
        head = file.read(4)
    if head.startswith(_UTF16):
        raise InputError(Code.NOT_UTF8, "the file is UTF-16 text", "Save it as UTF-8", file=path)
    remedy = ""
    if head.startswith(_WORKBOOKS):
        remedy = "Save it as tab-separated text, or decompress it with unzip"
    what = "the file is an Excel workbook or a zip archive"
    for magic, tool in _DECOMPRESS.items():
        if head.startswith(magic) and magic not in allowed:
            what, remedy = "the file is compressed", f"Decompress it with {tool}"
    if remedy:
        raise InputError(Code.COMPRESSED_FILE, what, remedy, file=path)


def check_text(path: str | Path, remedy: str, allowed: tuple[bytes, ...] = ()) -> None:
    """Raise `InputError` unless the file can be read, is not empty and is UTF-8 text.

    `remedy` is the remedy in the error about a file that cannot be read or is empty; `allowed` as in
    `check_uncompressed`.
    """
    check_file(path, remedy)
    check_uncompressed(path, allowed)
    decoder, line = codecs.getincrementaldecoder("utf-8")(), 1
    with open_binary(path) as file:
        while True:
            chunk = file.read(_CHUNK)
            try:
                decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                raise InputError(
                    Code.NOT_UTF8,
                    "the line is not UTF-8 text",
                    "Save the file as UTF-8",
                    file=path,
                    line=line + chunk.count(b"\n", 0, max(error.start, 0)),
                ) from None
            null = chunk.find(b"\0")
            if null >= 0:
                raise InputError(
                    Code.DAMAGED_FILE,
                    "the line contains a null byte, which is not text",
                    "Write or copy the file again",
                    file=path,
                    line=line + chunk.count(b"\n", 0, null),
                )
            if not chunk:
                return
            line += chunk.count(b"\n")
