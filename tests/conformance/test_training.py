"""berth and sagemaker-training make the same of any job: variables, arguments, command."""

import json
import pathlib
import random
import shlex

import pytest
from compare import Reference, machine_of, run_berth_on_all
from generate import Case, Generator
from rules import berth_refuses, canonical, equals_sign, version3

SIMPLE = Case([], [], [("current_host", "algo-1"), ("hosts", ["algo-1"])], {}, [])


def argv_of(reference_command, entry_point):
    """The reference's command as berth words it: no `--` behind python, no shell before a program,
    and a module's name with dots."""
    if reference_command[:2] == ["/bin/sh", "-c"]:
        return shlex.split(reference_command[2])
    python, *rest = reference_command
    if rest[:2] == ["--", entry_point]:
        rest = rest[1:]
    elif rest[0] == "-m":
        rest[1] = rest[1].replace("/", ".")
    return ["python", *rest]


def excerpt(ours, theirs):
    """Both values from shortly before the place where they part."""
    same = next((n for n, (a, b) in enumerate(zip(ours, theirs)) if a != b), min(len(ours), len(theirs)))
    start = max(0, same - 40)
    return f"\n    berth     …{ours[start:same + 60]!a}\n    reference …{theirs[start:same + 60]!a}"


def differences(ours, theirs):
    for name in sorted(ours.keys() | theirs.keys()):
        if name not in ours:
            yield f"{name!a} is missing; the reference has {theirs[name]!a:.200}"
        elif name not in theirs:
            yield f"{name!a} is not in the reference; berth has {ours[name]!a:.200}"
        elif ours[name] != theirs[name]:
            yield f"{name!a}:{excerpt(ours[name], theirs[name])}"


def problems(case, base, ours, theirs):
    """Everything in which the two answers differ without a rule for it."""
    refused = theirs.get("refused")
    if berth_refuses(case):
        if "refused" not in ours:
            yield "berth accepts a log level that is no whole number"
        return
    if refused and not equals_sign(refused):
        if "refused" not in ours:
            yield f"berth accepts what the reference refuses with {refused}"
        return
    if "refused" in ours:
        yield f"berth refuses what the reference accepts: {ours['refused']}"
        return
    classic = theirs["variables"]
    expected = version3(case, base, classic) | classic
    got = dict(ours["variables"])
    if not got.pop("PYTHONPATH", "").startswith(f"{base}/code"):
        yield "PYTHONPATH does not begin with the code directory"
    yield from differences(got, expected)
    if ours["arguments"] != theirs["arguments"]:
        yield f"arguments:{excerpt(ours['arguments'], theirs['arguments'])}"
    # A framework module is imported by the reference itself; odd entry points it refuses later.
    if isinstance(theirs["command"], list) and not case.variables.get("SAGEMAKER_TRAINING_MODULE"):
        expected = argv_of(theirs["command"], classic["SM_USER_ENTRY_POINT"])
        got = list(ours["command"])
        if got and expected[0] == "python" and pathlib.Path(got[0]).name.startswith("python"):
            got[0] = "python"
        if got != expected:
            yield f"command:{excerpt(got, expected)}"


@pytest.fixture(scope="module")
def reference(sagemaker_training, tmp_path_factory):
    reference = Reference(*sagemaker_training, tmp_path_factory.mktemp("reference"))
    yield reference
    reference.close()


def test_generated_jobs(berth, reference, tmp_path, seed, count):
    generator = Generator(random.Random(seed))
    machine = machine_of(berth, SIMPLE, tmp_path / "machine")
    cases = [generator.case() for _ in range(count)]

    ours, theirs = [], []
    for n, case in enumerate(cases):
        case.write(tmp_path / f"{n}")
    jobs = [(case, tmp_path / f"{n}") for n, case in enumerate(cases)]
    ours = run_berth_on_all(berth, jobs)
    # The reference gets the files of the same folders, rewritten by the rules.
    rewritten = []
    for case, base in jobs:
        case = canonical(case)
        case.write_configuration(base)
        rewritten.append((case, base))
    theirs = reference.answers(rewritten, machine)

    accepted = sum("refused" not in answer for answer in ours)
    found = [
        f"case {n} ({base}): {problem}"
        for n, ((case, base), our, their) in enumerate(zip(jobs, ours, theirs, strict=True))
        for problem in problems(rewritten[n][0], base, our, their)
    ]
    print(f"{accepted} of {count} jobs accepted, {len(found)} differences")
    assert accepted > count / 2
    assert not found, f"seed {seed}, {len(found)} differences:\n" + "\n".join(found[:20])
