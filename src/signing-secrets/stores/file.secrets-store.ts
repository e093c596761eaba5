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

/** Whoever holds the lock writes a small file. Who has had it for longer has died, or is suspended. */
const STALE_LOCK_MS = 10_000;
const LOCK_WAIT_MS = 20;

/**
 * A file, for one replica: replaced as a whole, readable by its owner only. The CLI may write
 * beside the service, so writers take turns by a lock beside it.
 */
export class FileSecretsStore extends SecretsStore {
  constructor(
    private readonly path: string,
    private readonly staleLockMs = STALE_LOCK_MS,
  ) {
    super();
  }

  override async readDocument(known?: string): Promise<StoredSecrets | undefined> {
    const stored = await this.stored();
    return stored.version === known ? undefined : stored;
  }

  override async writeDocument(text: string, since: string): Promise<string | undefined> {
    const lock = await this.lock();
    try {
      const { version } = await this.stored();
      if (version !== since) return undefined;
      await this.replace(text, () => this.assertHeld(lock));
      return versionOf(text);
    } finally {
      if (await this.isHeld(lock)) await rm(this.lockPath, { force: true });
    }
  }

  private async stored(): Promise<StoredSecrets> {
    try {
      const text = await readFile(this.path, 'utf8');
      return { version: versionOf(text), text };
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return NEVER_WRITTEN;
      throw this.failed(error);
    }
  }

  /** A crash leaves the old one or the new one, and never half of it. */
  private async replace(text: string, check: () => Promise<void>): Promise<void> {
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
   * Waits for whoever has it, but for the same one not for ever.
   *
   * @returns what proves that the lock is still ours.
   */
  private async lock(): Promise<string> {
    const token = randomUUID();
    let other = '';
    let since = performance.now();
    while (!(await this.isTaken(token))) {
      const holder = await this.holder();
      if (holder !== other) [other, since] = [holder, performance.now()];
      else if (performance.now() > since + this.staleLockMs) await this.steal(token);
      await delay(LOCK_WAIT_MS);
    }
    return token;
  }

  private async isTaken(token: string): Promise<boolean> {
    try {
      await writeFile(this.lockPath, token, { flag: 'wx' });
      return true;
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return false;
      throw this.failed(error);
    }
  }

  /** By one of several who find it stale: the others find nothing to move. */
  private async steal(token: string): Promise<void> {
    const stolen = `${this.lockPath}.${token}`;
    await rename(this.lockPath, stolen).catch(() => undefined);
    await rm(stolen, { force: true });
  }

  private holder(): Promise<string> {
    return readFile(this.lockPath, 'utf8').catch(() => '');
  }

  private async isHeld(token: string): Promise<boolean> {
    return (await this.holder()) === token;
  }

  /** A process that was suspended may have lost it. */
  private async assertHeld(token: string): Promise<void> {
    if (!(await this.isHeld(token))) throw new Error('its lock was lost');
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
