"""No private name of OpenTelemetry's API or SDK is used anywhere but one, nor taken by a class of ours by accident."""

import ast
import importlib
import inspect
import pkgutil
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from textwrap import dedent
from types import ModuleType

import otel_ia

ALLOWED = {
    "_on_ending",  # what a processor is told of a span that ends with: there is no public way
    "_logs",  # the one name under which API and SDK of logs are published
}
ROOT = Path(otel_ia.__path__[0])
FILES = sorted(ROOT.rglob("*.py"))
BY_NAME = {"getattr", "hasattr", "setattr", "delattr", "attrgetter", "methodcaller"}


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__") and name.strip("_") != ""


@cache
def modules_of_opentelemetry() -> tuple[ModuleType, ...]:
    """Those of API and SDK; not of exporters and instrumentations, which may want what is not installed."""
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in ("_logs", "attributes", "baggage", "context", "metrics", "propagate", "sdk", "trace", "util.types"):
            package = importlib.import_module(f"opentelemetry.{name}")
            found.append(package)
            inside = pkgutil.walk_packages(getattr(package, "__path__", ()), f"opentelemetry.{name}.")
            found += [importlib.import_module(module.name) for module in inside]
    return tuple(found)


@cache
def private_names_of(kind: type) -> frozenset[str]:
    """Of a class itself: what it defines, and what its methods give to its instances."""
    names = set(vars(kind))
    try:
        tree = ast.parse(dedent(inspect.getsource(kind)))
    except (OSError, TypeError, SyntaxError):
        return frozenset(filter(is_private, names))
    return frozenset(filter(is_private, names | set(own_attributes(tree))))


def own_attributes(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self":
            yield node.attr


@cache
def private_names() -> frozenset[str]:
    """All of them: of modules, of classes and of instances."""
    names: set[str] = set()
    for module in modules_of_opentelemetry():
        names |= set(filter(is_private, vars(module)))
        for kind in vars(module).values():
            if inspect.isclass(kind) and kind.__module__.startswith("opentelemetry"):
                names |= private_names_of(kind)
    return frozenset(names)


def names_of_others(tree: ast.AST) -> Iterator[str]:
    """The private names that a file imports from OpenTelemetry, takes from any object but its own, or spells out."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("opentelemetry"):
            yield from (alias.name for alias in node.names)
            yield from (node.module or "").split(".")
        elif isinstance(node, ast.Import):
            yield from (part for alias in node.names for part in alias.name.split(".") if "opentelemetry" in alias.name)
        elif isinstance(node, ast.Attribute) and not is_self(node.value):
            yield node.attr
        elif isinstance(node, ast.Compare):
            yield from texts([node.left, *node.comparators])
        elif isinstance(node, ast.Call) and called(node.func) in BY_NAME:
            yield from texts(node.args)


def is_self(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id in {"self", "cls"}


def called(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def texts(nodes: list[ast.expr]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from node.value.split(".")


def used_in(file: Path) -> set[str]:
    """The names of OpenTelemetry's that a file uses, but those that its own classes have too."""
    tree = ast.parse(file.read_text())
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    own = {name for node in classes for name in own_attributes(node)}
    own |= {item.name for node in classes for item in node.body if isinstance(item, ast.FunctionDef)}
    return (set(filter(is_private, names_of_others(tree))) & private_names()) - ALLOWED - own


def test_no_file_uses_a_private_name_of_opentelemetrys() -> None:
    used = {str(file.relative_to(ROOT)): used_in(file) for file in FILES}
    assert len(used) > 200
    assert {file: names for file, names in used.items() if names} == {}


def own_classes() -> Iterator[type]:
    """The classes of ours that are made of classes of OpenTelemetry's."""
    for file in FILES:
        name = ".".join(("otel_ia", *file.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")
        if not name.endswith("__main__"):
            for kind in vars(importlib.import_module(name)).values():
                if inspect.isclass(kind) and kind.__module__ == name and bases_of(kind):
                    yield kind


def bases_of(kind: type) -> list[type]:
    return [base for base in kind.__mro__[1:] if base.__module__.startswith("opentelemetry")]


def test_no_class_of_ours_takes_a_private_name_of_the_class_it_is_made_of() -> None:
    taken = {}
    for kind in own_classes():
        theirs = frozenset[str]().union(*(private_names_of(base) for base in bases_of(kind)))
        taken[f"{kind.__module__}.{kind.__qualname__}"] = (private_names_of(kind) & theirs) - ALLOWED - {"_abc_impl"}
    assert len(taken) > 20
    assert {name: names for name, names in taken.items() if names} == {}
