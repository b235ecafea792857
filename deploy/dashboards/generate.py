#!/usr/bin/env python3
"""Writes the dashboards beside this file from source/. With --check it writes nothing, and fails if a file is not what it would write."""

import json
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE / "source"))

import agentstack  # noqa: E402
import delivery  # noqa: E402
import health  # noqa: E402
import plugins  # noqa: E402


def main():
    is_check = sys.argv[1:] == ["--check"]
    stale = []
    for module in (health, plugins, delivery, agentstack):
        made = module.build()
        file = HERE / f"{made['uid']}.json"
        text = json.dumps(made, indent=2, ensure_ascii=False) + "\n"
        if is_check and (not file.exists() or file.read_text(encoding="utf-8") != text):
            stale.append(file.name)
        elif not is_check:
            file.write_text(text, encoding="utf-8")
    if stale:
        sys.exit(f"{', '.join(stale)}: not what source/ says; run deploy/dashboards/generate.py")


main()
