"""Our packages and the originals they stand for: the same names, and the same answers to generated
questions. What differs has its rule in parity_rules.py and its row in docs/python.md."""

import parity
import parity_rules
import pytest

SECTIONS = {
    "sagemaker_training": "codecs mappings functions process_errors files_of environments".split(),
    "sagemaker_containers": "codecs mappings functions process_errors files_of environments serving requests".split(),
    "sagemaker_inference": "inference_codecs inference_utils inference_errors default_handler"
    " inference_environment transforming".split(),
}
PAIRS = [(package, section) for package, sections in SECTIONS.items() for section in sections]


@pytest.mark.parametrize("package", parity.PACKAGES)
def test_names_signatures_and_bases(package, tmp_path):
    theirs, ours = parity.apis(package, tmp_path)
    found = parity.api_differences(theirs, ours)
    used = {name: parity_rules.rule_of(name, parity_rules.API) for name in found}
    wrong = ["%s: %s" % (name, found[name]) for name, rule in used.items() if rule is None]
    assert not wrong, "\n".join(wrong)
    idle = {name for name in parity_rules.API if name.startswith(package + ".")} - set(used.values())
    assert not idle, f"rules without a difference: {sorted(idle)}"


def test_the_table_of_the_documentation_is_current():
    """And each rule is of a name that there is."""
    import runpy

    table = runpy.run_path(str(parity.ROOT / "scripts/api_table.py"))
    page = table["PAGE"].read_text()
    assert table["written"]() == page, "run build/venv/bin/python scripts/api_table.py"
    assert table["unknown"]() == []


def check(answers, rules):
    """That they are equal but for what a rule allows, and that each rule is needed."""
    met = set()
    wrong = []
    for case, their, our in answers:
        if their == our:
            continue
        rule = next((rule for rule in rules if rule(case, their, our)), None)
        met.add(rule)
        if rule is None:
            wrong.append(f"{case}\n  theirs {str(their)[:600]}\n  ours   {str(our)[:600]}")
    assert answers
    assert not wrong, f"{len(wrong)} of {len(answers)} differ:\n" + "\n".join(wrong[:10])
    assert met == set(rules), "rules without a difference"


@pytest.mark.parametrize("package, section", PAIRS)
def test_answers_to_generated_questions(package, section, tmp_path, seed, count):
    answers = parity.answers(package, tmp_path, section, seed, max(count // 4, 100))
    check(answers, parity_rules.ANSWERS.get(section, []))


def test_a_worker_without_flask_answers_as_one_with_it(tmp_path, seed, count):
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "flask.py").write_text("raise ImportError('hidden')\n")
    ours = [hidden, *parity.OURS]
    answers = parity.answers("sagemaker_containers", tmp_path, "requests", seed, max(count // 4, 200), ours)
    check(answers, parity_rules.WITHOUT_FLASK)


def test_every_section_is_asked():
    """A section that is added to parity_cases.py is added above."""
    import ast

    tree = ast.parse((parity.DRIVER.parent / "parity_cases.py").read_text())
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    arguments = {node.name: [each.arg for each in node.args.args] for node in functions}
    sections = {name for name, args in arguments.items() if args[2:] == ["seed", "count", "folder"]}
    assert sections == {section for _, section in PAIRS}
