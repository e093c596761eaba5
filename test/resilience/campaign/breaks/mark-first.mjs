/**
 * Makes a replica mark an event as published before it publishes it, and keep the mark after a failure. The oracle must
 * find `lost`.
 * Use: NODE_OPTIONS=--import=file:///…/mark-first.mjs
 */
import { announce, load, replace } from './dist.mjs';

const { Publications } = await load('publishing/publications.js');

/** Ids marked in this process. The store `log` cannot mark ids, because Kafka is its memory. */
const marked = new Set();

replace(
  Publications,
  'begin',
  (start) =>
    function markThenStart(key, deadline, publish) {
      return start.call(this, key, deadline, async (permit) => {
        marked.add(key);
        await this.updateStore('confirm', this.store.confirm(key));
        return publish(permit);
      });
    },
);
replace(
  Publications,
  'claim',
  (claim) =>
    function claimUnmarked(key) {
      return marked.has(key) ? 'done' : claim.call(this, key);
    },
);
announce('mark-first');
