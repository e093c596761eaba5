import { Injectable } from '@nestjs/common';
import { InjectConfig } from '../../config/inject-config.js';
import { jobPath } from '../../events/webhook-routes.js';
import { CapabilityKeyring } from '../../signature/capability-keyring.js';
import { issueCapability } from '../../signature/capability.js';
import { metadataHash, userMetadataOf } from '../correlation.js';
import type { Job } from '../job.js';

/** Makes the capability URLs to which Gemini delivers the events of single jobs. */
@Injectable()
export class WebhookUrl {
  constructor(
    private readonly capabilityKeys: CapabilityKeyring,
    @InjectConfig('publicUrl') private readonly publicUrl: string | undefined,
  ) {}

  /** @returns a URL whose token names the job and binds its metadata. It is a secret. */
  async issueFor(job: Job): Promise<string> {
    const { id: jobId, correlationId } = job;
    const capability = {
      jobId,
      correlationId,
      metadataHash: metadataHash(userMetadataOf(job)),
    };
    const token = await issueCapability(capability, this.capabilityKeys.value);
    return `${this.publicUrl}${jobPath(token)}`;
  }
}
