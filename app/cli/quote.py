"""A quote without a service, for the file as it is."""

from __future__ import annotations

import tempfile
from pathlib import Path

from app.cli.offline import Training, limits, refusals
from app.cli.screen import Screen
from app.config import Settings
from app.intake.model import ReadOptions
from app.intake.read import ingest
from app.intake.readers import Readers
from app.parts import sizes
from app.quotes.run import quoted
from app.services.quotes import config_of
from app.wire_jobs import GeneratorOptions
from app.wire_quotes import Quote

WIDEST = 28
"""Longer column names are cut."""


def quote_file(
    screen: Screen, file: Path, wanted: Training, *, max_minutes: float | None, max_steps: int | None
) -> None:
    """Print the quote of a job on a file. Raises CommandError on bad input."""
    with refusals(), tempfile.TemporaryDirectory(prefix="lookalike-") as folder:
        parquet = Path(folder) / "table.parquet"
        with screen.work("reading the table"):
            intake = ingest(file, parquet, filename=file.name, limits=limits(), options=ReadOptions(**wanted.reading))
            schema = wanted.schema_of(intake.schema, parquet)
        with screen.work("trying a few steps of the training"), Readers() as readers:
            generator = GeneratorOptions(max_minutes=max_minutes, max_steps=max_steps, objective=wanted.objective)
            config = config_of(Settings(), generator)
            quote = Quote.of(quoted(readers, parquet, schema, config, records=sizes(intake.rows)[0]))
    show_quote(screen, quote)


def show_quote(screen: Screen, quote: Quote) -> None:
    """Print a quote: the figures, then a line for each column."""
    limited = quote.minutes < quote.minutes_without_limit
    of = f", {quote.minutes_without_limit:.1f} without the time limit" if limited else ""
    screen.say(f"training  {quote.minutes:.1f} minutes on this machine{of}; attacks and report come on top")
    screen.say(f"memory    {quote.memory_mib:,} MiB")
    screen.say(f"records   {quote.records:,} are trained on, in up to {quote.steps:,} steps")
    screen.say(f"width     {quote.codes:,} codes of {len(quote.columns):,} columns")
    width = min(WIDEST, max(len(column.name) for column in quote.columns))
    for column in quote.columns:
        screen.say(f"  {column.name[:width]:<{width}}  {column.becomes}")
        for lost in column.loses:
            screen.say(f"  {'':<{width}}    loses {lost}")
    for rule in quote.rules:
        screen.say(f"rule      {rule.rule}: {rule.origin}, {share_said(rule.share)}")


def share_said(share: float | None) -> str:
    """Whom a rule is true of, in words."""
    if share is None:
        return "nobody has all that it needs"
    return "true of all people, or all but a few" if share == 1 else f"true of {100 * share:.1f} % of people"
