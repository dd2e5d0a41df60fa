"""What whoever receives the synthetic file sees of each field of the report.

A field without a rule here is not passed on, and a test fails, so what is added to the document stays inside until
somebody has thought about it.
"""

from __future__ import annotations

from functools import partial

from app.report import passed_on
from app.report.coarse import down
from app.report.rules import Each, Fields, instead, left_out, same, two_digits, words

WITHHELD = "Left out of a report that is passed on."
NAME = "Synthetic table"
NEXT_STEP = "Whether this file was released, and by whom, is in its certificate."
HASHES = frozenset({"weights", "model", "synthetic", "csv"})
"""Files that a recipient may hold. A hash of the upload, or of what was made from it, would confirm a guess of it."""
MOST_TOLD = 0.99
"""A share of people whose number is not known is never told to be greater."""
SIZES = ("train, ", "holdout, ", "reference, ", "synthetic, ")
FIGURE = Fields({"value": same, "lower": same, "upper": same, "reason": same}, then=passed_on.figure)
SCORED = Fields(FIGURE.rules, then=partial(passed_on.figure, worse="lower"))
"""A score that is the better the higher it is."""
WHOLE = Fields({"value": same, "lower": same, "upper": same, "reason": same})
"""A figure that a later rule makes coarse, with what stands beside it."""
_OF_NAMES = partial(passed_on.fact, lambda _name: True)
RUN = Fields(
    {
        "job_id": same,
        "dataset_id": instead(WITHHELD),
        "dataset_name": instead(NAME),
        "model_id": instead(None),
        "created_at": lambda value, _about: value[:10],
        "covers": words,
        "reading": left_out,
    }
)
MODE = Fields({"mode": same, "title": words, "verdict": same, "reasons": instead([WITHHELD])})
VERDICT = Fields(
    {
        "verdict": same,
        "meaning": words,
        "policy": same,
        "policy_version": same,
        "reasons": instead([WITHHELD]),
        "next_step": instead(NEXT_STEP),
        "auto_release": same,
        "four_eyes": same,
        "statement": words,
        "differential_privacy": words,
        "modes": Each(MODE),
    },
    then=passed_on.verdict,
)
QUESTION = Fields(
    {
        "key": same,
        "question": same,
        "mark": same,
        "sentence": same,
        "deciding": same,
        "findings": same,
        "reasons": instead([]),
    },
    then=passed_on.question,
)
FINDING = Fields(
    {
        "key": same,
        "attack": same,
        "statistic": same,
        "title": words,
        "unit": same,
        "status": same,
        "figure": WHOLE,
        "baseline": same,
        "minimum_detectable": FIGURE,
        "n": passed_on.count,
        "limit": same,
        "block_limit": same,
        "gate": words,
        "limit_title": words,
        "decides": same,
        "gating": same,
        "threat": words,
        "control": Fields({"plant": same, "state": same, "note": words}),
        "trials": Each(
            Fields({"plant": same, "title": words, "caught": same, "value": two_digits, "lower": two_digits})
        ),
        "smallest_share_stopped": words,
        "note": left_out,
        "details": left_out,
    },
    then=passed_on.finding,
)
SCORE = Fields(
    {
        "key": same,
        "title": words,
        "explanation": words,
        "better": same,
        "synthetic": WHOLE,
        "floor": WHOLE,
        "floor_note": words,
    },
    then=passed_on.score,
)
WHOLE_GAP = Fields({"synthetic": same, "floor": same})
ROC = Fields(
    {
        "model": words,
        "records": passed_on.count,
        "false_positives": Each(two_digits),
        "synthetic": Each(two_digits),
        "floor": lambda value, about: None if value is None else Each(two_digits)(value, about),
        "auc": FIGURE,
        "floor_auc": FIGURE,
    }
)
MARGINAL = Fields(
    {
        "column": same,
        "kind": same,
        "labels": same,
        "real": same,
        "synthetic": same,
        "edges": same,
        "edge_labels": same,
        "rest": Each(Fields({"label": same, "real": same, "synthetic": same})),
        "gap": WHOLE_GAP,
        "spikes": instead([]),
        "score": WHOLE,
        "floor": WHOLE,
    },
    then=passed_on.marginal,
)
OF_PEOPLE = Fields({"column": same, "real": lambda value, _about: min(down(value), MOST_TOLD), "synthetic": two_digits})
OFF = Fields({"synthetic": two_digits, "floor": two_digits})
HISTORIES = Fields(
    {
        # means and distances over all people, 50 on each side at least, of whom a few with the most records count less
        "records_real": two_digits,
        "records_synthetic": two_digits,
        "records": OFF,
        "constant": Each(OF_PEOPLE),
        # how many records follow others is not known here: one that falls could be told
        "ascends": instead(None),
        "gaps": lambda value, about: None if value is None else OFF(value, about),
        # few values that few people have decide how far single columns are off
        "transitions": instead([]),
        "detection": OFF,
    }
)
FIDELITY = Fields(
    {
        "scores": Each(SCORE),
        "sdmetrics_version": same,
        "utility": Each(Fields({"model": words, "metric": words, "tstr": SCORED, "trtr": SCORED, "trts": SCORED})),
        "utility_note": instead("Models that predict the target from all other columns."),
        "marginals": Each(MARGINAL),
        # how strongly a pair is associated tells how many have both of two values, and what the few with one have
        "trends": instead(None),
        "trends_reason": instead(WITHHELD),
        "records": passed_on.count,
        "roc": ROC,
        # what few people share is in them: levels of two columns at once, patterns, cells of a grid, groups
        "pairs": left_out,
        "missing": left_out,
        "projection": left_out,
        "subgroups": left_out,
        "histories": lambda value, about: None if value is None else HISTORIES(value, about),
        "not_measured": instead(dict.fromkeys(("pairs", "missing", "projection", "roc", "subgroups"), WITHHELD)),
    }
)
RULE = Fields(
    {
        "rule": same,
        "origin": same,
        "built_in": same,
        "real": same,
        "synthetic": two_digits,
        "unknown": same,
        "why": instead(""),
    },
    then=passed_on.rule,
)
TRAINING = Fields(
    {
        "steps": same,
        "seconds": instead(None),
        "following_seconds": instead(None),
        "device": instead(WITHHELD),
        "records": passed_on.count,
        "parameters": same,
        "protection": words,
        "stopped_because": instead(WITHHELD),
        "losses": instead([]),
        "metrics": instead([]),
        "warnings": instead([]),
    }
)
PROTOCOL = Fields(
    {
        "sizes": Each(passed_on.fact(lambda name: name.startswith(SIZES), passed_on.size)),
        "split": instead([]),
        "hashes": Each(passed_on.fact(lambda name: name in HASHES, same)),
        "versions": Each(_OF_NAMES(same)),
        "options": passed_on.options,
        "columns": Each(_OF_NAMES(same)),
    }
)
MIX = Fields(
    {
        "kind": same,
        # what was asked for is in the file; what the real table has may be few people's
        "shares": Each(
            Fields(
                {"columns": same, "values": same, "asked": same, "real": instead(None), "synthetic": two_digits},
                then=passed_on.share,
            )
        ),
        "reweighted": same,
        "train": instead(None),
        "holdout": instead(None),
    }
)
DOCUMENT = Fields(
    {
        "format": same,
        "audience": instead("shareable"),
        "run": RUN,
        "mix": MIX,
        "augmentation": instead(None),  # figures of the few real records of a class
        "verdict": VERDICT,
        "questions": Each(QUESTION),
        "criteria": left_out,  # made anew from what is passed on
        "findings": Each(FINDING),
        "audit_notes": Each(words),
        "coverage": Each(_OF_NAMES(words)),
        "not_covered": Each(words),
        "rules": Each(RULE),
        "asked": left_out,  # figures of real groups that the owner chose
        "fidelity": FIDELITY,
        "training": TRAINING,
        "protocol": PROTOCOL,
    }
)
