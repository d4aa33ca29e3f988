import type { Device, IpcResponse } from '../../../main/contracts/ipc.ts';
import { call } from '../api/bridge.svelte.ts';
import { i18n } from '../i18n/i18n.svelte.ts';
import { Latest } from './latest.svelte.ts';

export type Doctor = IpcResponse<'app.doctor'>;

/** What Forja needs and what can compute here; looked at once, and again when asked. */
class DoctorState {
  readonly latest = new Latest<Doctor>();
  #wasAsked = false;

  /** Looks, if it has not been done yet. */
  need(): void {
    if (!this.#wasAsked) this.look();
  }

  look(): void {
    this.#wasAsked = true;
    this.latest.ask(() => call('app.doctor'));
  }
}

export const doctor = new DoctorState();

export interface DeviceOption {
  value: string;
  label: string;
  note?: string;
}

/**
 * What a list of devices offers.
 *
 * @param devices those that were found; null while they are not known
 * @param chosen stays in the list even if it isn't there (any more)
 * @param autoLabel the words for `auto`
 */
export function deviceOptions(devices: readonly Device[] | null, chosen: string, autoLabel: string): DeviceOption[] {
  const options: DeviceOption[] = [{ value: 'auto', label: autoLabel }];
  for (const { name, description, type, memory_total_bytes } of devices ?? []) {
    options.push({
      value: type === 'cpu' ? 'cpu' : name,
      label: description === '' ? name : description,
      ...(memory_total_bytes > 0 ? { note: i18n.format.bytes(memory_total_bytes) } : {}),
    });
  }
  if (!options.some((option) => option.value === chosen)) {
    options.push({ value: chosen, label: chosen === 'cpu' ? 'CPU' : chosen });
  }
  return options;
}
