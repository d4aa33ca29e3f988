// `npm run check:trackers -- [RUN-FOLDER…]`: TensorBoard's own reader reads the golden records of main/runs/trackers and what runs wrote,
// and compares them with metrics.csv. Needs a Python with tensorboard: FORJA_TENSORBOARD_PYTHON (default python3), e.g.
// python3 -m venv V && V/bin/pip install tensorboard && FORJA_TENSORBOARD_PYTHON=V/bin/python npm run check:trackers
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const python = process.env.FORJA_TENSORBOARD_PYTHON ?? 'python3';
const { status, error } = spawnSync(
  python,
  [
    join(import.meta.dirname, 'check.py'),
    join(import.meta.dirname, '../../main/runs/trackers/golden-records.json'),
    ...process.argv.slice(2),
  ],
  { stdio: 'inherit' },
);
if (error !== undefined) console.error(`${python} could not be started: ${error.message}`);
process.exitCode = status ?? 1;
