"""The words of the report: what a verdict means, what a figure is called, and what nobody may read into it.

A report never calls a table by any word that promises an outcome. It says what was tried, what that could have seen and
what it does not cover (EDPB Guidelines 02/2026, paragraph 40: labels must not mislead).
"""

from __future__ import annotations

from collections.abc import Mapping

from privacy.battery import ABOUT
from privacy.finding import TOGETHER
from privacy.plants import COLUMNS, COPIED, Plant
from privacy.wording import NO_PROMISE, SHARES
from privacy.wording import NOT_COVERED as LIMITS_OF_THE_TEST

MEANINGS: Mapping[str, str] = {
    "PASS": "No attack exceeded its limit, and for each limit that applies here one saw its planted leak.",
    "REVIEW": "At least one figure is neither clearly below its limit nor clearly above it. A named person decides.",
    "BLOCK": "At least one attack found a leak above its limit. This file is not released.",
    "INSUFFICIENT": "The holdout is too small for these tests to see a leak that matters. Nothing follows from them.",
    "VOID": "A test could not be trusted, so its result says nothing about the file.",
}
FIRST_SENTENCES: Mapping[str, str] = {
    "PASS": "No attack in this battery exceeded its limit on this file.",
    "REVIEW": "No attack in this battery proved a leak above its limit on this file, but not all ruled one out.",
    "BLOCK": "At least one attack in this battery exceeded its limit on this file.",
    "INSUFFICIENT": "The attacks in this battery could not have seen a leak that matters on this file.",
    "VOID": "The attacks in this battery did not give a result that can be relied on for this file.",
}
NO_DIFFERENTIAL_PRIVACY = (
    "No differential privacy: nothing in this run bounds mathematically what the file can reveal about one person."
)
MODES: Mapping[str, str] = {
    "file": "This file",
    "sampling": "Access to sampling",
    "model": "The model itself",
}
COVERS = "The verdict is about the one synthetic file named below. It is not about the model or about further samples."

NOT_COVERED: tuple[str, ...] = (
    "Attackers who hold the trained model, its weights or its training log.",
    "Attackers who may ask for further samples: more synthetic records from the same model strengthen every attack.",
    "Later releases about the same people, and earlier ones that were not attacked together with this table.",
    "Attackers with knowledge that was not modelled, such as other data sets about the same people.",
    "Facts that hold for a whole group: the file shows them, as a table of counts would.",
    "The legal question. Whether the file is personal data depends on who receives it and what else they hold.",
)
ATTACKS_OF_RESEARCH: Mapping[str, str] = {
    "attribute": "Attribute inference: guessing a secret value of a person whose other values are known.",
    "linkability": "Linkability: joining two halves of a person's record by way of the file.",
    "singling": "Singling out: a description built from the file that fits exactly one real person.",
    "reconstruction": "Reconstruction: guessing half the columns of a person's record from the other half.",
    "density": "Density-ratio membership inference (DOMIAS, Gen-LRA).",
    "classifier": "Membership inference by a trained classifier.",
    "ensemble": "Membership inference by the errors of models that were trained on the file.",
    "shadow": "Attacks that train many generators with and without one person (shadow models).",
}
"""Named in the list of what was not covered, unless an attack whose name has the key in it was run."""

ATTACKS: Mapping[str, str] = {name: about.title for name, about in ABOUT.items()} | {"calibration": "Planted leaks"}
STATISTICS: Mapping[str, str] = {
    "auc": "AUC",
    "tpr_at_1_percent": "TPR at 1 % FPR",
    "tpr_at_01_percent": "TPR at 0.1 % FPR",
    "k1": "k = 1",
    "k5": "k = 5",
    **{name: words for about in ABOUT.values() for name, words in about.statistics.items()},
}
"""What a person calls a statistic, or a part of its name: the common ones, and those of each attack."""

LOOK_UPS = {
    "personal.shared_values": "look-up of identifiers, names and rare text",
    "personal.shared_patterns": "look-up of e-mails, telephones and codes",
    "personal.shared_text": "look-up of phrases",
}
"""What reads the cells of one column, as told beside it."""
PLANTS: Mapping[str, str] = {
    **{plant: f"{100 * share:.3g} % copied" for plant, share in COPIED.items()},
    Plant.JITTERED_COPY: "All copied, 5 % jittered",
    Plant.OUTLIERS: "Outliers copied",
    **{plant: f"{100 * share:.3g} % of one column's values copied" for plant, share in COLUMNS.items()},
    Plant.PERSONAL: "1 % of personal data copied",
    Plant.FRESH: "Fresh records (no leak)",
}
FRESH = Plant.FRESH.value
CURVES: Mapping[str, str] = {
    "tables_loss": "loss of joint frequencies",
    "condition_loss": "loss of conditions",
    "critic_loss": "loss of the critic",
    "one_way_error": "error of single columns",
    "two_way_error": "error of pairs of columns",
    "nearer_train_share": "share nearer to train",
}
"""What a person calls a figure of the training."""


def title(attack: str, statistic: str) -> str:
    """What a person calls `attack.statistic`, e.g. `Membership inference: nearest record, k = 1, AUC`."""
    return f"{attack_title(attack)}: {statistic_title(statistic)}"


def attack_title(attack: str) -> str:
    """What a person calls an attack."""
    if attack.startswith(TOGETHER):
        return f"All tables released from these data, {attack_title(attack.removeprefix(TOGETHER)).lower()}"
    return ATTACKS.get(attack, _spaced(attack))


def statistic_title(name: str) -> str:
    """What a person calls a statistic, e.g. `nearest record, k = 1, AUC`, or `value of income, by a linear model`."""
    if name in STATISTICS:
        return STATISTICS[name]
    how, colon, column = name.partition(":")
    if colon and how in STATISTICS:
        return f"value of {column}, {STATISTICS[how]}"
    for known in sorted(STATISTICS, key=len, reverse=True):
        if name.endswith(f"_{known}"):
            return f"{statistic_title(name[: -len(known) - 1])}, {STATISTICS[known]}"
    return _spaced(name)


def _spaced(name: str) -> str:
    return name.replace("_", " ").strip() or name


def statement(verdict: str, *, holdout: int | None) -> str:
    """What must be printed beside the verdict."""
    size = "With a holdout of unknown size" if holdout is None else f"With a holdout of {holdout:,} records"
    seen = f"{size}, the smallest leak that each attack would see is listed in the report."
    return f"{FIRST_SENTENCES.get(verdict, '')} {seen} {LIMITS_OF_THE_TEST} {NO_PROMISE}"


def next_step(verdict: str, *, auto_release: bool, four_eyes: bool) -> str:
    """What happens to the data now."""
    if verdict == "BLOCK":
        return "The data is blocked. Nobody can approve it; change the options or the table and run again."
    if verdict in {"VOID", "INSUFFICIENT"}:
        return "The data is withheld. Nobody can approve it, because the audit cannot support a decision."
    if verdict == "PASS" and auto_release:
        return "The policy releases the data without a reviewer."
    second = ", who must not be the one who sent the job," if four_eyes else ""
    return f"The data is withheld until a reviewer{second} approves it and gives a reason."


def protection(is_on: object, least: int | None) -> str:
    """What was done for rare categories and extreme values, in a sentence."""
    if is_on is True and least is not None:
        return f"On: categories and ends of ranges with fewer than {least} records are not learnt."
    return "Off: rare categories and extreme values may be emitted as they are." if is_on is False else "not given"


def unit(statistic: str) -> str:
    """`share` where the statistic is a part of the records, else `number`."""
    return "share" if any(part in statistic for part in SHARES) else "number"
