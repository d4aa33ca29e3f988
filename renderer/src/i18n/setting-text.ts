import { i18n } from './i18n.svelte.ts';

/** What a setting is called on the screens. */
export function settingLabel(name: string): string {
  return (i18n.t.settingTexts.texts as Partial<Record<string, { label: string }>>)[name]?.label ?? name;
}

/** Settings in the order in which the screen of a new run has them. */
export function inOrder(names: readonly string[]): string[] {
  const order = Object.keys(i18n.t.settingTexts.texts);
  return [...names].sort((a, b) => order.indexOf(a) - order.indexOf(b));
}

/** A setting's value as people read it; `name` for those whose numbers mean more than themselves. */
export function settingValue(value: unknown, name?: string): string {
  const { choices, on, off } = i18n.t.settingTexts;
  if (name === 'activation_budget_bytes' && typeof value === 'number') {
    return value < 0 ? (choices['auto'] ?? '') : i18n.format.bytes(value);
  }
  if (typeof value === 'number') return i18n.format.setting(value);
  if (typeof value === 'boolean') return value ? on : off;
  if (Array.isArray(value)) return value.join(', ');
  return typeof value === 'string' ? (choices[value] ?? value) : i18n.t.common.none;
}
