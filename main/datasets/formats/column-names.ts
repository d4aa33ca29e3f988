import type { ColumnPart } from '../types.ts';
import type { Row } from './values.ts';

/** Names under which the parts of a format are found, best first; case, accents and what joins words don't count. */
export const ALIASES: Record<ColumnPart, string[]> = {
  instruction: ['instruction', 'instrucción'],
  input: ['input', 'context', 'entrada', 'contexto'],
  output: ['output', 'response', 'salida', 'respuesta'],
  system: ['system', 'system_prompt', 'sistema'],
  prompt: ['prompt', 'question', 'input', 'query', 'user', 'pregunta', 'consulta', 'entrada', 'usuario'],
  completion: ['completion', 'response', 'answer', 'output', 'assistant', 'respuesta', 'salida', 'asistente'],
  messages: ['messages', 'conversations', 'conversation', 'mensajes'],
  conversations: ['conversations', 'conversation', 'messages', 'conversaciones'],
  text: ['text', 'content', 'texto', 'contenido'],
  chosen: ['chosen', 'preferred', 'elegida', 'preferida'],
  rejected: ['rejected', 'dispreferred', 'rechazada'],
  label: ['label', 'etiqueta'],
};

/** In a row of question and answer `input` may be the question; what it refers to has one of these names. */
export const ALIASES_BESIDE_PROMPT: Partial<Record<ColumnPart, string[]>> = { input: ['context', 'contexto'] };

/** Names of question and answer that say so only together: `source` alone is where a row comes from, `a` alone an option. */
export const PAIRS: readonly [prompt: string, completion: string][] = [
  ['q', 'a'],
  ['source', 'target'],
  ['origen', 'destino'],
];

/** The row's column of this name: the name itself, else one that differs in case, accents or in what joins its words. */
export function columnNamed(row: Row, name: string): string | undefined {
  if (row[name] !== undefined) return name;
  const wanted = plain(name);
  return Object.keys(row).find((column) => row[column] !== undefined && plain(column) === wanted);
}

/** 'System Prompt', 'system_prompt' and 'SYSTEM-PROMPT' are one name, 'instruccion' and 'Instrucción' too. */
function plain(name: string): string {
  return name
    .normalize('NFD')
    .replace(/[\p{M}\s_.-]/gu, '')
    .toLowerCase();
}
