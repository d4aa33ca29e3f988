"""What the field's own tools make of the texts below: metrics.json, which metrics.test.ts compares Forja's metrics with.

  python -m venv venv && venv/bin/pip install -r requirements.txt
  venv/bin/python make_references.py

chrF is sacrebleu's, ROUGE-L rouge-score's (its own tokenizer on ASCII, one of Unicode words elsewhere), F1 over words that of lm-eval-harness
(its copy of the SQuAD script's; where neither text has a word it says 0 and SQuAD 2.0's script 1, so that pair has none here), McNemar's p scipy's exact binomial test, the bootstrap scipy's percentile interval.
"""

import importlib.util
import json
import pathlib
import re
import sys
import types
from importlib.metadata import version

import numpy as np
from rouge_score import rouge_scorer
from rouge_score.tokenizers import Tokenizer
from sacrebleu.metrics import CHRF
from scipy import stats

PAIRS = [
    ("The cat sat on the mat.", "The cat is on the mat."),
    ("the the the the", "the cat"),
    ("", "something"),
    ("something", ""),
    ("", ""),
    ("A", "an apple"),
    ("Paris", "Paris"),
    ("It is Paris, the capital of France.", "Paris"),
    ("paris", "Paris!"),
    ("  spaces   everywhere ", "spaces everywhere"),
    ('{"name":"Nina","quantity":10}', '{"name":"Nina","quantity":12}'),
    ("La canción más bonita del año", "La canción mas bonita del ano"),
    ("El niño comió pan.", "El niño comió el pan con su hermana."),
    ("naïve café — déjà vu", "naive cafe, deja vu"),
    ("one two three four five six", "six five four three two one"),
    ("日本語のテキスト", "日本語テキスト"),
    ("emoji 👍🏽 here", "emoji 👍 here"),
    ("a-b c_d e/f", "a b c d e f"),
    ("3.14 is pi", "pi is 3.14"),
    ("short", "a much longer reference text that goes on for a while"),
    ("a much longer answer that goes on for a while and then some", "short"),
    ("The United States' president", "the president of the united states"),
]


class UnicodeWords(Tokenizer):
    def tokenize(self, text):
        return [w for w in re.sub(r"[^\w]+|_+", " ", text.lower()).split() if w]


def is_ascii(*texts):
    return all(ord(c) < 128 for t in texts for c in t)


def lm_eval_f1():
    """qa_f1_score of lm_eval.tasks.longbench, whose file wants packages that only its other functions use."""
    for name in ["jieba", "fuzzywuzzy", "rouge"]:
        sys.modules[name] = types.ModuleType(name)
    sys.modules["fuzzywuzzy"].fuzz = sys.modules["rouge"].Rouge = None
    root = pathlib.Path(importlib.util.find_spec("lm_eval").origin).parent
    spec = importlib.util.spec_from_file_location("longbench_metrics", root / "tasks/longbench/metrics.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.qa_f1_score


def main():
    f1 = lm_eval_f1()
    chrf = CHRF()
    ascii_rouge = rouge_scorer.RougeScorer(["rougeL"], use_stemmer=False)
    unicode_rouge = rouge_scorer.RougeScorer(["rougeL"], use_stemmer=False, tokenizer=UnicodeWords())
    rows = []
    for answer, expected in PAIRS:
        scorer = ascii_rouge if is_ascii(answer, expected) else unicode_rouge
        rows.append(
            {
                "answer": answer,
                "expected": expected,
                "chrf": chrf.sentence_score(answer, [expected]).score,
                "rouge_l": scorer.score(expected, answer)["rougeL"].fmeasure,
                "token_f1": float(f1(answer, expected)) if answer or expected else None,
            }
        )
    corpus = chrf.corpus_score([a for a, _ in PAIRS], [[e for _, e in PAIRS]]).score
    pairs = [(0, 0), (0, 5), (0, 6), (3, 9), (10, 12), (40, 80), (700, 600), (0, 2000)]
    mcnemar = [
        {"base_only": b, "tuned_only": t, "p": 1.0 if b + t == 0 else stats.binomtest(b, b + t, 0.5).pvalue} for b, t in pairs
    ]
    rng = np.random.default_rng(7)
    intervals = []
    for n, p_base, p_tuned in [(40, 0.3, 0.5), (200, 0.6, 0.62), (1000, 0.5, 0.45)]:
        base = (rng.random(n) < p_base).astype(int)
        tuned = (rng.random(n) < p_tuned).astype(int)
        found = stats.bootstrap(
            (base, tuned),
            lambda b, t, axis=-1: np.mean(t, axis=axis) - np.mean(b, axis=axis),
            paired=True,
            vectorized=True,
            n_resamples=200_000,
            batch=2000,
            method="percentile",
            rng=np.random.default_rng(1),
        )
        low, high = found.confidence_interval
        intervals.append(
            {"base": base.tolist(), "tuned": tuned.tolist(), "low": low, "high": high, "standard_error": found.standard_error}
        )
    out = {
        "made_with": {name: version(name) for name in ["sacrebleu", "rouge-score", "lm-eval", "scipy", "numpy"]},
        "pairs": rows,
        "corpus_chrf": corpus,
        "mcnemar": mcnemar,
        "intervals": intervals,
    }
    path = pathlib.Path(__file__).with_name("metrics.json")
    path.write_text(json.dumps(out, ensure_ascii=False) + "\n")


main()
