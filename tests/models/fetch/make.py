"""Fetches and creates the models for MODELCTL_ZOO, with their references.

    python make.py FOLDER [NAME…]     without names: all that are not in FOLDER/models yet

A model that is not available on this machine is reported and omitted; the exit code is then 1.
"""

import pathlib
import sys
import traceback

import classical
import networks
import registries
from zoo import Zoo

folder, names = pathlib.Path(sys.argv[1]), sys.argv[2:]
zoo = Zoo(folder / "models")
models = registries.models(folder / "downloads") | classical.models() | networks.models()
failed = []
for name in names or [name for name in models if not zoo.has(name)]:
    try:
        models[name](zoo, name)
    except Exception:  # one that cannot be had must not keep the others away
        traceback.print_exc()
        failed.append(name)
if failed:
    sys.exit("not made: " + ", ".join(failed))
