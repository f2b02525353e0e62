"""Instrument a pipeline of transformers: each call is a span, inside it what is done before, in and after the model.

Nothing is downloaded: the tokenizer learns the words of this folder's README, and the model is made of a configuration
and has learnt nothing, so that its answers are chance. Two lines of the README go through it, as one batch. It gives
one trace:

    sort
    └─ topics  model=DistilBertForSequenceClassification  batch=2
       ├─ topics.preprocess  stage=preprocess
       ├─ topics.preprocess
       ├─ topics.forward  stage=inference  device=cpu
       │  └─ model.forward  batch=2
       ├─ topics.postprocess  stage=postprocess
       └─ topics.postprocess
"""

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import (
    DistilBertConfig,
    DistilBertForSequenceClassification,
    PreTrainedTokenizerFast,
    TextClassificationPipeline,
)

from otel_ia import configure, instrument, monitor

TOPICS = ("models", "logs", "metrics")
PADDING, UNKNOWN = "[PAD]", "[UNK]"


def make_pipeline(lines: list[str]) -> Any:
    """A pipeline whose tokenizer knows the words of these lines."""
    words: Any = Tokenizer(models.WordLevel(unk_token=UNKNOWN))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    words.train_from_iterator(lines, trainers.WordLevelTrainer(special_tokens=[PADDING, UNKNOWN], show_progress=False))
    names = ["input_ids", "attention_mask"]
    tokenizer: Any = PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token=PADDING, unk_token=UNKNOWN, model_input_names=names
    )
    shape = DistilBertConfig(vocab_size=words.get_vocab_size(), dim=32, n_layers=2, n_heads=2, hidden_dim=64)
    shape.id2label = dict(enumerate(TOPICS))
    torch.manual_seed(0)
    model = DistilBertForSequenceClassification(shape).eval()
    return TextClassificationPipeline(model=model, tokenizer=tokenizer, device=-1)


if __name__ == "__main__":
    readme = (Path(__file__).parent / "README.md").read_text()
    lines = [line for line in readme.splitlines() if line.startswith("- ")]
    pipeline = make_pipeline(lines)
    instrument(pipeline, "topics")
    instrument(pipeline.model, "model")
    with configure(service_name="topics"), monitor("sort"):
        answers = pipeline(lines[:2], batch_size=2)
    print(*(f"{answer['label']} {answer['score']:.2f}" for answer in answers), sep=", ")
