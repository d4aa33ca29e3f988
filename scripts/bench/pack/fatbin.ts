/**
 * GPU code in a CUDA library: containers of entries, each for one architecture, as PTX (compiled by the driver at first use) or as
 * machine code. A library for all cards is large; what is for other cards can be blanked, and then compresses to nothing.
 *
 * Layout (little endian): container: u32 magic, u16 version, u16 header bytes, u64 bytes of all entries. Entry: u16 kind (1 PTX, 2 machine
 * code), u16, u32 header bytes, u64 payload bytes, then in its header at 28 the architecture (90 for sm_90) as u32.
 */
const MAGIC = 0xba55ed50;
const ARCHITECTURE_AT = 28;
const PTX = 1;
const MACHINE_CODE = 2;

interface Entry {
  kind: number;
  architecture: number;
  start: number;
  bytes: number;
}

/** What was found for one architecture. */
export interface Kept {
  architecture: number;
  form: 'ptx' | 'machine code';
  bytes: number;
}

/**
 * Blanks, in place, the code that no card of `architectures` takes. For each of them stays its machine code, or without any the newest PTX
 * that is not newer than it.
 * @returns what stays
 * @throws Error where a card would be left without code, or the library holds none
 */
export function keepArchitectures(library: Buffer, architectures: readonly number[]): Kept[] {
  const entries = entriesOf(library);
  if (entries.length === 0) throw new Error('The library holds no GPU code in a form that is known here.');
  const wanted = new Map(architectures.map((one) => [one, sourceFor(one, entries)]));
  const kept = new Map<string, Kept>();
  for (const { kind, architecture, start, bytes } of entries) {
    const isWanted = [...wanted.values()].some((one) => one.kind === kind && one.architecture === architecture);
    if (!isWanted) {
      library.fill(0, start, start + bytes);
      continue;
    }
    const name = `${kind} ${architecture}`;
    const so_far = kept.get(name) ?? { architecture, form: kind === PTX ? 'ptx' : 'machine code', bytes: 0 };
    kept.set(name, { ...so_far, bytes: so_far.bytes + bytes });
  }
  return [...kept.values()];
}

function sourceFor(card: number, entries: readonly Entry[]): Pick<Entry, 'kind' | 'architecture'> {
  if (entries.some(({ kind, architecture }) => kind === MACHINE_CODE && architecture === card))
    return { kind: MACHINE_CODE, architecture: card };
  const ptx = entries.filter(({ kind, architecture }) => kind === PTX && architecture <= card);
  if (ptx.length === 0) throw new Error(`The library has no code that a card of sm_${card} could take.`);
  return { kind: PTX, architecture: Math.max(...ptx.map(({ architecture }) => architecture)) };
}

function entriesOf(library: Buffer): Entry[] {
  const magic = Buffer.alloc(4);
  magic.writeUInt32LE(MAGIC);
  const entries: Entry[] = [];
  let at = library.indexOf(magic);
  while (at >= 0) {
    const headerBytes = library.readUInt16LE(at + 6);
    const end = at + headerBytes + Number(library.readBigUInt64LE(at + 8));
    for (let entry = at + headerBytes; entry < end;) {
      const kind = library.readUInt16LE(entry);
      const header = library.readUInt32LE(entry + 4);
      const bytes = Number(library.readBigUInt64LE(entry + 8));
      if (kind !== PTX && kind !== MACHINE_CODE) throw new Error(`GPU code of an unknown kind (${kind}).`);
      const architecture = library.readUInt32LE(entry + ARCHITECTURE_AT);
      entries.push({ kind, architecture, start: entry + header, bytes });
      entry += header + bytes;
    }
    at = library.indexOf(magic, end);
  }
  return entries;
}
