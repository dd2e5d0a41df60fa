"""Cuts a text in a small language, such as a rule or a question, into tokens and goes through them.

A name is a word or stands in quotes, which are doubled inside of them. What is a sign is up to the language.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple


class Token(NamedTuple):
    """One word, quoted name or sign, or the end of the text."""

    kind: Literal["quoted", "sign", "word", "end"]
    text: str

    @property
    def is_name(self) -> bool:
        """Whether it is a word, or anything but nothing in quotes."""
        return self.kind in {"word", "quoted"} and bool(self.text)


def token_pattern(sign: str, word: str) -> re.Pattern[str]:
    """The pattern of a language in which these regular expressions are its signs and its words."""
    quoted = r"""(?P<quoted>"(?:[^"]|"")*"|'(?:[^']|'')*')"""
    return re.compile(rf"\s*(?:{quoted}|(?P<sign>{sign})|(?P<word>{word})|(?P<end>\Z))")


def tokens_of(text: str, pattern: re.Pattern[str]) -> list[Token] | None:
    """The tokens, of which the last is the end; None where a part of the text is none, as a quote that nothing closes.

    `pattern` is one that `token_pattern` made.
    """
    tokens: list[Token] = []
    at = 0
    while not tokens or tokens[-1].kind != "end":
        found = pattern.match(text, at)
        if found is None:
            return None
        at = found.end()
        quoted, sign, word = found.group("quoted", "sign", "word")
        if quoted is not None:
            tokens.append(Token("quoted", quoted[1:-1].replace(quoted[0] * 2, quoted[0])))
        elif sign is not None:
            tokens.append(Token("sign", sign))
        else:
            tokens.append(Token("end", "") if word is None else Token("word", word))
    return tokens


class TokenReader:
    """Goes through the tokens of one text, from left to right."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = tokens
        self._at = 0

    @property
    def here(self) -> Token:
        """The token that is read next."""
        return self._tokens[self._at]

    @property
    def following(self) -> Token:
        """The token after that one."""
        return self._tokens[min(self._at + 1, len(self._tokens) - 1)]

    def next(self) -> Token:
        """Read one token. The end stays where it is."""
        token = self.here
        self._at += token.kind != "end"
        return token

    def take(self, *signs: str) -> bool:
        """Read one of these signs if it is next; whether it was."""
        found = self.here.kind == "sign" and self.here.text in signs
        self._at += found
        return found

    def take_word(self, word: str) -> bool:
        """Read this word, in small letters or capitals, if it is next; whether it was."""
        found = self.here.kind == "word" and self.here.text.lower() == word
        self._at += found
        return found
