import type { Command } from '../lib/command.ts';
import { audit } from './audit.ts';
import { chat } from './chat.ts';
import { evaluateCommand } from './evaluate.ts';
import { doctor } from './doctor.ts';
import { exportCommand } from './export.ts';
import { inspect } from './inspect.ts';
import { resume } from './resume.ts';
import { runs } from './runs.ts';
import { score } from './score.ts';
import { sweep } from './sweep.ts';
import { train } from './train.ts';

/** Every command, in the order of the help. */
export const COMMANDS: readonly Command[] = [
  inspect,
  audit,
  train,
  resume,
  sweep,
  runs,
  score,
  evaluateCommand,
  chat,
  exportCommand,
  doctor,
];
