import { describe, expect, it } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import { FORGERIES, RequestSigner } from './signed-request.js';

const SECRET = `whsec_${Buffer.alloc(32, 1).toString('base64')}`;
const DELIVERY = { id: 'c_1', body: Buffer.from('{"type":"é"}'), topic: '', key: '' };

describe("the campaign's requests", () => {
  it('are accepted by the reference implementation', async () => {
    const { url, headers, body } = await new RequestSigner(SECRET).genuine('http://b', {
      ...DELIVERY,
      jobId: 'without a job route this changes nothing',
    });
    expect(url).toBe('http://b/webhooks/gemini');
    expect(headers['content-length']).toBe(String(body.length));
    expect(() => new Webhook(SECRET).verify(body.toString(), headers)).not.toThrow();
  });

  it.each(FORGERIES)(
    'are refused by the reference implementation if forged: %s',
    (how) => {
      const request = new RequestSigner(SECRET).forged('http://b', DELIVERY, how);
      const { headers, body } = request;
      expect(headers['content-length']).toBe(String(body.length));
      expect(() => new Webhook(SECRET).verify(body.toString(), headers)).toThrow();
    },
  );

  it('use the job route for a delivery with a job', async () => {
    const signer = new RequestSigner(SECRET, {
      url: (base, jobId) => `${base}/jobs/${jobId}`,
      sign: (id, timestamp, body) => `v1a,${id} ${typeof timestamp} ${body.toString()}`,
    });
    const ofJob = await signer.genuine('http://b', { ...DELIVERY, jobId: 'j' });
    expect(ofJob.url).toBe('http://b/jobs/j');
    expect(ofJob.headers['webhook-signature']).toBe('v1a,c_1 number {"type":"é"}');
    const ofProject = await signer.genuine('http://b', DELIVERY);
    expect(ofProject.url).toBe('http://b/webhooks/gemini');
  });
});
