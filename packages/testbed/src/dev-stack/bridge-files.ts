import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The files that the bridge of a development world is given, and what they say. */
export interface BridgeFiles {
  /** The settings that name the files. */
  readonly environment: Readonly<Record<string, string>>;
  /** The first token of `API_TOKENS_FILE`. */
  readonly apiToken: string;
}

/** Makes the keys and the token in that folder; a file that is there from an earlier start stays as it is. */
export async function bridgeFiles(
  folder: string,
  apiToken = randomBytes(24).toString('base64url'),
): Promise<BridgeFiles> {
  await mkdir(folder, { recursive: true });
  const tokens = await keptLine(join(folder, 'api-tokens'), apiToken);
  const environment = {
    API_TOKENS_FILE: tokens.path,
    CAPABILITY_KEYS_FILE: (await keptLine(join(folder, 'capability-keys'), newKey()))
      .path,
    VAULT_KEYS_FILE: (await keptLine(join(folder, 'vault-keys'), newKey())).path,
    VAULT_FILE: join(folder, 'vault'),
  };
  const [firstToken = ''] = tokens.text.trim().split(/\s/);
  return { environment, apiToken: firstToken };
}

/** Writes the line into the file unless the file exists; returns what it holds then. */
export async function keptLine(
  path: string,
  line: string,
): Promise<{ readonly path: string; readonly text: string }> {
  await writeFile(path, `${line}\n`, { mode: 0o600, flag: 'wx' }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    },
  );
  return { path, text: await readFile(path, 'utf8') };
}

function newKey(): string {
  return `dev:${randomBytes(32).toString('base64url')}`;
}
