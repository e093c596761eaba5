import {
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { setTimeout as delay } from 'node:timers/promises';
import { CONFIG, type Config } from '../config/config.js';
import { newest, parseKeyring, type Keyring } from '../infrastructure/files/keyring.js';
import { runEvery } from '../infrastructure/timing/run-every.js';
import { WatchedFile } from '../infrastructure/files/watched-file.js';
import { UnsealedSecrets, type UnsealedSecret } from './unsealed-secrets.js';
import { unseal, seal, sealKeyId } from './document/seal.js';
import {
  EMPTY,
  LATE_MS,
  parseSecretsDocument,
  withUses,
  type SecretsDocument,
  type SealedSecret,
} from './secrets-document.js';
import { newVersion, descendsFrom, merge } from './document/document-ancestry.js';
import {
  NEVER_WRITTEN,
  SecretsStore,
  SecretsUnavailableError,
  type StoredSecrets,
} from './secrets-store.js';
import { parseSecret } from './webhook-secret.js';

/** Between two reads that deliveries ask for: anybody can send what matches nothing, in ms. */
const MIN_GAP_MS = 100;
/** A store that is just being connected to has so long, in ms. */
const OPEN_WITHIN_MS = 3000;
/** A store that cannot be read may hide that a secret was revoked: known ones are believed for so long, in ms. */
const BELIEVED_MS = 60_000;
const USES_EVERY_MS = 15_000;
/** Deliveries that wait for such a read; more are told to come again. */
const MAX_WAITING = 128;
/** Somebody else wrote between reading and writing: so often, and something is wrong. */
const MAX_TRIES = 20;

const NO_KEYS: Keyring = new Map();

/** The secrets that Gemini showed once, sealed in the store, open in this process. */
@Injectable()
export class SigningSecrets implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(SigningSecrets.name);
  private readonly keyFile: WatchedFile<Keyring> | undefined;
  private readonly ending = new AbortController();
  private version = NEVER_WRITTEN.version;
  private current: SecretsDocument = EMPTY;
  private readonly open = new UnsealedSecrets();
  private readonly isEnsuring: boolean;
  private wasRead = false;
  /** By key id, when this process last verified a delivery with it; Unix ms. */
  readonly uses = new Map<string, number>();
  private failure: string | undefined;
  private waiting = 0;
  private readAt = -Infinity;
  /** When it was last read with success. */
  private goodAt = -Infinity;
  private nextRead: Promise<void> | undefined;
  private reading: Promise<void> = Promise.resolve();

  /** @param store undefined where none is configured: then the vault is empty and stays so. */
  constructor(
    private readonly store: SecretsStore | undefined,
    @Inject(CONFIG) { vault, webhooks }: Config,
  ) {
    this.isEnsuring = store !== undefined && webhooks.mode === 'ensure';
    this.keyFile =
      vault.keysFile === undefined
        ? undefined
        : new WatchedFile('VAULT_KEYS_FILE', vault.keysFile, parseKeyring);
  }

  async onApplicationBootstrap(): Promise<void> {
    if (!this.store) return;
    await this.read().catch(() => undefined); // until then deliveries are told to come again
    const pace = {
      signal: this.ending.signal,
      onError: () => undefined, // `troubles` says it
    };
    void runEvery(() => this.read(), { ...pace, everyMs: this.store.pollMs });
    void runEvery(() => this.noteUses(), { ...pace, everyMs: USES_EVERY_MS });
  }

  /** Resolves when it was read; for who does not want to be kept up to date. */
  async load(): Promise<void> {
    if (!this.store) return;
    const deadline = performance.now() + OPEN_WITHIN_MS;
    for (;;) {
      try {
        await this.read();
        return;
      } catch (error) {
        if (performance.now() > deadline) throw error;
        await delay(MIN_GAP_MS);
      }
    }
  }

  onApplicationShutdown(): void {
    this.ending.abort();
    this.keyFile?.close();
    this.store?.close();
  }

  get configured(): boolean {
    return this.store !== undefined;
  }

  /** As it was read last. */
  get document(): SecretsDocument {
    return this.current;
  }

  /** Secrets that cannot be opened, and why; and why the store cannot be read. */
  get troubles(): readonly string[] {
    return [...(this.failure === undefined ? [] : [this.failure]), ...this.open.faults];
  }

  /** Those with which Gemini may sign now, or may have a moment ago. */
  live(now: number): readonly UnsealedSecret[] {
    return this.open.secrets.filter(({ expiresAt }) => expiresAt + LATE_MS > now);
  }

  /** Whether what is known is so old that a secret may have been revoked long ago. */
  get isStale(): boolean {
    return performance.now() > this.goodAt + BELIEVED_MS;
  }

  /** A delivery was verified with it. */
  recordUse(keyId: string, now: number): void {
    this.uses.set(keyId, now);
  }

  /** Whether Gemini may sign with a secret that nobody here has. */
  isUnsettled(now: number): boolean {
    const { unsettled, lostUntil, seen } = this.document;
    if (unsettled.length > 0 || lostUntil > now) return true;
    // Declared ones have to be compared once, and have another secret issued where need be
    return (
      this.isEnsuring &&
      !Object.values(seen?.webhooks ?? { none: { isHeld: false } }).every(
        ({ isHeld }) => isHeld,
      )
    );
  }

  /** Whether what this secret signs may be no good any more: it is dead, dying, or its webhook seems to be gone. */
  isDoubtful({ webhookId, expiresAt }: UnsealedSecret, now: number): boolean {
    const { unsettled, webhooks } = this.document;
    if (expiresAt <= now) return true;
    if ((webhooks[webhookId]?.goneAt ?? now) + LATE_MS <= now) return true;
    return unsettled.some((each) => each.webhookId === webhookId && each.revokes);
  }

  /**
   * Resolves after a read of the store that began after this call, which many share.
   *
   * @throws {SecretsUnavailableError} when it cannot be read, or too many wait for that.
   */
  async refresh(): Promise<void> {
    if (!this.store) return;
    if (this.waiting >= MAX_WAITING) {
      throw new SecretsUnavailableError('too many deliveries match no secret');
    }
    this.waiting++;
    try {
      await (this.nextRead ??= this.readLater());
    } finally {
      this.waiting--;
    }
  }

  /**
   * Reads, changes and writes the vault; again when somebody else wrote it meanwhile, so that
   * `change` may be called more than once.
   *
   * @param change the vault as it is to be, or the same to leave it.
   * @throws {SecretsUnavailableError} whether it was written is then not known: it can be repeated.
   */
  async updateDocument(
    change: (vault: SecretsDocument) => SecretsDocument,
  ): Promise<SecretsDocument> {
    const { store } = this;
    if (!store)
      throw new SecretsUnavailableError('there is no vault: see VAULT_KEYS_FILE');
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      await this.read();
      const { document, version: since } = this;
      const wanted = change(document);
      if (wanted === document) return document;
      const changed = newVersion(wanted, document);
      const version = await store.writeDocument(JSON.stringify(changed), since);
      if (version !== undefined) {
        await this.inTurn(() => this.takeOwn(changed, version));
        return changed;
      }
    }
    throw new SecretsUnavailableError(
      'the vault is written by somebody else all the time',
    );
  }

  /** The secret as it is to be kept. @throws {Error} for what is no secret; it is not in the message. */
  async seal(secret: string, webhookId: string, issuedAt: number): Promise<SealedSecret> {
    const { keyId } = parseSecret(secret);
    return { keyId, sealed: await seal(secret, webhookId, this.keys), issuedAt };
  }

  /**
   * Sealed anew under the newest key; as it is when it is already.
   *
   * @throws {SealError} when it cannot be opened.
   */
  async reseal(webhookId: string, secret: SealedSecret): Promise<SealedSecret> {
    const { keys } = this;
    const [kid] = newest(keys);
    if (sealKeyId(secret.sealed) === kid) return secret;
    const text = await unseal(secret.sealed, webhookId, keys);
    return { ...secret, sealed: await seal(text, webhookId, keys) };
  }

  private get gapMs(): number {
    return Math.max(MIN_GAP_MS, (this.store?.pollMs ?? 0) / 10);
  }

  private get keys(): Keyring {
    return this.keyFile?.value ?? NO_KEYS;
  }

  /** So that everybody can be told, by whichever replica. */
  private async noteUses(): Promise<void> {
    if (withUses(this.document, this.uses) === this.document) return;
    await this.updateDocument((vault) => withUses(vault, this.uses));
  }

  /** Not before some time has passed since the last one. */
  private async readLater(): Promise<void> {
    // A turn of the loop at least, in which others join it
    await delay(Math.max(0, this.readAt + this.gapMs - performance.now()));
    await this.reading;
    this.nextRead = undefined; // whoever comes from now on needs another
    this.readAt = performance.now();
    await this.read();
  }

  private read(): Promise<void> {
    return this.inTurn(() => this.readNow());
  }

  /** One after the other: what was read later is newer. */
  private inTurn(work: () => Promise<void>): Promise<void> {
    const next = this.reading.then(work);
    this.reading = next.catch(() => undefined);
    return next;
  }

  /** Unless what came after it was read already. */
  private async takeOwn(document: SecretsDocument, version: string): Promise<void> {
    if (descendsFrom(document, this.document)) await this.take(document, version);
  }

  /** What cannot be read changes nothing: the secrets that are known stay in force. */
  private async readNow(): Promise<void> {
    try {
      const known = this.wasRead ? this.version : undefined;
      const stored = await this.store?.readDocument(known);
      if (stored) await this.adopt(stored);
      else if (!this.open.isOpenedWith(this.keys))
        await this.open.open(this.document, this.keys);
      this.failure = undefined;
      this.goodAt = performance.now();
    } catch (error) {
      this.failure = error instanceof Error ? error.message : String(error);
      throw error;
    }
  }

  /** A store that has lost what was written there is given it back: nobody else has the secrets. */
  private async adopt(stored: StoredSecrets): Promise<void> {
    const document = documentIn(stored);
    const { document: ours } = this;
    if (descendsFrom(document, ours)) {
      await this.take(document, stored.version);
      return;
    }
    const next = descendsFrom(ours, document) ? ours : merge(document, ours, Date.now());
    const version = await this.store?.writeDocument(JSON.stringify(next), stored.version);
    if (version === undefined)
      throw new SecretsUnavailableError('the vault is being written');
    await this.take(next, version);
    this.logger.error({
      message: 'the vault had lost what was written, and has it again',
    });
  }

  private async take(document: SecretsDocument, version: string): Promise<void> {
    const before = this.open.faults;
    await this.open.open(document, this.keys);
    for (const fault of this.open.faults) {
      if (!before.includes(fault)) this.logger.error({ message: fault });
    }
    [this.current, this.version, this.wasRead] = [document, version, true];
  }
}

function documentIn({ text }: StoredSecrets): SecretsDocument {
  try {
    return text === '' ? EMPTY : parseSecretsDocument(text);
  } catch (cause) {
    const message =
      'the vault cannot be read: somebody has changed it. Restore it, or delete it and rotate the webhooks with force';
    throw new SecretsUnavailableError(message, { cause });
  }
}
