#!/usr/bin/env python3
"""Prints schemas.txt: the forms of all operators of ONNX that a model of opset 7 or later may use, from onnx's own
schemas. One line a form: operator, since, inputs, outputs (least-most, * for any number), attributes ('!': required)."""
import onnx.defs

DOMAINS = ("", "ai.onnx.ml", "ai.onnx.preview", "ai.onnx.preview.training")
KINDS = {"INT": "integer", "FLOAT": "number", "STRING": "text", "TENSOR": "tensor", "INTS": "integers",
         "FLOATS": "numbers", "STRINGS": "texts", "GRAPH": "graph", "TYPE_PROTO": "type", "SPARSE_TENSOR": "tensor"}


def count(least, most):
    return f"{least}-{'*' if most > 1000 else most}"


def main():
    forms = {}
    for schema in onnx.defs.get_all_schemas_with_history():
        if schema.domain in DOMAINS:
            forms.setdefault((schema.domain, schema.name), []).append(schema)
    for (domain, name), all_forms in sorted(forms.items()):
        all_forms.sort(key=lambda s: s.since_version)
        old = [s for s in all_forms if s.since_version <= 7]
        kept = all_forms[max(len(old) - 1, 0):] if domain == "" else all_forms
        for s in kept:
            attributes = [
                f"{a.name}:{KINDS[a.type.name.split('.')[-1]]}{'!' if a.required else ''}"
                for a in sorted(s.attributes.values(), key=lambda a: a.name)
            ]
            print(domain + "::" + name if domain else name, "gone" if s.deprecated else s.since_version,
                  count(s.min_input, s.max_input), count(s.min_output, s.max_output), *attributes)


main()
