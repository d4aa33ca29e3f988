import { openDataset, type OpenOptions } from './dataset.ts';
import type { Conversation, Example } from './types.ts';

/**
 * The first exchanges of a dataset's first rows; plain text has none. The file is read up to them and no further.
 * @throws DatasetError as openDataset
 */
export async function readExamples(options: OpenOptions, limit: number): Promise<Example[]> {
  const dataset = await openDataset(options);
  const found: Example[] = [];
  // Text stays text in every row.
  if (dataset.format === 'text') return found;
  for await (const { rows } of dataset.batches()) {
    for (const { conversation } of rows) {
      const example = conversation === undefined ? null : firstExchange(conversation);
      if (example !== null) found.push(example);
      if (found.length >= limit) return found;
    }
  }
  return found;
}

/** What a row asks first and the answer it has; null of plain text, and where no answer follows. */
export function firstExchange(conversation: Conversation): Example | null {
  if (conversation.kind === 'text') return null;
  const { messages } = conversation;
  const asked = messages.findIndex(({ role }) => role === 'user');
  const answer = messages[asked + 1];
  if (asked < 0 || answer?.role !== 'assistant') return null;
  const system = messages.find(({ role }) => role === 'system')?.content ?? '';
  return { system, prompt: messages[asked]!.content, answer: answer.content };
}
