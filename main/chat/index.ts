/**
 * Chat: models that answer, in a process of their own.
 *
 *   const chat = new ChatProcess();
 *   await chat.load('base', { model_path });
 *   await chat.load('tuned', { model_path, adapter_path });       // or a merged GGUF as model_path
 *   const { text } = await chat.generate('tuned', template.renderPrompt(messages), { onText: write });
 *   chat.close();
 *
 * Prompts are rendered with the PromptTemplate of main/datasets, so chat sees what training showed.
 */
export { ChatProcess, GREEDY, startChatsWith, type GenerateOptions, type LoadOptions } from './chat-process.ts';
export { ChatError } from './errors.ts';
export { countExactMatches, type ExactMatch, type Question } from './exact-match.ts';
export type { Adapter, ChatRequest, ChatResponse, GenerateResult, LoadResult, Sampling } from './protocol.ts';
export { STDERR_KEPT_CHARS, type StartWorker, type Worker, type WorkerHooks } from './node-worker.ts';
