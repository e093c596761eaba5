import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { CONFIG, type Config } from '../config.js';
import { WatchedFile } from '../watched-file.js';
import { parseCapabilityKeys, type CapabilityKeys } from './capability.js';

const NONE: CapabilityKeys = new Map();

/** The keys of the path tokens now; none without `CAPABILITY_KEYS_FILE`. */
@Injectable()
export class CapabilityKeyring implements OnModuleDestroy {
  private readonly file: WatchedFile<CapabilityKeys> | undefined;

  constructor(@Inject(CONFIG) { signature }: Config) {
    const path = signature.capabilityKeysFile;
    this.file =
      path === undefined
        ? undefined
        : new WatchedFile('CAPABILITY_KEYS_FILE', path, parseCapabilityKeys);
  }

  get value(): CapabilityKeys {
    return this.file?.value ?? NONE;
  }

  onModuleDestroy(): void {
    this.file?.close();
  }
}
