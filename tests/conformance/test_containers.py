"""berth and the older sagemaker-containers agree on every variable that both have."""

import json
import random

import pytest
from compare import Reference, machine_of, run_berth_on_all
from generate import Generator
from rules import berth_refuses, canonical, equals_sign
from test_training import SIMPLE, differences

# It knows no distributions: its master is the first of all hosts.
DISTRIBUTION = ("master_hostname", "is_master")


@pytest.fixture(scope="module")
def reference(sagemaker_containers, tmp_path_factory):
    reference = Reference(*sagemaker_containers, tmp_path_factory.mktemp("reference"))
    yield reference
    reference.close()


def common(ours, theirs):
    """Their variables, ours of the same names; SM_TRAINING_ENV cut down to common properties."""
    ours = {name: value for name, value in ours.items() if name in theirs}
    properties = json.loads(theirs["SM_TRAINING_ENV"])
    our_properties = json.loads(ours["SM_TRAINING_ENV"])
    if our_properties["distribution_hosts"]:
        for name in DISTRIBUTION:
            properties.pop(name)
    kept = {name: our_properties[name] for name in properties}
    return (
        ours | {"SM_TRAINING_ENV": json.dumps(kept, sort_keys=True)},
        theirs | {"SM_TRAINING_ENV": json.dumps(properties, sort_keys=True)},
    )


def test_generated_jobs(berth, reference, tmp_path, seed, count):
    count //= 4
    generator = Generator(random.Random(seed + 1))
    machine = machine_of(berth, SIMPLE, tmp_path / "machine")
    jobs = [(generator.case(), tmp_path / f"{n}") for n in range(count)]
    for case, base in jobs:
        case.write(base)
    ours = run_berth_on_all(berth, jobs)
    rewritten = [(canonical(case), base) for case, base in jobs]
    for case, base in rewritten:
        case.write_configuration(base)
    theirs = reference.answers(rewritten, machine)

    found, compared = [], 0
    for n, ((case, _), our, their) in enumerate(zip(rewritten, ours, theirs, strict=True)):
        refused = their.get("refused")
        if berth_refuses(case) or (refused and not equals_sign(refused)):
            if "refused" not in our:
                found.append(f"case {n}: berth accepts what the reference refuses with {refused}")
            continue
        if "refused" in our:
            found.append(f"case {n}: berth refuses: {our['refused']}")
            continue
        compared += 1
        found += [f"case {n}: {d}" for d in differences(*common(our["variables"], their["variables"]))]
        if our["arguments"] != their["arguments"]:
            found.append(f"case {n}: arguments {our['arguments']!a} {their['arguments']!a}")
    print(f"{compared} of {count} jobs compared, {len(found)} differences")
    assert compared > count / 2
    assert not found, f"seed {seed}, {len(found)} differences:\n" + "\n".join(found[:20])
