import type { Question } from '../../main/chat/index.ts';
import { openDataset, type PromptTemplate } from '../../main/datasets/index.ts';

/** A held-out row: what is asked, as it is shown to a person and to the model, and the right answer. */
export interface HeldOut extends Question {
  message: string;
}

/** The rows of a dataset as questions, their prompts rendered as in training. */
export async function readQuestions(path: string, template: PromptTemplate): Promise<HeldOut[]> {
  const dataset = await openDataset({ path });
  const questions: HeldOut[] = [];
  for await (const { rows } of dataset.batches()) {
    for (const { conversation } of rows) {
      if (conversation?.kind !== 'chat') continue;
      const { messages } = conversation;
      questions.push({
        prompt: template.renderRowPrompt(conversation),
        message: messages.findLast(({ role }) => role === 'user')?.content ?? '',
        answer: messages.findLast(({ role }) => role === 'assistant')?.content ?? '',
      });
    }
  }
  return questions;
}
