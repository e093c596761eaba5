import { Module } from '@nestjs/common';
import { ShutdownState } from './shutdown-state.js';

/** State of the process itself. */
@Module({ providers: [ShutdownState], exports: [ShutdownState] })
export class ProcessModule {}
