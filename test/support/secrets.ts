import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Files with new keys and a token, as a deployment mounts them. `dispose` removes them. */
export interface TemporarySecrets extends Disposable {
  readonly capabilityKeysFile: string;
  readonly capabilityKey: string;
  readonly tokensFile: string;
  /** For `VAULT_KEYS_FILE`, which also needs a store such as `VAULT_FILE`. */
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
