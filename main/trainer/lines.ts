/** Cuts a stream of text into lines, whatever pieces it comes in. */
export class LineSplitter {
  private rest = '';

  /** The lines that this piece completes, without their ends. */
  push(piece: string): string[] {
    const parts = (this.rest + piece).split('\n');
    this.rest = parts.pop() ?? '';
    return parts.map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line));
  }

  /** What is left when the stream ends without a line end: a line that was cut, e.g. by a kill. */
  end(): string {
    const { rest } = this;
    this.rest = '';
    return rest;
  }
}
