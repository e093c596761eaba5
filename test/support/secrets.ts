import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What a deployment would mount: files with keys that exist for one test. */
export interface TemporarySecrets extends Disposable {
  readonly capabilityKeysFile: string;
  readonly capabilityKey: string;
  readonly tokensFile: string;
  /** Of the vault; who sets it needs a place for the vault as well. */
  readonly vaultKeysFile: string;
  readonly vaultKey: string;
  readonly token: string;
}

export function temporarySecrets(): TemporarySecrets {
  const folder = mkdtempSync(join(tmpdir(), 'gemini-kafka-bridge-test-'));
  const write = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };
  const capabilityKey = randomBytes(32).toString('base64url');
  const vaultKey = randomBytes(32).toString('base64url');
  const token = randomBytes(24).toString('base64url');
  return {
    capabilityKeysFile: write('capability-keys', `k1:${capabilityKey}\n`),
    capabilityKey,
    vaultKeysFile: write('vault-keys', `v1:${vaultKey}\n`),
    vaultKey,
    tokensFile: write('tokens', `${token}\n`),
    token,
    [Symbol.dispose]: () => rmSync(folder, { recursive: true }),
  };
}
