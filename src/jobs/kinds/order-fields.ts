import { z } from 'zod';

/** Name of a model, with or without `models/`; parsed to the name without it. */
export const modelName = z
  .string()
  .regex(/^(models\/)?[A-Za-z0-9._-]{1,128}$/, 'want the name of a model')
  .describe('With or without `models/`')
  .transform((name) => name.replace(/^models\//, ''));

export const fileName = z
  .string()
  .regex(/^files\/[A-Za-z0-9_-]{1,128}$/, 'want the name of an uploaded file, files/…')
  .describe('Name of a file that was uploaded to Gemini');

export const requestKey = z
  .string()
  .min(1)
  .max(256)
  .describe('Identifies the response of this request');
