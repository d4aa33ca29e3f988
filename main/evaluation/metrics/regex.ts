/**
 * Compares by a pattern. With a group in it, what the first group finds in the answer must be what it finds in the expected answer
 * (blank ends aside); without one, the pattern must be found in the answer.
 */
export function matchesPattern(pattern: RegExp, answer: string, expected: string): boolean {
  const got = pattern.exec(answer);
  if (got === null) return false;
  if (got.length === 1) return true;
  const wanted = pattern.exec(expected);
  return wanted !== null && (got[1] ?? '').trim() === (wanted[1] ?? '').trim();
}
