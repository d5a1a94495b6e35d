"""Writes the table of docs/python.md: each public name of the originals, and whether ours has it.

    build/venv/bin/python scripts/api_table.py [--check]

The names are asked of the originals in build/venv-sagemaker-*; what differs and why is in
tests/python/parity_rules.py, which tests/python/test_parity.py holds both sides to. --check changes
nothing and ends with 1 where the table is not that.
"""

import functools
import json
import pathlib
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/python.md"
BEGIN = "<!-- Names: made by scripts/api_table.py -->\n"
END = "<!-- Names: end -->\n"

sys.path.insert(0, str(ROOT / "tests/python"))

import parity  # noqa: E402
import parity_rules as rules  # noqa: E402


def verdict(name):
    rule = rules.rule_of(name, rules.API)
    if rule:
        return rules.API[rule]
    rule = rules.rule_of(name, rules.BEHAVIOUR)
    return (rules.DIFFERS, rules.BEHAVIOUR[rule]) if rule else ("yes", "")


def rows(package, api):
    """One for each name; for a member only where there is something to say of it alone."""
    for module, names in api.items():
        for name in names:
            full = "%s.%s" % (module, name)
            if "." in name and full not in rules.API and full not in rules.BEHAVIOUR:
                continue
            covered, why = verdict(full)
            yield "| `%s` | %s | %s |" % (full[len(package) + 1 :], covered, why)


@functools.lru_cache(None)
def api_of(package):
    with tempfile.TemporaryDirectory() as folder:
        return json.loads(parity.ask(package, (), pathlib.Path(folder), "api"))


def unknown():
    """Rules for names that the originals have not."""
    known = set()
    for package in parity.PACKAGES:
        for module, names in api_of(package).items():
            known |= {module, *("%s.%s" % (module, name) for name in names)}
    return sorted({*rules.API, *rules.BEHAVIOUR} - known)


def table():
    parts = []
    for package in parity.PACKAGES:
        lines = list(rows(package, api_of(package)))
        parts.append("### `%s`\n" % package)
        parts.append("| name | covered | |\n|---|---|---|")
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts).replace("|\n\n|", "|\n|")


def written():
    page = PAGE.read_text()
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + "\n" + table() + "\n" + END + after


def main():
    page = written()
    if page == PAGE.read_text():
        return 0
    if "--check" in sys.argv[1:]:
        print("docs/python.md is not current: run build/venv/bin/python scripts/api_table.py")
        return 1
    PAGE.write_text(page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
