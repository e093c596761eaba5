import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { JobRegistry } from '../../src/jobs/job-registry.js';
import { WebhookReconciler } from '../../src/webhooks/webhook.reconciler.js';
import { knownJob } from '../support/jobs.js';
import { DECLARED, DECLARED_NAME, DECLARED_URI, WebhooksApp } from './webhooks-app.js';

const HOUR_MS = 3_600_000;
const DISABLED = 'disabled_due_to_failed_deliveries';
const AS_DECLARED = {
  uri: DECLARED_URI,
  subscribedEvents: ['batch.succeeded', 'batch.failed'],
  state: 'enabled',
};

const DRIFT = /webhook_drift\{webhook="main"\} (\d)/;

afterEach(() => {
  jest.restoreAllMocks();
});

describe('a declared webhook', () => {
  it('is registered at the start, and its deliveries are verified', async () => {
    await using webhooks = await WebhooksApp.start(DECLARED);
    const { declaredOne } = webhooks;
    expect(declaredOne).toMatchObject(AS_DECLARED);
    expect((await webhooks.deliver(declaredOne.secrets.live())).status).toBe(200);
    const state = /webhook_state\{webhook="main",state="enabled"\} (\d)/;
    expect(await webhooks.metric(state)).toBe('1');
    expect(await webhooks.metric(DRIFT)).toBe('0');
  });

  it('is compared once at a time: the second round of a process waits for the first', async () => {
    await using webhooks = await WebhooksApp.start(DECLARED);
    const { gemini } = webhooks;
    await webhooks.forgetLastRound();
    const list = jest.spyOn(gemini.webhooks, 'list');
    gemini.webhooks.delete(webhooks.declaredOne.id);
    const reconciler = webhooks.app.get(WebhookReconciler);
    await Promise.all([
      reconciler.reconcile(),
      reconciler.reconcile(),
      reconciler.reconcile(),
    ]);
    expect(webhooks.declared()).toHaveLength(1);
    // One before the webhook is created again, one after
    expect(list).toHaveBeenCalledTimes(2);
  });

  it('is created again after it was deleted', async () => {
    await using webhooks = await WebhooksApp.start(DECLARED);
    const { id } = webhooks.declaredOne;
    webhooks.gemini.webhooks.delete(id);
    await webhooks.reconcile();
    const { declaredOne } = webhooks;
    expect(declaredOne.id).not.toBe(id);
    expect((await webhooks.deliver(declaredOne.secrets.live())).status).toBe(200);
  });

  it('is repaired after it was edited and disabled', async () => {
    await using webhooks = await WebhooksApp.start(DECLARED);
    webhooks.gemini.webhooks.update(
      webhooks.declaredOne.id,
      {
        uri: 'https://evil.example/',
        subscribed_events: ['video.generated'],
        state: 'disabled',
      },
      undefined,
    );
    await webhooks.reconcile();
    expect(webhooks.declaredOne).toMatchObject(AS_DECLARED);
  });

  it('is rotated after another program rotated its secret', async () => {
    await using webhooks = await WebhooksApp.start(DECLARED);
    const { id } = webhooks.declaredOne;
    webhooks.gemini.webhooks.rotate(id, undefined);
    await webhooks.reconcile();
    const [newest = ''] = webhooks.liveSecrets(id);
    expect((await webhooks.deliver([newest])).status).toBe(200);
  });

  it('does not change the webhook of another installation', async () => {
    await using webhooks = await WebhooksApp.start(DECLARED);
    const { gemini } = webhooks;
    const other = gemini.webhooks.create({
      name: 'main [gemini-kafka-bridge/other.example]',
      uri: 'https://other.example/webhooks/gemini',
      subscribed_events: ['batch.failed'],
    });
    const shown = () =>
      JSON.stringify(gemini.webhooks.shown(gemini.webhooks.get(String(other['id']))));
    const before = shown();
    await webhooks.reconcile();
    expect(shown()).toBe(before);
  });

  it('is not created while a webhook of another name has its URI', async () => {
    await using webhooks = await WebhooksApp.start(DECLARED);
    const { gemini } = webhooks;
    gemini.webhooks.delete(webhooks.declaredOne.id);
    const taken = gemini.webhooks.create({
      name: 'by hand',
      uri: DECLARED_URI,
      subscribed_events: ['batch.failed'],
    });
    await webhooks.reconcile();
    expect(webhooks.declared()).toEqual([]);
    const { 'webhook main': notice } = await webhooks.readiness();
    expect(notice).toMatch(/by hand.*same place/);
    gemini.webhooks.delete(String(taken['id']));
    await webhooks.reconcile();
    expect(webhooks.declared()).toHaveLength(1);
    expect(await webhooks.readiness()).not.toHaveProperty('webhook main');
  });

  it('is enabled again after Gemini disabled it, and the jobs are polled', async () => {
    await using webhooks = await WebhooksApp.start(DECLARED);
    const registry = webhooks.app.get(JobRegistry);
    await registry.add(knownJob({ announcedBy: 'static', dueAt: Date.now() + HOUR_MS }));
    webhooks.declaredOne.state = DISABLED;
    await webhooks.reconcile();
    expect(webhooks.declaredOne.state).toBe('enabled');
    expect(await registry.findDue('look', Date.now(), 1)).toHaveLength(1);
  });

  it('waits longer before it is enabled a second time', async () => {
    await using webhooks = await WebhooksApp.start(DECLARED);
    const webhook = webhooks.declaredOne;
    webhook.state = DISABLED;
    await webhooks.reconcile();
    webhook.state = DISABLED;
    await webhooks.reconcile();
    expect(webhook.state).toBe(DISABLED);
    const { 'webhook main': notice } = await webhooks.readiness();
    expect(notice).toMatch(/disabled_due_to_failed_deliveries/);
    expect(await webhooks.metric(DRIFT)).toBe('1');
    jest.spyOn(Date, 'now').mockReturnValue(Date.now() + 3 * HOUR_MS);
    await webhooks.reconcile();
    expect(webhook.state).toBe('enabled');
  });

  it('is enabled at most five times while Gemini goes on disabling it', async () => {
    await using webhooks = await WebhooksApp.start(DECLARED);
    const webhook = webhooks.declaredOne;
    const start = Date.now();
    let revivals = 0;
    for (let hour = 0; hour < 24 * 14; hour += 4) {
      jest.spyOn(Date, 'now').mockReturnValue(start + hour * HOUR_MS);
      webhook.state = DISABLED;
      await webhooks.reconcile();
      if (webhooks.gemini.webhooks.get(webhook.id).state === 'enabled') revivals++;
    }
    expect(revivals).toBe(5);
  });

  it('is rotated a few times a day at most, while another program rotates it every hour', async () => {
    await using webhooks = await WebhooksApp.start(DECLARED);
    const { secrets } = webhooks.declaredOne;
    const rotate = secrets.rotate.bind(secrets);
    const rotations = jest.spyOn(secrets, 'rotate');
    const start = Date.now();
    for (let hour = 0; hour < 24; hour++) {
      jest.spyOn(Date, 'now').mockReturnValue(start + hour * HOUR_MS);
      rotate('revoke_previous_secrets_after_h24');
      await webhooks.reconcile();
    }
    expect(rotations.mock.calls.length).toBeGreaterThan(2);
    expect(rotations.mock.calls.length).toBeLessThan(6);
    const { 'webhook main': notice } = await webhooks.readiness();
    expect(notice).toMatch(/signed with a secret that the vault/);
  });

  it('is not registered twice when Gemini’s list lags behind', async () => {
    await using webhooks = await WebhooksApp.start(DECLARED);
    const webhook = webhooks.declaredOne;
    jest.spyOn(webhooks.gemini.webhooks, 'list').mockReturnValue({});
    for (let n = 0; n < 3; n++) await webhooks.reconcile();
    expect(webhooks.declared()).toEqual([webhook]);
    expect(await webhooks.call('POST', '', { uri: DECLARED_URI })).toMatchObject({
      status: 409,
      json: { code: 'webhook-exists', id: webhook.id },
    });
  });

  it('gets a secret that the bridge knows even if Gemini refuses the rest of the repair', async () => {
    await using webhooks = await WebhooksApp.start(DECLARED);
    const { gemini } = webhooks;
    const { id } = webhooks.declaredOne;
    gemini.webhooks.rotate(id, undefined);
    gemini.webhooks.update(id, { state: 'disabled', uri: 'https://x/' }, undefined);
    gemini.fault('webhooks.update', { kind: 'status', status: 403 }, 2);
    await webhooks.reconcile();
    const [newest = ''] = webhooks.liveSecrets(id);
    expect((await webhooks.deliver([newest])).status).toBe(200);
    expect(webhooks.declaredOne).toMatchObject({ state: 'disabled', uri: 'https://x/' });
    await webhooks.reconcile();
    expect(webhooks.declaredOne).toMatchObject(AS_DECLARED);
  });
});

describe('a declared webhook with WEBHOOKS_MODE=report', () => {
  it('is not registered, and the readiness answer names the difference', async () => {
    await using webhooks = await WebhooksApp.start({
      ...DECLARED,
      WEBHOOKS_MODE: 'report',
    });
    await webhooks.reconcile();
    expect(webhooks.declared()).toEqual([]);
    expect((await webhooks.readiness())['webhook main']).toBe('is not there');
    webhooks.gemini.webhooks.create({
      name: DECLARED_NAME,
      uri: 'https://x',
      subscribed_events: ['batch.failed'],
    });
    await webhooks.reconcile();
    expect((await webhooks.readiness())['webhook main']).toMatch(
      /delivers to https:\/\/x; has batch.failed; is signed with a secret/,
    );
    expect(await webhooks.metric(DRIFT)).toBe('3');
  });
});
