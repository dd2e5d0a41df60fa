"""Names of columns come back from a text whatever they hold, and a text that cannot be read is refused as a whole."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from synth.grammar import Token, TokenReader, token_pattern, tokens_of

PATTERN = token_pattern(sign="[(),=]", word=r"""[^\s"'(),=]+""")


@given(st.text(max_size=20), st.sampled_from("\"'"))
def test_a_name_in_quotes_comes_back_whatever_it_holds(name: str, mark: str) -> None:
    quoted = mark + name.replace(mark, mark * 2) + mark
    assert tokens_of(f"f({quoted})", PATTERN) == [
        Token("word", "f"),
        Token("sign", "("),
        Token("quoted", name),
        Token("sign", ")"),
        Token("end", ""),
    ]


@given(st.text(max_size=20).filter(lambda text: '"' not in text))
def test_a_quote_that_nothing_closes_makes_the_whole_text_unreadable(text: str) -> None:
    assert tokens_of(f'a = "{text}', PATTERN) is None


def test_reading_stops_at_the_end_and_takes_only_what_is_next() -> None:
    tokens = tokens_of("a BY b", PATTERN)
    assert tokens is not None
    reader = TokenReader(tokens)
    assert not reader.take("=")
    assert reader.next() == Token("word", "a")
    assert reader.take_word("by")
    assert reader.following.kind == "end"
    assert [reader.next().kind for _ in range(3)] == ["word", "end", "end"]


def test_nothing_in_quotes_is_no_name() -> None:
    tokens = tokens_of("'' b", PATTERN)
    assert tokens is not None
    assert [token.is_name for token in tokens] == [False, True, False]
