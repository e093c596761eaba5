import { appendFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { startBridge, type BridgeProcess } from '../../../packages/testbed/src/bridge.js';
import { ResidentMemory, type MemorySpan } from './resident-memory.js';
import type { Replica } from './target.js';

export interface ReplicaOptions {
  readonly index: number;
  readonly env: Readonly<Record<string, string>>;
  /** Folder of the files that its preloaded modules watch. */
  readonly folder: string;
  /** Modules that it loads before its own code. */
  readonly preloads: readonly string[];
}

/** A replica of the bridge, which has one process at a time. Its methods cause faults of the process. */
export class CampaignReplica implements Replica {
  readonly index: number;
  hasBeenFaulted = false;
  /** A text for each process that ended without a fault of the campaign. */
  readonly crashes: string[] = [];
  private readonly memory = new ResidentMemory();
  private readonly past: string[] = [];
  private process: BridgeProcess | undefined;
  private stopped = false;

  constructor(private readonly options: ReplicaOptions) {
    this.index = options.index;
  }

  get url(): string | undefined {
    return this.process?.url;
  }

  /** The output of all its processes, oldest first. */
  get log(): readonly string[] {
    return [...this.past, ...(this.process?.lines ?? [])];
  }

  get memorySpan(): MemorySpan {
    return this.memory.span;
  }

  /** Starts a process on new ports. Resolves when it listens. */
  async start(): Promise<void> {
    await Promise.all([writeFile(this.stallFile, ''), writeFile(this.skewFile, '0')]);
    const started = await startBridge({
      ...this.options.env,
      NODE_OPTIONS: this.options.preloads
        .map((path) => `--import=${pathToFileURL(path).href}`)
        .join(' '),
      STALL_FILE: this.stallFile,
      CLOCK_SKEW_FILE: this.skewFile,
    });
    this.process = started;
    this.memory.watch(started.pid);
    void this.noteEnd(started);
  }

  async ready(): Promise<void> {
    await this.process?.ready(120_000);
  }

  /** Sends SIGKILL. Resolves when the process has ended. */
  async kill(): Promise<void> {
    await this.end((process) => process.kill('SIGKILL'));
  }

  /** Sends SIGTERM, and SIGKILL if that takes too long. Resolves when the process has ended. */
  async terminate(): Promise<void> {
    await this.end((process) => void process.stop());
  }

  freeze(): void {
    this.hasBeenFaulted = true;
    this.process?.kill('SIGSTOP');
  }

  thaw(): void {
    this.process?.kill('SIGCONT');
  }

  /** Blocks its event loop for a time. The block begins within half a second. */
  async stall(ms: number): Promise<void> {
    this.hasBeenFaulted = true;
    await appendFile(this.stallFile, `${ms}\n`);
  }

  /** Sets the error of its clock. The change takes effect within a second. */
  async skew(ms: number): Promise<void> {
    this.hasBeenFaulted = true;
    await writeFile(this.skewFile, String(ms));
  }

  /** Values of these gauges in the running process, summed over their labels. */
  async gauges(names: readonly string[]): Promise<Map<string, number>> {
    const response = await fetch(`${this.process?.internalUrl}/metrics`);
    const lines = (await response.text()).split('\n');
    const valueOf = (name: string): number =>
      lines
        .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
        .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
    return new Map(names.map((name) => [name, valueOf(name)]));
  }

  /** Ends the replica at the end of the run. This end does not count as a crash. */
  async stop(): Promise<void> {
    this.memory.stop();
    await this.terminate();
  }

  private get stallFile(): string {
    return join(this.options.folder, `stall-${this.index}`);
  }

  private get skewFile(): string {
    return join(this.options.folder, `clock-skew-${this.index}`);
  }

  private async end(how: (process: BridgeProcess) => void): Promise<void> {
    const { process } = this;
    if (!process) return;
    this.hasBeenFaulted = true;
    this.stopped = true;
    how(process);
    await process.exited;
    this.forget(process);
    this.stopped = false;
  }

  private async noteEnd(process: BridgeProcess): Promise<void> {
    const { code, signal } = await process.exited;
    if (this.stopped || this.process !== process) return;
    this.forget(process);
    const last = process.lines.slice(-5).join('\n');
    this.crashes.push(
      `replica-${this.index} ended (${signal ?? `exit code ${code}`})\n${last}`,
    );
  }

  private forget(process: BridgeProcess): void {
    if (this.process !== process) return;
    this.past.push(...process.lines);
    this.process = undefined;
  }
}
