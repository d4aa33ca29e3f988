// Electron's fuses: switches in the packaged program itself, which no argument and no variable turns back.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FuseState, FuseV1Options, getCurrentFuseWire } from '@electron/fuses';
import { root } from './paths.mjs';

const NAMES = Object.keys(FuseV1Options).filter((name) => Number.isNaN(Number(name)));

/**
 * The fuses that electron-builder.yml sets, by the names of @electron/fuses.
 * @returns {Record<string, boolean>}
 */
export function wantedFuses(text = readFileSync(join(root, 'electron-builder.yml'), 'utf8')) {
  const block = /^electronFuses:\n((?: {2}\w+: (?:true|false)\n)+)/m.exec(text)?.[1] ?? '';
  const lines = [...block.matchAll(/ {2}(\w)(\w*): (true|false)/g)];
  return Object.fromEntries(lines.map(([, first, rest, value]) => [first.toUpperCase() + rest, value === 'true']));
}

/**
 * What is wrong with a packaged program's fuses, a line each.
 * @param {string} program
 * @param {Record<string, boolean>} wanted
 * @returns {Promise<string[]>}
 */
export async function fuseFaults(program, wanted = wantedFuses()) {
  return faultsOfWire(await getCurrentFuseWire(program), wanted);
}

/**
 * @param {Record<number, number>} wire the states by the fuse's number; one that the runtime lacks is not there
 * @param {Record<string, boolean>} wanted
 * @returns {string[]}
 */
export function faultsOfWire(wire, wanted) {
  return Object.entries(wanted).flatMap(([name, value]) => {
    if (!NAMES.includes(name)) return [`${name} is no fuse`];
    const state = wire[FuseV1Options[name]];
    const is = state === FuseState.ENABLE ? true : state === FuseState.DISABLE ? false : null;
    return is === value ? [] : [`${name} is ${is ?? 'not there'} and not ${value}`];
  });
}
