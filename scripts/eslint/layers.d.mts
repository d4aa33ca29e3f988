import type { Rule } from 'eslint';

export const LAYERS: Record<string, string[]>;
export function layerOf(root: string, file: string): string | null;
export function refuseImport(root: string, file: string, source: string): string | null;
export const layersRule: Rule.RuleModule;
