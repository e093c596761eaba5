import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { tail } from '../process/run.js';
import { spawnManaged, type Exit, type ManagedProcess } from '../process/spawn.js';
import { askProcessId } from './ping.js';

const START_LIMIT_MS = 20_000;
const PAUSE_MS = 20;

/** Another program took the port after it was chosen. The caller tries again with another port. */
export class PortTakenError extends Error {
  override readonly name = 'PortTakenError';
}

/** A `redis-server` process on 127.0.0.1. */
export class LocalRedis {
  private process: ManagedProcess | undefined;
  private exit: Exit | undefined;

  constructor(
    private readonly binary: string,
    readonly port: number,
    private readonly folder: string,
    private readonly keepsData: boolean,
  ) {}

  /** `start()` changes it. */
  get pid(): number {
    if (!this.process) throw new Error('this Redis was never started');
    return this.process.pid;
  }

  async start(): Promise<void> {
    const persistence = this.keepsData
      ? ['--appendonly', 'yes', '--appendfsync', 'always']
      : ['--appendonly', 'no'];
    const place = [
      '--bind',
      '127.0.0.1',
      '--port',
      String(this.port),
      '--dir',
      this.folder,
    ];
    this.exit = undefined;
    this.process = spawnManaged({
      command: this.binary,
      args: [...place, '--save', '', ...persistence],
      cwd: this.folder,
      output: { file: this.logPath },
    });
    void this.noteExit(this.process);
    await this.answers();
  }

  async kill(): Promise<void> {
    this.process?.kill('SIGKILL');
    await this.process?.exited;
  }

  async pause(): Promise<void> {
    await this.process?.pause();
  }

  async resume(): Promise<void> {
    this.process?.kill('SIGCONT');
  }

  private get logPath(): string {
    return join(this.folder, 'redis.log');
  }

  private async noteExit(launched: ManagedProcess): Promise<void> {
    const exit = await launched.exited;
    if (this.process === launched) this.exit = exit;
  }

  /** Resolves when Redis answers. The answer must name our process: another Redis may have the port. */
  private async answers(): Promise<void> {
    const deadlineMs = performance.now() + START_LIMIT_MS;
    while ((await askProcessId(this.port)) !== this.pid) {
      if (this.exit) {
        return this.fail(
          `ended at start (exit code ${this.exit.code ?? this.exit.signal})`,
        );
      }
      if (performance.now() > deadlineMs) {
        return this.fail(`gave no answer in ${START_LIMIT_MS} ms`);
      }
      await sleep(PAUSE_MS);
    }
  }

  private async fail(problem: string): Promise<never> {
    const log = await readFile(this.logPath, 'utf8').catch(() => '');
    const remedy = /lib(ssl|crypto)/.test(log)
      ? '\nThis binary needs OpenSSL 3: install it (Debian: libssl3), or install redis-server, or set REDIS_URL.'
      : '';
    const message = `${this.binary} ${problem}, the end of its log:\n${tail(log) || '(empty)'}${remedy}`;
    throw /Address already in use/.test(log)
      ? new PortTakenError(message)
      : new Error(message);
  }
}
