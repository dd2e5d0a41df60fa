"""The form of an encrypted file: chunks that can be read from anywhere, none of which can be changed, moved or cut off.

    header   8 bytes LKSEAL 01 0A | 32 random bytes | name of the data key, filled up with NUL to 256 bytes
    chunks   AES-256-GCM(chunk of CHUNK_BYTES), each 16 bytes longer; the last one may be shorter
    file key HKDF-SHA-256(data key; salt: the random bytes; info: header | key of the file in the store)
    nonce    number of the chunk, 11 bytes | 1 for the last chunk, else 0

This is the STREAM construction (Hoang, Reyhanitabar, Rogaway and Vizar 2015, https://eprint.iacr.org/2015/189) as age
uses it. No nonce comes twice, for each file has a key of its own; a file under another name, of another data key, or
without its end does not open.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.digests import CHUNK_BYTES, aligned

MAGIC = b"LKSEAL\x01\n"
SALT_BYTES, HEADER_BYTES, TAG_BYTES = 32, 256, 16
SEALED_BYTES = CHUNK_BYTES + TAG_BYTES
"""Of each chunk but the last."""


@dataclass(frozen=True, slots=True)
class Header:
    """How an encrypted file begins."""

    name: str
    """Of the data key."""
    salt: bytes = field(default_factory=lambda: secrets.token_bytes(SALT_BYTES))

    def to_bytes(self) -> bytes:
        """The header as it lies in the file. Raises ValueError where the name is too long."""
        head = MAGIC + self.salt + self.name.encode()
        if len(head) > HEADER_BYTES or "\0" in self.name:
            raise ValueError("expected a shorter name of a data key")
        return head.ljust(HEADER_BYTES, b"\0")

    @staticmethod
    def read(data: bytes) -> Header | None:
        """The header at the start of a file, or None where the file is not encrypted.

        Raises ValueError where the file begins as an encrypted one does and goes on in another way.
        """
        if not data.startswith(MAGIC):
            return None
        header = Header(data[40:HEADER_BYTES].rstrip(b"\0").decode(), data[8:40])
        if header.to_bytes() != data[:HEADER_BYTES]:
            raise ValueError("expected the header of an encrypted file, got another one")
        return header


@dataclass(frozen=True, slots=True)
class Cipher:
    """Encrypts and decrypts the chunks of one file."""

    header: Header
    aead: AESGCM

    @staticmethod
    def of(header: Header, data_key: bytes, key: str) -> Cipher:
        """That of the file under `key`."""
        info = header.to_bytes() + key.encode()
        return Cipher(header, AESGCM(HKDF(SHA256(), 32, header.salt, info).derive(data_key)))

    def encrypt(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """The encrypted file, header first. All chunks but the last have CHUNK_BYTES."""
        yield self.header.to_bytes()
        number, waiting = 0, b""
        for chunk in chunks:
            if waiting:
                yield self.aead.encrypt(_nonce(number, last=False), waiting, None)
                number += 1
            waiting = chunk
        yield self.aead.encrypt(_nonce(number, last=True), waiting, None)

    def decrypt(self, pieces: Iterable[bytes], first: int, chunks: int) -> Iterator[bytes]:
        """The chunks from number `first` on, of a file that has `chunks` of them; pieces of any size hold them.

        Raises cryptography's InvalidTag where one is not as it was written.
        """
        for number, sealed in enumerate(aligned(pieces, SEALED_BYTES), start=first):
            yield self.aead.decrypt(_nonce(number, last=number == chunks - 1), sealed, None)


def chunks_of(size: int) -> int:
    """How many chunks a file of `size` bytes has: at least one, for an empty file has an empty chunk."""
    return max(-(-size // CHUNK_BYTES), 1)


def plain_size(stored: int) -> int:
    """The size of a file that takes `stored` bytes encrypted. Raises ValueError where none does."""
    body = stored - HEADER_BYTES
    chunks = -(-body // SEALED_BYTES)
    size = body - chunks * TAG_BYTES
    if chunks < 1 or size < 0 or chunks_of(size) != chunks:
        raise ValueError("expected the size of an encrypted file, got another one")
    return size


def place_of(chunk: int) -> int:
    """Where the chunk of this number begins in the encrypted file."""
    return HEADER_BYTES + chunk * SEALED_BYTES


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])
