/** What the service's logger writes to stdout, one line an entry. */
export class LogCapture implements Disposable {
  readonly lines: string[] = [];
  private readonly original = process.stdout.write;

  constructor() {
    const { lines, original } = this;
    process.stdout.write = ((chunk: string | Uint8Array, ...rest: never[]) => {
      if (typeof chunk !== 'string' || !chunk.startsWith('{"level"')) {
        return original.call(process.stdout, chunk, ...rest);
      }
      lines.push(chunk);
      return true;
    }) as typeof process.stdout.write;
  }

  get text(): string {
    return this.lines.join('');
  }

  [Symbol.dispose](): void {
    process.stdout.write = this.original;
  }
}
