"""Which test of this audit speaks to which criterion of a regulator, and what it found in this very table.

No criterion is ever said to be met: that depends on who receives the file and on what else they hold. A row says what
was measured here, on whose behalf, and what stays open. Paragraphs of the EDPB's Guidelines 02/2026 are those of the
version for consultation of 7 July 2026.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.report.audit_model import CriterionPart, FindingPart
from app.report.findings_view import drawn
from app.report.gauge import place
from app.report.model import VerdictPart
from app.report.wording import attack_title
from privacy.finding import TOGETHER

RECIPIENTS: Mapping[str, str] = {
    "internal": "People inside the organisation that holds the data",
    "partner": "One named recipient under contract",
    "public": "Anybody, since what is published is found by whoever looks",
}
"""Whose perspective each policy assumes."""
UNNAMED = "No recipient is named: the policy is not one of those that come with the service"
NOTHING = "Nothing in this document: no attack that speaks to it gave a figure."
UNTOLD = ("VOID", "INSUFFICIENT")
"""Verdicts under which figures within their limits say nothing."""
COPIES = ("replay", "agreement", "personal")
SINGLING = (*COPIES, "singling_out")
MEMBERSHIP = ("membership", "density", "classifier", "ensemble")
INFERENCE = ("attribute", "every_cell", "reconstruction")
WORST = ("vulnerable", "subgroups", "shadow")
ALL = (*SINGLING, *MEMBERSHIP, *INFERENCE, "linkability", *WORST)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Criterion:
    """A criterion as its source has it."""

    key: str
    source: str
    criterion: str
    test: str
    attacks: Sequence[str]
    holds: str
    """What the recipient is taken to hold."""
    open: str


_EDPB, _WP216 = "EDPB Guidelines 02/2026 (for consultation)", "WP216, Opinion 05/2014 of the Article 29 Working Party"
_FILE, _RECORD = "the file alone", "the file, and all or part of one person's record"
_SINGLE_OPEN = (
    "Whether somebody is isolated with knowledge from outside the table, such as a register or a person they know."
)
_LINK_OPEN = "Other ways to divide the columns than those attacked here, and sources that the sender did not name."
_INFER_OPEN = "Columns that nobody named as secret beyond those attacked, and facts that hold for a whole group."
CRITERIA = (
    _Criterion(
        key="edpb_isolation",
        source=_EDPB,
        criterion="No record isolation (paragraph 55; isolation alone does not decide, 98 and 99)",
        test="Singling out, replay, near and partial copies, personal data, each against people who were held out",
        attacks=SINGLING,
        holds=_FILE,
        open=_SINGLE_OPEN,
    ),
    _Criterion(
        key="edpb_linkage",
        source=_EDPB,
        criterion="No linkage (paragraphs 60 and 64)",
        test="Linkability: two halves of a record joined by way of the file, against people who were held out",
        attacks=("linkability",),
        holds="the file, and two sources that each have some of the columns",
        open=_LINK_OPEN,
    ),
    _Criterion(
        key="edpb_inference",
        source=_EDPB,
        criterion="No inference that is specific and meaningful (paragraphs 67, 71b and 79)",
        test="Attribute inference, inference of every value, reconstruction and membership inference, each as the "
        "difference between people who were learnt and people who were not",
        attacks=(*INFERENCE, *MEMBERSHIP),
        holds=_RECORD,
        open=_INFER_OPEN,
    ),
    _Criterion(
        key="edpb_all",
        source=_EDPB,
        criterion="All individuals, and one success counts (paragraphs 36 and 87)",
        test="The worst-off records, the worst group of people, and shadow models of single records",
        attacks=WORST,
        holds=_RECORD,
        open="People who were not among those attacked. An interval bounds a group, never one named person.",
    ),
    _Criterion(
        key="wp216_singling_out",
        source=_WP216,
        criterion="Singling out",
        test="Singling out, replay, near and partial copies, personal data",
        attacks=SINGLING,
        holds=_FILE,
        open=_SINGLE_OPEN,
    ),
    _Criterion(
        key="wp216_linkability",
        source=_WP216,
        criterion="Linkability",
        test="Linkability: two halves of a record joined by way of the file",
        attacks=("linkability",),
        holds="the file, and two sources that each have some of the columns",
        open=_LINK_OPEN,
    ),
    _Criterion(
        key="wp216_inference",
        source=_WP216,
        criterion="Inference",
        test="Attribute inference, inference of every value, reconstruction",
        attacks=INFERENCE,
        holds=_RECORD,
        open=_INFER_OPEN,
    ),
    _Criterion(
        key="ico_motivated_intruder",
        source="ICO, anonymisation guidance (March 2025)",
        criterion="Motivated intruder",
        test="The whole battery, as attempts of somebody who is able and willing, and has other people's records",
        attacks=ALL,
        holds=_RECORD,
        open="An exercise by a person with public sources, and its written account. The audit makes none.",
    ),
    _Criterion(
        key="iso_27559",
        source="ISO/IEC 27559",
        criterion="Adversarial testing, and the largest risk beside the average (8.2.3 and 7.3.2)",
        test="The whole battery; the worst-off records and groups are judged by themselves, beside the averages",
        attacks=ALL,
        holds=_RECORD,
        open="The context of use (section 6) and governance (section 9), which an organisation has to describe itself.",
    ),
    _Criterion(
        key="hipaa_expert",
        source="HIPAA, 45 CFR 164.514(b)(1)",
        criterion="Expert determination that the risk is very small for the anticipated recipient",
        test="Analysis for the expert: inference, linkability and singling out, with intervals",
        attacks=(*INFERENCE, "linkability", "singling_out"),
        holds="the file, and what an anticipated recipient reasonably has",
        open="The determination: an expert makes and signs it. The rule sets no number, nor does this document.",
    ),
    _Criterion(
        key="nist_800_226",
        source="NIST SP 800-226",
        criterion="Claims of differential privacy: unit, parameters, trust model, ledger",
        test="No attack can show differential privacy",
        attacks=(),
        holds="anything",
        open="A bound on what the file can reveal about one person.",
    ),
)


def criteria_part(findings: Sequence[FindingPart], verdict: VerdictPart) -> list[CriterionPart]:
    """One row for each criterion, with the findings of this document that speak to it."""
    alone = [finding for finding in findings if not finding.attack.startswith(TOGETHER)]
    return [_part(each, alone, verdict) for each in CRITERIA]


def _part(each: _Criterion, findings: Sequence[FindingPart], verdict: VerdictPart) -> CriterionPart:
    mine = [finding for finding in findings if finding.attack in each.attacks]
    measured = [finding for finding in mine if finding.figure.value is not None]
    distrust = f"The verdict on this table is {verdict.verdict}: {verdict.meaning}" if verdict.verdict in UNTOLD else ""
    said = _measured(mine, measured) if each.attacks else verdict.differential_privacy
    return CriterionPart(
        key=each.key,
        source=each.source,
        criterion=each.criterion,
        test=each.test,
        perspective=f"{RECIPIENTS.get(verdict.policy, UNNAMED)}. Taken to hold {each.holds}.",
        evidence=[finding.key for finding in measured],
        measured=" ".join(filter(None, [distrust, said])),
        not_covered=" ".join(filter(None, [each.open, _unrun(each.attacks, measured)])),
    )


def _measured(mine: Sequence[FindingPart], measured: Sequence[FindingPart]) -> str:
    """How much was measured, how much of it decides, what lies beyond a limit, and what comes nearest to one."""
    if not measured:
        return NOTHING
    deciding = [finding for finding in measured if finding.decides]
    beyond = [finding for finding in deciding if _is_beyond(finding)]
    coarse = [finding for finding in measured if not finding.decides and _is_beyond(finding)]
    said = [f"{len(measured)} of {len(mine)} figures were measured, {len(deciding)} of them decide on this table."]
    if deciding:
        said.append(f"Of these, {len(deciding) - len(beyond)} stayed within their limit and {len(beyond)} did not.")
    if coarse:
        reach = "1 reaches" if len(coarse) == 1 else f"{len(coarse)} reach"
        said.append(f"Of those that are too coarse to decide, {reach} beyond the limit.")
    for words, some in (("Farthest beyond", [*beyond, *coarse]), ("Nearest to its limit", deciding)):
        if some:
            return " ".join([*said, *_farthest(words, some)])
    return " ".join(said)


def _is_beyond(finding: FindingPart) -> bool:
    upper, limit = finding.figure.upper, finding.limit
    return upper is not None and limit is not None and upper > limit


def _farthest(words: str, findings: Sequence[FindingPart]) -> list[str]:
    seen = [each for finding in findings if (each := drawn(finding)) is not None]
    far = max(seen, key=lambda each: place(each, each.upper), default=None)
    return [] if far is None else [f"{words}: {far.title}, {far.said}."]


def _unrun(attacks: Sequence[str], measured: Sequence[FindingPart]) -> str:
    """The attacks that speak to it and gave no figure here."""
    absent = [attack_title(attack).lower() for attack in attacks if attack not in {f.attack for f in measured}]
    return f"Without a figure here: {', '.join(absent)}." if absent else ""
