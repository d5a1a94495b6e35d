#!/usr/bin/env python3
"""Writes src/contract/unicode_tables.inc: what str.isprintable() and str.upper() know.

Run with the Python whose Unicode version the contract follows (3.11: Unicode 14):
    scripts/generate_unicode_tables.py > src/contract/unicode_tables.inc
"""
import sys
import unicodedata


def unprintable_ranges():
    ranges = []
    for code in range(0x80, 0x110000):
        if chr(code).isprintable():
            continue
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return ranges


def upper_runs():
    """(first, last, step, delta): every step-th code of first..last has its capital at + delta."""
    single, several = [], []
    for code in range(0x110000):
        upper = chr(code).upper()
        if upper == chr(code):
            continue
        if len(upper) == 1:
            single.append((code, ord(upper) - code))
        else:
            several.append((code, [ord(c) for c in upper]))
    runs = []
    for code, delta in single:
        if runs:
            first, last, step, run_delta = runs[-1]
            gap = code - last
            if run_delta == delta and gap <= 2 and (first == last or gap == step):
                runs[-1] = (first, code, gap, delta)
                continue
        runs.append((code, code, 1, delta))
    return runs, several


def rows(items, per_line):
    for at in range(0, len(items), per_line):
        print("    " + " ".join(item + "," for item in items[at : at + per_line]))


def main():
    print(f"// Unicode {unicodedata.unidata_version}, as Python {sys.version_info[0]}."
          f"{sys.version_info[1]} knows it. Written by scripts/generate_unicode_tables.py.")
    print("// clang-format off")
    print("constexpr CodeRange kUnprintable[] = {")
    rows([f"{{0x{first:X}, 0x{last:X}}}" for first, last in unprintable_ranges()], 5)
    print("};")
    runs, several = upper_runs()
    print("constexpr UpperRun kUpper[] = {")
    rows([f"{{0x{first:X}, 0x{last:X}, {step}, {delta}}}" for first, last, step, delta in runs], 3)
    print("};")
    print("constexpr UpperSeveral kUpperSeveral[] = {")
    rows([f"{{0x{code:X}, {{{', '.join(f'0x{c:X}' for c in upper)}}}}}" for code, upper in several], 3)
    print("};")
    print("// clang-format on")


main()
