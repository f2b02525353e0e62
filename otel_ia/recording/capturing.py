"""Which functions capture: those that were asked to where they are decorated, and all others where the settings say so.

Functions are decorated before the settings are known. A call that captures nothing is not to cost more for it, so a
wrapper takes on the code of its other form when the settings ask for it, and its own again with the undo.
"""

import weakref
from collections.abc import Callable
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any, Final

from otel_ia.guard import guarded
from otel_ia.recording.callsite import CallSite, LateCallSite
from otel_ia.recording.functions import (
    monitor_capturing_coroutine_function,
    monitor_capturing_function,
    monitor_coroutine_function,
    monitor_function,
)

if TYPE_CHECKING:
    from otel_ia.capture.choice import Choice, Mode
    from otel_ia.capture.plan import Plan


def _code_in(make: Callable[..., Any]) -> CodeType:
    return next(constant for constant in make.__code__.co_consts if isinstance(constant, CodeType))


_FORMS: Final = [
    (_code_in(monitor_function), _code_in(monitor_capturing_function)),
    (_code_in(monitor_coroutine_function), _code_in(monitor_capturing_coroutine_function)),
]
_followers: Final[weakref.WeakSet[FunctionType]] = weakref.WeakSet()
_wishes: "Final[list[list[Choice | None]]]" = []
_additions: "Final[weakref.WeakKeyDictionary[FunctionType, Callable[[Plan | None], Plan]]]" = (
    weakref.WeakKeyDictionary()
)


def follow_wishes(monitored: Any, target: Any, site: CallSite) -> None:
    """Lets a wrapper that has just been made capture what its call site asks for, else what the settings do.

    Raises:
        SettingError: the call site names an argument that there is not.
    """
    if not isinstance(site, LateCallSite):
        return
    if site.choice is None:
        _followers.add(monitored)
        if (choice := _wished()) is not None:
            _follow(monitored, choice)
    elif site.choice.mode != "none":
        _plan(monitored, target, site, site.choice)


def capture_by_default(mode: "Mode") -> Callable[[], None]:
    """From now on this is captured wherever a call site does not say what is; returns the undo."""
    choice = None
    if mode != "none":
        from otel_ia.capture.choice import Choice

        choice = Choice(mode)
    wish = [choice]  # told from others by its identity
    _change(lambda: _wishes.append(wish))

    def undo() -> None:
        if any(other is wish for other in _wishes):
            _change(lambda: _wishes.__setitem__(slice(None), [other for other in _wishes if other is not wish]))

    return undo


def _change(step: Callable[[], None]) -> None:
    before = _wished()
    step()
    now = _wished()
    if now is not before:
        for monitored in list(_followers):
            _follow(monitored, now)


def _wished() -> "Choice | None":
    return _wishes[-1][0] if _wishes else None


def add_to_plan(monitored: FunctionType, make: "Callable[[Plan | None], Plan]") -> None:
    """From now on a wrapper has the plan that is made from what it captures, or from `None` where that is nothing."""
    _additions[monitored] = make
    _, site = _inside(monitored)
    site.plan = make(site.plan)
    _take_form(monitored, captures=True)


def _inside(monitored: Any) -> tuple[Any, LateCallSite]:
    """What a wrapper calls, and its call site."""
    cells = dict(zip(monitored.__code__.co_freevars, monitored.__closure__, strict=True))
    return cells["function"].cell_contents, cells["site"].cell_contents


@guarded
def _follow(monitored: Any, choice: "Choice | None") -> None:
    target, site = _inside(monitored)
    make = _additions.get(monitored)
    if choice is not None:
        _plan(monitored, target, site, choice)
    elif make is not None:
        site.plan = make(None)
    elif not _take_form(monitored, captures=False):
        site.plan = None  # the other forms keep theirs for the calls that are under way


def _plan(monitored: Any, target: Any, site: LateCallSite, choice: "Choice") -> None:
    from otel_ia.capture.plan import make_plan

    plan = make_plan(choice._replace(finds_batch=not site.says_batch), target)
    make = _additions.get(monitored)
    site.plan = make(plan) if make is not None else plan
    _take_form(monitored, captures=True)


def _take_form(monitored: Any, *, captures: bool) -> bool:
    """Whether there are two forms of such a wrapper; generators have one that asks each time."""
    for forms in _FORMS:
        if monitored.__code__ in forms:
            monitored.__code__ = forms[captures]
            return True
    return False
