"""What the assessment measured of people with several records, as a part of the document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.report.closeness_model import Followed, Gap, HistoriesPart, Kept
from app.report.reading import finite, mapped

Json = Mapping[str, Any]


def histories_part(fidelity: Json) -> HistoriesPart | None:
    """The part; None where each record is of another person, or where it was not measured."""
    raw = mapped(fidelity.get("histories"))
    each, records, detection = mapped(raw.get("records_each")), _gap(raw.get("records")), _gap(raw.get("detection"))
    real, synthetic = finite(each.get("train")), finite(each.get("synthetic"))
    if real is None or synthetic is None or records is None or detection is None:
        return None
    transitions = [
        Followed(column=str(name), gap=gap)
        for name, entry in mapped(raw.get("transitions")).items()
        if (gap := _gap(entry)) is not None
    ]
    kept = [_kept(str(name), entry) for name, entry in mapped(raw.get("constant")).items()]
    return HistoriesPart(
        records_real=real,
        records_synthetic=synthetic,
        records=records,
        constant=[each for each in kept if each is not None],
        ascends=None if raw.get("order") is None else _kept(str(raw["order"]), raw.get("ascends")),
        gaps=_gap(raw.get("gaps")),
        transitions=sorted(transitions, key=lambda one: one.gap.floor - one.gap.synthetic),
        detection=detection,
    )


def _kept(name: str, entry: object) -> Kept | None:
    real, synthetic = finite(mapped(entry).get("train")), finite(mapped(entry).get("synthetic"))
    return None if real is None or synthetic is None else Kept(column=name, real=real, synthetic=synthetic)


def _gap(entry: object) -> Gap | None:
    synthetic, floor = finite(mapped(entry).get("synthetic")), finite(mapped(entry).get("floor"))
    return None if synthetic is None or floor is None else Gap(synthetic=synthetic, floor=floor)
