"""The rules as they are written: read again when they change, and found again where they stand."""

from pathlib import Path

from watcher.rulebook import keep_good, load
from watcher.viewing.rules_file import RulesFile

RULE = '[[rule]]\nname = "{}"\nsymbols = ["US.XRT"]\nwhen = "short_percent > 50"\n'
ADDRESS = "slack://secret/token"


def test_each_rule_of_a_directory_is_found_in_its_file(tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "a.toml").write_text(RULE.format("first") + "\n# of the second\n\n" + RULE.format("second"))
    (rules / "b.toml").write_text("[defaults]\n\n" + RULE.format("third") + "[operator]\nnotify = ['console']\n")
    book = load(rules).book
    assert book is not None
    found = RulesFile(rules, tmp_path).look(book.digest)
    assert {name: (Path(each.place).name, each.text.count("\n")) for name, each in found.written.items()} == {
        "first": ("a.toml:1", 3),
        "second": ("a.toml:8", 3),
        "third": ("b.toml:3", 3),
    }


def test_what_did_not_change_is_not_read_into_rules_again(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(RULE.format("first"))
    file = RulesFile(path, tmp_path)
    first = file.look("")
    assert file.look("") is first
    path.write_text(RULE.format("second"))
    assert file.look("") is not first


def test_rules_in_force_that_are_on_no_disk_any_more_have_no_place(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(RULE.format("first"))
    good = load(path)
    assert good.book is not None
    file = RulesFile(path, tmp_path / "state")
    path.write_text("[[rule]")
    lost = file.look(good.book.digest)
    assert (lost.digest, dict(lost.written)) == (None, {})
    assert lost.first_error is not None
    assert "rules.toml:1:" in lost.first_error
    keep_good(tmp_path / "state", good.files)
    path.write_text("[[rule]\n")
    kept = file.look(good.book.digest)
    assert kept.written["first"].place == "the last good copy, rules.toml:1"


def test_a_rule_that_is_long_is_cut_and_an_address_in_it_blotted_out(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    symbols = ",\n".join(f'  "US.A{n}"' for n in range(100))
    path.write_text(f'[[rule]]\nname = "r"\n# {ADDRESS} {"x" * 300}\nsymbols = [\n{symbols}\n]\nwhen = "volume > 1"\n')
    book = load(path).book
    assert book is not None
    text = RulesFile(path, tmp_path).look(book.digest).written["r"].text
    assert ADDRESS not in text
    assert "secret" not in text
    assert text.endswith("\n…")
    assert len(text) <= 900
    remarks = "\n".join(["# a remark".ljust(150, "x")] * 10)
    path.write_text(f'[[rule]]\nname = "r"\n{remarks}\nsymbols = ["US.XRT"]\nwhen = "volume > 1"\n')
    book = load(path).book
    assert book is not None
    assert len(RulesFile(path, tmp_path).look(book.digest).written["r"].text) == 900
