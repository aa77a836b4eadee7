"""What configs call the things that an audit judges: a table from the last words of a key to the fact that it states.

Only words stand here. What is made of them is `audit_facts`.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_STAGE = re.compile(r"_?(?:stage|phase)_?(\d+)(?=_|$)")


class Key(NamedTuple):
    """A config key taken apart."""

    groups: tuple[str, ...]  # the parts before the last one: `data.train.`
    word: str  # the last part, lower case, its stage taken out
    stage: str  # "1" in `lr_stage1` and `stage1.lr`, else ""


def key_of(name: str) -> Key:
    """`config.training.lr_stage1` as its groups, its word and its stage."""
    parts = [_CAMEL.sub("_", part).lower().replace("-", "_") for part in name.removeprefix("config.").split(".")]
    found = next((match[1] for part in reversed(parts) if (match := _STAGE.search(part))), "")
    plain = [_STAGE.sub("", part).strip("_") for part in parts]
    return Key(tuple(plain[:-1]), plain[-1] or parts[-1], found)


def _table(text: str) -> dict[str, str]:
    """`fact: word word` a line, as a table from each word to its fact."""
    rows = (line.split(":") for line in text.strip().splitlines())
    return {word: fact.strip() for fact, found in rows for word in found.split()}


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


NUMBERS = _table("""
vocab_size: vocab_size n_vocab vocabulary_size padded_vocab_size
train_examples: num_examples train_size num_train_examples train_examples n_train num_train_samples train_samples
train_examples: dataset_size num_train dataset_examples train_set_size
params: params num_params n_params num_parameters model_parameters total_params trainable_params parameters
d_model: d_model hidden_size n_embd n_embed embedding_dim embed_dim emb_dim model_dim embedding_size
layers: num_layers n_layer n_layers num_hidden_layers encoder_layers
classes: num_classes n_classes num_labels nb_classes n_class class_num
batch_size: batch_size per_device_train_batch_size train_batch_size micro_batch_size
accumulation: gradient_accumulation_steps accumulate_grad_batches grad_accum_steps grad_accumulation accum_steps
sequence_length: max_length seq_len seq_length max_seq_length sequence_length block_size context_length
dropout: dropout dropout_rate hidden_dropout_prob resid_pdrop dropout_p
weight_decay: weight_decay wd
mask_rate: mlm_probability mask_prob mask_rate masking_rate mlm_prob mask_probability
median_length: median_length median_len typical_length
stop_patience: early_stop_patience early_stopping_patience es_patience
aux_weight: aux_weight auxiliary_weight aux_loss_weight auxiliary_loss_weight lambda_aux
similarity_threshold: similarity_threshold alignment_threshold sim_threshold
huber_delta: huber_delta smooth_l1_beta
data_start: train_start_idx start_idx start_index train_start_index skip_examples data_offset skip_first start_example
lr: learning_rate lr base_lr peak_lr max_lr lr_max init_lr initial_lr
""")
"""The last word of a key whose value is a number -> the fact that it states."""

STEPS = _set("max_steps total_steps num_steps train_steps max_iters steps max_iter")
EPOCHS = _set("epochs num_epochs max_epochs num_train_epochs n_epochs")
TARGET_RANGE = _set("clip target_range clip_range target_clip label_range")
ADAPTERS = _set("use_lora lora use_peft peft use_adapter use_adapters adapter qlora lora_r lora_rank adapter_rank")
OPTIMISERS = _set("optimizer optim optimiser name type")
TRAINED = _set("trainable trains train_only trainable_modules trainable_parameters unfreeze tune")
PRETRAINED = _set(
    "model_name_or_path pretrained base_model pretrained_model finetune_from init_checkpoint pretrained_path"
)
HEADS = _set("mlm_head lm_head head heads output_head prediction_head")
NOT_OF_THE_MODEL = _set("fasttext word2vec glove tokenizer embeddings scheduler eval evaluation val validation test")
ADAM_LIKE = re.compile(r"adam|lion|adafactor", re.IGNORECASE)
