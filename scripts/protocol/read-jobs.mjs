// What the generators write from: the jobs of native/protocol/job.schema.json, and which of a train job's fields are settings.
import { JOBS, TAGS } from '../../main/contracts/job-schema.ts';

export { JOBS };

export const pascal = (name) => name.replace(/(^|_)([a-z])/g, (_, __, letter) => letter.toUpperCase());

/** The settings of a train job by what has them: all jobs (`common`), or the values of a tag (`method`, `objective`). */
export function settingGroups() {
  const { properties } = JOBS.train;
  const settings = Object.entries(properties).filter(([, { setting }]) => setting !== undefined);
  const tags = Object.entries(TAGS).map(([tag, keyword]) => ({
    tag,
    schema: properties[tag],
    variants: properties[tag].enum.map((value) => ({
      value,
      settings: settings.filter(([, { setting }]) => setting[keyword]?.includes(value)),
    })),
  }));
  const isTagged = ([name, { setting }]) =>
    name in TAGS || Object.values(TAGS).some((keyword) => setting[keyword] !== undefined);
  return {
    fields: Object.entries(properties).filter(([, { setting }]) => setting === undefined),
    common: settings.filter((one) => !isTagged(one)),
    tags,
    names: settings.map(([name]) => name),
  };
}
