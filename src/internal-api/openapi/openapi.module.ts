import { Module, type DynamicModule } from '@nestjs/common';
import type { ApiDescription } from './api-description.js';
import { API_DESCRIPTIONS, DocsController, RootController } from './docs.controller.js';

/** The OpenAPI document and Swagger UI, on the internal port. */
@Module({})
export class OpenApiModule {
  /** @param apis parts of the features, in the order of the document. */
  static register(apis: readonly ApiDescription[]): DynamicModule {
    return {
      module: OpenApiModule,
      controllers: [RootController, DocsController],
      providers: [{ provide: API_DESCRIPTIONS, useValue: apis }],
    };
  }
}
