"""Secrets: the study's key, resume tokens and access codes, and their hashes.

We store only hashes. Tokens have 192 random bits, so plain SHA-256 is sufficient; access codes and
participant ids are short enough to guess, so they are hashed with the study's key.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from ..errors import StudyError

KEY_FILE = "secret.key"
CODES_FILE = "access-codes.csv"
# The environment variable with the hash of the researcher's password (`hash_password`).
PASSWORD_VARIABLE = "SRBENCH_ADMIN_PASSWORD_HASH"
# No 0/O, 1/I/L, which are confused when a code is typed from paper.
_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"


_OUR_CODE = re.compile(f"[{_ALPHABET}]{{10}}")


def make_key(folder: Path) -> bytes:
    """Write the key of a new study, readable only by its owner."""
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
    """A unique value of a session: 128 random bits in hexadecimal."""
    return secrets.token_hex(16)


def new_token() -> str:
    """A resume token for a personal link."""
    return secrets.token_urlsafe(24)


def hash_token(token: str) -> str:
    """The stored hash of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def new_code(length: int = 10) -> str:
    """An access or completion code that is easy to read and type; about 5 bits per letter."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def append_codes(folder: Path, codes: Sequence[str]) -> None:
    """Append new access codes to a file in the study's folder, one per line below a header.

    Only the owner can read the file. Everywhere else srbench stores only their hashes.
    """
    path = folder / CODES_FILE
    try:
        there = path.read_bytes()
    except FileNotFoundError:
        there = b""
    # An edited file may have no final line end.
    header = ["code"] if not there else [] if there.endswith(b"\n") else [""]
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as stream:
        stream.writelines(f"{line}\n" for line in [*header, *codes])


def read_codes(folder: Path) -> list[str]:
    """The access codes in the study's folder; none if the file is missing.

    Each line starts with a code; notes after it are ignored, in any encoding. The header may be
    missing, and a code may be there twice or with dashes.

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
    found = [re.match(r'[\s"]*(\w[\w-]*)', line) for line in lines]
    if found and found[0] and not _OUR_CODE.fullmatch(found[0][1]):
        del found[0]  # the header
    return list({_letters(match[1]): match[1] for match in found if match}.values())


def hash_code(key: bytes, code: str) -> str:
    """The stored hash of an access code; case, width, spaces and dashes are ignored."""
    return _keyed(key, "code", _letters(code))


def _letters(code: str) -> str:
    # NFKC: keyboards for Korean and Japanese also type letters and digits of full width.
    return "".join(c for c in unicodedata.normalize("NFKC", code).upper() if c.isalnum())


def hash_participant(key: bytes, participant: str) -> str:
    """The stored hash of a recruiting site's participant id."""
    return _keyed(key, "participant", participant)


def hash_password(password: str) -> str:
    """The salted scrypt hash of the researcher's password, without shell special characters."""
    salt = secrets.token_bytes(16)
    return f"scrypt:{salt.hex()}:{_scrypt(password, salt).hex()}"


def is_password_hash(stored: str) -> bool:
    """Whether this is a result of `hash_password`, and not for example the password itself."""
    return re.fullmatch(r"scrypt:[0-9a-f]{32}:[0-9a-f]{128}", stored.strip()) is not None


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
    # 16 MiB and about 50 ms: OWASP's minimum for scrypt.
    return hashlib.scrypt(
        password.encode("utf-8", "surrogatepass"), salt=salt, n=2**14, r=8, p=5, maxmem=2**26
    )


def _keyed(key: bytes, purpose: str, text: str) -> str:
    message = f"{purpose}:{text}".encode("utf-8", "surrogatepass")
    return hmac.new(key, message, hashlib.sha256).hexdigest()
