"""Asks an original package and ours the same, in the original's own interpreter: ours stands before it on
PYTHONPATH."""

import json
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
DRIVER = ROOT / "tests/python/parity_driver.py"
PACKAGES = ["sagemaker_training", "sagemaker_containers", "sagemaker_inference"]
OURS = [ROOT / "python/compat", ROOT / "build/python"]
# What `make test` takes; none of it waits for anything.
PATIENCE = 300


def interpreter(package):
    path = ROOT / "build" / ("venv-" + package.replace("_", "-")) / "bin/python"
    assert path.exists(), f"{path} is missing: run `scripts/bootstrap`"
    return path


def ask(package, ours, folder, mode, *arguments):
    """What the driver writes, run in `folder`. `ours`: what stands on PYTHONPATH; nothing for the
    original."""
    answers = folder / "answers"
    done = subprocess.run(
        [interpreter(package), DRIVER, mode, package, answers, *map(str, arguments)],
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "SAGEMAKER_BASE_DIR": str(folder / "opt-ml"),
            "PYTHONPATH": os.pathsep.join(map(str, ours)),
            "PYTHONHASHSEED": "0",
            "PYTHONUTF8": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            # sagemaker-containers was generated for a protobuf of long ago.
            "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION": "python",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        },
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return answers.read_text()


def both(package, folder, mode, arguments=lambda place: (), ours_path=OURS):
    """The answers of the original and of ours, each run in a folder of the same path: answers may tell
    it."""
    told = []
    for ours in ((), ours_path):
        place = folder / "place"
        place.mkdir(parents=True)
        (place / "opt-ml").mkdir()
        told.append(ask(package, ours, place, mode, *arguments(place)))
        place.rename(folder / ("ours" if ours else "theirs"))
    return told


def apis(package, folder):
    """module -> name -> what it is: the original's, and ours of the same modules and names."""
    names = folder / "names.json"

    def arguments(_place):
        theirs = folder / "theirs" / "answers"
        if not theirs.exists():
            return ()
        names.write_text(theirs.read_text())
        return (names,)

    theirs, ours = both(package, folder, "api", arguments)
    return json.loads(theirs), json.loads(ours)


def api_differences(theirs, ours):
    """Full name -> what is otherwise, of what the original has and we have not, or not so, and of what
    we have beyond it."""
    found = {}
    for module, names in theirs.items():
        our_names = ours[module]
        if "" in our_names:
            found[module] = "there is no such module: %s" % our_names[""][1]
            continue
        for name, what in names.items():
            if our_names[name] != what:
                found["%s.%s" % (module, name)] = "theirs %s, ours %s" % (what, our_names[name])
        for name in our_names.keys() - names.keys():
            found["%s.%s" % (module, name)] = "only ours has it"
    return found


def answers(package, folder, section, seed, count, ours_path=OURS):
    """(case, their answer, our answer) of each."""

    def arguments(place):
        (place / "files").mkdir()
        return seed, count, place / "files", section

    told = both(package, folder, "run", arguments, ours_path)
    theirs, ours = ([json.loads(line) for line in text.splitlines()] for text in told)
    assert [case for case, *_ in theirs] == [case for case, *_ in ours]
    return [(case, their, our) for (case, *their), (_, *our) in zip(theirs, ours, strict=True)]
