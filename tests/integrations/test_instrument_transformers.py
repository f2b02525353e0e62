"""`instrument` on pipelines of transformers, with a model of random weights and a tokenizer made here."""

import warnings

import pytest

from otel_ia import instrument

pytest.importorskip("torch", reason="PyTorch is not installed: scripts/pytorch.py installs it")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    import torch

    if not transformers.is_torch_available():
        pytest.skip("this version of transformers needs a later PyTorch than there is", allow_module_level=True)
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import (
        DistilBertConfig,
        DistilBertForSequenceClassification,
        GPT2Config,
        GPT2LMHeadModel,
        PreTrainedTokenizerFast,
    )

pytestmark = pytest.mark.filterwarnings("ignore")
WORDS = ["[PAD]", "[UNK]", "a", "good", "bad", "film"]


def make_pipeline():
    words = Tokenizer(models.WordLevel({word: number for number, word in enumerate(WORDS)}, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=words,
        pad_token="[PAD]",
        unk_token="[UNK]",
        model_input_names=["input_ids", "attention_mask"],
    )
    torch.manual_seed(0)
    shape = DistilBertConfig(vocab_size=len(WORDS), dim=8, n_layers=1, n_heads=2, hidden_dim=8)
    model = DistilBertForSequenceClassification(shape).eval()
    return transformers.pipeline("text-classification", model=model, tokenizer=tokenizer, device=-1)


def test_a_pipeline_shows_its_stages_and_its_answers_are_the_same(telemetry):
    pipeline = make_pipeline()
    texts = ["a good film", "a bad film", "film"]
    expected = pipeline(texts, batch_size=2)
    with instrument(pipeline, "sentiment"), instrument(pipeline.model):
        assert pipeline(texts, batch_size=2) == expected
        assert telemetry.names.count("sentiment.preprocess") == 3
        assert telemetry.names.count("sentiment.forward") == 2
        assert telemetry.span("sentiment").attributes["ia.batch.size"] == 3
        telemetry.clear()
        assert pipeline(texts[0]) == expected[:1]
        assert pipeline.__class__ is transformers.TextClassificationPipeline
    assert telemetry.tree == [
        "sentiment",
        [
            "sentiment.preprocess",
            "sentiment.forward",
            ["DistilBertForSequenceClassification.forward"],
            "sentiment.postprocess",
        ],
    ]
    told = {span.name: span.attributes for span in telemetry.spans}
    assert {span["ia.model.name"] for span in told.values()} == {"DistilBertForSequenceClassification"}
    assert {span["ia.device"] for span in told.values()} == {"cpu"}
    stages = [told[f"sentiment.{part}"]["ia.stage"] for part in ("preprocess", "forward", "postprocess")]
    assert stages == ["preprocess", "inference", "postprocess"]
    assert told["sentiment.forward"]["ia.batch.size"] == 1
    assert type(pipeline) is transformers.TextClassificationPipeline


def test_its_errors_pass_as_they_are(telemetry):
    pipeline = make_pipeline()
    with instrument(pipeline), pytest.raises(ValueError) as raised:
        pipeline(5)
    assert str(raised.value)
    assert telemetry.spans[-1].outcome == "error"
    assert sum(len(span.exceptions) for span in telemetry.spans) == 1


def test_generation_is_one_call_with_each_pass_through_the_model_inside_its_stage(telemetry):
    shape = GPT2Config(
        vocab_size=len(WORDS), n_embd=8, n_layer=1, n_head=2, n_positions=32, bos_token_id=1, eos_token_id=0
    )
    torch.manual_seed(0)
    model, tokenizer = GPT2LMHeadModel(shape).eval(), make_pipeline().tokenizer
    pipeline = transformers.pipeline("text-generation", model=model, tokenizer=tokenizer, device=-1)
    asked = {"min_new_tokens": 3, "max_new_tokens": 3, "do_sample": False}
    expected = pipeline("a good", **asked)
    with instrument(pipeline, "generate"), instrument(model):
        assert pipeline("a good", **asked) == expected
    passes = ["GPT2LMHeadModel.forward"] * 3
    assert telemetry.tree == ["generate", ["generate.preprocess", "generate.forward", passes, "generate.postprocess"]]


def test_a_pipeline_that_goes_through_a_generator_gives_the_same_answers_one_by_one(telemetry):
    pipeline = make_pipeline()
    texts = ["a good film", "a bad film"]
    expected = pipeline(texts)
    with instrument(pipeline, "sentiment"):
        answers = pipeline(text for text in texts)
        assert telemetry.tree == ["sentiment"]  # which only makes the iterator
        assert list(answers) == expected
    stages = ["sentiment.preprocess", "sentiment.forward", "sentiment.postprocess"]
    assert telemetry.tree == ["sentiment", *stages, *stages]
