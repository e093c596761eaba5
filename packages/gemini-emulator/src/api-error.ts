/** gRPC's name of each HTTP status; Google's errors carry both. */
const STATUS_NAMES: Readonly<Record<number, string>> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  409: 'ABORTED',
  412: 'FAILED_PRECONDITION',
  416: 'OUT_OF_RANGE',
  429: 'RESOURCE_EXHAUSTED',
  499: 'CANCELLED',
  500: 'INTERNAL',
  501: 'UNIMPLEMENTED',
  503: 'UNAVAILABLE',
  504: 'DEADLINE_EXCEEDED',
};

/** An error that the API answers as `{error: {code, message, status, details?}}`. */
export class ApiError extends Error {
  override readonly name = 'ApiError';

  constructor(
    readonly code: number,
    message: string,
    private readonly details?: readonly unknown[],
  ) {
    super(message);
  }

  toJSON(): unknown {
    const status = STATUS_NAMES[this.code] ?? 'UNKNOWN';
    const details = this.details ? { details: this.details } : {};
    return { error: { code: this.code, message: this.message, status, ...details } };
  }
}

export function invalid(message: string): ApiError {
  return new ApiError(400, message);
}

export function notFound(): ApiError {
  return new ApiError(404, 'Requested entity was not found.');
}
