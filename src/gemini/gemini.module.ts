import { Module } from '@nestjs/common';
import { GeminiClient } from './gemini.client.js';
import { GeminiFiles } from './gemini-files.js';

@Module({ providers: [GeminiClient, GeminiFiles], exports: [GeminiClient, GeminiFiles] })
export class GeminiModule {}
