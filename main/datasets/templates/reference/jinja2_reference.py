"""Renders every chat template of llama.cpp's source as transformers does, for the conversations of conversations.json.

Writes jinja2_results.json: of each template's rendering of each conversation, without and with the generation prompt, the first
eight hex digits of its SHA-256, or "refused". The templates' texts are not kept, only a hash that tells when one has changed.

    python3 -m venv venv && venv/bin/pip install jinja2==3.1.6 transformers==5.24.0
    venv/bin/python jinja2_reference.py ../../../../native/build/llama.cpp-RELEASE/models/templates

With a template's name and a conversation's number behind it, that rendering is printed.
"""

import datetime
import hashlib
import json
import pathlib
import sys

import jinja2
import transformers
from transformers.utils.chat_template_utils import _compile_jinja_template

HERE = pathlib.Path(__file__).parent
BOS, EOS = "<|bos|>", "<|eos|>"
NOW = datetime.datetime(2024, 7, 26, 13, 5, 9)


def compile_template(source: str) -> jinja2.Template:
    template = _compile_jinja_template(source)
    template.globals["strftime_now"] = NOW.strftime
    template.environment.globals["strftime_now"] = NOW.strftime
    return template


def render(template: jinja2.Template, conversation: dict, add_generation_prompt: bool) -> str:
    # As apply_chat_template calls it, with the special tokens that a GGUF file names.
    return template.render(
        messages=json.loads(json.dumps(conversation["messages"])),
        tools=conversation.get("tools"),
        documents=None,
        add_generation_prompt=add_generation_prompt,
        bos_token=BOS,
        eos_token=EOS,
    )


def digest(template: jinja2.Template, conversation: dict, add_generation_prompt: bool) -> str:
    try:
        text = render(template, conversation, add_generation_prompt)
    except Exception:  # whatever Python raises, the row would be refused
        return "refused"
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:8]


def main() -> None:
    folder = pathlib.Path(sys.argv[1])
    conversations = json.loads((HERE / "conversations.json").read_text("utf-8"))
    if len(sys.argv) > 2:
        template = compile_template((folder / sys.argv[2]).read_text("utf-8"))
        print(render(template, conversations[int(sys.argv[3])], len(sys.argv) > 4))
        return
    results = {
        "made_with": {"jinja2": jinja2.__version__, "transformers": transformers.__version__},
        "now": NOW.isoformat(),
        "bos_token": BOS,
        "eos_token": EOS,
        "templates": {},
    }
    for path in sorted(folder.glob("*.jinja")):
        source = path.read_text("utf-8")
        try:
            template = compile_template(source)
        except jinja2.TemplateSyntaxError:
            template = None
        results["templates"][path.name] = {
            "source": hashlib.sha256(source.encode("utf-8")).hexdigest()[:16],
            "renderings": [
                "refused refused" if template is None else " ".join(digest(template, c, p) for p in (False, True))
                for c in conversations
            ],
        }
    (HERE / "jinja2_results.json").write_text(json.dumps(results, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
