import { z } from 'zod';

/** Without `models/` in what it becomes. */
export const modelName = z
  .string()
  .regex(/^(models\/)?[A-Za-z0-9._-]{1,128}$/, 'want the name of a model')
  .describe('With or without `models/`')
  .transform((name) => name.replace(/^models\//, ''));

export const fileName = z
  .string()
  .regex(/^files\/[A-Za-z0-9_-]{1,128}$/, 'want files/…, as the upload answered')
  .describe('A file that was uploaded to Gemini');

export const requestKey = z
  .string()
  .min(1)
  .max(256)
  .describe('What its response is told apart by');
