export function wantedFuses(text?: string): Record<string, boolean>;
export function fuseFaults(program: string, wanted?: Record<string, boolean>): Promise<string[]>;
export function faultsOfWire(wire: Record<number, number>, wanted: Record<string, boolean>): string[];
