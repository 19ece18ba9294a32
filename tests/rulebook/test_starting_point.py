"""The rules that `watcher init` writes."""

from pathlib import Path

from watcher.rulebook import STARTING_POINT, missing_urls, read

REPOSITORY = Path(__file__).parents[2]


def test_the_rules_at_the_top_of_the_repository_are_the_starting_point():
    assert (REPOSITORY / "rules.toml").read_text("utf-8") == STARTING_POINT


def test_they_work_as_they_stand():
    loaded = read({"rules.toml": STARTING_POINT.encode()})
    assert loaded.problems == ()
    assert missing_urls(loaded, ()) == ()
    assert loaded.book
    assert len(loaded.book.rules) == 4


def test_they_name_the_schema_for_editors_first():
    assert STARTING_POINT.startswith("#:schema ./rules.schema.json\n")


def test_what_is_commented_out_works_too():
    """Every line of the channel, with its mark taken off."""
    text = "\n".join(
        line.removeprefix("# ") if line.startswith(("# [", "# min", "# quiet", "# fallback")) else line
        for line in STARTING_POINT.split("\n")
    )
    loaded = read({"rules.toml": text.replace('["console"]', '["console", "desk"]').encode()})
    assert loaded.problems == ()
    assert loaded.book
    assert loaded.book.channels["desk"].fallback == "console"
