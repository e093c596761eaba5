import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import { GeminiError } from '../gemini/gemini.error.js';
import { Problem } from '../problem/problem.js';
import { SecretVault } from '../vault/secret-vault.js';
import {
  CREATION_SHOWS_MS,
  withoutUnsettled,
  withSecret,
  withUnsettled,
  type Unsettled,
  type VaultDocument,
  type VaultedSecret,
} from '../vault/vault-document.js';
import { VaultUnavailableError } from '../vault/vault-store.js';
import type { GeminiWebhook, WebhookFields } from './gemini-webhook.js';
import { GeminiWebhooks, ISSUE_TIMEOUT_MS } from './gemini-webhooks.js';

/** Who has been held up for so long does not ask any more. */
const ASK_WITHIN_MS = 5000;
/** Longer than from the mark to Gemini's answer. Renewed meanwhile; after it another one settles it. */
const LEASE_MS = ASK_WITHIN_MS + ISSUE_TIMEOUT_MS + 4000;
/** For so long a vault that does not answer is written again. */
const WRITE_WITHIN_MS = 60_000;
const AGAIN_MS = 500;
/** Until what could not be settled is tried again: every try may leave Gemini another secret. */
const FIRST_BACKOFF_MS = 5000;
const MAX_BACKOFF_MS = 3_600_000;

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
export class SecretIssuer {
  private readonly logger = new Logger(SecretIssuer.name);

  constructor(
    private readonly webhooks: GeminiWebhooks,
    private readonly vault: SecretVault,
  ) {}

  /**
   * @param all the webhooks that there are.
   * @throws {Problem} 409 when one was created at this uri that the list does not have yet, or is
   *   being created.
   * @throws {GeminiError | VaultUnavailableError}
   */
  async create(
    fields: WebhookFields,
    all: readonly GeminiWebhook[],
  ): Promise<GeminiWebhook> {
    const { name = '', uri = '' } = fields;
    await this.assertNotCreated(uri);
    const before = all.map(({ id }) => id);
    const entry = newEntry({ name, uri, before, revokes: false });
    let created: GeminiWebhook | undefined;
    await this.issue(entry, false, async () => {
      const { webhook, secret } = await this.webhooks.create(fields);
      created = webhook;
      return { webhookId: webhook.id, secret };
    });
    return created as GeminiWebhook;
  }

  /**
   * @param revokes whether the secrets before it die at once.
   * @param force also where an earlier one is waiting to be settled: this settles it.
   * @throws {Problem} 409 while another secret of the webhook is being issued.
   * @throws {GeminiError | VaultUnavailableError}
   */
  async rotate(webhookId: string, revokes: boolean, force = false): Promise<void> {
    const entry = newEntry({ webhookId, revokes });
    await this.issue(entry, force, async (marked) => ({
      webhookId,
      secret: await this.webhooks.rotate(webhookId, marked.revokes),
    }));
  }

  /** Ends what somebody began and did not come to the end of. */
  async settle(): Promise<void> {
    for (const { id, until } of this.vault.value.unsettled) {
      if (until > Date.now()) continue;
      const entry = await this.takenOver(id);
      if (entry) await this.leased(entry, () => this.settled(entry));
    }
  }

  /** Gemini's list may lag behind; asked for by its id a webhook is there at once. */
  private async assertNotCreated(uri: string): Promise<void> {
    const { webhookId: id } = this.vault.value.creations[uri] ?? {};
    if (id === undefined || !(await this.isThere(id))) return;
    const detail = 'there is a webhook at this uri, though it is in no list';
    throw new Problem(409, 'webhook-exists', detail, {}, { id });
  }

  private async isThere(id: string): Promise<boolean> {
    try {
      await this.webhooks.get(id);
      return true;
    } catch (error) {
      if (isMissing(error)) return false;
      throw error;
    }
  }

  private async issue(
    wanted: Unsettled,
    force: boolean,
    ask: (entry: Unsettled) => Promise<Issued>,
  ): Promise<void> {
    const vault = await this.vault.change((given) => begun(given, wanted, force));
    const entry = ownIn(vault, wanted) ?? wanted;
    await this.leased(entry, async () => {
      let issued: Issued;
      try {
        assertInTime(entry);
        issued = await ask(entry);
      } catch (error) {
        const isRefused = error instanceof GeminiError && error.outcome === 'refused';
        // Of what it settles by the way nobody knows whether it was done
        await this.end(entry, isRefused && entry.tries === 0, error);
        throw error;
      }
      await this.keep(entry, issued);
    });
  }

  private async leased(entry: Unsettled, work: () => Promise<void>): Promise<void> {
    const renewal = setInterval(() => void this.renew(entry), LEASE_MS / 3);
    try {
      await work();
    } finally {
      clearInterval(renewal);
    }
  }

  private async renew(entry: Unsettled): Promise<void> {
    try {
      await this.vault.change((vault) => {
        const there = ownIn(vault, entry);
        const until = Date.now() + LEASE_MS;
        return there ? withUnsettled(vault, { ...there, until }) : vault;
      });
    } catch {
      // The next one will, or somebody else settles it
    }
  }

  /** Gives it up: as done with, or for somebody to settle later. */
  private async end(entry: Unsettled, isOver: boolean, error?: unknown): Promise<void> {
    const waitMs = Math.max(
      Math.min(FIRST_BACKOFF_MS * 2 ** entry.tries, MAX_BACKOFF_MS),
      error instanceof GeminiError ? (error.retryAfterSeconds ?? 0) * 1000 : 0,
    );
    await this.written((vault) => {
      const there = ownIn(vault, entry);
      if (!there) return vault; // somebody else is at it
      if (isOver) return withoutUnsettled(vault, entry.id);
      const until = Date.now() + waitMs;
      return withUnsettled(vault, {
        ...there,
        until,
        holder: '',
        tries: entry.tries + 1,
      });
    });
  }

  private async keep(entry: Unsettled, { webhookId, secret }: Issued): Promise<void> {
    let added: VaultedSecret;
    try {
      added = await this.vault.seal(secret, webhookId, Date.now());
    } catch (error) {
      await this.end(entry, false);
      throw error;
    }
    await this.written((vault) => kept(vault, entry, webhookId, added));
    const { keyId } = added;
    this.logger.log({ message: 'webhook secret sealed', webhookId, keyId });
  }

  private async written(change: (vault: VaultDocument) => VaultDocument): Promise<void> {
    const deadline = performance.now() + WRITE_WITHIN_MS;
    for (;;) {
      try {
        await this.vault.change(change);
        return;
      } catch (error) {
        const isLast = performance.now() + AGAIN_MS > deadline;
        if (!(error instanceof VaultUnavailableError) || isLast) throw error;
        await delay(AGAIN_MS);
      }
    }
  }

  /** Undefined when somebody else was faster. */
  private async takenOver(id: string): Promise<Unsettled | undefined> {
    const now = Date.now();
    const holder = randomUUID();
    const vault = await this.vault.change((given) => {
      const there = given.unsettled.find((each) => each.id === id);
      if (!there || there.until > now) return given;
      const until = now + LEASE_MS;
      return withUnsettled(given, { ...there, holder, until });
    });
    return vault.unsettled.find((each) => each.holder === holder);
  }

  private async settled(entry: Unsettled): Promise<void> {
    try {
      const webhookId = entry.webhookId ?? (await this.createdId(entry));
      if (webhookId === undefined) {
        await this.end(entry, Date.now() > entry.since + CREATION_SHOWS_MS);
        return;
      }
      const { revokes } = entry;
      const secret = await this.webhooks.rotate(webhookId, revokes);
      this.logger.warn({ message: 'rotated, as a secret was not sealed', webhookId });
      await this.keep(entry, { webhookId, secret });
    } catch (error) {
      this.logger.warn({ message: 'secret not settled', id: entry.id, error });
      await this.end(entry, await this.isGone(entry, error), error);
    }
  }

  /** A refusal says nothing of what was done before; that the webhook is not there any more does. */
  private async isGone({ webhookId }: Unsettled, error: unknown): Promise<boolean> {
    if (webhookId === undefined || !isMissing(error)) return false;
    return this.isThere(webhookId).then(
      (isThere) => !isThere,
      () => false,
    );
  }

  /** What was not there before, and is as it was to be created. */
  private async createdId(entry: Unsettled): Promise<string | undefined> {
    const { name, uri, before = [] } = entry;
    const found = (await this.webhooks.all()).find(
      (each) =>
        each.name === name &&
        each.uri === uri &&
        !before.includes(each.id) &&
        !(each.id in this.vault.value.webhooks),
    );
    return found?.id;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof GeminiError && error.status === 404;
}

function newEntry(
  about: Pick<Unsettled, 'webhookId' | 'name' | 'uri' | 'before' | 'revokes'>,
): Unsettled {
  const since = Date.now();
  const until = since + LEASE_MS;
  return { ...about, id: randomUUID(), since, until, holder: randomUUID(), tries: 0 };
}

function assertInTime({ since }: Unsettled): void {
  if (Date.now() < since + ASK_WITHIN_MS) return;
  throw new GeminiError('the bridge was held up, and asked nothing', 'refused');
}

/** The same entry, while nobody else has taken it over. */
function ownIn(vault: VaultDocument, { id, holder }: Unsettled): Unsettled | undefined {
  const there = vault.unsettled.find((each) => each.id === id);
  return there?.holder === holder ? there : undefined;
}

/** @throws {Problem} while the same webhook, or one at the same place, is being worked on. */
function begun(vault: VaultDocument, entry: Unsettled, force: boolean): VaultDocument {
  const { id, webhookId, uri } = entry;
  const others = vault.unsettled.filter(
    (each) =>
      each.id !== id &&
      (webhookId === undefined ? each.uri === uri : each.webhookId === webhookId),
  );
  const isWaiting = others.every(
    ({ until, holder }) => holder === '' || until < Date.now(),
  );
  if (others.length === 0) return withUnsettled(vault, entry);
  if (force && isWaiting) {
    const rest = others.reduce((left, other) => withoutUnsettled(left, other.id), vault);
    const revokes = entry.revokes || others.some((other) => other.revokes);
    return withUnsettled(rest, { ...entry, revokes, tries: 1 });
  }
  const detail = 'another secret of this webhook is being issued, or has to be found out';
  throw new Problem(409, 'webhook-busy', detail, { 'Retry-After': '10' });
}

/**
 * When somebody has settled it meanwhile, nobody knows which secret is the newer one: then one
 * more rotation decides, and until then nothing is refused.
 */
function kept(
  vault: VaultDocument,
  entry: Unsettled,
  webhookId: string,
  added: VaultedSecret,
): VaultDocument {
  const { secrets = [] } = vault.webhooks[webhookId] ?? {};
  if (secrets.some(({ keyId }) => keyId === added.keyId)) return vault;
  if (!ownIn(vault, entry)) {
    const since = Date.now();
    const { revokes } = entry;
    const again = { id: `${entry.id} again`, webhookId, revokes, since, until: since };
    return withUnsettled(vault, { ...again, holder: '', tries: 0 });
  }
  const settled = withoutUnsettled(
    withSecret(vault, webhookId, added, entry.revokes),
    entry.id,
  );
  if (entry.uri === undefined) return settled;
  const creations = { ...vault.creations, [entry.uri]: { webhookId } };
  return { ...settled, creations };
}
