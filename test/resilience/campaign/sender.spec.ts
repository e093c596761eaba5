import { setTimeout as delay } from 'node:timers/promises';
import type { RequestListener } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Journal, type Attempt } from './journal.js';
import { Random } from './random.js';
import { CampaignSender, type SenderOptions } from './sender.js';
import { LoopbackServer, text } from '../../support/loopback-server.js';

const SECRET = `whsec_${Buffer.alloc(32, 1).toString('base64')}`;
const PUBLISHED = text(200, '{"status":"published"}');
const SLOWLY: RequestListener = (request, response) => {
  setTimeout(() => PUBLISHED(request, response), 60);
};
const REFUSED = text(503, '{"status":"refused","reason":"in-progress"}');

describe("the campaign's sender", () => {
  let first: LoopbackServer;
  let second: LoopbackServer;
  let journal: Journal;

  beforeEach(async () => {
    first = await LoopbackServer.start(PUBLISHED);
    second = await LoopbackServer.start(PUBLISHED);
    journal = new Journal();
  });

  afterEach(async () => {
    await first[Symbol.asyncDispose]();
    await second[Symbol.asyncDispose]();
  });

  async function send(
    seconds: number,
    limitMs = 10_000,
    options: Partial<SenderOptions> = {},
  ): Promise<string[]> {
    const sender = new CampaignSender({
      replicas: () => [
        { index: 0, url: first.url },
        { index: 1, url: second.url },
        { index: 2, url: undefined },
      ],
      journal,
      random: new Random(1),
      perSecond: 300,
      prefix: 'c',
      secret: SECRET,
      ...options,
    });
    sender.start();
    await delay(seconds * 1000);
    return sender.finish(limitMs);
  }

  const ofKind = (kind: Attempt['kind']) =>
    journal.attempts.filter((a) => a.kind === kind);
  const attemptsAt = (id: string) => journal.attempts.filter((a) => a.id === id);

  it('sends each event once without faults, some of them again, and forgeries', async () => {
    expect(await send(1)).toEqual([]);
    const events = ofKind('first').length;
    expect(events).toBeGreaterThan(50);
    expect(ofKind('first').every(({ id }) => journal.bodies.has(id))).toBe(true);
    expect(ofKind('retry')).toEqual([]);
    for (const kind of ['twin', 'repeat'] as const) {
      expect(ofKind(kind).length / events).toBeGreaterThan(0.02);
      expect(ofKind(kind).length / events).toBeLessThan(0.25);
      for (const { id } of ofKind(kind)) expect(attemptsAt(id).length).toBeGreaterThan(1);
    }
    expect(ofKind('forgery').length).toBeGreaterThan(0);
    for (const { id } of ofKind('forgery')) {
      expect(id).toMatch(/^forged_/);
      expect(attemptsAt(id)).toHaveLength(1);
      expect(journal.bodies.has(id)).toBe(false);
    }
  });

  it('makes no new events while the allowed number waits for 2xx', async () => {
    first.answer = REFUSED;
    second.answer = REFUSED;
    const refused = await send(1, 0, { maxWaiting: 20 });
    expect(refused.length).toBeGreaterThan(10);
    expect(refused.length).toBeLessThanOrEqual(20);
  });

  it('sends twins at the same moment to different replicas', async () => {
    await send(0.5);
    expect(ofKind('twin').length).toBeGreaterThan(0);
    for (const twin of ofKind('twin')) {
      const [other] = attemptsAt(twin.id).filter(({ kind }) => kind === 'first');
      expect(other?.replica).toBe(1 - twin.replica);
      expect(Math.abs((other?.sentAt ?? 0) - twin.sentAt)).toBeLessThan(250);
    }
  });

  it('retries until 2xx, at growing delays', async () => {
    const asked = new Map<string, number>();
    const third: RequestListener = (request, response) => {
      const id = String(request.headers['webhook-id']);
      const times = (asked.get(id) ?? 0) + 1;
      asked.set(id, times);
      (times < 3 ? REFUSED : PUBLISHED)(request, response);
    };
    first.answer = second.answer = third;
    expect(await send(0.3)).toEqual([]);
    const single = ofKind('retry').filter(({ id }) =>
      attemptsAt(id).every(({ kind }) => kind === 'first' || kind === 'retry'),
    );
    expect(single.length).toBeGreaterThan(5);
    for (const { id } of single) {
      const [one, two, three, ...more] = attemptsAt(id);
      expect([one?.status, two?.status, three?.status]).toEqual([503, 503, 200]);
      expect(one?.reason).toBe('in-progress');
      expect((two?.sentAt ?? 0) - (one?.sentAt ?? 0)).toBeGreaterThan(149);
      expect((three?.sentAt ?? 0) - (two?.sentAt ?? 0)).toBeGreaterThan(299);
      expect(more).toEqual([]);
    }
  });

  it('sends the next event of an ordered key after the previous one was accepted', async () => {
    first.answer = second.answer = SLOWLY;
    await send(1);
    const takenAt = new Map<string, number>();
    for (const [id, { key, sequence }] of journal.order) {
      const attempts = attemptsAt(id);
      const begun = Math.min(...attempts.map(({ sentAt }) => sentAt));
      expect(begun).toBeGreaterThanOrEqual(takenAt.get(`${key} ${sequence - 1}`) ?? 0);
      const ends = attempts.map(({ sentAt, tookMs }) => sentAt + tookMs);
      takenAt.set(`${key} ${sequence}`, Math.min(...ends));
    }
    expect(takenAt.size).toBeGreaterThan(5); // as many as the machine had time for
  });

  it('reports the events that were never accepted, and broken connections', async () => {
    first.answer = REFUSED;
    second.answer = (request) => void request.socket.destroy();
    const left = await send(0.1, 500);
    expect(left.length).toBeGreaterThan(5);
    expect(new Set(left)).toEqual(new Set(journal.bodies.keys()));
    const answers = journal.attempts.map(({ status, reason }) => `${status} ${reason}`);
    expect(new Set(answers)).toEqual(new Set(['503 in-progress', '0 ECONNRESET']));
  });
});
