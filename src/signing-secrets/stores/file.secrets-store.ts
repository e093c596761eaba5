import { createHash, randomUUID } from 'node:crypto';
import { open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  NEVER_WRITTEN,
  SecretsStore,
  SecretsUnavailableError,
  type StoredSecrets,
} from '../secrets-store.js';

/** Writing the small file takes far less. A process that holds the lock for longer has died or is suspended. */
const STALE_LOCK_MS = 10_000;
const LOCK_WAIT_MS = 20;

/**
 * Stores the document in a file with mode 0600, for one replica. Every write replaces the whole
 * file. The CLI may write while the service runs, so writers hold a lock file beside it.
 */
export class FileSecretsStore extends SecretsStore {
  constructor(
    private readonly path: string,
    private readonly staleLockMs = STALE_LOCK_MS,
  ) {
    super();
  }

  override async readDocument(known?: string): Promise<StoredSecrets | undefined> {
    const stored = await this.readStored();
    return stored.version === known ? undefined : stored;
  }

  override async writeDocument(text: string, since: string): Promise<string | undefined> {
    const lock = await this.acquireLock();
    try {
      const { version } = await this.readStored();
      if (version !== since) return undefined;
      await this.replaceFile(text, () => this.assertLockHeld(lock));
      return versionOf(text);
    } finally {
      if (await this.isLockHeld(lock)) await rm(this.lockPath, { force: true });
    }
  }

  private async readStored(): Promise<StoredSecrets> {
    try {
      const text = await readFile(this.path, 'utf8');
      return { version: versionOf(text), text };
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return NEVER_WRITTEN;
      throw this.failed(error);
    }
  }

  /** Replaces the file atomically: a crash leaves the old content or the new one. */
  private async replaceFile(text: string, check: () => Promise<void>): Promise<void> {
    const next = `${this.path}.${randomUUID()}`;
    try {
      const file = await open(next, 'wx', 0o600);
      try {
        await file.writeFile(text);
        await file.sync();
      } finally {
        await file.close();
      }
      await check();
      await rename(next, this.path);
      const folder = await open(dirname(this.path));
      await folder.sync().finally(() => folder.close());
    } catch (error) {
      await rm(next, { force: true });
      throw this.failed(error);
    }
  }

  private get lockPath(): string {
    return `${this.path}.lock`;
  }

  /**
   * Waits for the lock. It takes the lock from a holder that has had it for `staleLockMs`.
   *
   * @returns the token in the lock file; the lock is lost once the file has another one.
   */
  private async acquireLock(): Promise<string> {
    const token = randomUUID();
    let other = '';
    let since = performance.now();
    while (!(await this.tryLock(token))) {
      const holder = await this.lockHolder();
      if (holder !== other) [other, since] = [holder, performance.now()];
      else if (performance.now() > since + this.staleLockMs) await this.breakLock(token);
      await delay(LOCK_WAIT_MS);
    }
    return token;
  }

  private async tryLock(token: string): Promise<boolean> {
    try {
      await writeFile(this.lockPath, token, { flag: 'wx' });
      return true;
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return false;
      throw this.failed(error);
    }
  }

  /** Removes a stale lock. If several processes try at once, the rename succeeds for one of them. */
  private async breakLock(token: string): Promise<void> {
    const moved = `${this.lockPath}.${token}`;
    await rename(this.lockPath, moved).catch(() => undefined);
    await rm(moved, { force: true });
  }

  private lockHolder(): Promise<string> {
    return readFile(this.lockPath, 'utf8').catch(() => '');
  }

  private async isLockHeld(token: string): Promise<boolean> {
    return (await this.lockHolder()) === token;
  }

  /** A process that was suspended may have lost the lock to another one. */
  private async assertLockHeld(token: string): Promise<void> {
    if (!(await this.isLockHeld(token))) throw new Error('its lock was lost');
  }

  private failed(cause: unknown): SecretsUnavailableError {
    const { message: reason = String(cause) } = cause as Partial<Error>;
    return new SecretsUnavailableError(`VAULT_FILE ${this.path}: ${reason}`, { cause });
  }
}

function versionOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}
