"""Tiny networks with random weights, saved as the hub and other libraries lay theirs out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers
from ctranslate2.converters import TransformersConverter
from tokenizers import Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel

SIZES = {
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "conv_dim": (16, 16, 16),
    "conv_stride": (5, 4, 4),
    "conv_kernel": (10, 8, 8),
    "num_feat_extract_layers": 3,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 4,
    "vocab_size": 8,
}
LAYER_NORM = {"feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True}
WHISPER = {
    "d_model": 32,
    "encoder_layers": 2,
    "encoder_attention_heads": 2,
    "encoder_ffn_dim": 48,
    "decoder_layers": 1,
    "decoder_attention_heads": 2,
    "decoder_ffn_dim": 48,
    "max_source_positions": 50,
    "num_mel_bins": 80,
    "vocab_size": 16,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "decoder_start_token_id": 1,
    "suppress_tokens": None,
    "begin_suppress_tokens": None,
}
"""Stretches of one second in place of 30."""

BERT = {
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "feature_projection_input_dim": 160,
    "conv_depthwise_kernel_size": 5,
    "left_max_position_embeddings": 8,
    "right_max_position_embeddings": 4,
    "vocab_size": 8,
}
PARAKEET = {
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "conv_kernel_size": 5,
    "subsampling_conv_channels": 8,
}

KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "wav2vec2-group-norm": ("Wav2Vec2", SIZES),
    "wav2vec2-layer-norm": ("Wav2Vec2", SIZES | LAYER_NORM),
    "wav2vec2-adapter": ("Wav2Vec2", SIZES | {"add_adapter": True, "output_hidden_size": 32}),
    "hubert": ("Hubert", SIZES),
    "hubert-layer-norm": ("Hubert", SIZES | LAYER_NORM),
    "hubert-batch-norm": ("Hubert", SIZES | {"conv_pos_batch_norm": True}),
    "wavlm": ("WavLM", SIZES),
    "wavlm-layer-norm": ("WavLM", SIZES | LAYER_NORM),
    "data2vec-audio": ("Data2VecAudio", SIZES | {"num_conv_pos_embeddings": 3, "conv_pos_kernel_size": 5}),
    "unispeech": ("UniSpeech", SIZES),
    "unispeech-sat": ("UniSpeechSat", SIZES),
    "wav2vec2-bert": ("Wav2Vec2Bert", BERT),
    "parakeet": ("Parakeet", PARAKEET),
    "whisper": ("Whisper", WHISPER),
}

SPECTRAL = ("wav2vec2-bert", "parakeet")
"""Kinds that hear log-mel frames and a mask."""


def configuration(kind: str, **changes: Any) -> Any:
    architecture, sizes = KINDS[kind]
    if kind == "parakeet":
        return transformers.ParakeetCTCConfig(
            **({"vocab_size": 8, "pad_token_id": 7, "encoder_config": dict(sizes)} | changes)
        )
    return getattr(transformers, f"{architecture}Config")(**(sizes | changes))


def built(kind: str, head: str = "Model", **changes: Any) -> Any:
    """Build a model; the same weights every time, none of them zero, so that every one matters."""
    config = configuration(kind, **changes)
    if kind == "parakeet" and head == "Model":
        head, config = "Encoder", config.encoder_config
    with torch.random.fork_rng():
        torch.manual_seed(11)
        model = getattr(transformers, f"{KINDS[kind][0]}{head}")(config)
        for weight in model.parameters():
            weight.data += 0.02 * torch.randn_like(weight)
        for name, value in model.named_buffers():
            if name.endswith("running_mean"):
                value.add_(0.5)
    return model.eval()


def extractor_of(kind: str, **changes: Any) -> Any:
    if kind == "whisper":
        return transformers.WhisperFeatureExtractor(chunk_length=1, **changes)
    if kind == "parakeet":
        return transformers.ParakeetFeatureExtractor(**changes)
    if kind == "wav2vec2-bert":
        return transformers.SeamlessM4TFeatureExtractor(**changes)
    return transformers.Wav2Vec2FeatureExtractor(**({"do_normalize": True} | changes))


def saved(kind: str, folder: Path, head: str = "Model", **changes: Any) -> Path:
    """Save a model as the hub lays one out."""
    built(kind, head).save_pretrained(folder)
    extractor_of(kind, **changes).save_pretrained(folder)
    return folder


WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "i", "am", "so", "happy", "sad", "the", "train", "leaves", "##s")
TEXT = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "vocab_size": len(WORDS),
    "max_position_embeddings": 24,
}


def saved_text(folder: Path, architecture: str = "Bert", head: str = "Model", **changes: Any) -> Path:
    """Save a tiny encoder of text, with its tokenizer, as the hub lays one out."""
    with torch.random.fork_rng():
        torch.manual_seed(12)
        config = getattr(transformers, f"{architecture}Config")(**(TEXT | changes))
        model = getattr(transformers, f"{architecture}{head}")(config)
        for weight in model.parameters():
            weight.data += 0.05 * torch.randn_like(weight)
    model.save_pretrained(folder)
    tokenizer = transformers.BertTokenizerFast(vocab={word: place for place, word in enumerate(WORDS)})
    tokenizer.save_pretrained(folder)
    return folder


def saved_faster_whisper(folder: Path) -> Path:
    """Save a tiny Whisper that says nothing of sense, as CTranslate2 lays one out."""
    tasks = ("translate", "transcribe", "startoflm", "startofprev", "nospeech", "notimestamps")
    special = ("endoftext", "startoftranscript", "en", *tasks)
    marks = [f"<|{name}|>" for name in (*special, *(f"{number / 50:.2f}" for number in range(1501)))]
    vocabulary = {mark: place for place, mark in enumerate([*sorted(ByteLevel.alphabet()), *marks])}
    tokenizer = Tokenizer(BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer, tokenizer.decoder = ByteLevel(add_prefix_space=False), ByteLevelDecoder()
    tokenizer.add_special_tokens(marks[: len(special)])
    tokenizer.add_tokens(marks[len(special) :])
    end = vocabulary["<|endoftext|>"]
    changes = {"decoder_layers": 2, "max_source_positions": 1500, "vocab_size": len(vocabulary)}
    changes |= {"pad_token_id": end, "bos_token_id": end, "eos_token_id": end, "decoder_start_token_id": end + 1}
    model = built("whisper", "ForConditionalGeneration", **changes)
    model.generation_config.alignment_heads = [[1, 0], [1, 1]]
    hub = folder / "hub"
    model.save_pretrained(hub)
    transformers.WhisperFeatureExtractor().save_pretrained(hub)
    transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer).save_pretrained(hub)
    tokenizer.save(str(hub / "tokenizer.json"))
    files = ["tokenizer.json", "preprocessor_config.json"]
    TransformersConverter(str(hub), copy_files=files).convert(str(folder / "model"), quantization="int8")
    return folder / "model"
