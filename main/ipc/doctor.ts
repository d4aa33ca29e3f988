import type { IpcResponse } from '../contracts/ipc.ts';
import type { ForjaDb } from '../db/index.ts';
import { examine, fine, reported } from '../services/doctor.ts';
import type { Host } from './host.ts';

/** What the doctor finds, with the app's own versions first, and all of it as a bug's report. */
export async function examineApp(host: Host, db: ForjaDb): Promise<IpcResponse<'app.doctor'>> {
  const { version, electron_version, chrome_version, node_version, platform, arch, is_packaged } = host.info();
  const own = [
    fine('forja', { version, is_packaged }),
    fine('electron', { electron_version, chrome_version, node_version, platform, arch }),
  ];
  const { findings, devices } = await examine(() => db);
  const all = [...own, ...findings];
  return { findings: all, devices, report: all.map(reported).join('') };
}
