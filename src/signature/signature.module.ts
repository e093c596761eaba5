import { Module } from '@nestjs/common';
import { MetricsModule } from '../infrastructure/metrics/metrics.module.js';
import { SigningSecretsModule } from '../signing-secrets/signing-secrets.module.js';
import { CapabilityKeyring } from './capability-keyring.js';
import { SignatureVerifier } from './signature-verifier.js';

/** Verifies deliveries, and holds the keys that sign the path tokens of jobs. */
@Module({
  imports: [MetricsModule, SigningSecretsModule],
  providers: [SignatureVerifier, CapabilityKeyring],
  exports: [SignatureVerifier, CapabilityKeyring],
})
export class SignatureModule {}
