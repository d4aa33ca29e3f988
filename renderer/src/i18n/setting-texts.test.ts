import { expect, test } from 'vitest';
import { JOBS, SECTIONS } from '../../../main/contracts/job-schema.ts';
import { en } from './en/index.ts';
import { es } from './es/index.ts';

const settings = Object.entries(JOBS.train.properties).filter(([, { setting }]) => setting !== undefined);
const languages = Object.entries({ en, es }).map(([language, { settingTexts }]) => ({ language, settingTexts }));

test.each(languages)(
  'every setting, choice, unit and section of the schema has words in $language',
  ({ settingTexts }) => {
    for (const [name, { enum: choices, setting }] of settings) {
      const { label, help } = settingTexts.texts[name]!;
      expect(
        [label, help].every((words) => words.length > 1),
        name,
      ).toBe(true);
      for (const choice of choices ?? []) expect(settingTexts.choices[String(choice)], String(choice)).toMatch(/\S/);
      if (setting?.unit !== undefined) expect(settingTexts.units[setting.unit], name).toMatch(/\S/);
    }
    expect(SECTIONS.map(([section]) => settingTexts.sections[section]).every(Boolean)).toBe(true);
  },
);

test('no words are left of a setting that is gone', () => {
  const names = settings.map(([name]) => name).sort();
  for (const { settingTexts } of languages) expect(Object.keys(settingTexts.texts).sort()).toEqual(names);
});

test('the help of each setting is in the language', () => {
  for (const [name] of settings) expect(es.settingTexts.texts[name]!.help).not.toBe(en.settingTexts.texts[name]!.help);
});
