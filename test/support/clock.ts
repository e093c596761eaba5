import type { jest } from '@jest/globals';

type Options = NonNullable<Parameters<typeof jest.useFakeTimers>[0]>;

/** For `jest.useFakeTimers`: timers and `performance.now` are fake, `Date` and turns of the event loop are real. */
export const FAKED_CLOCK: Options = {
  doNotFake: [
    'Date',
    'hrtime',
    'nextTick',
    'queueMicrotask',
    'setImmediate',
    'clearImmediate',
  ],
};
