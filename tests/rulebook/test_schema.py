"""The JSON Schema for editors says what the reader says, for it comes from the same models."""

import json

import pytest
import tomli
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from watcher.rulebook import read, schema, schema_text
from watcher.rulebook.channels import quiet_hours
from watcher.rulebook.tables import QUIET_PATTERN


def test_it_is_json():
    assert json.loads(schema_text()) == schema()
    assert schema_text().endswith("}\n")


def test_a_rule_has_the_keys_of_the_contract():
    rule = schema()["$defs"]["RuleTable"]
    assert set(rule["properties"]) == {
        *("name", "symbols", "when", "until", "for", "until_for", "notify", "severity"),
        *("remind", "resolved", "message", "enabled"),
    }
    assert rule["required"] == ["name", "symbols", "when"]
    assert rule["additionalProperties"] is False


def test_every_key_is_explained():
    tables = [schema(), *schema()["$defs"].values()]
    assert all(key["description"] for table in tables for key in table["properties"].values())


def test_defaults_are_those_of_the_contract():
    keys = schema()["$defs"]["RuleKeys"]["properties"]
    assert {name: key["default"] for name, key in keys.items() if "default" in key} == {
        "for": 1,
        "until_for": 1,
        "notify": ["console"],
        "severity": "warning",
        "remind": 0,
        "resolved": True,
        "enabled": True,
    }


def test_there_is_no_null_in_toml_and_none_in_the_schema():
    assert "null" not in schema_text()


@pytest.mark.parametrize("table", ["lists", "channels"])
def test_only_names_name_lists_and_channels(table: str):
    properties = schema()["properties"][table]
    assert properties["additionalProperties"] is False
    assert list(properties["patternProperties"]) == ["^[A-Za-z0-9_-]+$"]


@given(st.from_regex(QUIET_PATTERN, fullmatch=True))
@settings(max_examples=40, deadline=None)
def test_the_pattern_of_quiet_hours_is_what_is_read(text: str):
    """What fits it has no flaw but an unknown zone, or hours that begin when they end."""
    _, flaws = quiet_hours(text)
    assert all("zone" in flaw.message or "begin when" in flaw.message for flaw in flaws)


KEYS = ["name", "symbols", "when", "until", "for", "notify", "severity", "message", "enabled", "quiet", "fallback", "x"]
WORDS = ["a", "console", "HK.00700", "HK.*", "hk", "short_ratio > 15", "short_percent < 5", "{x}", "info", "22:00-7:00"]
VALUES = st.recursive(
    st.sampled_from([*map(repr, WORDS), '"\\u0041"', "0", "-1", "1.5", "nan", "true", "2026-01-01", '"""\na\\\n b"""']),
    lambda values: st.lists(values, max_size=3).map(lambda them: f"[{', '.join(them)}]"),
    max_leaves=4,
)
LINES = st.one_of(
    st.sampled_from(
        ["[lists]", "[defaults]", "[operator]", "[channels.desk]", "[[rule]]", "[rule]", "[x.y]", "# 香港"]
    ),
    st.tuples(st.sampled_from([*KEYS, "hk", '"a b"', "desk.quiet"]), VALUES).map(" = ".join),
)


@given(st.lists(LINES, max_size=25).map("\n".join))
@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_whatever_looks_like_rules_is_read_or_refused_with_reasons(text: str):
    whole(text.encode())


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
@settings(max_examples=150, deadline=None)
def test_whatever_comes_is_read_or_refused_with_reasons(content: bytes):
    whole(content)


def whole(content: bytes) -> None:
    """Read it; every problem has a place within the text, and there is a book unless one is an error."""
    loaded = read({"rules.toml": content})
    assert (loaded.book is None) == any(problem.severity == "error" for problem in loaded.problems)
    if loaded.book:
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
        assert len(loaded.book.rules) == len(tomli.loads(text).get("rule", []))
    lines = content.decode("utf-8-sig", "replace").replace("\r\n", "\n").split("\n")
    for problem in loaded.problems:
        assert 1 <= problem.line <= len(lines)
        assert 1 <= problem.column <= len(lines[problem.line - 1]) + 1
        assert problem.width >= 1
