"""Secrets: the study's own key, resume tokens, access codes, and what is stored of them.

Stored are hashes only. Tokens have 192 random bits, so a plain SHA-256 suffices; access codes and
participant ids are short enough to guess, so they are hashed with the study's key.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Sequence
from pathlib import Path

from ..errors import StudyError

KEY_FILE = "secret.key"
CODES_FILE = "access-codes.csv"
# Where the app looks for the researcher's password, as `hash_password` made it.
PASSWORD_VARIABLE = "SRBENCH_ADMIN_PASSWORD_HASH"
# No 0/O, 1/I/L: codes are typed from paper.
_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"


def make_key(folder: Path) -> bytes:
    """Write a new study's key, readable by its owner only."""
    key = secrets.token_hex(32)
    descriptor = os.open(folder / KEY_FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as stream:
        stream.write(key + "\n")
    return key.encode()


def read_key(folder: Path) -> bytes:
    """The study's key.

    Raises:
        StudyError: the file is missing or damaged.
    """
    path = folder / KEY_FILE
    try:
        key = path.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        key = ""
    if len(key) != 64:
        raise StudyError(f"{path} is missing or damaged; restore it, access codes depend on it")
    return key.encode()


def new_nonce() -> str:
    """What tells a session from every other one; 128 random bits in hexadecimal."""
    return secrets.token_hex(16)


def new_token() -> str:
    """A resume token for a personal link."""
    return secrets.token_urlsafe(24)


def hash_token(token: str) -> str:
    """What is stored of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def new_code(length: int = 10) -> str:
    """An access or completion code to be read aloud or typed; about 5 bits a letter."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def append_codes(folder: Path, codes: Sequence[str]) -> None:
    """Write new access codes down in the study's folder, readable by its owner only: one a line
    below a header. They are stored nowhere else but as hashes."""
    path = folder / CODES_FILE
    try:
        there = path.read_bytes()
    except FileNotFoundError:
        there = b""
    # A file that was edited by hand may lack its last line end.
    header = ["code"] if not there else [] if there.endswith(b"\n") else [""]
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as stream:
        stream.writelines(f"{line}\n" for line in [*header, *codes])


def read_codes(folder: Path) -> list[str]:
    """The access codes written down in the study's folder; none if the file is gone.

    They stand first in their lines; what a researcher noted beside them does not matter, nor in
    which encoding.

    Raises:
        StudyError: the file cannot be read.
    """
    path = folder / CODES_FILE
    try:
        lines = path.read_text("utf-8-sig", errors="replace").splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StudyError(f"cannot read {path}: {error.strerror}") from error
    found = (re.match(r'[\s"]*(\w+)', line) for line in lines[1:])
    return [match[1] for match in found if match]


def hash_code(key: bytes, code: str) -> str:
    """What is stored of an access code; case, spaces and dashes do not matter."""
    plain = "".join(c for c in code.upper() if c.isalnum())
    return _keyed(key, "code", plain)


def hash_participant(key: bytes, participant: str) -> str:
    """What is stored of a recruiting site's participant id."""
    return _keyed(key, "participant", participant)


def hash_password(password: str) -> str:
    """What is stored of the researcher's password (scrypt, with its own salt); nothing in it
    means anything to a shell."""
    salt = secrets.token_bytes(16)
    return f"scrypt:{salt.hex()}:{_scrypt(password, salt).hex()}"


def check_password(password: str, stored: str) -> bool:
    """Whether a password is the one of `hash_password`; False for a damaged hash."""
    try:
        kind, salt, digest = stored.strip().split(":")
        right = bytes.fromhex(digest)
        return kind == "scrypt" and hmac.compare_digest(
            _scrypt(password, bytes.fromhex(salt)), right
        )
    except ValueError:
        return False


def _scrypt(password: str, salt: bytes) -> bytes:
    # 16 MiB and some 50 ms: OWASP's least for scrypt.
    return hashlib.scrypt(
        password.encode("utf-8", "surrogatepass"), salt=salt, n=2**14, r=8, p=5, maxmem=2**26
    )


def _keyed(key: bytes, purpose: str, text: str) -> str:
    message = f"{purpose}:{text}".encode("utf-8", "surrogatepass")
    return hmac.new(key, message, hashlib.sha256).hexdigest()
