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

/** Who has been held up for so long does not ask any more. */
const ASK_WITHIN_MS = 5000;
/** Longer than from the mark to Gemini's answer. Renewed meanwhile; after it another one settles it. */
const LEASE_MS = ASK_WITHIN_MS + ISSUE_TIMEOUT_MS + 4000;
/** For so long a vault that does not answer is written again. */
const WRITE_WITHIN_MS = 60_000;
const AGAIN_MS = 500;
/** Until what could not be settled is tried again: every try may leave Gemini another secret. */
const FIRST_BACKOFF_MS = 5000;
const MAX_BACKOFF_MS = 24 * 3_600_000;
/** Where it was refused no secret was issued. */
const MAX_REFUSED_MS = 3_600_000;

export interface RotateOptions {
  /** Whether the secrets before it die at once. */
  readonly revokes?: boolean;
  /** Also where an earlier one is waiting to be settled: this settles it. */
  readonly force?: boolean;
  /** Somebody else has issued secrets that nobody here can have. */
  readonly isAfterLoss?: boolean;
}

interface Issued {
  readonly webhookId: string;
  readonly secret: string;
}

/**
 * Has Gemini issue secrets, and seals each before anything else can fail.
 *
 * That a secret is about to be issued stands in the vault before Gemini is asked: from then on no
 * replica refuses a delivery for a secret that it does not know. Whatever breaks off in between
 * is settled by a rotation, because nobody can ask Gemini for a secret that was shown already.
 */
@Injectable()
export class SecretRotator {
  private readonly logger = new Logger(SecretRotator.name);

  constructor(
    private readonly webhooks: GeminiWebhooks,
    private readonly vault: SigningSecrets,
  ) {}

  /**
   * @param all the webhooks that there are.
   * @throws {ProblemException} 409 when one was created at this uri that the list does not have yet, or is
   *   being created.
   * @throws {GeminiError | SecretsUnavailableError}
   */
  async create(
    fields: WebhookFields,
    all: readonly GeminiWebhook[],
  ): Promise<GeminiWebhook> {
    const { name = '', uri = '' } = fields;
    const gone = await this.goneFrom(uri);
    const before = all.map(({ id }) => id);
    const entry = newEntry({ name, uri, before, revokes: false });
    const begin = (vault: SecretsDocument): SecretsDocument =>
      creating(vault, entry, gone);
    let created: GeminiWebhook | undefined;
    await this.issue(entry, begin, async () => {
      const { webhook, secret } = await this.webhooks.create(fields);
      created = webhook;
      return { webhookId: webhook.id, secret };
    });
    return created as GeminiWebhook;
  }

  /**
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
    const begin = (vault: SecretsDocument): SecretsDocument =>
      rotating(vault, entry, isSame, force);
    await this.issue(entry, begin, async (marked) => ({
      webhookId,
      secret: await this.webhooks.rotate(webhookId, marked.revokes),
    }));
  }

  /** Ends what somebody began and did not come to the end of. */
  async recoverPending(): Promise<void> {
    for (const { id, until } of this.vault.document.unsettled) {
      if (until > Date.now()) continue;
      const entry = await this.takeOverPending(id);
      if (entry) await this.withLease(entry, () => this.recoverOne(entry));
    }
  }

  /**
   * Gemini's list may lag behind; asked for by its id a webhook is there at once.
   *
   * @returns the one that was created at this uri, and is gone.
   */
  private async goneFrom(uri: string): Promise<string | undefined> {
    const { webhookId: id } = this.vault.document.creations[uri] ?? {};
    if (id !== undefined && (await this.webhooks.isThere(id))) throw exists(id);
    return id;
  }

  private async issue(
    wanted: PendingIssuance,
    begin: (vault: SecretsDocument) => SecretsDocument,
    ask: (entry: PendingIssuance) => Promise<Issued>,
  ): Promise<void> {
    const vault = await this.vault.updateDocument(begin);
    const entry = ownIn(vault, wanted) ?? wanted;
    await this.withLease(entry, async () => {
      let issued: Issued;
      try {
        assertInTime(entry);
        issued = await ask(entry);
      } catch (error) {
        // Of what it settles by the way nobody knows whether it was done
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
      await this.vault.updateDocument((vault) => {
        const there = ownIn(vault, entry);
        const until = Date.now() + LEASE_MS;
        return there ? withPendingIssuance(vault, { ...there, until }) : vault;
      });
    } catch {
      // The next one will, or somebody else settles it
    }
  }

  /** Gives it up: as done with, or for somebody to settle later. */
  private async finishPending(
    entry: PendingIssuance,
    isOver: boolean,
    error?: unknown,
  ): Promise<void> {
    const capMs = isRefused(error) ? MAX_REFUSED_MS : MAX_BACKOFF_MS;
    const waitMs = Math.max(
      Math.min(FIRST_BACKOFF_MS * 2 ** entry.tries, capMs),
      error instanceof GeminiError ? (error.retryAfterSeconds ?? 0) * 1000 : 0,
    );
    await this.writePending((vault) => {
      const there = ownIn(vault, entry);
      if (!there) return vault; // somebody else is at it
      if (isOver) return withoutPendingIssuance(vault, entry.id);
      const until = Date.now() + waitMs;
      return withPendingIssuance(vault, {
        ...there,
        until,
        holder: '',
        tries: entry.tries + 1,
      });
    });
  }

  private async storeSecret(
    entry: PendingIssuance,
    { webhookId, secret }: Issued,
  ): Promise<void> {
    let added: SealedSecret;
    try {
      added = await this.vault.seal(secret, webhookId, Date.now());
    } catch (error) {
      await this.finishPending(entry, false);
      throw error;
    }
    await this.writePending((vault) => kept(vault, entry, webhookId, added));
    const { keyId } = added;
    this.logger.log({ message: 'webhook secret sealed', webhookId, keyId });
  }

  private async writePending(
    change: (vault: SecretsDocument) => SecretsDocument,
  ): Promise<void> {
    const deadline = performance.now() + WRITE_WITHIN_MS;
    for (;;) {
      try {
        await this.vault.updateDocument(change);
        return;
      } catch (error) {
        const isLast = performance.now() + AGAIN_MS > deadline;
        if (!(error instanceof SecretsUnavailableError) || isLast) throw error;
        await delay(AGAIN_MS);
      }
    }
  }

  /** Undefined when somebody else was faster. */
  private async takeOverPending(id: string): Promise<PendingIssuance | undefined> {
    const now = Date.now();
    const holder = randomUUID();
    const vault = await this.vault.updateDocument((given) => {
      const there = given.unsettled.find((each) => each.id === id);
      if (!there || there.until > now) return given;
      const until = now + LEASE_MS;
      return withPendingIssuance(given, { ...there, holder, until });
    });
    return vault.unsettled.find((each) => each.holder === holder);
  }

  private async recoverOne(entry: PendingIssuance): Promise<void> {
    try {
      const webhookId = entry.webhookId ?? (await this.createdId(entry));
      if (webhookId === undefined) {
        await this.finishPending(entry, Date.now() > entry.since + CREATION_SHOWS_MS);
        return;
      }
      if (!(await this.isClaimed(entry, webhookId))) return;
      const { revokes } = entry;
      const secret = await this.webhooks.rotate(webhookId, revokes);
      this.logger.warn({ message: 'rotated, as a secret was not sealed', webhookId });
      const lost = { ...entry, tries: entry.tries + 1 };
      await this.storeSecret(lost, { webhookId, secret });
    } catch (error) {
      this.logger.warn({ message: 'secret not settled', id: entry.id, error });
      await this.finishPending(entry, await this.isGone(entry, error), error);
    }
  }

  /** Of what was created by it: unless somebody rotates it already. */
  private async isClaimed(entry: PendingIssuance, webhookId: string): Promise<boolean> {
    let isClaimed = false;
    await this.vault.updateDocument((vault) => {
      const there = ownIn(vault, entry);
      isClaimed = there !== undefined;
      if (!there || there.webhookId === webhookId) return vault;
      const isOthers =
        webhookId in vault.webhooks ||
        vault.unsettled.some((each) => each.webhookId === webhookId);
      isClaimed = !isOthers;
      return isOthers
        ? withoutPendingIssuance(vault, entry.id)
        : withPendingIssuance(vault, { ...there, webhookId });
    });
    return isClaimed;
  }

  /** A refusal says nothing of what was done before; that the webhook is not there any more does. */
  private async isGone({ webhookId }: PendingIssuance, error: unknown): Promise<boolean> {
    if (webhookId === undefined || !isMissing(error)) return false;
    return this.webhooks.isThere(webhookId).then(
      (isThere) => !isThere,
      () => false,
    );
  }

  /** What was not there before, and is as it was to be created. */
  private async createdId(entry: PendingIssuance): Promise<string | undefined> {
    const { name, uri, before = [] } = entry;
    const found = (await this.webhooks.all()).find(
      (each) =>
        each.name === name &&
        each.uri === uri &&
        !before.includes(each.id) &&
        !(each.id in this.vault.document.webhooks),
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
  throw new GeminiError('the bridge was held up, and asked nothing', 'refused');
}

/** The same entry, while nobody else has taken it over. */
function ownIn(
  vault: SecretsDocument,
  { id, holder }: PendingIssuance,
): PendingIssuance | undefined {
  const there = vault.unsettled.find((each) => each.id === id);
  return there?.holder === holder ? there : undefined;
}

/** @throws {ProblemException} when somebody creates one there, or has. @param gone the one that was there, and is not any more. */
function creating(
  vault: SecretsDocument,
  entry: PendingIssuance,
  gone: string | undefined,
): SecretsDocument {
  const { uri = '' } = entry;
  const there = vault.creations[uri]?.webhookId;
  if (there !== undefined && there !== gone) throw exists(there);
  const others = vault.unsettled.filter(({ id }) => id !== entry.id);
  if (others.some((each) => each.uri === uri)) throw busy();
  return withPendingIssuance(vault, entry);
}

/** @throws {ProblemException} while another secret of the webhook is being issued; by force only while somebody is at it. */
function rotating(
  vault: SecretsDocument,
  entry: PendingIssuance,
  isSame: (other: PendingIssuance) => boolean,
  force: boolean,
): SecretsDocument {
  const others = vault.unsettled.filter((each) => each.id !== entry.id && isSame(each));
  if (others.length === 0) return withPendingIssuance(vault, entry);
  const isWaiting = others.every(
    ({ until, holder }) => holder === '' || until < Date.now(),
  );
  if (!force || !isWaiting) throw busy();
  const rest = others.reduce((left, { id }) => withoutPendingIssuance(left, id), vault);
  const revokes = entry.revokes || others.some((other) => other.revokes);
  return withPendingIssuance(rest, { ...entry, revokes, tries: 1, settlesOthers: true });
}

function exists(id: string): ProblemException {
  const detail = 'there is a webhook at this uri, though it is in no list';
  return new ProblemException(409, 'webhook-exists', detail, {}, { id });
}

function busy(): ProblemException {
  const detail = 'another secret of this webhook is being issued, or has to be found out';
  return new ProblemException(409, 'webhook-busy', detail, { 'Retry-After': '10' });
}

/**
 * When somebody has settled it meanwhile, nobody knows which secret is the newer one: then one
 * more rotation decides, and until then nothing is refused.
 */
function kept(
  vault: SecretsDocument,
  entry: PendingIssuance,
  webhookId: string,
  added: SealedSecret,
): SecretsDocument {
  const { secrets = [] } = vault.webhooks[webhookId] ?? {};
  if (secrets.some(({ keyId }) => keyId === added.keyId)) return vault;
  if (!ownIn(vault, entry)) {
    const since = Date.now();
    const { revokes } = entry;
    const again = { id: `${entry.id} again`, webhookId, revokes, since, until: since };
    return withPendingIssuance(vault, { ...again, holder: '', tries: 0 });
  }
  const { revokes, tries } = entry;
  const lostFor = revokes ? LATE_MS : OVERLAP_MS + LATE_MS;
  const settled = withoutPendingIssuance(
    {
      ...withSecret(vault, webhookId, added, revokes),
      // What was issued and lost goes on signing for as long as any old secret
      ...(tries > 0 && {
        lostUntil: Math.max(vault.lostUntil, added.issuedAt + lostFor),
      }),
    },
    entry.id,
  );
  if (entry.uri === undefined) return settled;
  const creations = { ...vault.creations, [entry.uri]: { webhookId } };
  return { ...settled, creations };
}
