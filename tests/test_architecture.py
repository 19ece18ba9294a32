"""The import table, the one reader of the clock, and the words that are not in names: read from the source itself."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import watcher

PACKAGE = Path(watcher.__file__).parent
CORE = {"core", "errors"}
EDGE = {"wiring", "daemon", "cli", "settings", "clock", "calendar", "__main__", "reloading", "serving", "viewing"} | {
    "simulation",
    "standing",
    "writer",
    "systemd",
}
EVERYTHING = {*CORE, *EDGE, "rulebook", "upstream", "store", "delivery", "jobs", "web"}

# package: what it may import of ours, and of third parties
TABLE: dict[str, tuple[set[str], set[str]]] = {
    "__init__": (set(), set()),
    "core": (CORE, set()),
    "errors": (CORE, set()),
    "durable": (set(), set()),
    "rulebook": ({*CORE, "durable"}, {"pydantic", "tomli", "tree_sitter", "tree_sitter_toml", "watchfiles"}),
    "upstream": (CORE, {"httpx", "pydantic", "starlette"}),
    "store": ({*CORE, "durable"}, {"sqlalchemy", "alembic"}),
    "delivery": (CORE, {"apprise", "httpx"}),
    "jobs": (CORE, set()),
    "web": (CORE, {"starlette", "jinja2", "prometheus_client"}),
    **dict.fromkeys(
        EDGE, (EVERYTHING, {"apscheduler", "uvicorn", "typer", "rich", "pydantic_settings", "structlog", "holidays"})
    ),
}
# of those, what only these modules at the edge may import
ONLY: dict[str, set[str]] = {
    "apscheduler": {"daemon"},
    "structlog": {"daemon", "reloading", "cli"},
    "typer": {"cli"},
    "rich": {"cli"},
    "uvicorn": {"daemon", "cli", "serving"},
    "holidays": {"calendar"},
    "pydantic_settings": {"settings"},
}
# parts of one distribution that Python imports by another name
PART_OF = {"pydantic_core": "pydantic", "typing_extensions": "pydantic"}
# what the table leaves out: settings are pydantic models read from TOML, and what is served is a starlette application
BESIDES = {"settings": {"pydantic", "tomli"}, "serving": {"starlette"}}

CLOCKS = {
    *(f"datetime.datetime.{name}" for name in ("now", "utcnow", "today")),
    "datetime.date.today",
    *(f"time.{name}" for name in ("time", "monotonic", "perf_counter", "process_time")),
    *(f"time.{name}_ns" for name in ("time", "monotonic", "perf_counter", "process_time")),
    *(f"time.{name}" for name in ("localtime", "gmtime", "ctime", "strftime", "clock_gettime", "clock_gettime_ns")),
}

FORBIDDEN = {"manager", "handler", "helper", "util", "common", "base", "data", "info", "process"}
# product.md itself says `no_data` of a symbol, and "a symbol's data is in one state": no other word would be the same
OF_THE_PRODUCT = {"DataState", "no_data"}
# methods of sqlalchemy's TypeDecorator, which are overridden by name
OF_OTHERS = {"process_bind_param", "process_result_value"}


def sources() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path.relative_to(PACKAGE).as_posix(), ast.parse(path.read_text(), str(path))


SOURCES = dict(sources())
every_source = pytest.mark.parametrize("path", SOURCES)


def package_of(path: str) -> str:
    """Return the row of the table a file belongs to: `core/alert.py` to core, `clock.py` to clock."""
    return path.split("/", maxsplit=1)[0].removesuffix(".py")


def imports(tree: ast.Module) -> Iterator[str]:
    """Yield every module that is imported, at the top or where it is used: `watcher.core.alert`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield str(node.module)
            if node.module == "watcher":
                yield from (f"watcher.{alias.name}" for alias in node.names)


@every_source
def test_a_package_imports_only_what_the_table_allows(path: str) -> None:
    package = package_of(path)
    ours, third_party = TABLE[package]
    allowed = third_party | BESIDES.get(package, set())
    refused = set()
    for name in imports(SOURCES[path]):
        top, *inner = name.split(".")
        if top == "watcher":
            refused |= {name} if inner and inner[0] not in {*ours, package, "__version__"} else set()
            continue
        top = PART_OF.get(top, top)
        if top in sys.stdlib_module_names:
            continue
        if top not in allowed or package not in ONLY.get(top, {package}):
            refused.add(name)
    assert refused == set()


def test_every_package_has_a_row_in_the_table() -> None:
    assert {package_of(path) for path in SOURCES} <= set(TABLE)


def test_the_package_itself_imports_nothing() -> None:
    assert list(imports(SOURCES["__init__.py"])) == []


def names_read(tree: ast.Module) -> Iterator[str]:
    """Yield every dotted name that is read, spelt out from where it was imported: `datetime.datetime.now`."""
    origin: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            origin |= {alias.asname: alias.name for alias in node.names if alias.asname}
        elif isinstance(node, ast.ImportFrom):
            origin |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name):
            first, *rest = ast.unparse(node).split(".")
            yield ".".join([origin.get(first, first), *rest])


@every_source
def test_only_the_clock_reads_the_clock(path: str) -> None:
    read = CLOCKS.intersection(names_read(SOURCES[path]))
    on_a_loop = {name for name in names_read(SOURCES[path]) if re.search(r"loop(\(\))?\.time$", name)}
    if path == "clock.py":
        assert read
        return
    assert read | on_a_loop == set()


@pytest.mark.parametrize(
    "text",
    [
        "import datetime\ndatetime.datetime.now()",
        "from datetime import datetime as d\nd.now(None)",
        "import time as t\nt.monotonic()",
        "from time import perf_counter\nperf_counter()",
        "from datetime import date\nread = date.today",
    ],
)
def test_however_the_clock_is_imported_it_is_found(text: str) -> None:
    assert CLOCKS.intersection(names_read(ast.parse(text)))


def words(name: str) -> set[str]:
    """Return the words of a name, in the singular: `SignalHandlers` is {signal, handler}."""
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+", name)
    return {part.lower() for part in parts} | {part.lower().removesuffix("s") for part in parts}


def names_given(path: str) -> Iterator[str]:
    yield from path.removesuffix(".py").split("/")
    for node in ast.walk(SOURCES[path]):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name


@every_source
def test_names_say_what_a_thing_is(path: str) -> None:
    vague = {name for name in names_given(path) if FORBIDDEN & words(name) or name.startswith(("do_", "_do_"))}
    assert vague - OF_THE_PRODUCT - OF_OTHERS == set()


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("SignalHandlers", True),
        ("row_utils", True),
        ("HTTPHandler", True),
        ("_process", True),
        ("read_data", True),
        ("database", False),
        ("metadata", False),
        ("informed", False),
        ("processed", False),
    ],
)
def test_a_forbidden_word_is_found_where_it_is_a_word(name: str, found: bool) -> None:
    assert bool(FORBIDDEN & words(name)) is found
