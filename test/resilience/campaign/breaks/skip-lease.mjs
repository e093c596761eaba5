/**
 * A replica that publishes an event although another attempt at it, its own or another replica's, is under way. The
 * campaign must find `doubled`.
 * Use: NODE_OPTIONS=--import=file:///…/skip-lease.mjs
 */
import { announce, classesWith, load, replace } from './dist.mjs';

const { Publications } = await load('publishing/publications.js');

/** Turns the answers "held by another" of a store (`pending`) and of a lease (`false`) into `taken`. */
function heldByUs(answer) {
  return answer === 'pending' || answer === false ? 'taken' : answer;
}

for (const method of ['claim', 'acquire']) {
  for (const owner of await classesWith('publishing/dedupe', method)) {
    replace(
      owner,
      method,
      (original) =>
        function claimAnyway(...parameters) {
          const answer = original.apply(this, parameters);
          return answer instanceof Promise ? answer.then(heldByUs) : heldByUs(answer);
        },
    );
  }
}
replace(Publications, 'inFlight', () => () => undefined);
announce('skip-lease');
