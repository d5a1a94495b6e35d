"""A model server's answers to generated requests: those of berth's `serve`, of the reference servers'
code, and of berth's worker without the help of its server."""

import contextlib
import random

from interpreters import interpreter
from serving_compare import Doubles, Driver, Servers, difference, error_of
from serving_generate import MODULES, Generator
from serving_rules import ANSWERS, CONTAINERS_ANSWERS, CONTAINERS_REWRITES, canonical, expected, only_inference

# Handlers whose input or result the server may decode or encode, each way of it.
DOUBLES = ["identity", "identity_context", "described", "made", "made_output", "transformed"]


def differences(who, answered, told, rules):
    """Where berth does not what `told`, by a reference, and the rules say."""
    found = []
    for (case, our), their in zip(answered, told, strict=True):
        wrong = difference(expected(case, their, rules), our)
        if wrong:
            found.append(f"{who}: {case}\n  {wrong}\n  theirs {their}")
    return found


def differences_from_worker(folder, answered):
    """Where the server's decode and encode are not what its worker would do."""
    found = []
    with contextlib.closing(Doubles(folder, DOUBLES)) as doubles:
        for case, our in answered:
            theirs = doubles.ask(case)
            if theirs.status >= 400:
                theirs.body = error_of(theirs)
            wrong = difference(theirs, our)
            if wrong:
                found.append(f"the worker alone: {case}\n  {wrong}")
    return found


def test_generated_requests(berth, tmp_path, seed, count):
    generator = Generator(random.Random(seed))
    cases = [generator.case() for _ in range(count * 3 // 4)]
    inference = Driver(
        interpreter("venv-sagemaker-inference"), "sagemaker_inference", tmp_path, [canonical(case) for case in cases]
    )
    common = [case for case in cases if not only_inference(case)]
    containers = Driver(
        interpreter("venv-sagemaker-containers"), "sagemaker_containers", tmp_path,
        [canonical(case, CONTAINERS_REWRITES) for case in common],
    )  # fmt: skip
    (tmp_path / "serve").mkdir()
    with contextlib.closing(Servers(berth, tmp_path / "serve")) as servers:
        servers.start(sorted(set(MODULES)))
        answered = [(case, servers.ask(case)) for case in cases]

    found = differences("sagemaker-inference", answered, inference.answers(), ANSWERS)
    in_common = [(case, our) for case, our in answered if not only_inference(case)]
    found += differences("sagemaker-containers", in_common, containers.answers(), CONTAINERS_ANSWERS)
    alone = [(case, our) for case, our in answered if case.module in DOUBLES]
    found += differences_from_worker(tmp_path, alone)
    good = sum(our.status < 300 for _, our in answered)
    print(f"{len(cases)} requests, {good} with a result; {len(common)} asked of sagemaker-containers, {len(alone)} of the worker alone")
    assert good > len(cases) / 3
    assert not found, f"seed {seed}, {len(found)} differences:\n" + "\n".join(found[:20])
