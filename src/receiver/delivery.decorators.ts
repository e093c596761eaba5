import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { Request } from 'express';
import { capabilityOf, deliveryOf, permitOf } from './delivery.js';

const requestOf = (context: ExecutionContext): Request =>
  context.switchToHttp().getRequest<Request>();

/** Injects the `Delivery` that `VerificationGuard` has attached to the request. */
export const VerifiedDelivery = createParamDecorator((_: unknown, context) =>
  deliveryOf(requestOf(context)),
);

/** Injects the `Capability` of the job whose path the request came by. */
export const PathJob = createParamDecorator((_: unknown, context) =>
  capabilityOf(requestOf(context)),
);

/** Injects the `PublishPermit` that `DedupeInterceptor` has attached to the request. */
export const GrantedPermit = createParamDecorator((_: unknown, context) =>
  permitOf(requestOf(context)),
);
