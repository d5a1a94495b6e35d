"""Each rule of serving_rules.py on a request that shows it: the reference still does otherwise, and
berth does what the rule says and not what it would say without. A rule whose reference side has gone
must go too."""

import json
import pickle

import numpy as np
import pytest
import scipy.sparse
import serving_rules
from interpreters import interpreter
from serving_compare import Driver, Servers, difference
from serving_generate import CSV, JSON, NPY, NPZ, Case, saved, saved_sparse
from serving_rules import ANSWERS, CONTAINERS_ANSWERS, CONTAINERS_REWRITES, REWRITES, Answer, canonical, expected


def spec(make=None, status=None, type=None, **more):
    return json.dumps({"make": make, "status": status, "type": type, **more}).encode()


def raising(*what):
    return spec(at="predict_fn", **{"raise": what})


def text(*more):
    return spec(["tuple", ["value", "x"], *more])


def negative_shape():
    return saved(np.arange(6.0).reshape(2, 3)).replace(b"(2, 3)", b"(-1, )")


EXAMPLES = [
    ("missing_content_type", Case("identity", None, None, b"[1]")),
    ("media_types", Case("identity", "application/json; charset=utf-8", None, b"[1]")),
    ("media_types", Case("identity", "Text/CSV", None, b"1,2")),
    ("accepted_types", Case("identity", JSON, "text/csv;q=0.5", b"[1]")),
    ("accepted_types", Case("identity", JSON, "image/png, text/*", b"[1]")),
    ("accepted_types", Case("identity", JSON, "x/y, */*", b"[1]")),
    ("content_type_as_sent", Case("received", "text/csv; header=present", None, b"1")),
    ("pickles", Case("identity", NPY, None, pickle.dumps([1]))),
    ("negative_shape", Case("identity", NPY, None, negative_shape())),
    ("unsupported", Case("identity", "image/png", None, b"")),
    ("unsupported", Case("identity", JSON, "image/png", b"1")),
    ("status_codes", Case("made", JSON, None, raising("StatusError", "busy", 429))),
    ("out_of_memory", Case("made", JSON, None, raising("MemoryError", "", None))),
    ("no_message", Case("made", JSON, None, raising("bare", "", None))),
    ("one_type", Case("made_output", JSON, "text/plain;q=0.5, text/html", spec(["value", "x"]))),
    ("context_type", Case("made_output_context", JSON, None, spec(["value", "x"], type="text/plain"))),
    ("null_type", Case("made_output", JSON, "text/plain;q=1, x", text(["value", None]))),
    ("bad_type", Case("made_output", JSON, None, text(["value", 7]))),
    ("short_tuple", Case("made_output", JSON, None, text())),
    ("no_text", Case("made_output", JSON, CSV, spec(["value", [1, 2]]))),
    ("no_text", Case("made_output", JSON, None, spec(["array", "i4", [2], 1, "C"]))),
    ("no_text", Case("made_output", JSON, "text/plain", spec(["value", {"a": 1}]))),
]
CONTAINERS_EXAMPLES = [
    ("media_types", Case("identity", "Application/JSON", None, b"[1]")),
    ("accepted_types", Case("identity", JSON, "application/x-npy;q=0.5", b"[1]")),
    ("first_accepted", Case("identity", JSON, "application/x-npy,application/json", b"[1]")),
    ("any_error", Case("identity", JSON, None, b"[")),
    ("any_error", Case("identity", "image/png", None, b"")),
    ("raised_status", Case("made", JSON, None, raising("StatusError", "busy", 429))),
    ("raised_status", Case("made", JSON, None, raising("MemoryError", "", None))),
    ("pickles", Case("identity", NPY, None, pickle.dumps([1]))),
    ("negative_shape", Case("identity", NPY, None, negative_shape())),
    ("broken_text", Case("identity", JSON, None, b'["\xff"]')),
]
# Not compared at all: only that they differ.
ONLY_INFERENCE = [
    Case("identity", CSV, None, b"1,a"),
    Case("identity", CSV, None, b"1,2"),
    Case("identity", JSON, CSV, b'["a,b"]'),
    Case("identity", NPZ, None, saved_sparse(scipy.sparse.eye(2, format="csr"))),
]


@pytest.fixture(scope="module")
def servers(berth, tmp_path_factory):
    servers = Servers(berth, tmp_path_factory.mktemp("serve"))
    yield servers
    servers.close()


def check(servers, driver, examples, rewrites, answers):
    """driver(cases) -> what the reference says to them."""
    rules = {rule.__name__: rule for rule in [*rewrites, *answers]}
    rewritten, without = [], []
    for name, case in examples:
        left = [rule for rule in rewrites if rule is not rules[name]]
        rewritten.append(canonical(case, rewrites))
        without.append(canonical(case, left))
    sent = [case for _, case in examples]
    told = driver([*sent, *rewritten, *without])
    count = len(examples)
    for n, (name, case) in enumerate(examples):
        ours = servers.ask(case)
        assert difference(Answer.of(told[n]), ours), f"{name} is no deviation any more: {case}"
        assert not difference(expected(case, told[count + n], answers), ours), f"{name}: {case}"
        left = [rule for rule in answers if rule is not rules[name]]
        assert difference(expected(case, told[2 * count + n], left), ours), f"{name} is not needed: {case}"
    assert {name for name, _ in examples} == set(rules)


def test_rules_for_sagemaker_inference(servers, tmp_path):
    def driver(cases):
        return Driver(interpreter("venv-sagemaker-inference"), "sagemaker_inference", tmp_path, cases).answers()

    check(servers, driver, EXAMPLES, REWRITES, ANSWERS)


def test_rules_for_sagemaker_containers(servers, tmp_path):
    def driver(cases):
        return Driver(interpreter("venv-sagemaker-containers"), "sagemaker_containers", tmp_path, cases).answers()

    check(servers, driver, CONTAINERS_EXAMPLES, CONTAINERS_REWRITES, CONTAINERS_ANSWERS)


def test_what_sagemaker_containers_does_otherwise_altogether(servers, tmp_path):
    driver = Driver(interpreter("venv-sagemaker-containers"), "sagemaker_containers", tmp_path, ONLY_INFERENCE)
    for case, told in zip(ONLY_INFERENCE, driver.answers(), strict=True):
        assert serving_rules.only_inference(case)
        assert difference(Answer.of(told), servers.ask(case)), f"no deviation any more: {case}"
