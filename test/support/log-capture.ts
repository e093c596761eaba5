/** Captures the lines of the service's logger on stdout. */
export class LogCapture implements Disposable {
  readonly lines: string[] = [];
  private readonly original = process.stdout.write.bind(process.stdout);

  constructor() {
    const { lines, original } = this;
    const write = (chunk: string | Uint8Array): boolean => {
      if (typeof chunk !== 'string' || !chunk.startsWith('{"level"')) {
        return original(chunk);
      }
      lines.push(chunk);
      return true;
    };
    process.stdout.write = write;
  }

  get text(): string {
    return this.lines.join('');
  }

  [Symbol.dispose](): void {
    process.stdout.write = this.original;
  }
}
