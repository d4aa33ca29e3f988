import { i18n } from '../../i18n/i18n.svelte.ts';

/** What a setting is called on the screens. */
export function settingLabel(name: string): string {
  return (i18n.t.settingTexts.texts as Partial<Record<string, { label: string }>>)[name]?.label ?? name;
}

/** A setting's value as people read it. */
export function settingValue(value: unknown): string {
  const { choices, on, off } = i18n.t.settingTexts;
  if (typeof value === 'number') return i18n.format.setting(value);
  if (typeof value === 'boolean') return value ? on : off;
  if (Array.isArray(value)) return value.join(', ');
  return typeof value === 'string' ? (choices[value] ?? value) : i18n.t.common.none;
}
