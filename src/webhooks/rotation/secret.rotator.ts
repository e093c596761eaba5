import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import { GeminiError, isMissing, isRefused } from '../../gemini/gemini.error.js';
import { ProblemException } from '../../internal-api/problems/problem.exception.js';
import { SigningSecrets } from '../../signing-secrets/signing-secrets.js';
import {
  CREATION_SHOWS_MS,
  LATE_MS,
  OVERLAP_MS,
  withoutPendingIssuance,
  withSecret,
  withPendingIssuance,
  type PendingIssuance,
  type SecretsDocument,
  type SealedSecret,
} from '../../signing-secrets/secrets-document.js';
import { SecretsUnavailableError } from '../../signing-secrets/secrets-store.js';
import type { GeminiWebhook, WebhookFields } from '../gemini/gemini-webhook.js';
import { GeminiWebhooks, ISSUE_TIMEOUT_MS } from '../gemini/gemini-webhooks.client.js';

/** Do not call Gemini if more than this passed since the entry was written (the process may have been suspended). */
const ASK_WITHIN_MS = 5000;
/** Lease of a pending issuance; longer than a call of Gemini. It is renewed. After it `recoverPending` takes over. */
const LEASE_MS = ASK_WITHIN_MS + ISSUE_TIMEOUT_MS + 4000;
/** How long a write is repeated while the store does not answer. */
const WRITE_WITHIN_MS = 60_000;
const WRITE_AGAIN_MS = 500;
/** Pause before the first repeated recovery. It doubles, because each one may issue another secret. */
const FIRST_BACKOFF_MS = 5000;
const MAX_BACKOFF_MS = 24 * 3_600_000;
/** Longest pause after a refusal, which issues no secret. */
const MAX_REFUSED_BACKOFF_MS = 3_600_000;

export interface RotateOptions {
  /** Revoke the older secrets at once, not after 24 hours. */
  readonly revokes?: boolean;
  /** Replace pending issuances of the webhook that wait for recovery. */
  readonly force?: boolean;
  /** Another party rotated the webhook: Gemini signs with a secret that this bridge never received. */
  readonly isAfterLoss?: boolean;
}

interface IssuedSecret {
  readonly webhookId: string;
  readonly secret: string;
}

/**
 * Makes Gemini issue secrets, and stores each one sealed.
 *
 * A pending issuance is stored before the call of Gemini. From then on no replica refuses a
 * delivery for an unknown secret. If the process dies, or Gemini does not answer,
 * `recoverPending` rotates the webhook: Gemini does not show an issued secret again.
 */
@Injectable()
export class SecretRotator {
  private readonly logger = new Logger(SecretRotator.name);

  constructor(
    private readonly webhooks: GeminiWebhooks,
    private readonly signingSecrets: SigningSecrets,
  ) {}

  /**
   * Creates a webhook at Gemini and stores its secret.
   *
   * @param all all webhooks of the project, as Gemini lists them.
   * @throws {ProblemException} 409 if a webhook at this URI is being created, or was created and is
   *   not in Gemini's list yet.
   * @throws {GeminiError | SecretsUnavailableError}
   */
  async create(
    fields: WebhookFields,
    all: readonly GeminiWebhook[],
  ): Promise<GeminiWebhook> {
    const { name = '', uri = '' } = fields;
    const gone = await this.missingCreation(uri);
    const before = all.map(({ id }) => id);
    const entry = newEntry({ name, uri, before, revokes: false });
    const begin = (document: SecretsDocument): SecretsDocument =>
      withCreationEntry(document, entry, gone);
    let created: GeminiWebhook | undefined;
    await this.issue(entry, begin, async () => {
      const { webhook, secret } = await this.webhooks.create(fields);
      created = webhook;
      return { webhookId: webhook.id, secret };
    });
    return created as GeminiWebhook;
  }

  /**
   * Makes Gemini issue another secret of the webhook and stores it.
   *
   * @throws {ProblemException} 409 while another secret of the webhook is being issued.
   * @throws {GeminiError | SecretsUnavailableError}
   */
  async rotate(
    { id: webhookId, uri, name }: Pick<GeminiWebhook, 'id' | 'uri' | 'name'>,
    { revokes = false, force = false, isAfterLoss = false }: RotateOptions = {},
  ): Promise<void> {
    const tries = isAfterLoss ? 1 : 0;
    const entry = { ...newEntry({ webhookId, revokes }), tries };
    const isSame = (other: PendingIssuance): boolean =>
      other.webhookId === webhookId ||
      (other.webhookId === undefined && other.uri === uri && other.name === name);
    const begin = (document: SecretsDocument): SecretsDocument =>
      withRotationEntry(document, entry, isSame, force);
    await this.issue(entry, begin, async (marked) => ({
      webhookId,
      secret: await this.webhooks.rotate(webhookId, marked.revokes),
    }));
  }

  /** Takes over each pending issuance whose lease or pause is over, and rotates its webhook. */
  async recoverPending(): Promise<void> {
    for (const { id, until } of this.signingSecrets.document.unsettled) {
      if (until > Date.now()) continue;
      const entry = await this.takeOverPending(id);
      if (entry) await this.withLease(entry, () => this.recoverOne(entry));
    }
  }

  /**
   * Asks Gemini for the webhook that was last created at this URI, by id: its list may lag behind.
   *
   * @returns its id if Gemini does not know it any more; undefined if none was created.
   * @throws {ProblemException} 409 if it exists.
   */
  private async missingCreation(uri: string): Promise<string | undefined> {
    const { webhookId: id } = this.signingSecrets.document.creations[uri] ?? {};
    if (id !== undefined && (await this.webhooks.exists(id))) throw exists(id);
    return id;
  }

  private async issue(
    wanted: PendingIssuance,
    begin: (document: SecretsDocument) => SecretsDocument,
    ask: (entry: PendingIssuance) => Promise<IssuedSecret>,
  ): Promise<void> {
    const document = await this.signingSecrets.updateDocument(begin);
    const entry = ownIn(document, wanted) ?? wanted;
    await this.withLease(entry, async () => {
      let issued: IssuedSecret;
      try {
        assertInTime(entry);
        issued = await ask(entry);
      } catch (error) {
        // A rotation that replaces pending ones stays pending, even when Gemini refuses it
        await this.finishPending(entry, isRefused(error) && !entry.settlesOthers, error);
        throw error;
      }
      await this.storeSecret(entry, issued);
    });
  }

  private async withLease(
    entry: PendingIssuance,
    work: () => Promise<void>,
  ): Promise<void> {
    const renewal = setInterval(() => void this.renew(entry), LEASE_MS / 3);
    try {
      await work();
    } finally {
      clearInterval(renewal);
    }
  }

  private async renew(entry: PendingIssuance): Promise<void> {
    try {
      await this.signingSecrets.updateDocument((document) => {
        const there = ownIn(document, entry);
        const until = Date.now() + LEASE_MS;
        return there ? withPendingIssuance(document, { ...there, until }) : document;
      });
    } catch {
      // The next renewal may succeed. Otherwise another replica takes over
    }
  }

  /** Removes the entry, or releases it with a pause before the next recovery. */
  private async finishPending(
    entry: PendingIssuance,
    isOver: boolean,
    error?: unknown,
  ): Promise<void> {
    const capMs = isRefused(error) ? MAX_REFUSED_BACKOFF_MS : MAX_BACKOFF_MS;
    const waitMs = Math.max(
      Math.min(FIRST_BACKOFF_MS * 2 ** entry.tries, capMs),
      error instanceof GeminiError ? (error.retryAfterSeconds ?? 0) * 1000 : 0,
    );
    await this.writePending((document) => {
      const there = ownIn(document, entry);
      if (!there) return document; // another replica took it over
      if (isOver) return withoutPendingIssuance(document, entry.id);
      const until = Date.now() + waitMs;
      return withPendingIssuance(document, {
        ...there,
        until,
        holder: '',
        tries: entry.tries + 1,
      });
    });
  }

  private async storeSecret(
    entry: PendingIssuance,
    { webhookId, secret }: IssuedSecret,
  ): Promise<void> {
    let added: SealedSecret;
    try {
      added = await this.signingSecrets.seal(secret, webhookId, Date.now());
    } catch (error) {
      await this.finishPending(entry, false);
      throw error;
    }
    await this.writePending((document) =>
      withIssuedSecret(document, entry, webhookId, added),
    );
    const { keyId } = added;
    this.logger.log({ message: 'webhook secret sealed', webhookId, keyId });
  }

  private async writePending(
    edit: (document: SecretsDocument) => SecretsDocument,
  ): Promise<void> {
    const deadline = performance.now() + WRITE_WITHIN_MS;
    for (;;) {
      try {
        await this.signingSecrets.updateDocument(edit);
        return;
      } catch (error) {
        const isLast = performance.now() + WRITE_AGAIN_MS > deadline;
        if (!(error instanceof SecretsUnavailableError) || isLast) throw error;
        await delay(WRITE_AGAIN_MS);
      }
    }
  }

  /** @returns the entry with a lease of this process; undefined if another replica has one. */
  private async takeOverPending(id: string): Promise<PendingIssuance | undefined> {
    const now = Date.now();
    const holder = randomUUID();
    const document = await this.signingSecrets.updateDocument((given) => {
      const there = given.unsettled.find((each) => each.id === id);
      if (!there || there.until > now) return given;
      const until = now + LEASE_MS;
      return withPendingIssuance(given, { ...there, holder, until });
    });
    return document.unsettled.find((each) => each.holder === holder);
  }

  private async recoverOne(entry: PendingIssuance): Promise<void> {
    try {
      const webhookId = entry.webhookId ?? (await this.createdId(entry));
      if (webhookId === undefined) {
        await this.finishPending(entry, Date.now() > entry.since + CREATION_SHOWS_MS);
        return;
      }
      if (!(await this.claimWebhook(entry, webhookId))) return;
      const { revokes } = entry;
      const secret = await this.webhooks.rotate(webhookId, revokes);
      this.logger.warn({
        message: 'webhook rotated: an issued secret was not stored',
        webhookId,
      });
      const lost = { ...entry, tries: entry.tries + 1 };
      await this.storeSecret(lost, { webhookId, secret });
    } catch (error) {
      this.logger.warn({
        message: 'pending issuance not recovered',
        id: entry.id,
        error,
      });
      await this.finishPending(entry, await this.isGone(entry, error), error);
    }
  }

  /**
   * Assigns the webhook to the entry of its creation.
   *
   * @returns false if the entry was taken over, or the webhook has secrets or another entry.
   */
  private async claimWebhook(
    entry: PendingIssuance,
    webhookId: string,
  ): Promise<boolean> {
    let isClaimed = false;
    await this.signingSecrets.updateDocument((document) => {
      const there = ownIn(document, entry);
      isClaimed = there !== undefined;
      if (!there || there.webhookId === webhookId) return document;
      const isOthers =
        webhookId in document.webhooks ||
        document.unsettled.some((each) => each.webhookId === webhookId);
      isClaimed = !isOthers;
      return isOthers
        ? withoutPendingIssuance(document, entry.id)
        : withPendingIssuance(document, { ...there, webhookId });
    });
    return isClaimed;
  }

  /** True if the webhook does not exist any more. Another refusal does not say what the first call did. */
  private async isGone({ webhookId }: PendingIssuance, error: unknown): Promise<boolean> {
    if (webhookId === undefined || !isMissing(error)) return false;
    return this.webhooks.exists(webhookId).then(
      (isThere) => !isThere,
      () => false,
    );
  }

  /** The id of a webhook that has the name and URI of the creation and did not exist before it. */
  private async createdId(entry: PendingIssuance): Promise<string | undefined> {
    const { name, uri, before = [] } = entry;
    const found = (await this.webhooks.all()).find(
      (each) =>
        each.name === name &&
        each.uri === uri &&
        !before.includes(each.id) &&
        !(each.id in this.signingSecrets.document.webhooks),
    );
    return found?.id;
  }
}

function newEntry(
  about: Pick<PendingIssuance, 'webhookId' | 'name' | 'uri' | 'before' | 'revokes'>,
): PendingIssuance {
  const since = Date.now();
  const until = since + LEASE_MS;
  return { ...about, id: randomUUID(), since, until, holder: randomUUID(), tries: 0 };
}

function assertInTime({ since }: PendingIssuance): void {
  if (Date.now() < since + ASK_WITHIN_MS) return;
  throw new GeminiError(
    `Gemini was not called: the process was suspended for more than ${ASK_WITHIN_MS} ms`,
    'refused',
  );
}

/** The stored entry; undefined if another replica took it over. */
function ownIn(
  document: SecretsDocument,
  { id, holder }: PendingIssuance,
): PendingIssuance | undefined {
  const there = document.unsettled.find((each) => each.id === id);
  return there?.holder === holder ? there : undefined;
}

/**
 * Adds the entry of a creation.
 *
 * @param gone the webhook that was created at this URI before, and does not exist any more.
 * @throws {ProblemException} 409 if a webhook at this URI exists or is being created.
 */
function withCreationEntry(
  document: SecretsDocument,
  entry: PendingIssuance,
  gone: string | undefined,
): SecretsDocument {
  const { uri = '' } = entry;
  const there = document.creations[uri]?.webhookId;
  if (there !== undefined && there !== gone) throw exists(there);
  const others = document.unsettled.filter(({ id }) => id !== entry.id);
  if (others.some((each) => each.uri === uri)) throw busy();
  return withPendingIssuance(document, entry);
}

/**
 * Adds the entry of a rotation. With `force` it replaces entries that wait for recovery.
 *
 * @throws {ProblemException} 409 while another secret of the webhook is being issued.
 */
function withRotationEntry(
  document: SecretsDocument,
  entry: PendingIssuance,
  isSame: (other: PendingIssuance) => boolean,
  force: boolean,
): SecretsDocument {
  const others = document.unsettled.filter(
    (each) => each.id !== entry.id && isSame(each),
  );
  if (others.length === 0) return withPendingIssuance(document, entry);
  const isWaiting = others.every(
    ({ until, holder }) => holder === '' || until < Date.now(),
  );
  if (!force || !isWaiting) throw busy();
  const rest = others.reduce(
    (left, { id }) => withoutPendingIssuance(left, id),
    document,
  );
  const revokes = entry.revokes || others.some((other) => other.revokes);
  return withPendingIssuance(rest, { ...entry, revokes, tries: 1, settlesOthers: true });
}

function exists(id: string): ProblemException {
  const detail = `webhook ${id} exists at this uri; Gemini's list does not show it yet`;
  return new ProblemException(409, 'webhook-exists', detail, {}, { id });
}

function busy(): ProblemException {
  const detail =
    'another secret of this webhook is being issued, or its issuance is being recovered';
  return new ProblemException(409, 'webhook-busy', detail, { 'Retry-After': '10' });
}

/**
 * Adds the issued secret and removes its entry.
 *
 * If another replica took the entry over, the order of the two secrets is unknown. Then the
 * secret is dropped and a new entry is added: recovery rotates once more, and until then no
 * delivery is refused.
 */
function withIssuedSecret(
  document: SecretsDocument,
  entry: PendingIssuance,
  webhookId: string,
  added: SealedSecret,
): SecretsDocument {
  const { secrets = [] } = document.webhooks[webhookId] ?? {};
  if (secrets.some(({ keyId }) => keyId === added.keyId)) return document;
  if (!ownIn(document, entry)) {
    const since = Date.now();
    const { revokes } = entry;
    const again = { id: `${entry.id} again`, webhookId, revokes, since, until: since };
    return withPendingIssuance(document, { ...again, holder: '', tries: 0 });
  }
  const { revokes, tries } = entry;
  const lostFor = revokes ? LATE_MS : OVERLAP_MS + LATE_MS;
  const issued = withoutPendingIssuance(
    {
      ...withSecret(document, webhookId, added, revokes),
      // Gemini signs with a lost secret for as long as with any old secret
      ...(tries > 0 && {
        lostUntil: Math.max(document.lostUntil, added.issuedAt + lostFor),
      }),
    },
    entry.id,
  );
  if (entry.uri === undefined) return issued;
  const creations = { ...document.creations, [entry.uri]: { webhookId } };
  return { ...issued, creations };
}
