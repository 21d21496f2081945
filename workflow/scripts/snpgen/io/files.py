"""Files: whether those that people bring can be read and are plain text; and our own JSON."""

import codecs
import json
from pathlib import Path
from typing import Any

from snpgen.messages import Code, InputError

_CHUNK = 1 << 24  # bytes

_MARKS = {  # first bytes of what is often taken for text
    b"\x1f\x8b": "gzipped: unpack it with gunzip",
    b"BZh": "compressed by bzip2: unpack it with bunzip2",
    b"\x28\xb5\x2f\xfd": "compressed by zstd: unpack it with unzstd",
    b"PK\x03\x04": "an Excel workbook or a zip archive: save it as tab-separated text",
    b"\xd0\xcf\x11\xe0": "an Excel workbook: save it as tab-separated text",
    b"\xff\xfe": "UTF-16 text: save it as UTF-8",
    b"\xfe\xff": "UTF-16 text: save it as UTF-8",
}


def read_json(path: str | Path) -> Any:
    """The content of a JSON file that SNPgen wrote."""
    return json.loads(Path(path).read_text())


def find_fault(path: str | Path) -> tuple[Code, str] | None:
    """Why a file cannot be used: its code and a description; None if it can be read and is not empty."""
    path = Path(path)
    try:
        if path.is_dir():
            return Code.UNREADABLE_FILE, "the path is a directory, not a file"
        if path.is_symlink() and not path.exists():
            target = path.readlink()
            what = f"the file is a symbolic link to {target}, which does not exist"
            return Code.UNREADABLE_FILE, what
        with path.open("rb") as file:
            return None if file.read(1) else (Code.EMPTY_FILE, "the file is empty")
    except FileNotFoundError:
        return Code.UNREADABLE_FILE, "the file does not exist"
    except OSError as error:
        return Code.UNREADABLE_FILE, f"the file cannot be read ({error.strerror})"


def check_file(path: str | Path, advice: str) -> None:
    """Raise `InputError`, with `advice` as its remedy, unless the file can be read and is not empty."""
    fault = find_fault(path)
    if fault:
        code, what = fault
        raise InputError(code, what, advice, file=path)


def name_compression(path: str | Path) -> str | None:
    """What a file that is no plain text is, and what to do, told by its first bytes."""
    with Path(path).open("rb") as file:
        head = file.read(4)
    return next((what for mark, what in _MARKS.items() if head.startswith(mark)), None)


def check_text(path: str | Path, advice: str) -> None:
    """Raise `InputError` unless the file can be read, is not empty and is UTF-8 text."""
    check_file(path, advice)
    packed = name_compression(path)
    if packed:
        raise InputError(f"{path} is {packed}")
    decoder, line = codecs.getincrementaldecoder("utf-8")(), 1
    with Path(path).open("rb") as file:
        while True:
            chunk = file.read(_CHUNK)
            try:
                decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                line += chunk.count(b"\n", 0, max(error.start, 0))
                raise InputError(
                    f"{path}, line {line}: bytes that are not UTF-8 text: save the file as UTF-8"
                ) from None
            zero = chunk.find(b"\0")
            if zero >= 0:
                line += chunk.count(b"\n", 0, zero)
                raise InputError(
                    f"{path}, line {line}: a zero byte, which no text has: write or copy the file again"
                )
            if not chunk:
                return
            line += chunk.count(b"\n")
