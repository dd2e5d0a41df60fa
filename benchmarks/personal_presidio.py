"""What presidio-analyzer finds in columns; run by personal_data.py with the Python of an environment of its own.

Reads JSON {"columns": [{"heading", "cells"}]} and writes JSON: for each column, by entity, the share of its cells of
which a result has a score of at least SCORE. Recognizers and settings are the defaults, the language is English. The
engine for natural language gives no tokens, as no model is loaded, so nothing finds names of people by it.
"""

from __future__ import annotations

import json
import logging
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from presidio_analyzer import AnalyzerEngine
from presidio_analyzer.nlp_engine import NlpArtifacts, NlpEngine

SCORE = 0.5


class NoLanguage(NlpEngine):  # type: ignore[misc]
    """Tells nothing of any text."""

    def load(self) -> None:
        """Nothing to load."""

    def is_loaded(self) -> bool:
        return True

    def process_text(self, text: str, language: str) -> NlpArtifacts:  # noqa: ARG002
        return NlpArtifacts([], [], [], [], self, language)

    def process_batch(self, texts: Iterable[str], language: str, **_: Any) -> Iterator[tuple[str, NlpArtifacts]]:  # noqa: ANN401
        return ((text, self.process_text(text, language)) for text in texts)

    def is_stopword(self, word: str, language: str) -> bool:  # noqa: ARG002
        return False

    def is_punct(self, word: str, language: str) -> bool:  # noqa: ARG002
        return False

    def get_supported_entities(self) -> list[str]:
        return []

    def get_supported_languages(self) -> list[str]:
        return ["en"]


def shares(analyzer: AnalyzerEngine, heading: str, cells: list[str]) -> dict[str, float]:
    found: Counter[str] = Counter()
    for cell in cells:
        # a heading as the words before the cell is what its documentation does with tables
        results = analyzer.analyze(cell, language="en", context=heading.lower().replace("_", " ").split() or None)
        found.update({result.entity_type for result in results if result.score >= SCORE})
        found["any but a date"] += any(r.score >= SCORE and r.entity_type != "DATE_TIME" for r in results)
    return {entity: count / len(cells) for entity, count in found.items()}


def main() -> None:
    logging.disable(logging.CRITICAL)
    analyzer = AnalyzerEngine(nlp_engine=NoLanguage())
    columns = json.load(sys.stdin)["columns"]
    json.dump([shares(analyzer, column["heading"], column["cells"]) for column in columns], sys.stdout)


if __name__ == "__main__":
    main()
