import { randomUUID } from 'node:crypto';
import { Logger } from '@nestjs/common';
import { GeminiError, isRefused } from '../../gemini/gemini.error.js';
import {
  withoutPendingIssuance,
  withPendingIssuance,
  type PendingIssuance,
  type SealedSecret,
  type SecretsDocument,
} from '../../signing-secrets/secrets-document.js';
import type { SigningSecrets } from '../../signing-secrets/signing-secrets.js';
import { ISSUE_TIMEOUT_MS } from '../gemini/gemini-webhooks.client.js';
import { ownEntry, withIssuedSecret } from './secret-transitions.js';

/** Do not call Gemini if more than this passed since the entry was written (the process may have been suspended). */
const ASK_WITHIN_MS = 5000;
/** Lease of an entry; longer than a call of Gemini. It is renewed. After it `IssuanceRecovery` takes over. */
const LEASE_MS = ASK_WITHIN_MS + ISSUE_TIMEOUT_MS + 4000;
/** Pause before the first repeated recovery. It doubles, because each one may issue another secret. */
const FIRST_BACKOFF_MS = 5000;
const MAX_BACKOFF_MS = 24 * 3_600_000;
/** Longest pause after a refusal, which issues no secret. */
const MAX_REFUSED_BACKOFF_MS = 3_600_000;

/** A secret as Gemini shows it once. */
export interface IssuedSecret {
  readonly webhookId: string;
  readonly secret: string;
}

/** A new entry with a lease of this process. */
export function newPendingIssuance(
  about: Pick<PendingIssuance, 'webhookId' | 'name' | 'uri' | 'before' | 'revokes'>,
): PendingIssuance {
  const since = Date.now();
  const until = since + LEASE_MS;
  return { ...about, id: randomUUID(), since, until, holder: randomUUID(), tries: 0 };
}

/** @throws {GeminiError} `refused` if the entry was written too long ago to call Gemini. */
export function assertInTime({ since }: PendingIssuance): void {
  if (Date.now() < since + ASK_WITHIN_MS) return;
  throw new GeminiError(
    `Gemini was not called: the process was suspended for more than ${ASK_WITHIN_MS} ms`,
    'refused',
  );
}

/**
 * The pending issuances in the secrets document. Each is a lease: one replica at a time calls Gemini
 * for it, and another one takes over when the lease ends.
 */
export class PendingIssuances {
  private readonly logger = new Logger(PendingIssuances.name);

  constructor(private readonly signingSecrets: SigningSecrets) {}

  /**
   * Stores the entry.
   *
   * @param edit adds the entry; it may change it.
   * @returns the entry as it is stored.
   */
  async add(
    entry: PendingIssuance,
    edit: (document: SecretsDocument) => SecretsDocument,
  ): Promise<PendingIssuance> {
    const document = await this.signingSecrets.updateDocument(edit);
    return ownEntry(document, entry) ?? entry;
  }

  /** @returns the entry with a lease of this process; undefined if another replica has one. */
  async takeOver(id: string): Promise<PendingIssuance | undefined> {
    const now = Date.now();
    const holder = randomUUID();
    const { unsettled } = await this.signingSecrets.updateDocument((document) => {
      const entry = document.unsettled.find((each) => each.id === id);
      if (!entry || entry.until > now) return document;
      return withPendingIssuance(document, { ...entry, holder, until: now + LEASE_MS });
    });
    return unsettled.find((each) => each.holder === holder);
  }

  /** Renews the lease until the work ends. */
  async withLease(entry: PendingIssuance, work: () => Promise<void>): Promise<void> {
    const renewal = setInterval(() => void this.renewLease(entry), LEASE_MS / 3);
    try {
      await work();
    } finally {
      clearInterval(renewal);
    }
  }

  /** Stores the issued secret, sealed, and removes the entry. */
  async complete(
    entry: PendingIssuance,
    { webhookId, secret }: IssuedSecret,
  ): Promise<void> {
    let added: SealedSecret;
    try {
      added = await this.signingSecrets.seal(secret, webhookId, Date.now());
    } catch (error) {
      await this.release(entry);
      throw error;
    }
    await this.signingSecrets.updatePersistently((document) =>
      withIssuedSecret(document, entry, webhookId, added, Date.now()),
    );
    const { keyId } = added;
    this.logger.log({ message: 'webhook secret sealed', webhookId, keyId });
  }

  /** Removes an entry that needs no recovery. */
  async remove(entry: PendingIssuance): Promise<void> {
    await this.signingSecrets.updatePersistently((document) =>
      ownEntry(document, entry) ? withoutPendingIssuance(document, entry.id) : document,
    );
  }

  /** Gives the lease back. `IssuanceRecovery` tries again after a pause. */
  async release(entry: PendingIssuance, error?: unknown): Promise<void> {
    const waitMs = backoffMs(entry, error);
    const { tries } = entry;
    await this.signingSecrets.updatePersistently((document) => {
      const own = ownEntry(document, entry);
      if (!own) return document;
      const until = Date.now() + waitMs;
      return withPendingIssuance(document, {
        ...own,
        until,
        holder: '',
        tries: tries + 1,
      });
    });
  }

  private async renewLease(entry: PendingIssuance): Promise<void> {
    try {
      await this.signingSecrets.updateDocument((document) => {
        const own = ownEntry(document, entry);
        const until = Date.now() + LEASE_MS;
        return own ? withPendingIssuance(document, { ...own, until }) : document;
      });
    } catch {
      // The next renewal may succeed. Otherwise another replica takes over
    }
  }
}

/** The pause before the next recovery: it doubles with each try, and is at least Gemini's `Retry-After`. */
function backoffMs({ tries }: PendingIssuance, error: unknown): number {
  const capMs = isRefused(error) ? MAX_REFUSED_BACKOFF_MS : MAX_BACKOFF_MS;
  const retryAfterSeconds = error instanceof GeminiError ? error.retryAfterSeconds : 0;
  return Math.max(
    Math.min(FIRST_BACKOFF_MS * 2 ** tries, capMs),
    (retryAfterSeconds ?? 0) * 1000,
  );
}
