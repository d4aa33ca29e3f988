/** Every chat template of llama.cpp's source renders as jinja2 renders it in the environment that transformers sets up. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { fromJson, globalNames, Limits, parseTemplate, runTemplate, TemplateError } from './index.ts';

const REFERENCE = join(import.meta.dirname, '../reference');
const read = (name: string) => JSON.parse(readFileSync(join(REFERENCE, name), 'utf8')) as unknown;

interface Results {
  now: string;
  bos_token: string;
  eos_token: string;
  templates: Record<string, { source: string; renderings: string[] }>;
}

const results = read('jinja2_results.json') as Results;
const conversations = read('conversations.json') as { name: string; messages: unknown[]; tools?: unknown[] }[];
const digest = (text: string) => createHash('sha256').update(text).digest('hex');

/** llama.cpp's source lies where the trainer is built. */
function templatesFolder(): string {
  const build = join(import.meta.dirname, '../../../../native/build');
  const release = (existsSync(build) ? readdirSync(build) : []).find((name) => name.startsWith('llama.cpp-'));
  if (release === undefined) throw new Error(`${build} holds no source of llama.cpp: build the trainer first.`);
  return join(build, release, 'models/templates');
}

const folder = templatesFolder();

test('the reference has every template', () => {
  const names = readdirSync(folder).filter((name) => name.endsWith('.jinja'));
  expect(Object.keys(results.templates).sort()).toEqual(names.sort());
  expect(conversations.length).toBeGreaterThanOrEqual(30);
});

test.each(Object.entries(results.templates))('%s', (file, { source, renderings }) => {
  const text = readFileSync(join(folder, file), 'utf8');
  expect(digest(text).slice(0, 16), 'the template is the one of the reference: make it anew').toBe(source);
  const program = parseTemplate(text);
  const rendered = conversations.map((conversation) =>
    [false, true]
      .map((add_generation_prompt) => {
        const names = globalNames(new Date(results.now));
        const { bos_token, eos_token } = results;
        const { messages, tools = null } = conversation;
        const given = { messages, tools, documents: null, add_generation_prompt, bos_token, eos_token };
        for (const [name, value] of Object.entries(given)) names.set(name, fromJson(value));
        try {
          return digest(runTemplate(program, names, new Limits(JSON.stringify(messages).length))).slice(0, 8);
        } catch (error) {
          // Macros that call themselves without end, which Python stops too.
          if (error instanceof TemplateError || error instanceof RangeError) return 'refused';
          throw error;
        }
      })
      .join(' '),
  );
  const named = (list: string[]) => list.map((hashes, index) => `${conversations[index]!.name}: ${hashes}`);
  expect(named(rendered)).toEqual(named(renderings));
});
