import type { jest } from '@jest/globals';

type Options = NonNullable<Parameters<typeof jest.useFakeTimers>[0]>;

/** For `jest.useFakeTimers`: timers and `performance.now` stand still, turns of the loop do not. */
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
