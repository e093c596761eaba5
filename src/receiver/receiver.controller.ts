import {
  Controller,
  HttpCode,
  Post,
  UseFilters,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import { JOB_SUBROUTE, STATIC_ROUTE } from '../events/webhook-routes.js';
import type { PublishPermit } from '../publishing/event-publisher.js';
import type { Capability } from '../signature/capability.js';
import { DedupeInterceptor } from './dedupe.interceptor.js';
import { DeliveryProcessor, type ProcessingResult } from './delivery-processor.js';
import { GrantedPermit, PathJob, VerifiedDelivery } from './delivery.decorators.js';
import type { Delivery } from './delivery.js';
import { ReceiverErrorFilter } from './receiver-error.filter.js';
import { VerificationGuard } from './verification.guard.js';

/** Takes verified deliveries. A handler resolves once Kafka has the record. */
@Controller(STATIC_ROUTE)
@UseGuards(VerificationGuard)
@UseInterceptors(DedupeInterceptor)
@UseFilters(ReceiverErrorFilter)
export class ReceiverController {
  constructor(private readonly processor: DeliveryProcessor) {}

  /** A static webhook: one URL for everything in the project. */
  @Post()
  @HttpCode(200)
  receive(
    @VerifiedDelivery() delivery: Delivery,
    @GrantedPermit() permit: PublishPermit,
  ): Promise<ProcessingResult> {
    return this.processor.process(delivery, permit);
  }

  /** A dynamic webhook: one URL for one job. */
  @Post(JOB_SUBROUTE)
  @HttpCode(200)
  receiveForJob(
    @VerifiedDelivery() delivery: Delivery,
    @GrantedPermit() permit: PublishPermit,
    @PathJob() job: Capability,
  ): Promise<ProcessingResult> {
    return this.processor.process(delivery, permit, job);
  }
}
