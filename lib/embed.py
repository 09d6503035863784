#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes a text file as a C string: embed.py NAME INPUT OUTPUT."""
import sys

name, source, target = sys.argv[1:]
with open(source, encoding="utf-8") as file:
    lines = file.read().split("\n")
escaped = (line.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t") for line in lines)
with open(target, "w", encoding="utf-8") as file:
    file.write(f"const char {name}[];\nconst char {name}[] =\n")
    file.write("".join(f'\t"{line}\\n"\n' for line in escaped))
    file.write(";\n")
