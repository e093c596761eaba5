import { z } from 'zod';

/** With or without `models/`; without in what it becomes. */
export const modelName = z
  .string()
  .regex(/^(models\/)?[A-Za-z0-9._-]{1,128}$/, 'want the name of a model')
  .transform((name) => name.replace(/^models\//, ''));

/** A file that was uploaded to Gemini. */
export const fileName = z
  .string()
  .regex(/^files\/[A-Za-z0-9_-]{1,128}$/, 'want files/…, as the upload answered');

/** What a response is told apart by. */
export const requestKey = z.string().min(1).max(256);
