"""The tables of rules.toml, their keys and types: the one place that says what may be written.

Every optional key of a rule may stand in `[defaults]` too, and holds for the rules that do not have it.
"""

import json
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

NAME_PATTERN = r"^[A-Za-z0-9_-]+$"
MAX_NAME = 64
MAX_COUNT = 1000
"""Sessions; four years."""
QUIET_PATTERN = r"^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9] [A-Za-z0-9_+/-]+$"

Name: TypeAlias = Annotated[str, StringConstraints(pattern=NAME_PATTERN, max_length=MAX_NAME)]
Text: TypeAlias = Annotated[str, StringConstraints(min_length=1)]
SeverityName: TypeAlias = Literal["info", "warning", "critical"]
_NAMES_ONLY = Field(json_schema_extra={"additionalProperties": False})
Channels: TypeAlias = Annotated[list[Text], Field(min_length=1)]


class Table(BaseModel):
    """What all tables have in common: nothing is converted, nothing unknown is let through."""

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
    )


class RuleKeys(Table):
    """What every rule has unless it says otherwise: any key of a rule but name, symbols and when."""

    until: str | None = None
    """The condition that ends an alert; without it an alert ends when `when` no longer holds."""
    for_: Annotated[int, Field(alias="for", ge=1, le=MAX_COUNT)] = 1
    """Sessions in a row `when` must hold."""
    until_for: Annotated[int, Field(ge=1, le=MAX_COUNT)] = 1
    """Sessions in a row `until` must hold."""
    notify: Channels = ["console"]
    """The channels that are told: console, or declared in [channels]."""
    severity: SeverityName = "warning"
    """How much it matters; critical passes quiet hours."""
    remind: Annotated[int, Field(ge=0, le=MAX_COUNT)] = 0
    """Tell again after so many sessions of firing; 0 is never."""
    resolved: bool = True
    """Tell when it ends."""
    message: str | None = None
    """Words of your own; braces hold metrics, symbol, rule, trade_date, since, severity: {short_ratio:.1f}."""
    enabled: bool = True
    """false rests the rule: its alerts stay as they are, unjudged and untold."""


class RuleTable(RuleKeys):
    """What to watch on which symbols, and whom to tell."""

    name: Name
    """Unique; with the symbol it is the identity of an alert."""
    symbols: Annotated[list[Text], Field(min_length=1)]
    """Lists and symbols; HK.*, US.* and * are every symbol the file names."""
    when: Text
    """The condition that fires, such as short_percent > 40; `watcher metrics` lists what it can name."""


class ChannelTable(Table):
    """What a channel is told, and when; its secret URL is a setting."""

    min_severity: SeverityName = "info"
    """It hears of nothing that matters less."""
    quiet: Annotated[str | None, Field(json_schema_extra={"pattern": QUIET_PATTERN})] = None
    """Hours in which everything but critical is held, then told in one digest: 22:00-07:00 Asia/Hong_Kong."""
    fallback: str | None = None
    """The channel that hears what this one could not be told."""


class OperatorTable(Table):
    """Who hears about the watcher's own troubles, never about the market."""

    notify: Channels = ["console"]
    """The channels that are told."""


class RulesFile(Table):
    """What to watch, and whom to tell."""

    lists: Annotated[dict[Name, list[Text]], _NAMES_ONLY] = {}
    """Named sets of symbols."""
    defaults: RuleKeys = RuleKeys()
    """What every rule has unless it says otherwise."""
    operator: OperatorTable = OperatorTable()
    """Who hears about the watcher's own troubles."""
    channels: Annotated[dict[Name, ChannelTable], _NAMES_ONLY] = {}
    """Every channel but console is declared here; its secret URL is a setting."""
    rule: list[RuleTable] = []
    """The rules."""


class _EditorSchema(GenerateJsonSchema):
    """TOML has no null: a key that may be left out has no null to be written, and none as its default."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        written = super().default_schema(schema)
        if written.get("default") in (None, []) or isinstance(written["default"], dict):
            written.pop("default", None)
        return written

    def field_title_should_be_set(self, schema: object) -> bool:
        return False


def schema_text() -> str:
    """Return the schema as it is written to a file."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def schema() -> dict[str, object]:
    """Return the JSON Schema of rules.toml, for editors."""
    written = RulesFile.model_json_schema(schema_generator=_EditorSchema)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **written}
