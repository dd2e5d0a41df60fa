"""The sentences that reports and decisions print. What was tried and what it could have seen; never a promise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from privacy.finding import Finding, FindingStatus

CHECKED = {
    "overlap": "whether somebody stands in two of the tables",
    "seen": "whether the generator has seen holdout or reference",
    "comparability": "whether the tables are in one coding",
}
"""What each check of `privacy.validity` asks."""

FORBIDDEN = ("anonymous", "anonymised", "anonymized", "safe", "excellent", "risk-free", "guarantee")
"""Words that no sentence of the audit may hold: labels that mislead (EDPB Guidelines 02/2026, paragraph 40)."""

NOT_COVERED = (
    "Attackers with other knowledge, the model itself, later releases from the same data, or stronger attacks are not "
    "covered."
)
NO_PROMISE = "Passing does not establish anonymity; that is a context-dependent decision."

SHARES = ("share", "excess", "percent")


def figure(finding: Finding, value: float | None) -> str:
    """A value of the finding as it is printed: per cent for shares and rates, three digits for an AUC."""
    if value is None:
        return "not measured"
    if any(part in finding.statistic for part in SHARES):
        return f"{100 * value:.2f} %"
    return f"{value:.3f}"


def measured(finding: Finding) -> str:
    """The finding in one sentence: value, interval, baseline, number of records; or why there is none."""
    if finding.status is not FindingStatus.MEASURED:
        return f"{finding.key}: {finding.note}"
    return (
        f"{finding.key} is {figure(finding, finding.value)} "
        f"(95 % interval {figure(finding, finding.lower)} to {figure(finding, finding.upper)}, "
        f"{figure(finding, finding.baseline)} without a leak, {finding.n:,} records)."
    )


def nothing_exceeded(battery_version: str, sizes: Mapping[str, int]) -> str:
    """The sentence of a PASS, with everything it does not say."""
    return (
        f"No attack in battery v{battery_version} exceeded its limit on this file. "
        f"With {sizes.get('holdout', 0)} records held back, the smallest planted leak that each limit would have "
        "stopped is listed in the report. "
        f"{NOT_COVERED} {NO_PROMISE}"
    )


def stopped_sentence(planted: Mapping[str, str]) -> str:
    """The smallest planted leak that would have changed the verdict, for each limit that one would have exceeded."""
    seen = "; ".join(f"{gate}: {plant}" for gate, plant in planted.items())
    return f"Smallest leak, planted into this table, that each limit would have stopped: {seen or 'none'}."


def above_baseline(finding: Finding, limit: float) -> str:
    """A figure that shows a leak, and whether that is known to be within its limit."""
    copies = finding.details.get("equal_to_train")
    counted = "" if copies is None else f" {copies:.0f} synthetic records equal a record that only one person has."
    is_within = finding.upper is not None and finding.upper <= limit
    coarse = f"and too coarse on this table to tell whether it is within its limit of {figure(finding, limit)}"
    return f"Above its baseline, {'within its limit' if is_within else coarse}: {measured(finding)}{counted}"


def sign_of_a_leak(finding: Finding) -> str:
    """That a statistic which is too coarse for its limit on this table shows a leak."""
    return f"A sign of a leak, of a size that this table is too small to tell: {measured(finding)}"


def coarse_sentence(people: Mapping[str, int]) -> str:
    """That statistics are too coarse for their limits on this table, and how many people a side each takes."""
    which = "; ".join(f"{key} takes about {needed:,} people in train and in holdout" for key, needed in people.items())
    return (
        f"Too coarse to decide here, since without a leak their intervals would often exceed the limit, "
        f"{len(people)} of the statistics: {which}."
    )


def too_few_people(finding: Finding, gate: str, people: int, needed: int) -> str:
    """That no statistic of a limit can decide on so few people."""
    return (
        f"Too few people to tell, {gate}: of all its statistics {finding.key} needs fewest, about {needed:,} people in "
        f"train and in holdout; {people:,} of each are under attack."
    )


def mostly_by_chance(finding: Finding, gate: str) -> str:
    """That an attack succeeds against most people whom the synthetic table knows nothing of."""
    share = finding.details["success_on_holdout"]
    return (
        f"Not to be told, {gate}: on this table {finding.key} succeeds against {share:.0%} of the people whom the "
        "generator never saw, because many people share the same values. What it finds of people in train says "
        "little, however many there are."
    )


def blocked(finding: Finding, gate: str, limit: float) -> str:
    """Why a finding blocks."""
    return _with_note(f"Leak proven, {gate}: {measured(finding)} The limit is {figure(finding, limit)}.", finding)


def beyond_limit(finding: Finding, gate: str, limit: float) -> str:
    """Why a finding does not pass."""
    said = f"Not shown to be within the limit, {gate}: {measured(finding)} The limit is {figure(finding, limit)}."
    return _with_note(said, finding)


def _with_note(said: str, finding: Finding) -> str:
    """The note names the column, which whoever has to mend the table must know."""
    return f"{said} {finding.note}".strip()


def blind_sentence(keys: Sequence[str]) -> str:
    """That findings count for nothing."""
    return (
        f"Count for nothing here, since they would not have stopped the leak planted for them in this table, "
        f"{len(keys)} of the statistics: {', '.join(keys)}."
    )


def missing_sentence(gate: str, findings: Sequence[Finding]) -> str:
    """Why a gate is open: nothing measured, or only by attacks that are blind on this table."""
    notes = sorted({f.note for f in findings if f.status is FindingStatus.NOT_APPLICABLE and f.note})
    if any(f.status is FindingStatus.MEASURED for f in findings):
        return f"Nothing that can be relied on, {gate}: no attack would have stopped the leak planted for it here."
    return " ".join([f"Nothing measured, {gate}.", *notes])


def only_coarse(gate: str, findings: Sequence[Finding]) -> str:
    """That a gate is open although a statistic that is too coarse to decide would have stopped its plant."""
    keys = ", ".join(finding.key for finding in findings)
    return (
        f"Nothing that can be relied on, {gate}: the leak planted for it here would have been stopped by {keys} alone, "
        "which is too coarse on this table to decide."
    )


def only_named(gate: str) -> str:
    """That a gate is open although an attack on what the sender of the job named would have stopped its plant."""
    return (
        f"Nothing that can be relied on, {gate}: only where the job named the columns would an attack have stopped the "
        "leak planted for it here, and that does not stand in for the columns that the attack chooses by itself."
    )


def coverage_unknown() -> str:
    """That the audit does not say which attacks looked at which column."""
    return "The audit does not say which attacks looked at which column. Audit again."


def seen_by_nobody(columns: Sequence[str]) -> str:
    """That no attack looked at some columns."""
    return (
        f"No attack could look at {len(columns)} of the columns: {', '.join(columns)}. Neither train nor holdout has "
        "values alone there, or the attacks that read them gave no result."
    )


def undecided(gates: Sequence[str]) -> str:
    """That a PASS does not rest on these limits, since all that would have stopped their plants is too coarse."""
    return f"This table has too few people to decide on: {'; '.join(gates)}."


def within_reach(gates: Sequence[str]) -> str:
    """That optional gates had nothing to measure."""
    return f"Not measured on this table: {'; '.join(gates)}."


def left_out(gates: Sequence[str]) -> str:
    """That attacks which an audit may leave out were left out."""
    return f"Not run, left out by this audit: {'; '.join(gates)}."


def asked_for(gate: str) -> str:
    """That an attack was left out for which the policy asks."""
    return f"Not run, {gate}: this audit left it out, and the policy asks for it."


def crashed(finding: Finding) -> str:
    """That an attack crashed."""
    return f"The attack {finding.attack} gave no result. {finding.note}"


def drifted(finding: Finding) -> str:
    """That train and holdout are not draws from the same people."""
    return f"Train and holdout differ, so comparing them proves nothing: {measured(finding)}"


def drift_unknown(note: str) -> str:
    """That nobody knows whether train and holdout are draws from the same people."""
    return " ".join(part for part in ("Whether train and holdout are alike was not measured.", note) if part)


def not_run(gate: str) -> str:
    """That no attack gave a finding that a limit judges."""
    return f"Nothing judges this limit, {gate}: no attack for it was run."


def not_checked(check: str) -> str:
    """That the tables were not checked before anything was compared."""
    return f"It was not checked {CHECKED[check]}, so no comparison can be relied on. Audit again."


def too_few_records(side: str, n: int, needed: int) -> str:
    """That a side is too small."""
    return (
        f"There are {n:,} records in {side}, counting one for each person where a person column is named; "
        f"it takes at least {needed:,} to see a leak that matters."
    )


def too_few_synthetic(n: int, needed: int) -> str:
    """That the synthetic table is too small for what the attacks find on it to be judged by their limits."""
    return (
        f"The synthetic table has {n:,} records. It takes {needed:,} here for all attacks to be run, and for near "
        "copies to exceed their limit if half of the records were some. Ask for more records, or have a person look "
        "at them."
    )


def too_few_in_shares(side: str, needed: int) -> str:
    """That a table was made to a mix of which a side has too few people. How many is not said: they may be rare."""
    return (
        f"There are fewer than {needed:,} people in {side} in the shares that the table was made to; it takes as many "
        "to see a leak about those whom it has more of than usual."
    )


def taken_together(tables: int, reason: str) -> str:
    """A reason that rests on all tables released from the same data."""
    return f"All {tables} tables released from these data, attacked together: {reason}"


def not_attacked(tables: int) -> str:
    """That tables released from some of the same people were left out of the attack on all of them together."""
    which = "1 table" if tables == 1 else f"{tables} tables"
    return (
        f"{which} released before from some of the same people could not be attacked together with this one: deleted, "
        "or with other columns. Nothing is known of what they and this one give away together."
    )


def attacked_in_part(tables: int) -> str:
    """That of some of the tables attacked together it is not known whom all they were made from."""
    which = "1 table" if tables == 1 else f"{tables} tables"
    return (
        f"{which} released before from another upload with some of the same people could be attacked together with "
        "this one only as far as records are equal in both uploads."
    )


def as_the_file(what: str) -> str:
    """Why a way of releasing gets the verdict of the file."""
    return f"{what} gives whatever this file gives, so its verdict cannot be better than the file's."


SAMPLING_NOT_ASSESSED = (
    "No attack of this audit drew further records from the model. More synthetic records strengthen every attack."
)
SAMPLING_ONE_TABLE = (
    "Attacks on fresh draws kept their limit, but a single table was audited, and further tables from the same model "
    "add up."
)
SAMPLING_DOUBTS = "Attacks on fresh draws are not shown to keep their limit."
MODEL_NOT_ASSESSED = (
    "No attack of this battery reads the model: its weights, its encoder's tables and its training log can hold more "
    "than any file drawn from it."
)
MODEL_NOT_RULED_OUT = (
    "The model's own likelihoods did not tell training records from others. That rules no leak out: its weights, its "
    "encoder's tables and its training log can hold more than the attacks of this battery ask for."
)


def model_tells(finding: Finding) -> str:
    """A leak of the model itself that was proven."""
    return (
        f"The model itself tells training records from others: {finding.key} is {finding.value:.3f} (95 % interval "
        f"{finding.lower:.3f} to {finding.upper:.3f}), and {finding.baseline:.3g} where nothing leaks."
    )


def sampling_kept(tables: int, records: int) -> str:
    """How far a PASS for sampling goes."""
    return (
        f"Attacks on fresh draws, and on {tables} tables together, kept their limits. That covers at most {records} "
        "records drawn in total, and nobody who draws more."
    )
