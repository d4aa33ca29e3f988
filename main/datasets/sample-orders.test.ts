import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { HELD_OUT_ROWS, makeOrders, TRAIN_ROWS } from '../../resources/samples/make-orders.mjs';

interface Row {
  messages: { role: string; content: string }[];
}

const file = (name: string) => readFileSync(new URL(`../../resources/samples/${name}`, import.meta.url), 'utf8');
const rows = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Row);
const message = (row: Row) => row.messages[1]!.content;
const record = (row: Row) => JSON.parse(row.messages[2]!.content) as Record<string, unknown>;
const pair = (row: Row) => JSON.stringify([record(row)['name'], record(row)['item']]);

describe('the sample dataset', () => {
  const train = rows(file('orders-train.jsonl'));
  const heldOut = rows(file('orders-held-out.jsonl'));

  it('is what its script makes', () => {
    expect(makeOrders()).toEqual({ train: file('orders-train.jsonl'), heldOut: file('orders-held-out.jsonl') });
  });

  it('holds out rows whose message, and whose customer with this item, were never trained on', () => {
    expect(train.length).toBe(TRAIN_ROWS);
    expect(heldOut.length).toBe(HELD_OUT_ROWS);
    const messages = new Set(train.map(message));
    const pairs = new Set(train.map(pair));
    expect(messages.size).toBe(TRAIN_ROWS);
    expect(heldOut.filter((row) => messages.has(message(row)) || pairs.has(pair(row)))).toEqual([]);
    expect(new Set(heldOut.map(message)).size).toBe(HELD_OUT_ROWS);
  });

  it('has compact records with the same keys in the same order', () => {
    const all = [...train, ...heldOut];
    const keys = new Set(all.map((row) => Object.keys(record(row)).join()));
    expect([...keys]).toEqual(['name,item,quantity,day,time,delivery']);
    expect(all.filter((row) => row.messages[2]!.content !== JSON.stringify(record(row)))).toEqual([]);
  });
});
