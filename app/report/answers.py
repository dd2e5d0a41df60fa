"""The reviewer's questions, and what each answer means, without technical terms."""

from __future__ import annotations

from collections.abc import Mapping

from privacy.about import Question

ASKED: Mapping[Question, str] = {
    Question.COPIES: "Is anybody's record in there?",
    Question.MEMBERSHIP: "Could one tell that a person was in the data?",
    Question.INFERENCE: "Could one learn something new about a person?",
    Question.LINKABILITY: "Could records about one person be linked?",
    Question.SINGLING_OUT: "Could one person be singled out?",
    Question.WORST_OFF: "Are the worst-off protected?",
    Question.TRUST: "Can the test be trusted on this table?",
    Question.COVERAGE: "What does the test not cover?",
}

MARKS: Mapping[str, str] = {
    "PASS": "Within the limit",
    "IN_PART": "Within the limit, in part",
    "REVIEW": "Open: a person decides",
    "BLOCK": "Leak proven",
    "INSUFFICIENT": "Too few people",
    "VOID": "Cannot be told",
    "NOT_MEASURED": "Not measured",
    "NOT_RECORDED": "Not recorded",
    "NOTE": "Read this",
}
"""The mark of a question, in words."""
GOOD = frozenset({"PASS", "IN_PART"})
"""Marks of a question of which something that decides kept its limit."""

OPEN: Mapping[str, str] = {
    "IN_PART": "What can be told on this table stayed within its limit. The rest of this question is open.",
    "INSUFFICIENT": "There are too few people here to see a leak that matters. Nothing follows from the figures.",
    "VOID": "The test cannot be relied on here, so this question stays open.",
    "NOT_MEASURED": "Nothing that could decide was measured on this table, so nothing is known. That is no good sign.",
    "NOT_RECORDED": "This report does not record an answer to this question. Its findings are listed.",
}
"""What a mark means that answers no question."""

ANSWERS: Mapping[tuple[Question, str], str] = {
    (
        Question.COPIES,
        "PASS",
    ): "Copies and near copies of real records stayed within the limit, beyond what chance explains.",
    (
        Question.COPIES,
        "REVIEW",
    ): "It is not shown that copies of real records, or of single rare values, stay within the limit.",
    (Question.COPIES, "BLOCK"): "The file holds records or values of real people, more than the limit allows.",
    (
        Question.MEMBERSHIP,
        "PASS",
    ): "Whoever holds a person's record learns little from the file about whether that person was in the data.",
    (Question.MEMBERSHIP, "REVIEW"): "It is not shown that one could not tell, from the file, who was in the data.",
    (Question.MEMBERSHIP, "BLOCK"): "From the file one can tell who was in the data, better than the limit allows.",
    (
        Question.INFERENCE,
        "PASS",
    ): "Whoever knows part of a record could hardly guess the rest better for people in the data than for others.",
    (
        Question.INFERENCE,
        "REVIEW",
    ): "It is not shown that the file gives away no more about people in the data than about others.",
    (
        Question.INFERENCE,
        "BLOCK",
    ): "The file gives away values of people in the data that could not be guessed of others.",
    (Question.LINKABILITY, "PASS"): "The file hardly helped to join two halves of one person's record.",
    (
        Question.LINKABILITY,
        "REVIEW",
    ): "It is not shown that the file does not help to join two halves of one person's record.",
    (
        Question.LINKABILITY,
        "BLOCK",
    ): "With the file one can join two halves of one person's record, more often than the limit allows.",
    (
        Question.SINGLING_OUT,
        "PASS",
    ): "Descriptions made from the file fitted exactly one real person hardly more often than by chance.",
    (
        Question.SINGLING_OUT,
        "REVIEW",
    ): "It is not shown that descriptions made from the file do not fit exactly one real person.",
    (
        Question.SINGLING_OUT,
        "BLOCK",
    ): "Descriptions made from the file fit exactly one real person, more often than the limit allows.",
    (
        Question.WORST_OFF,
        "PASS",
    ): "People with unusual records, and those in small groups, were told from others hardly better than by chance.",
    (
        Question.WORST_OFF,
        "REVIEW",
    ): "It is not shown that people with unusual records, or in small groups, are protected like the rest.",
    (
        Question.WORST_OFF,
        "BLOCK",
    ): "People with unusual records, or in small groups, can be told from others, more than the limit allows.",
    (
        Question.TRUST,
        "PASS",
    ): "The tables can be compared.",
    (Question.TRUST, "REVIEW"): "Whether the tables can be compared is not fully known.",
    (Question.TRUST, "BLOCK"): "The policy's own words for this verdict are below.",
    (
        Question.TRUST,
        "VOID",
    ): "The tables cannot be compared, or a part of the test is missing, so its silence means nothing.",
    (Question.TRUST, "INSUFFICIENT"): "There are too few people in this table for the test to see a leak that matters.",
    (
        Question.COVERAGE,
        "NOTE",
    ): "Other knowledge, the model itself and later releases are not covered. Whether the file is "
    "personal data remains a legal question.",
    (
        Question.COVERAGE,
        "REVIEW",
    ): "Something that belongs to this table was not attacked: a column, or an earlier release.",
}
"""What an answer means, in a sentence. The other marks mean the same for every question: `OPEN`."""

GLOSSARY: tuple[tuple[str, str], ...] = (
    ("Synthetic record", "A line of the file. It was drawn from a model and is not meant to be about anybody."),
    ("Train", "The real records from which the model learnt."),
    (
        "Holdout",
        "Real records that the model never saw. What an attack finds about them is chance, and so the measure.",
    ),
    ("Attack", "An attempt to learn something about real people from the file, made by us before anybody else can."),
    ("Baseline", "What an attack reaches where nothing leaks."),
    ("Limit", "What the policy allows. The whole interval has to stay within it, not the figure alone."),
    ("95 % interval", "The range in which the true figure lies, as far as this number of people can tell."),
    ("Planted leak", "Real records copied into the file on purpose, to see whether an attack would have noticed."),
    ("AUC", "How often an attack ranks a person in the data above one who is not. One half is guessing."),
    ("TPR at 1 % FPR", "How many people in the data an attack names when it wrongly names one in a hundred others."),
)
"""Ten words that the report cannot do without."""


def marked(question: str, mark: str) -> str:
    """The mark in words."""
    return "Holds, as far as tested" if (question, mark) == (Question.TRUST, "PASS") else MARKS[mark]


def answer(question: Question, mark: str) -> str:
    """What the mark of a question means, in a sentence."""
    return ANSWERS.get((question, mark)) or OPEN.get(mark, "")
