"""The floors of the house: an import may only point down."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import keywright

PACKAGE = Path(keywright.__file__).parent
FLOORS = [
    {"hit"},
    {
        *("_build", "secret", "errors", "credential", "request", "freshness", "deadline", "log", "prompt"),
        *("trace", "tracing"),
    },
    {"cache", "vault", "settings", "foreign", "authorities", "transport"},
    {"providers", "profiles"},
    {"routes", "broker", "failed", "keeping", "outlook", "renewal", "unasked", "dialects"},
    {"ready", "refresher", "gateway", "serve"},
    {"library", "manage", "demo"},
    {"adapters"},
    {"bin", "__init__"},
]
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
SIDEWAYS_FORBIDDEN = [
    {"dialects", room} for room in ("broker", "failed", "keeping", "outlook", "renewal", "routes", "unasked")
]


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        yield ".".join(parts).removesuffix(".__init__"), path


def imports(path: Path) -> set[str]:
    """Return the modules of ours that a file imports, functions' own imports included."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.startswith("keywright.")}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "keywright":
            assert node.module
            found |= (
                {f"{node.module}.{alias.name}" for alias in node.names} if node.module == "keywright" else {node.module}
            )
        assert not (isinstance(node, ast.ImportFrom) and node.level), f"{path}: a relative import"
    return {name.removeprefix("keywright.") for name in found} - {"__version__"}


ARROWS = [(name, target) for name, path in modules() for target in sorted(imports(path))]


def test_every_room_has_a_floor() -> None:
    assert {name.split(".")[0] for name, _ in modules()} <= set(FLOOR)


@pytest.mark.parametrize(("module", "target"), ARROWS, ids=[f"{one}->{other}" for one, other in ARROWS])
def test_an_import_points_down(module: str, target: str) -> None:
    one, other = module.split(".", maxsplit=1)[0], target.split(".", maxsplit=1)[0]
    assert FLOOR[other] <= FLOOR[one]
    assert one == other or {one, other} not in SIDEWAYS_FORBIDDEN


def test_the_hit_path_imports_nothing_of_ours() -> None:
    assert not [target for module, target in ARROWS if module == "hit"]


def test_there_is_no_circle() -> None:
    graph: dict[str, set[str]] = {}
    for module, target in ARROWS:
        graph.setdefault(module, set()).add(target)
    done: set[str] = set()

    def visit(module: str, above: tuple[str, ...]) -> None:
        assert module not in above, " -> ".join((*above, module))
        if module not in done:
            for target in graph.get(module, ()):
                visit(target, (*above, module))
            done.add(module)

    for module in graph:
        visit(module, ())


def test_source_roots_are_no_packages() -> None:
    root = PACKAGE.parent.parent
    assert not (root / "helpers" / "__init__.py").exists()
    assert not (root / "packaging" / "__init__.py").exists(), "it would hide the `packaging` library"
