"""Exports the models of one family, a file of this folder, with the references that ONNX Runtime computes.

    python make.py FAMILY FOLDER [NAME…]      without names: all that are not in FOLDER yet

FAMILY.txt has the packages that it needs; families need different ones, so that each has an environment of its own. What the
exporter does not convert, or ONNX Runtime does not run, is listed with the reason and left out.
"""

import importlib
import os
import pathlib
import shutil
import sys

os.environ["POLYGRAPHY_AUTOINSTALL_DEPS"] = "0"  # paddle2onnx: nothing is installed behind the user's back
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from zoo import Zoo

family, folder, names = sys.argv[1], sys.argv[2], sys.argv[3:]
zoo, models = Zoo(folder), importlib.import_module(family).models()
left_out = []
for name in names or [name for name in models if not zoo.has(name)]:
    try:
        models[name](zoo, name)
    except (Exception, SystemExit) as error:  # paddle.onnx.export exits
        shutil.rmtree(zoo.folder / name, ignore_errors=True)
        left_out.append(f"  {name}: {type(error).__name__}: {' '.join(str(error).split())[:160]}")
print(f"{family}: {len(models) - len(left_out)} models exported, {len(left_out)} left out", *left_out, sep="\n")
