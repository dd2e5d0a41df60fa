"""Which statistics decide on this table: one budget of error for the whole battery, spent by a plan (docs/adr/0015)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import ceil, isfinite

from scipy.stats import norm

from privacy.estimate import POWER
from privacy.finding import MAXIMUM_OVER, Finding
from privacy.limits import Limit

FRESH_BUDGET = 0.08
"""The probability that a table of fresh rows is sent to review by some upper end, over all statistics that decide. With
SIGN_LEVEL and the checks of the tables (`privacy.validity`), a tenth of all tables of fresh rows fails to pass."""
SIGN_LEVEL = 0.01
"""The probability that a table of fresh rows is sent to review by a sign of a leak (see `policy`), over all statistics
that do not decide."""
PROOF_LEVEL = 0.025
"""The level, over all statistics, at which a leak above its limit is called proven. A table without a leak lies at the
baseline, far below nearly every limit, so that it is blocked much more seldom than that."""

_Z = float(norm.ppf(0.975))
_DETECTED = _Z + float(norm.ppf(POWER))
"""How many standard errors a smallest detectable leak is: see `privacy.estimate`."""

Judged = tuple[Finding, Limit]
Sees = Callable[[Limit, Finding], bool]


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """Which findings decide by their upper end, and which are too coarse for their limit on this table."""

    decides: frozenset[str]
    """Keys of findings."""
    coarse: tuple[Judged, ...]


def fails_when_fresh(finding: Finding, limit: Limit) -> float:
    """The probability that the upper end of a 95 % interval exceeds the limit on a table without a leak.

    By the normal approximation, from the standard error that the smallest detectable leak tells. It rests on the
    number of people and on how often the attack succeeds on holdout, never on what the attack found on train. The worst
    of several columns fails as often as any of them (Bonferroni's inequality). 0 where the finding does not say what it
    could detect, and where the limit is no leak at all, as of personal data: then its upper end decides.
    """
    error, room = _error(finding), limit.pass_below - (finding.baseline or 0.0)
    if error is None or error <= 0 or room <= 0:
        return 0.0
    one = float(norm.sf(room / error - _Z))
    return finding.details.get(MAXIMUM_OVER, 1.0) * one


def people_needed(finding: Finding, limit: Limit, people: int) -> int:
    """About how many people a side this statistic takes to decide, where `people` a side are under attack.

    Standard errors shrink with the root of the people. The number is such that fresh rows exceed the limit with a tenth
    of FRESH_BUDGET. Two digits are told, rounded up.
    """
    error, room = _error(finding), limit.pass_below - (finding.baseline or 0.0)
    if error is None or room <= 0:
        return people
    wanted = _Z + float(norm.isf(FRESH_BUDGET / 10))
    exact = people * (wanted * error / room) ** 2
    step = int(10 ** max(0, len(str(int(exact))) - 2))
    return ceil(exact / step) * step


def plan(judged: Iterable[Judged], sees: Sees) -> Plan:
    """Spends FRESH_BUDGET on the findings: first the best of each limit, then the cheapest.

    A statistic whose upper end would often exceed its limit without any leak says nothing by doing so. It decides only
    while the sum of `fails_when_fresh` over all that decide stays within the budget (Bonferroni's inequality, so the
    statistics may depend on one another). The best of a limit is the cheapest that sees its planted leak; limits that a
    PASS rests on come before those that may lack power.
    """
    priced = sorted(((fails_when_fresh(f, limit), f, limit) for f, limit in judged), key=lambda each: each[0])
    best: dict[str, int] = {}
    for place, (_, finding, limit) in enumerate(priced):
        if not finding.named and sees(limit, finding):
            best.setdefault(limit.title, place)
    first = sorted(best.values(), key=lambda place: (priced[place][2].may_lack_power, place))
    order = [*first, *(place for place in range(len(priced)) if place not in first)]
    spent, decides, coarse = 0.0, set[str](), list[Judged]()
    for place in order:
        price, finding, limit = priced[place]
        if spent + price <= FRESH_BUDGET:
            spent += price
            decides.add(finding.key)
        else:
            coarse.append((finding, limit))
    return Plan(decides=frozenset(decides), coarse=tuple(coarse))


def _error(finding: Finding) -> float | None:
    detectable = finding.minimum_detectable
    if detectable is None or not isfinite(detectable):
        return None
    return (detectable - (finding.baseline or 0.0)) / _DETECTED
