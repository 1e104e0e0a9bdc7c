"""Architectures of Hugging Face with random weights, made from their configurations and exported by optimum.

An export may consist of several files (encoder, decoder, decoder with a cache): each is a model of its own.
"""

import os
import pathlib
import tempfile
import warnings

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error")

import numpy as np
import onnx
import torch
import transformers
from optimum.exporters.onnx import onnx_export_from_model

from zoo import draw, draw_ints

warnings.filterwarnings("ignore")
torch.set_num_threads(1)

VOCABULARY, LABELS = 64, 3
TEXT = dict(
    vocab_size=VOCABULARY,
    hidden_size=32,
    num_hidden_layers=2,
    num_attention_heads=4,
    intermediate_size=48,
    max_position_embeddings=64,
    pad_token_id=0,
    bos_token_id=1,
    eos_token_id=2,
    num_labels=LABELS,
)
GROUPED = {**TEXT, "num_key_value_heads": 2, "head_dim": 8}
SEQUENCE = dict(
    vocab_size=VOCABULARY,
    d_model=32,
    encoder_layers=2,
    decoder_layers=2,
    encoder_attention_heads=4,
    decoder_attention_heads=4,
    encoder_ffn_dim=48,
    decoder_ffn_dim=48,
    max_position_embeddings=64,
    pad_token_id=0,
    bos_token_id=1,
    eos_token_id=2,
    decoder_start_token_id=1,
    forced_eos_token_id=2,
    num_labels=LABELS,
)
PIXELS = dict(
    image_size=32,
    patch_size=8,
    hidden_size=32,
    num_hidden_layers=2,
    num_attention_heads=4,
    intermediate_size=48,
    num_labels=LABELS,
)
SOUND = dict(
    vocab_size=VOCABULARY,
    hidden_size=32,
    num_hidden_layers=2,
    num_attention_heads=4,
    intermediate_size=48,
    conv_dim=(16, 16),
    conv_stride=(5, 4),
    conv_kernel=(10, 8),
    num_feat_extract_layers=2,
    num_conv_pos_embeddings=16,
    num_conv_pos_embedding_groups=4,
    num_labels=LABELS,
    classifier_proj_size=16,
)

# kind of the configuration, task of optimum, class of transformers, settings
ARCHITECTURES = {
    "bert": ("text-classification", "SequenceClassification", TEXT),
    "bert/tokens": ("token-classification", "TokenClassification", TEXT),
    "bert/answers": ("question-answering", "QuestionAnswering", TEXT),
    "bert/masks": ("fill-mask", "MaskedLM", TEXT),
    "bert/choices": ("multiple-choice", "MultipleChoice", TEXT),
    "bert/features": ("feature-extraction", "", TEXT),
    "roberta": ("text-classification", "SequenceClassification", TEXT),
    "xlm-roberta": ("feature-extraction", "", TEXT),
    "camembert": ("fill-mask", "MaskedLM", TEXT),
    "distilbert": (
        "text-classification",
        "SequenceClassification",
        dict(vocab_size=64, dim=32, n_layers=2, n_heads=4, hidden_dim=48),
    ),
    "albert": ("text-classification", "SequenceClassification", {**TEXT, "embedding_size": 16}),
    "electra": ("text-classification", "SequenceClassification", {**TEXT, "embedding_size": 16}),
    "mpnet": ("feature-extraction", "", TEXT),
    "deberta": (
        "text-classification",
        "SequenceClassification",
        {**TEXT, "relative_attention": True, "pos_att_type": "c2p|p2c", "pooler_hidden_size": 32},
    ),
    "deberta-v2": (
        "text-classification",
        "SequenceClassification",
        {**TEXT, "relative_attention": True, "pos_att_type": "c2p|p2c", "pooler_hidden_size": 32},
    ),
    "convbert": ("text-classification", "SequenceClassification", {**TEXT, "embedding_size": 32, "head_ratio": 2}),
    "mobilebert": (
        "text-classification",
        "SequenceClassification",
        {**TEXT, "embedding_size": 16, "intra_bottleneck_size": 16, "true_hidden_size": 16, "hidden_size": 32},
    ),
    "squeezebert": (
        "text-classification",
        "SequenceClassification",
        {
            **TEXT,
            "embedding_size": 32,
            "q_groups": 2,
            "k_groups": 2,
            "v_groups": 2,
            "post_attention_groups": 1,
            "intermediate_groups": 2,
            "output_groups": 2,
        },
    ),
    "roformer": ("text-classification", "SequenceClassification", {**TEXT, "embedding_size": 32}),
    "ibert": ("text-classification", "SequenceClassification", TEXT),
    "flaubert": (
        "text-classification",
        "SequenceClassification",
        dict(vocab_size=64, emb_dim=32, n_layers=2, n_heads=4, pad_index=0, num_labels=3),
    ),
    "xlm": (
        "text-classification",
        "SequenceClassification",
        dict(vocab_size=64, emb_dim=32, n_layers=2, n_heads=4, pad_index=0, num_labels=3),
    ),
    "modernbert": (
        "text-classification",
        "SequenceClassification",
        {**TEXT, "cls_token_id": 1, "sep_token_id": 2, "local_attention": 8},
    ),
    "gpt2": (
        "text-generation-with-past",
        "CausalLM",
        dict(vocab_size=64, n_embd=32, n_layer=2, n_head=4, n_positions=64, bos_token_id=1, eos_token_id=2),
    ),
    "gpt2/plain": (
        "text-generation",
        "CausalLM",
        dict(vocab_size=64, n_embd=32, n_layer=2, n_head=4, n_positions=64, bos_token_id=1, eos_token_id=2),
    ),
    "gpt_neo": (
        "text-generation-with-past",
        "CausalLM",
        dict(
            vocab_size=64,
            hidden_size=32,
            num_layers=2,
            num_heads=4,
            attention_types=[[["global", "local"], 1]],
            window_size=8,
            max_position_embeddings=64,
        ),
    ),
    "gpt_neox": ("text-generation-with-past", "CausalLM", TEXT),
    "gptj": (
        "text-generation-with-past",
        "CausalLM",
        dict(vocab_size=64, n_embd=32, n_layer=2, n_head=4, n_positions=64, rotary_dim=4),
    ),
    "codegen": (
        "text-generation-with-past",
        "CausalLM",
        dict(vocab_size=64, n_embd=32, n_layer=2, n_head=4, n_positions=64, rotary_dim=4),
    ),
    "opt": ("text-generation-with-past", "CausalLM", {**TEXT, "ffn_dim": 48, "word_embed_proj_dim": 32}),
    "bloom": ("text-generation-with-past", "CausalLM", dict(vocab_size=64, hidden_size=32, n_layer=2, n_head=4)),
    "llama": ("text-generation-with-past", "CausalLM", GROUPED),
    "mistral": ("text-generation-with-past", "CausalLM", {**GROUPED, "sliding_window": 16}),
    "qwen2": ("text-generation-with-past", "CausalLM", GROUPED),
    "qwen3": ("text-generation-with-past", "CausalLM", GROUPED),
    "gemma": ("text-generation-with-past", "CausalLM", GROUPED),
    "gemma2": ("text-generation-with-past", "CausalLM", {**GROUPED, "query_pre_attn_scalar": 8, "sliding_window": 16}),
    "phi": ("text-generation-with-past", "CausalLM", TEXT),
    "phi3": ("text-generation-with-past", "CausalLM", GROUPED),
    "falcon": ("text-generation-with-past", "CausalLM", {**TEXT, "num_kv_heads": 2, "new_decoder_architecture": True}),
    "olmo": ("text-generation-with-past", "CausalLM", GROUPED),
    "mpt": (
        "text-generation-with-past",
        "CausalLM",
        dict(vocab_size=64, d_model=32, n_layers=2, n_heads=4, max_seq_len=64),
    ),
    "granite": ("text-generation-with-past", "CausalLM", GROUPED),
    "t5": (
        "text2text-generation-with-past",
        "Seq2SeqLM",
        dict(
            vocab_size=64,
            d_model=32,
            d_kv=8,
            d_ff=48,
            num_layers=2,
            num_heads=4,
            decoder_start_token_id=0,
            pad_token_id=0,
        ),
    ),
    "mt5": (
        "text2text-generation-with-past",
        "Seq2SeqLM",
        dict(
            vocab_size=64,
            d_model=32,
            d_kv=8,
            d_ff=48,
            num_layers=2,
            num_heads=4,
            decoder_start_token_id=0,
            pad_token_id=0,
        ),
    ),
    "bart": ("text2text-generation-with-past", "Seq2SeqLM", SEQUENCE),
    "marian": ("text2text-generation-with-past", "Seq2SeqLM", {**SEQUENCE, "decoder_vocab_size": VOCABULARY}),
    "m2m_100": ("text2text-generation-with-past", "Seq2SeqLM", SEQUENCE),
    "pegasus": ("text2text-generation-with-past", "Seq2SeqLM", SEQUENCE),
    "blenderbot-small": ("text2text-generation-with-past", "Seq2SeqLM", SEQUENCE),
    "longt5": (
        "text2text-generation-with-past",
        "Seq2SeqLM",
        dict(
            vocab_size=64,
            d_model=32,
            d_kv=8,
            d_ff=48,
            num_layers=2,
            num_heads=4,
            decoder_start_token_id=0,
            pad_token_id=0,
            local_radius=4,
        ),
    ),
    "whisper": (
        "automatic-speech-recognition-with-past",
        "SpeechSeq2Seq",
        {**SEQUENCE, "num_mel_bins": 20, "max_source_positions": 30, "max_target_positions": 32},
    ),
    "wav2vec2": ("automatic-speech-recognition", "CTC", SOUND),
    "hubert": ("audio-classification", "AudioClassification", SOUND),
    "wavlm": ("automatic-speech-recognition", "CTC", SOUND),
    "audio-spectrogram-transformer": (
        "audio-classification",
        "AudioClassification",
        {**PIXELS, "num_mel_bins": 16, "max_length": 32},
    ),
    "vit": ("image-classification", "ImageClassification", PIXELS),
    "deit": ("image-classification", "ImageClassification", PIXELS),
    "beit": ("image-classification", "ImageClassification", PIXELS),
    "dinov2": ("image-classification", "ImageClassification", PIXELS),
    "swin": (
        "image-classification",
        "ImageClassification",
        dict(image_size=32, patch_size=4, embed_dim=16, depths=[1, 1], num_heads=[2, 2], window_size=4, num_labels=3),
    ),
    "swinv2": (
        "image-classification",
        "ImageClassification",
        dict(image_size=32, patch_size=4, embed_dim=16, depths=[1, 1], num_heads=[2, 2], window_size=4, num_labels=3),
    ),
    "convnext": (
        "image-classification",
        "ImageClassification",
        dict(hidden_sizes=[8, 16, 24, 32], depths=[1, 1, 1, 1], image_size=64, num_labels=3),
    ),
    "convnextv2": (
        "image-classification",
        "ImageClassification",
        dict(hidden_sizes=[8, 16, 24, 32], depths=[1, 1, 1, 1], image_size=64, num_labels=3),
    ),
    "resnet": (
        "image-classification",
        "ImageClassification",
        dict(embedding_size=8, hidden_sizes=[16, 16, 24, 32], depths=[1, 1, 1, 1], num_labels=3),
    ),
    "regnet": (
        "image-classification",
        "ImageClassification",
        dict(embedding_size=8, hidden_sizes=[16, 16, 24, 32], depths=[1, 1, 1, 1], groups_width=8, num_labels=3),
    ),
    "levit": (
        "image-classification",
        "ImageClassification",
        dict(
            num_labels=3,
            image_size=64,
            hidden_sizes=[16, 24, 32],
            num_attention_heads=[2, 2, 2],
            depths=[1, 1, 1],
            key_dim=[8, 8, 8],
        ),
    ),
    "mobilevit": (
        "image-classification",
        "ImageClassification",
        dict(num_labels=3, image_size=64, hidden_sizes=[16, 24, 32], neck_hidden_sizes=[8, 16, 16, 24, 24, 32, 32]),
    ),
    "mobilenet_v1": (
        "image-classification",
        "ImageClassification",
        dict(num_labels=3, depth_multiplier=0.25, image_size=64),
    ),
    "mobilenet_v2": (
        "image-classification",
        "ImageClassification",
        dict(num_labels=3, depth_multiplier=0.25, image_size=64),
    ),
    "efficientnet": (
        "image-classification",
        "ImageClassification",
        dict(num_labels=3, width_coefficient=0.25, depth_coefficient=0.25, hidden_dim=64, image_size=64),
    ),
    "poolformer": (
        "image-classification",
        "ImageClassification",
        dict(num_labels=3, hidden_sizes=[8, 16, 16, 24], depths=[1, 1, 1, 1]),
    ),
    "perceiver": (
        "image-classification",
        "ImageClassificationConvProcessing",
        dict(
            num_labels=3,
            num_latents=8,
            d_latents=32,
            d_model=322,
            num_blocks=1,
            num_self_attends_per_block=1,
            num_self_attention_heads=2,
            num_cross_attention_heads=2,
        ),
    ),
    "segformer": (
        "semantic-segmentation",
        "SemanticSegmentation",
        dict(
            hidden_sizes=[8, 16, 24, 32],
            depths=[1, 1, 1, 1],
            num_attention_heads=[1, 2, 2, 4],
            decoder_hidden_size=16,
            num_labels=3,
        ),
    ),
    "dpt": (
        "depth-estimation",
        "DepthEstimation",
        {
            **PIXELS,
            "num_hidden_layers": 4,
            "backbone_out_indices": [0, 1, 2, 3],
            "neck_hidden_sizes": [8, 8, 8, 8],
            "fusion_hidden_size": 8,
            "reassemble_factors": [4, 2, 1, 0.5],
            "is_hybrid": False,
        },
    ),
    "glpn": (
        "depth-estimation",
        "DepthEstimation",
        dict(
            hidden_sizes=[8, 16, 24, 32], depths=[1, 1, 1, 1], num_attention_heads=[1, 2, 2, 4], decoder_hidden_size=8
        ),
    ),
    "yolos": (
        "object-detection",
        "ObjectDetection",
        {**PIXELS, "image_size": [32, 32], "num_detection_tokens": 5, "use_mid_position_embeddings": False},
    ),
    "detr": (
        "object-detection",
        "ObjectDetection",
        dict(
            d_model=32,
            encoder_layers=1,
            decoder_layers=1,
            encoder_attention_heads=4,
            decoder_attention_heads=4,
            encoder_ffn_dim=48,
            decoder_ffn_dim=48,
            num_queries=5,
            num_labels=3,
            use_timm_backbone=False,
            use_pretrained_backbone=False,
            backbone=None,
            backbone_config=transformers.ResNetConfig(
                embedding_size=8, hidden_sizes=[16, 16, 24, 32], depths=[1, 1, 1, 1], out_features=["stage4"]
            ),
        ),
    ),
    "swin2sr": (
        "image-to-image",
        "ImageToImage",
        dict(image_size=16, embed_dim=16, depths=[1], num_heads=[2], window_size=4, upscale=2),
    ),
    "clip": (
        "zero-shot-image-classification",
        "ZeroShotImageClassification",
        dict(text_config={**TEXT, "eos_token_id": 2}, vision_config=PIXELS, projection_dim=16),
    ),
    "siglip": (
        "zero-shot-image-classification",
        "ZeroShotImageClassification",
        dict(text_config=TEXT, vision_config=PIXELS),
    ),
    "layoutlm": ("token-classification", "TokenClassification", {**TEXT, "max_2d_position_embeddings": 1024}),
    "vision-encoder-decoder": ("vision2seq-with-past", "Vision2Seq", None),
}

# Of each name of a dynamic dimension: its size. Others are 2 for a batch.
SIZES = {
    "batch": 2,
    "sequence_length": 7,
    "num_choices": 3,
    "encoder_sequence_length": 6,
    "decoder_sequence_length": 4,
    "past_sequence_length": 5,
    "past_decoder_sequence_length": 5,
    "num_channels": 3,
    "height": 32,
    "width": 32,
    "text_batch_size": 2,
    "image_batch_size": 2,
    "feature_size": 20,
    "nb_max_frames": 60,
    "audio_sequence_length": 800,
}


def make(name):
    kind, (_, suffix, settings) = name.split("/")[0], ARCHITECTURES[name]
    torch.manual_seed(0)
    if kind == "vision-encoder-decoder":
        config = transformers.VisionEncoderDecoderConfig.from_encoder_decoder_configs(
            transformers.ViTConfig(**PIXELS),
            transformers.TrOCRConfig(**{**SEQUENCE, "cross_attention_hidden_size": 32}),
        )
        config.decoder_start_token_id, config.pad_token_id = 1, 0
        return transformers.VisionEncoderDecoderModel(config).eval()
    config = transformers.AutoConfig.for_model(kind, **settings)
    if suffix == "ImageClassificationConvProcessing":
        return transformers.PerceiverForImageClassificationConvProcessing(config).eval()
    cls = getattr(transformers, "AutoModelFor" + suffix if suffix else "AutoModel")
    return cls.from_config(config).eval()


def size_of(dim, name, axis, length):
    if isinstance(dim, int):
        return dim
    if dim in SIZES:
        return SIZES[dim] * (length if "past" in dim else 1) if dim != "batch" else 2
    if "+" in dim:
        return sum(
            size_of(part.strip(), name, axis, length) if not part.strip().isdigit() else int(part)
            for part in dim.split("+")
        )
    if "batch" in dim:
        return 2
    return {"height": 32, "width": 32}.get(dim, 7)


def inputs_of(path, seed, length=1):
    made = []
    for tensor in onnx.load(path, load_external_data=False).graph.input:
        kind = tensor.type.tensor_type
        dims = [d.dim_value if d.HasField("dim_value") else d.dim_param for d in kind.shape.dim]
        shape = [size_of(dim, tensor.name, axis, length) for axis, dim in enumerate(dims)]
        if tensor.name == "pixel_values" and any(isinstance(d, str) for d in dims[2:]):
            shape[1:] = [3, 64 if "height" in dims else shape[2], 64]
        if kind.elem_type == onnx.TensorProto.BOOL:
            made.append(np.ones(shape, bool))
        elif kind.elem_type in (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16):
            made.append(draw(seed + len(made), *shape))
        elif "mask" in tensor.name:
            mask = np.ones(shape, np.int64)
            made.append(mask)
        elif tensor.name == "token_type_ids":
            made.append(draw_ints(seed, 2, *shape))
        elif tensor.name == "position_ids":
            made.append(np.broadcast_to(np.arange(shape[-1]), shape).copy())
        elif tensor.name == "bbox":
            made.append(np.sort(draw_ints(seed, 1000, *shape), -1))
        else:
            made.append(draw_ints(seed + len(made), VOCABULARY - 1, *shape) + 1)
    return made


def adder(name):
    def add(zoo, title):
        with tempfile.TemporaryDirectory() as folder:
            onnx_export_from_model(make(name), pathlib.Path(folder), task=ARCHITECTURES[name][0], do_validation=False)
            paths = sorted(pathlib.Path(folder).rglob("*.onnx"))
            for path in paths:
                part = title if len(paths) == 1 else f"{title}-{path.stem}"
                zoo.add(part, path, {"one": inputs_of(path, 0), "two": inputs_of(path, 1)})
            if len(paths) > 1:
                (zoo.folder / title).mkdir(exist_ok=True)
                (zoo.folder / title / "done").touch()

    return add


def models():
    """name -> what adds it to a zoo under that name"""
    return {"optimum-" + name.replace("/", "-"): adder(name) for name in ARCHITECTURES}
