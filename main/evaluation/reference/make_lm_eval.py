"""What lm-evaluation-harness makes of choices.jsonl under a GGUF model that transformers reads: lm-eval.json.

  python -m venv venv && venv/bin/pip install torch transformers gguf lm-eval
  venv/bin/python make_lm_eval.py SmolLM2-135M-Instruct.Q4_1.gguf

The model's quantised weights are dequantised to F32 by transformers. acc and acc_norm are lm-eval's own; the log-likelihood of each option
is its, too. The perplexity is that of the right options after their questions, over all their tokens.
"""

import json
import math
import pathlib
import sys
import tempfile
from importlib.metadata import version

import torch
from lm_eval import simple_evaluate
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager
from transformers import AutoModelForCausalLM, AutoTokenizer

HERE = pathlib.Path(__file__).parent
ROWS = [json.loads(line) for line in (HERE / "choices.jsonl").read_text().splitlines()]

TASK = """
task: forja_choices
dataset_path: json
dataset_kwargs:
  data_files:
    test: {path}
test_split: test
output_type: multiple_choice
doc_to_text: "{{{{question}}}}"
doc_to_choice: "{{{{options}}}}"
doc_to_target: "{{{{['A', 'B', 'C', 'D'].index(answer)}}}}"
target_delimiter: " "
metric_list:
  - metric: acc
  - metric: acc_norm
"""


def main(gguf):
    path = pathlib.Path(gguf)
    tokenizer = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
    model = AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32)
    lm = HFLM(pretrained=model, tokenizer=tokenizer, batch_size=1, device="cpu")
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "task.yaml").write_text(TASK.format(path=HERE / "choices.jsonl"))
        tasks = TaskManager(include_path=folder, include_defaults=False)
        found = simple_evaluate(lm, tasks=["forja_choices"], task_manager=tasks, bootstrap_iters=0)
    results = found["results"]["forja_choices"]
    options = []
    right = []
    for row in ROWS:
        asked = [(row["question"], " " + option) for option in row["options"]]
        likelihoods = lm.loglikelihood([Instance("loglikelihood", {}, pair, 0) for pair in asked], disable_tqdm=True)
        options.append([-value for value, _ in likelihoods])
        at = "ABCD".index(row["answer"])
        tokens = len(lm.tok_encode(" ".join([row["question"], row["options"][at]]))) - len(lm.tok_encode(row["question"]))
        right.append((options[-1][at], tokens))
    nats, tokens = (sum(column) for column in zip(*right))
    out = {
        "made_with": {name: version(name) for name in ["lm-eval", "transformers", "torch", "gguf"]},
        "model": path.name,
        "acc": results["acc,none"],
        "acc_norm": results["acc_norm,none"],
        "options": options,
        "answer_loss": nats / tokens,
        "answer_perplexity": math.exp(nats / tokens),
        "answer_tokens": tokens,
    }
    (HERE / "lm-eval.json").write_text(json.dumps(out) + "\n")


main(sys.argv[1])
