import { Module } from '@nestjs/common';
import { MetricsModule } from '../infrastructure/metrics/metrics.module.js';
import { SigningSecretsModule } from '../signing-secrets/signing-secrets.module.js';
import { CapabilityKeyring } from './capability-keyring.js';
import { SignatureVerifier } from './signature-verifier.js';

/** Verification, and the keys that the jobs sign their path tokens with. */
@Module({
  imports: [MetricsModule, SigningSecretsModule],
  providers: [SignatureVerifier, CapabilityKeyring],
  exports: [SignatureVerifier, CapabilityKeyring],
})
export class SignatureModule {}
