"""Networks of Keras and functions of TensorFlow with random weights, written in every form that their users write.

keras-NAME      model.export(…, format="onnx")
tf2onnx-NAME    tf2onnx.convert.from_keras
tffunction-NAME tf2onnx.convert.from_function
tflite-NAME     tf2onnx.convert.from_tflite, of a model that TensorFlow Lite's converter wrote: float, or quantized
"""

import os
import pathlib
import tempfile
import warnings

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", TF_ENABLE_ONEDNN_OPTS="0", CUDA_VISIBLE_DEVICES="")

import keras
import numpy as np
import onnx
import tensorflow as tf
import tf2onnx
from keras import applications, layers

from zoo import draw, draw_ints

warnings.filterwarnings("ignore")
tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)

IMAGE, SERIES, VECTOR = (12, 10, 4), (6, 8), (8,)


def of_layer(*parts, shape=IMAGE, dtype="float32"):
    def make():
        x = given = keras.Input(shape, dtype=dtype)
        for part in parts:
            x = part(x)
        return keras.Model(given, x)

    return make, [(shape, dtype)]


def residual():
    given = x = keras.Input((24, 24, 3))
    x = layers.Conv2D(8, 3, padding="same", activation="relu")(x)
    y = layers.BatchNormalization()(layers.Conv2D(8, 3, padding="same", use_bias=False)(x))
    x = layers.MaxPooling2D()(layers.ReLU()(layers.Add()([x, y])))
    return keras.Model(given, layers.Dense(5, "softmax")(layers.GlobalAveragePooling2D()(x)))


def unet():
    given = keras.Input((16, 16, 2))
    a = layers.Conv2D(6, 3, padding="same", activation="relu")(given)
    b = layers.Conv2D(8, 3, padding="same", activation="relu")(layers.MaxPooling2D()(a))
    c = layers.Conv2DTranspose(6, 2, 2)(b)
    d = layers.Concatenate()([a, c, layers.UpSampling2D()(b)])
    return keras.Model(given, layers.Conv2D(1, 1, activation="sigmoid")(d))


def encoder():
    given = keras.Input((7,), dtype="int32")
    x = layers.Embedding(50, 16)(given) + layers.Embedding(7, 16)(keras.ops.arange(7))
    for _ in range(2):
        x = layers.LayerNormalization()(x + layers.MultiHeadAttention(4, 4)(x, x))
        x = layers.LayerNormalization()(x + layers.Dense(16)(layers.Dense(32, "gelu")(x)))
    return keras.Model(given, layers.Dense(3, "softmax")(layers.GlobalAveragePooling1D()(x)))


def decoder():
    given = keras.Input((7,), dtype="int32")
    x = layers.Embedding(50, 16)(given)
    x = layers.LayerNormalization()(x + layers.MultiHeadAttention(4, 4)(x, x, use_causal_mask=True))
    return keras.Model(given, layers.Dense(50)(x))


def two_inputs():
    a, b = keras.Input((8,), name="numbers"), keras.Input((3,), name="extra")
    x = layers.Dense(8, "relu")(layers.Concatenate()([a, b]))
    return keras.Model([a, b], [layers.Dense(1, name="value")(x), layers.Dense(4, "softmax", name="kind")(x)])


def networks():
    """name -> (what makes the model, shape and type of each input)"""
    small = {
        "Dense": of_layer(layers.Dense(4), shape=VECTOR),
        "Sequential": of_layer(layers.Dense(16, "relu"), layers.Dropout(0.2), layers.Dense(3, "softmax"), shape=VECTOR),
        "Conv1D": of_layer(layers.Conv1D(5, 3, padding="causal"), shape=SERIES),
        "Conv2D-same": of_layer(layers.Conv2D(5, 3, 2, "same")),
        "Conv2D-valid": of_layer(layers.Conv2D(6, 3, dilation_rate=2, groups=2)),
        "Conv3D": of_layer(layers.Conv3D(3, 3, padding="same"), shape=(5, 6, 7, 2)),
        "Conv1DTranspose": of_layer(layers.Conv1DTranspose(5, 3, 2), shape=SERIES),
        "Conv2DTranspose": of_layer(layers.Conv2DTranspose(5, 3, 2, "same")),
        "Conv3DTranspose": of_layer(layers.Conv3DTranspose(3, 3, 2), shape=(3, 4, 5, 2)),
        "DepthwiseConv2D": of_layer(layers.DepthwiseConv2D(3, depth_multiplier=2)),
        "SeparableConv2D": of_layer(layers.SeparableConv2D(6, 3, padding="same")),
        "SeparableConv1D": of_layer(layers.SeparableConv1D(6, 3), shape=SERIES),
        "MaxPooling2D": of_layer(layers.MaxPooling2D(3, 2, "same")),
        "AveragePooling2D": of_layer(layers.AveragePooling2D(3, 2, "same")),
        "MaxPooling1D": of_layer(layers.MaxPooling1D(2), shape=SERIES),
        "AveragePooling3D": of_layer(layers.AveragePooling3D(2), shape=(5, 6, 7, 2)),
        "GlobalMaxPooling2D": of_layer(layers.GlobalMaxPooling2D()),
        "GlobalAveragePooling1D": of_layer(layers.GlobalAveragePooling1D(), shape=SERIES),
        "BatchNormalization": of_layer(layers.BatchNormalization()),
        "LayerNormalization": of_layer(layers.LayerNormalization(), shape=SERIES),
        "GroupNormalization": of_layer(layers.GroupNormalization(2)),
        "UnitNormalization": of_layer(layers.UnitNormalization(), shape=SERIES),
        "Normalization": of_layer(layers.Normalization(mean=0.5, variance=2.0), shape=VECTOR),
        "Rescaling": of_layer(layers.Rescaling(1 / 127.5, -1), shape=(12, 10, 3)),
        "Resizing": of_layer(layers.Resizing(7, 15)),
        "Resizing-nearest": of_layer(layers.Resizing(7, 15, "nearest")),
        "CenterCrop": of_layer(layers.CenterCrop(6, 6)),
        "UpSampling2D": of_layer(layers.UpSampling2D(2)),
        "UpSampling2D-bilinear": of_layer(layers.UpSampling2D(2, interpolation="bilinear")),
        "UpSampling1D": of_layer(layers.UpSampling1D(2), shape=SERIES),
        "ZeroPadding2D": of_layer(layers.ZeroPadding2D((1, 2))),
        "Cropping2D": of_layer(layers.Cropping2D(2)),
        "Flatten": of_layer(layers.Flatten()),
        "Reshape-Permute": of_layer(layers.Permute((3, 1, 2)), layers.Reshape((4, -1))),
        "RepeatVector": of_layer(layers.RepeatVector(3), shape=VECTOR),
        "Embedding": of_layer(layers.Embedding(50, 4), shape=(7,), dtype="int32"),
        "Embedding-masked-LSTM": of_layer(
            layers.Embedding(50, 4, mask_zero=True), layers.LSTM(5), shape=(7,), dtype="int32"
        ),
        "SimpleRNN": of_layer(layers.SimpleRNN(5), shape=SERIES),
        "LSTM": of_layer(layers.LSTM(5), shape=SERIES),
        "LSTM-sequences": of_layer(layers.LSTM(5, return_sequences=True), shape=SERIES),
        "LSTM-dynamic": of_layer(layers.LSTM(5), shape=(None, 8)),
        "GRU": of_layer(layers.GRU(5), shape=SERIES),
        "GRU-before": of_layer(layers.GRU(5, reset_after=False), shape=SERIES),
        "Bidirectional-LSTM": of_layer(layers.Bidirectional(layers.LSTM(5, return_sequences=True)), shape=SERIES),
        "Bidirectional-GRU": of_layer(layers.Bidirectional(layers.GRU(5)), shape=SERIES),
        "ConvLSTM2D": of_layer(layers.ConvLSTM2D(3, 3, padding="same"), shape=(4, 6, 6, 2)),
        "TimeDistributed": of_layer(layers.TimeDistributed(layers.Dense(3)), shape=SERIES),
        "Discretization": of_layer(layers.Discretization([-0.5, 0.0, 0.5]), shape=VECTOR),
        "CategoryEncoding": of_layer(layers.CategoryEncoding(5, "multi_hot"), shape=(3,), dtype="int32"),
        "Softmax-PReLU": of_layer(layers.PReLU(), layers.Softmax(), shape=VECTOR),
        "SpectralNormalization": of_layer(layers.SpectralNormalization(layers.Dense(4)), shape=VECTOR),
        "residual": (residual, [((24, 24, 3), "float32")]),
        "unet": (unet, [((16, 16, 2), "float32")]),
        "encoder": (encoder, [((7,), "int32")]),
        "decoder": (decoder, [((7,), "int32")]),
        "two-inputs": (two_inputs, [((8,), "float32"), ((3,), "float32")]),
    }
    for name in [
        "elu",
        "exponential",
        "gelu",
        "hard_sigmoid",
        "leaky_relu",
        "mish",
        "relu6",
        "selu",
        "silu",
        "softplus",
        "softsign",
        "tanh",
        "hard_silu",
        "glu",
        "log_softmax",
    ]:
        small["Activation-" + name] = of_layer(layers.Dense(8), layers.Activation(name), shape=VECTOR)
    return small


def apps():
    s = dict(weights=None, classes=5, input_shape=(64, 64, 3))
    return {
        "MobileNet": lambda: applications.MobileNet(alpha=0.25, **s),
        "MobileNetV2": lambda: applications.MobileNetV2(alpha=0.35, **s),
        "MobileNetV3Small": lambda: applications.MobileNetV3Small(minimalistic=False, **s),
        "EfficientNetB0": lambda: applications.EfficientNetB0(**s),
        "EfficientNetV2B0": lambda: applications.EfficientNetV2B0(**s),
        "DenseNet121": lambda: applications.DenseNet121(**s),
        "NASNetMobile": lambda: applications.NASNetMobile(**s),
        "ResNet50": lambda: applications.ResNet50(**s),
        "ResNet50V2": lambda: applications.ResNet50V2(**s),
        "InceptionV3": lambda: applications.InceptionV3(weights=None, classes=5, input_shape=(80, 80, 3)),
        "Xception": lambda: applications.Xception(weights=None, classes=5, input_shape=(71, 71, 3)),
        "ConvNeXtTiny": lambda: applications.ConvNeXtTiny(**s),
    }


def functions():
    """name -> (function, shape and type of each input without the batch)"""
    f, i = "float32", "int32"
    return {
        "topk": (lambda x: tf.math.top_k(x, 3), [((8,), f)]),
        "gather": (lambda x, j: tf.gather(x, j, axis=1, batch_dims=1), [((9,), f), ((4,), i)]),
        "gather-nd": (lambda x: tf.gather_nd(x, [[0, 1]]), [((8,), f)]),
        "scatter": (lambda x: tf.tensor_scatter_nd_update(x, [[0, 0]], [5.0]), [((8,), f)]),
        "where": (lambda x: tf.where(x > 0), [((8,), f)]),
        "boolean-mask": (lambda x: tf.boolean_mask(x, x > 0), [((8,), f)]),
        "one-hot": (lambda x: tf.one_hot(x, 5), [((4,), i)]),
        "strided-slice": (lambda x: x[:, ::2, tf.newaxis], [((8,), f)]),
        "reverse": (lambda x: tf.reverse(x, [1]), [((8,), f)]),
        "roll": (lambda x: tf.roll(x, 2, 1), [((8,), f)]),
        "unique": (lambda x: tf.unique(tf.reshape(x, [-1])), [((8,), i)]),
        "cumsum": (lambda x: tf.cumsum(x, 1, exclusive=True), [((8,), f)]),
        "einsum": (lambda x: tf.einsum("bi,bj->bij", x, x), [((8,), f)]),
        "segment": (lambda x: tf.math.unsorted_segment_sum(x, tf.zeros(tf.shape(x)[0], tf.int32), 2), [((8,), f)]),
        "space-to-depth": (lambda x: tf.nn.space_to_depth(x, 2), [(IMAGE, f)]),
        "depth-to-space": (lambda x: tf.nn.depth_to_space(x, 2), [(IMAGE, f)]),
        "resize": (lambda x: tf.image.resize(x, (7, 15)), [(IMAGE, f)]),
        "resize-bicubic": (lambda x: tf.image.resize(x, (7, 15), "bicubic"), [(IMAGE, f)]),
        "crop-and-resize": (lambda x: tf.image.crop_and_resize(x, [[0.1, 0.1, 0.8, 0.9]], [0], (4, 5)), [(IMAGE, f)]),
        "nms": (
            lambda x: tf.image.non_max_suppression(tf.concat([x[:, :2], x[:, :2] + tf.abs(x[:, 2:4])], 1), x[:, 4], 3),
            [((5,), f)],
        ),
        "combined-nms": (
            lambda x: tuple(
                tf.image.combined_non_max_suppression(
                    tf.expand_dims(tf.concat([x[..., :2], x[..., :2] + tf.abs(x[..., 2:4])], -1), 2), x[..., 4:], 3, 6
                )
            ),
            [((9, 6), f)],
        ),
        "while": (
            lambda x: tf.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, y * 2 + 1), [tf.constant(0), x])[1],
            [((8,), f)],
        ),
        "cond": (lambda x: tf.cond(tf.reduce_sum(x) > 0, lambda: x * 2, lambda: x - 1), [((8,), f)]),
        "map": (lambda x: tf.map_fn(lambda y: tf.reduce_sum(y) * y, x), [((8,), f)]),
        "bincount": (lambda x: tf.math.bincount(x, minlength=9, maxlength=9), [((8,), i)]),
        "fft": (lambda x: tf.abs(tf.signal.rfft(x)), [((16,), f)]),
        "stft": (lambda x: tf.abs(tf.signal.stft(x, 16, 8)), [((64,), f)]),
        "matrix-band": (lambda x: tf.linalg.band_part(x, 1, 0), [((4, 5), f)]),
        "matmul-transposed": (lambda x, y: tf.matmul(x, y, transpose_b=True), [((4, 5), f), ((3, 5), f)]),
        "normalize": (lambda x: tf.nn.l2_normalize(x, -1), [((8,), f)]),
        "lrn": (lambda x: tf.nn.lrn(x, 2), [(IMAGE, f)]),
        "pad-reflect": (lambda x: tf.pad(x, [[0, 0], [2, 1]], "REFLECT"), [((8,), f)]),
        "pad-symmetric": (lambda x: tf.pad(x, [[0, 0], [2, 1]], "SYMMETRIC"), [((8,), f)]),
        "floor-mod": (lambda x: tf.math.floormod(x, 0.3), [((8,), f)]),
        "round": (lambda x: tf.round(x * 3), [((8,), f)]),
        "erf": (tf.math.erf, [((8,), f)]),
        "argmax": (lambda x: tf.argmax(x, 1, tf.int32), [((8,), f)]),
        "sparse-dense": (lambda x: tf.nn.softmax_cross_entropy_with_logits(x, tf.nn.softmax(x)), [((8,), f)]),
        "cast-uint8": (lambda x: tf.cast(tf.clip_by_value(x * 255, 0, 255), tf.uint8), [((8,), f)]),
        "image-uint8": (lambda x: tf.cast(x, tf.float32) / 255.0, [((8,), "uint8")]),
        "fake-quant": (lambda x: tf.quantization.fake_quant_with_min_max_args(x, -1, 1), [((8,), f)]),
        "to-double": (lambda x: tf.cast(x, tf.float64) * 2, [((8,), f)]),
    }


def inputs_of(shapes, batch):
    made = []
    for k, (shape, dtype) in enumerate(shapes):
        shape = [5 if d is None else d for d in shape]
        made.append(
            draw(k + batch, batch, *shape)
            if dtype == "float32"
            else draw_ints(k + batch, 5, batch, *shape).astype(dtype)
        )
    return made


def cases(shapes, sizes=(1, 2, 5)):
    return {str(n): inputs_of(shapes, n) for n in sizes}


def random(model):
    """Also what starts as zeros or ones."""
    generator = np.random.Generator(np.random.PCG64(0))
    for weight in model.weights:
        if weight.name in ("bias", "beta", "moving_mean"):
            weight.assign(generator.uniform(-0.3, 0.3, weight.shape))
        elif weight.name in ("gamma", "moving_variance"):
            weight.assign(generator.uniform(0.5, 1.5, weight.shape))
    return model


def from_keras(make, shapes, sizes=(1, 2, 5)):
    def add(zoo, name):
        keras.utils.set_random_seed(0)
        model, _ = tf2onnx.convert.from_keras(random(make()))
        zoo.add(name, model, cases(shapes, sizes))

    return add


def by_keras(make, shapes, sizes=(1, 2, 5)):
    def add(zoo, name):
        keras.utils.set_random_seed(0)
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "model.onnx"
            model = random(make())
            model(
                [tf.constant(x) for x in inputs_of(shapes, 1)]
                if len(shapes) > 1
                else tf.constant(inputs_of(shapes, 1)[0])
            )
            model.export(path, format="onnx", verbose=False)  # of a model that was called, as every trained one was
            zoo.add(name, path, cases(shapes, sizes))

    return add


def of_function(function, shapes):
    def add(zoo, name):
        signature = [tf.TensorSpec([None, *shape], dtype) for shape, dtype in shapes]
        model, _ = tf2onnx.convert.from_function(tf.function(function), input_signature=signature)
        zoo.add(name, model, cases(shapes))

    return add


def of_tflite(make, shapes, quantized):
    """quantized: '' for floats, 'dynamic' for weights, 'full' for 8-bit inside, 'int8' for inputs and outputs as well"""

    def add(zoo, name):
        keras.utils.set_random_seed(0)
        converter = tf.lite.TFLiteConverter.from_keras_model(random(make()))
        if quantized:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if quantized in ("full", "int8"):
            converter.representative_dataset = lambda: ([*inputs_of(shapes, 1)] for _ in range(8))
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        if quantized == "int8":
            converter.inference_input_type = converter.inference_output_type = tf.int8
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "model.tflite"
            path.write_bytes(converter.convert())
            model, _ = tf2onnx.convert.from_tflite(str(path))
        fixed = {str(n): inputs_of(shapes, 1) for n in (1,)}
        if quantized == "int8":
            fixed = {"1": [(x * 127).astype(np.int8) for x in inputs_of(shapes, 1)]}
        zoo.add(name, model, fixed)

    return add


def models():
    """name -> what adds it to a zoo under that name"""
    made = {}
    for name, (make, shapes) in networks().items():
        made["tf2onnx-" + name] = from_keras(make, shapes)
        made["keras-" + name] = by_keras(make, shapes)
    for name, make in apps().items():
        size = {"InceptionV3": 80, "Xception": 71}.get(name, 64)
        made["tf2onnx-" + name] = from_keras(make, [((size, size, 3), "float32")], (1, 2))
    for name, (function, shapes) in functions().items():
        made["tffunction-" + name] = of_function(function, shapes)
    for name in ("Sequential", "residual", "unet", "Conv2D-same", "DepthwiseConv2D", "MaxPooling2D", "LSTM", "encoder"):
        make, shapes = networks()[name]
        kinds = ("", "dynamic", "full", "int8") if name not in ("LSTM", "encoder") else ("", "dynamic")
        made |= {f"tflite-{name}{'-' + kind if kind else ''}": of_tflite(make, shapes, kind) for kind in kinds}
    return made
