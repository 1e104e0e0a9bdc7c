"""The reference engines: ONNX Runtime, with and without its optimizations, and onnx.reference if it has no kernel."""
import warnings

import numpy as np
import onnx
import onnxruntime as ort

ort.set_default_logger_severity(4)
warnings.filterwarnings("ignore")


class Refused(Exception):
    """A peer cannot run the model; `lacks` if it has no kernel rather than a reason against the model."""

    def __init__(self, message, lacks):
        super().__init__(message)
        self.lacks = lacks


class Runtime:
    """A loaded model."""

    def __init__(self, model, optimized):
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        level = ort.GraphOptimizationLevel
        options.graph_optimization_level = level.ORT_ENABLE_ALL if optimized else level.ORT_DISABLE_ALL
        options.enable_mem_pattern = options.enable_cpu_mem_arena = False
        try:
            self.session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # pybind11 makes a class of its own for each status
            raise Refused(str(error), _lacks(error)) from None

    def run(self, feeds, names=None):
        names = names or [output.name for output in self.session.get_outputs()]
        try:
            return dict(zip(names, self.session.run(names, feeds)))
        except Exception as error:
            raise Refused(str(error), _lacks(error)) from None


def _lacks(error):
    text = str(error)
    return ("NOT_IMPLEMENTED" in text or "Could not find an implementation" in text or "is under development" in text
            or "is not a registered function/op" in text or "No Op registered" in text)


class Reference:
    def __init__(self, model):
        from onnx.reference import ReferenceEvaluator
        try:
            self.evaluator = ReferenceEvaluator(onnx.load_from_string(model))
        except Exception as error:
            raise Refused(str(error), True) from None

    def run(self, feeds, names=None):
        names = names or self.evaluator.output_names
        try:
            with np.errstate(all="ignore"):
                outputs = self.evaluator.run(names, feeds)
        except Exception as error:
            raise Refused(str(error), True) from None
        return {name: np.asarray(output) for name, output in zip(names, outputs)}
