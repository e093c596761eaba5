import { appendFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { startBridge, type BridgeProcess } from '../../../packages/testbed/src/bridge.js';
import { ResidentMemory, type MemorySpan } from './resident-memory.js';
import type { Replica } from './target.js';

export interface ReplicaOptions {
  readonly index: number;
  readonly env: Readonly<Record<string, string>>;
  /** Where the files lie that it watches. */
  readonly folder: string;
  /** Modules that it loads before its own. */
  readonly preloads: readonly string[];
}

/** One process of the built bridge, and the next one after its end, with what befalls processes. */
export class CampaignReplica implements Replica {
  readonly index: number;
  hasBeenFaulted = false;
  /** Ends that nobody had asked for. */
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

  /** What all its processes have printed, oldest first. */
  get log(): readonly string[] {
    return [...this.past, ...(this.process?.lines ?? [])];
  }

  get memorySpan(): MemorySpan {
    return this.memory.span;
  }

  /** Resolves when it listens, on a port that no process before it had. */
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
    await this.process?.ready(60_000);
  }

  /** SIGKILL; resolves when it is gone. */
  async kill(): Promise<void> {
    await this.end((process) => process.kill('SIGKILL'));
  }

  /** SIGTERM; resolves when it has ended in its own way, or was killed for taking too long. */
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

  /** Its event loop stands still for that long, from within half a second on. */
  async stall(ms: number): Promise<void> {
    this.hasBeenFaulted = true;
    await appendFile(this.stallFile, `${ms}\n`);
  }

  /** Its clock is wrong by that much from within a second on. */
  async skew(ms: number): Promise<void> {
    this.hasBeenFaulted = true;
    await writeFile(this.skewFile, String(ms));
  }

  /** The values of these gauges of the process that runs now, summed over their labels. */
  async gauges(names: readonly string[]): Promise<Map<string, number>> {
    const response = await fetch(`${this.process?.internalUrl}/metrics`);
    const lines = (await response.text()).split('\n');
    const valueOf = (name: string): number =>
      lines
        .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
        .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
    return new Map(names.map((name) => [name, valueOf(name)]));
  }

  /** The end of the run: nothing that it does from now on is a crash. */
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
