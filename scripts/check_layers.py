#!/usr/bin/env python3
"""Rooms know only rooms below them (ARCHITECTURE.md, "Who may know whom").

The order is that of add_subdirectory(src/...) in CMakeLists.txt; the allowed edges are the DEPENDS
of each room. An #include of another room must be one of them.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def rooms():
    """room -> the rooms it may include, and the order of the rooms, bottom first."""
    order = re.findall(r"add_subdirectory\(src/(\w+)\)", (ROOT / "CMakeLists.txt").read_text())
    allowed = {}
    for room in order:
        text = (ROOT / "src" / room / "CMakeLists.txt").read_text()
        call = re.search(r"berth_room\(\w+([^)]*)\)", text)
        words = call.group(1).split() if call else []
        depends = []
        if "DEPENDS" in words:
            for word in words[words.index("DEPENDS") + 1 :]:
                if word == "LIBRARIES":
                    break
                depends.append(word)
        allowed[room] = set(depends) | {room}
    return order, allowed


def main():
    order, allowed = rooms()
    problems = []
    for room, depends in allowed.items():
        for other in depends - {room}:
            if order.index(other) > order.index(room):
                problems.append(f"src/{room}/CMakeLists.txt: depends upwards on {other}")
    for path in sorted((ROOT / "src").rglob("*")):
        if path.suffix not in (".h", ".cc"):
            continue
        room = path.relative_to(ROOT / "src").parts[0]
        for number, line in enumerate(path.read_text().splitlines(), 1):
            include = re.match(r'#include "(\w+)/', line)
            if include and include.group(1) in allowed and include.group(1) not in allowed[room]:
                problems.append(
                    f"{path.relative_to(ROOT)}:{number}: {room} may not know {include.group(1)}"
                )
    print("\n".join(problems) or f"{len(order)} rooms, no edge upwards")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
