import { Logger } from '@nestjs/common';
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { sealKeyId } from '../../../../src/signing-secrets/document/seal.js';
import { SecretSealer } from '../../../../src/signing-secrets/document/secret-sealer.js';
import { parseSecret } from '../../../../src/signing-secrets/webhook-secret.js';
import { newSecret } from '../../../support/issuing-gemini.js';
import { temporaryFile } from '../../../support/temporary-file.js';
import { keyLine } from '../vault-keys.js';

const opened: Disposable[] = [];

function sealerWith(...lines: readonly string[]): SecretSealer {
  const file = temporaryFile(lines.join('\n'));
  const sealer = new SecretSealer(file.path);
  opened.push(file, { [Symbol.dispose]: () => sealer.close() });
  return sealer;
}

beforeAll(() => Logger.overrideLogger(false));

afterEach(() => {
  for (const each of opened.splice(0)) each[Symbol.dispose]();
});

describe('SecretSealer', () => {
  it('seals with the key id and the time of issue', async () => {
    const secret = newSecret();
    const sealed = await sealerWith(keyLine('k1')).seal(secret, 'w1', 7);
    const { keyId } = parseSecret(secret);
    expect(sealed).toEqual({ keyId, sealed: expect.any(String), issuedAt: 7 });
  });

  it('refuses text that is no secret, and does not repeat it', async () => {
    const sealed = sealerWith(keyLine('k1')).seal('a-secret-text', 'w1', 7);
    await expect(sealed).rejects.toThrow(/^(?!.*a-secret-text).*webhook secret/);
  });

  it('reseals under a newer key, and keeps the rest', async () => {
    const [old, fresh] = [keyLine('k1'), keyLine('k2')];
    const before = await sealerWith(old).seal(newSecret(), 'w1', 7);
    const used = { ...before, usedAt: 9 };
    const sealer = sealerWith(fresh, old);
    const after = await sealer.reseal('w1', used);
    expect(after).toEqual({ ...used, sealed: after.sealed });
    expect(sealKeyId(after.sealed)).toBe('k2');
    expect(await sealer.reseal('w1', after)).toBe(after);
  });

  it('does not reseal what it cannot unseal', async () => {
    const before = await sealerWith(keyLine('k1')).seal(newSecret(), 'w1', 7);
    await expect(sealerWith(keyLine('k2')).reseal('w1', before)).rejects.toThrow(
      /sealed with the key k1/,
    );
  });

  it('has no keys without a file', () => {
    expect(new SecretSealer(undefined).keys.size).toBe(0);
  });
});
