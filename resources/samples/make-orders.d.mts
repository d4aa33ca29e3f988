export const TRAIN_ROWS: number;
export const HELD_OUT_ROWS: number;
export const SYSTEM_TEXT: string;
/** The contents of the two files. */
export function makeOrders(): { train: string; heldOut: string };
