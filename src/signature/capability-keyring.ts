import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import type { SignatureConfig } from '../config/config.js';
import { InjectConfig } from '../config/inject-config.js';
import { parseKeyring, type Keyring } from '../infrastructure/files/keyring.js';
import { WatchedFile } from '../infrastructure/files/watched-file.js';

const NONE: Keyring = new Map();

/** The current keys of the path tokens. Empty without `CAPABILITY_KEYS_FILE`. */
@Injectable()
export class CapabilityKeyring implements OnModuleDestroy {
  private readonly file: WatchedFile<Keyring> | undefined;

  constructor(@InjectConfig('signature') signature: SignatureConfig) {
    const path = signature.capabilityKeysFile;
    this.file =
      path === undefined
        ? undefined
        : new WatchedFile('CAPABILITY_KEYS_FILE', path, parseKeyring);
  }

  get value(): Keyring {
    return this.file?.value ?? NONE;
  }

  onModuleDestroy(): void {
    this.file?.close();
  }
}
