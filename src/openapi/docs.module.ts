import { Module } from '@nestjs/common';
import { DocsController } from './docs.controller.js';

/** What the internal API is, for programs and for people. */
@Module({ controllers: [DocsController] })
export class DocsModule {}
