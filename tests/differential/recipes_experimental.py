"""Recipes for operators that ONNX 1.0 to 1.4 called experimental. They have no schemas any more, and ONNX Runtime takes
them up to opset 9. It has no kernels of the others, and another default of Scale than ONNX."""
import numpy as np

from generate import Unfit, f32, i32, i64
from recipes import emit, recipe, some

OPSETS = range(7, 10)


def factor(g):
    return round(g.rng.uniform(-2, 2), 3)


def old(*ops):
    def register(function):
        def drawn(g):
            if g.graph.opset not in OPSETS:
                raise Unfit("a later opset")
            function(g)
        return recipe(*ops)(drawn)
    return register


@old("Affine")
def affine(g):
    emit(g, [g.any(f32)], some(g, alpha=lambda: factor(g), beta=lambda: factor(g)))


@old("Scale")
def scale(g):
    emit(g, [g.any(f32)], {"scale": factor(g)})


@old("ScaledTanh", "ParametricSoftplus")
def stretched(g):
    emit(g, [g.any(f32)], {"alpha": factor(g), "beta": factor(g)})


@old("ImageScaler")
def image_scaler(g):
    x = g.any(f32, rank=4)
    if not x.shape[1]:
        raise Unfit("no channels")
    emit(g, [x], {"bias": [factor(g) for _ in range(x.shape[1])], **some(g, scale=lambda: factor(g))})


@old("Crop")
def crop(g):
    emit(g, [g.any(f32, rank=4)], {"border": [g.integer(0, 2) for _ in range(4)],
                                   **some(g, scale=lambda: [g.integer(0, 3), g.integer(0, 3)])})


@old("DynamicSlice")
def dynamic_slice(g):
    x = g.any(f32, least=1)
    count, dtype = g.integer(1, x.rank), g.choice([i32, i64])
    bounds = [[g.integer(-4, 6) for _ in range(count)] for _ in range(2)]
    axes = [g.rng.sample(range(x.rank), count)] if g.chance(0.5) else []
    emit(g, [x, *(g.leaf(dtype, values=np.array(numbers, dtype)) for numbers in bounds + axes)])
