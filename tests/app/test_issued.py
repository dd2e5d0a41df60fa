"""Secrets that are given out: unlike one another, and known by their hash alone."""

from __future__ import annotations

from app.issued import is_kept, new_prefix, new_secret, sha256_of


def test_a_secret_is_known_by_its_hash_and_is_not_in_it() -> None:
    secret = new_secret()
    assert is_kept(secret, sha256_of(secret))
    assert not is_kept(new_secret(), sha256_of(secret))
    assert secret not in sha256_of(secret)


def test_where_nothing_is_kept_nothing_is_right() -> None:
    assert not is_kept("", None)
    assert not is_kept(new_secret(), None)
    assert not is_kept("\ud800", sha256_of("x"))


def test_secrets_have_256_bits_and_prefixes_fit_into_a_token() -> None:
    assert len({new_secret() for _ in range(100)}) == 100
    assert len(new_secret()) == 43
    assert new_prefix().isalnum()
