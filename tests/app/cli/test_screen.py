import io

from rich.console import Console

from app.cli.follow import Event
from app.cli.screen import Screen, figures_text, show_event


def screen(*, terminal: bool) -> tuple[Screen, io.StringIO, io.StringIO]:
    progress, result = io.StringIO(), io.StringIO()
    consoles = Screen(
        progress=Console(file=progress, force_terminal=terminal, width=120, highlight=False),
        result=Console(file=result, highlight=False, soft_wrap=True),
    )
    return consoles, progress, result


def test_progress_never_goes_back() -> None:
    heard: list[float] = []
    fraction = 0.0
    for each in (0.1, 0.5, 0.3, 0.6):
        event = Event(kind="progress", fraction=each, message="training")
        fraction = show_event(event, lambda done, _: heard.append(done), fraction)
    assert heard == [0.1, 0.5, 0.5, 0.6]


def test_without_a_terminal_each_stage_is_one_line() -> None:
    consoles, progress, result = screen(terminal=False)
    with consoles.work("waiting") as told:
        for step in range(50):
            told(step / 100, f"training, step {step}")
        told(0.9, "attacking")
    assert progress.getvalue().splitlines() == ["waiting", "   0%  training, step 0", "  90%  attacking"]
    assert result.getvalue() == ""


def test_a_terminal_shows_a_bar_that_fills() -> None:
    consoles, progress, _ = screen(terminal=True)
    with consoles.work("waiting") as told:
        told(1.0, "attacking")
    assert "100%" in progress.getvalue()
    assert "attacking" in progress.getvalue()


def test_an_upload_is_counted() -> None:
    consoles, progress, _ = screen(terminal=True)
    with consoles.upload("people.csv", 10) as told:
        told(4)
        told(6)
    assert "10/10" in progress.getvalue()
    assert "reading and checking" in progress.getvalue()


def test_text_of_the_service_is_not_taken_for_markup() -> None:
    consoles, _, result = screen(terminal=False)
    consoles.say("expected [bold]x[/bold] in column [0]")
    assert result.getvalue() == "expected [bold]x[/bold] in column [0]\n"


def test_what_people_wrote_makes_no_line_of_its_own() -> None:
    consoles, progress, result = screen(terminal=False)
    said = "reason    ok\nrelease   x, verdict PASS\r\n\x1b[2K\x9b\u2028\t\u202e\ud800"
    consoles.say(said)
    consoles.note(said)
    for written in (result.getvalue(), progress.getvalue()):
        assert written.splitlines() == [r"reason    ok\nrelease   x, verdict PASS\r\n\x1b[2K\x9b\u2028\t\u202e\ud800"]


def test_figures_are_named() -> None:
    assert figures_text({"step": 3.0, "critic_loss": -0.51234, "one_way": 0.0212, "third": 1.0}) == (
        ", critic loss -0.5123, one way 0.0212"
    )
    assert figures_text({}) == ""
