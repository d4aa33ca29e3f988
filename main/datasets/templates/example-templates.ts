/**
 * Chat templates for tests, written for this project: each has the structure, and so the difficulties, of a family of models.
 * The markers are made up, except where a test is about a real one.
 */
import type { ModelText } from '../types.ts';

/** Turns between markers and a default system text, as SmolLM2 has it; its BOS opens every turn and is not added. */
export const chatml: ModelText = {
  chat_template: [
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}",
    "{{ '<|im_start|>system\\nBe helpful.<|im_end|>\\n' }}{% endif %}",
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}{% endfor %}",
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}",
  ].join(''),
  bos_token: '<|im_start|>',
  eos_token: '<|im_end|>',
};

/** Headers around roles, a BOS printed by the template, trimmed contents and today's date: as Llama 3. */
export const headers: ModelText = {
  chat_template: [
    '{{- bos_token }}',
    "{%- if not date_string is defined %}{%- set date_string = strftime_now('%d %b %Y') %}{%- endif %}",
    "{%- if messages[0]['role'] == 'system' %}{%- set system = messages[0]['content'] | trim %}{%- set messages = messages[1:] %}",
    "{%- else %}{%- set system = '' %}{%- endif %}",
    "{{- '<|head|>system<|/head|>\\n\\nToday: ' + date_string + '\\n\\n' + system + '<|eot|>' }}",
    "{%- for message in messages %}{{- '<|head|>' + message['role'] + '<|/head|>\\n\\n' + message['content'] | trim + '<|eot|>' }}{%- endfor %}",
    "{%- if add_generation_prompt %}{{- '<|head|>assistant<|/head|>\\n\\n' }}{%- endif %}",
  ].join('\n'),
  bos_token: '<|begin|>',
  eos_token: '<|eot|>',
};

/** No generation prompt, a space before answers, and the system text moved into the last user turn: as Mistral. */
export const instTags: ModelText = {
  chat_template: [
    '{{- bos_token }}',
    "{%- if messages[0]['role'] == 'system' %}{%- set system = messages[0]['content'] %}{%- set turns = messages[1:] %}",
    '{%- else %}{%- set turns = messages %}{%- endif %}',
    '{%- for message in turns %}',
    "{%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{- raise_exception('roles must alternate') }}{%- endif %}",
    "{%- if message['role'] == 'user' %}",
    "{%- if loop.last and system is defined %}{{- '[INST] ' + system + '\\n\\n' + message['content'] + '[/INST]' }}",
    "{%- elif turns[-1]['role'] == 'assistant' and loop.index0 == (turns | length) - 2 and system is defined %}",
    "{{- '[INST] ' + system + '\\n\\n' + message['content'] + '[/INST]' }}",
    "{%- else %}{{- '[INST] ' + message['content'] + '[/INST]' }}{%- endif %}",
    "{%- else %}{{- ' ' + message['content'] + eos_token }}{%- endif %}",
    '{%- endfor %}',
  ].join('\n'),
  bos_token: '<s>',
  eos_token: '</s>',
};

/** The assistant is called model, roles must alternate, a system role raises an exception: as Gemma 2. */
export const noSystem: ModelText = {
  chat_template: [
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}",
    "{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}",
    "{{ raise_exception('Conversation roles must alternate') }}{% endif %}",
    "{% if message['role'] == 'assistant' %}{% set role = 'model' %}{% else %}{% set role = message['role'] %}{% endif %}",
    "{{ '<start>' + role + '\\n' + message['content'] | trim + '<end>\\n' }}{% endfor %}",
    "{% if add_generation_prompt %}{{ '<start>model\\n' }}{% endif %}",
  ].join(''),
  bos_token: '<bos>',
  eos_token: '<eos>',
};

/** An empty think block before the newest answer, and thoughts cut out of earlier ones: as Qwen 3. */
export const thinking: ModelText = {
  chat_template: [
    '{%- set ns = namespace(last_user=-1) %}',
    "{%- for message in messages %}{%- if message.role == 'user' %}{%- set ns.last_user = loop.index0 %}{%- endif %}{%- endfor %}",
    "{%- for message in messages %}{%- if message.role == 'assistant' %}",
    "{%- set content = message.content %}{%- set thoughts = '' %}",
    "{%- if '</think>' in content %}",
    "{%- set thoughts = content.split('</think>')[0].split('<think>')[-1].strip('\\n') %}",
    "{%- set content = content.split('</think>')[-1].lstrip('\\n') %}{%- endif %}",
    "{%- if loop.index0 > ns.last_user %}{{- '<|im_start|>assistant\\n<think>\\n' + thoughts + '\\n</think>\\n\\n' + content }}",
    "{%- else %}{{- '<|im_start|>assistant\\n' + content }}{%- endif %}{{- '<|im_end|>\\n' }}",
    "{%- else %}{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}{%- endif %}{%- endfor %}",
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}",
  ].join('\n'),
  bos_token: null,
  eos_token: '<|im_end|>',
};

/** Names and colons, no marker at the end of an answer. */
export const markerless: ModelText = {
  chat_template: [
    "{% for message in messages %}{{ message['role'] + ': ' + message['content'] + '\\n' }}{% endfor %}",
    "{% if add_generation_prompt %}{{ 'assistant:' }}{% endif %}",
  ].join(''),
  bos_token: '<s>',
  eos_token: '</s>',
};

/** The generation prompt opens a thought, and rows with plain answers have none: as DeepSeek R1. */
export const opensThought: ModelText = {
  chat_template: [
    '{{ bos_token }}{% for message in messages %}',
    "{% if message['role'] == 'user' %}{{ '<|user|>' + message['content'] }}",
    "{% else %}{{ '<|assistant|>' + message['content'] + '<|end|>' }}{% endif %}{% endfor %}",
    "{% if add_generation_prompt %}{{ '<|assistant|><think>\\n' }}{% endif %}",
  ].join(''),
  bos_token: '<s>',
  eos_token: '<|end|>',
};

/** EOS only behind the last answer, whose own marker comes before it; wants a list of tools: as Phi 3.5, and tool callers. */
export const endsOnce: ModelText = {
  chat_template: [
    '{% for tool in tools %}{{ tool }}{% endfor %}',
    "{% for message in messages %}{{ '<|' + message['role'] + '|>\\n' + message['content'] + '<|end|>\\n' }}{% endfor %}",
    "{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% else %}{{ eos_token }}{% endif %}",
  ].join(''),
  bos_token: '<s>',
  eos_token: '</s>',
};

/** Thoughts in `reasoning_content` shown for the last answer only, tools in the system turn, calls as JSON objects: as Qwen 3. */
export const reasoner: ModelText = {
  chat_template: [
    "{%- if tools %}{{- '<|im_start|>system\\nTools: ' + (tools | tojson) + '<|im_end|>\\n' }}{%- endif %}",
    '{%- for message in messages %}',
    "{{- '<|im_start|>' + message.role + '\\n' }}",
    "{%- if message.role == 'assistant' and message.reasoning_content is string and loop.last %}",
    "{{- '<think>\\n' + message.reasoning_content + '\\n</think>\\n\\n' }}{%- endif %}",
    '{{- message.content }}',
    '{%- for call in message.tool_calls or [] %}',
    '{{- \'<call>{"name": "\' + call.function.name + \'", "arguments": \' + (call.function.arguments | tojson) + \'}</call>\' }}',
    '{%- endfor %}',
    "{{- '<|im_end|>\\n' }}",
    '{%- endfor %}',
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}",
  ].join('\n'),
  bos_token: null,
  eos_token: '<|im_end|>',
};

/** Thoughts in `thinking`, and a call's arguments put together as text, which an object can't be: as DeepSeek and gpt-oss. */
export const textCaller: ModelText = {
  chat_template: [
    '{%- for message in messages %}',
    "{{- '<' + message.role + '>' }}{%- if message.thinking %}{{- '[' + message.thinking + ']' }}{%- endif %}",
    '{{- message.content }}',
    '{%- for call in message.tool_calls or [] %}',
    "{{- call.function.name + ':' + call.function.arguments }}",
    '{%- endfor %}',
    "{{- '<|end|>' }}{%- endfor %}",
    "{%- if add_generation_prompt %}{{- '<assistant>' }}{%- endif %}",
  ].join('\n'),
  bos_token: null,
  eos_token: '<|end|>',
};
