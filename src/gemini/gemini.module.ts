import { Module } from '@nestjs/common';
import { GeminiClient } from './gemini.client.js';

@Module({ providers: [GeminiClient], exports: [GeminiClient] })
export class GeminiModule {}
