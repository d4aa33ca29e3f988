import { EXIT } from '../../contracts/errors.ts';
import { openDb } from '../../db/index.ts';
import { reopenRun, RunFolder, type ResumeChanges } from '../../runs/index.ts';
import type { Command } from '../lib/command.ts';
import { followRun, printEnd } from '../lib/follow-run.ts';
import { count } from '../lib/format.ts';
import { givenSettings, trainSettingGroups, trainSettingNames } from '../lib/settings.ts';

export const resume: Command = {
  name: 'resume',
  summary: 'Go on with a run that was stopped, or whose trainer was killed',
  words: ['DIR'],
  about:
    'Goes on from the newest checkpoint in DIR, or from the start when it never came to one. On the CPU, with the same number of ' +
    'threads, losses and adapter equal those of a run that never stopped, unless a setting that they follow from is changed: then ' +
    'the trainer says so. Where the newest checkpoint is damaged, the newest whole one is taken. A run that is completed is left as ' +
    'it is (exit code 0).',
  groups: [
    {
      title: 'Model',
      options: [
        { flag: 'model', kind: 'string', value: 'GGUF', help: 'where the base model lies now, when it was moved' },
      ],
    },
    ...trainSettingGroups('resume').map(({ title, options }) => ({
      title,
      options: options.map((option) => ({ ...option, default: "the run's own" })),
    })),
  ],
  run: async (args, output) => {
    const dir = args.words[0]!;
    const folder = new RunFolder(dir);
    const earlier = folder.read();
    if (earlier.status === 'completed' && earlier.result !== null) {
      output.text(`The run in ${folder.dir} is completed already.`);
      printEnd(earlier.result, folder, output);
      output.result('resume', {
        ...earlier.result,
        adapter_path: folder.adapterFile,
        run_id: earlier.id,
        out_dir: folder.dir,
      });
      return EXIT.done;
    }
    const db = openDb();
    try {
      const changes: ResumeChanges = givenSettings('train', trainSettingNames('resume'), args);
      if (typeof args.options.model === 'string') changes.model_path = args.options.model;
      const reopened = await reopenRun(dir, changes, db);
      const { run, from } = reopened;
      output.text(`Run ${run.name} (${run.id}) in ${folder.dir}`);
      if (from === null) output.text('  it never came to a checkpoint: starting from the first step');
      else output.text(`  going on from the checkpoint of step ${count(from.step)}`);
      const { exit_code, result } = await followRun(reopened, from, db, output);
      const { job: _, ...rest } = result;
      output.result(
        'resume',
        { ...rest, run_id: run.id, out_dir: folder.dir, resumed_from_step: from?.step ?? 0 },
        exit_code,
      );
      return exit_code;
    } finally {
      db.close();
    }
  },
};
