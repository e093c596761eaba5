import { isObject, member, objectMember, type Json } from '../json.js';

/**
 * Translates the launch guide's REST sample (`:batchCreate` with `src` and `config`) into the request that the API
 * takes. No SDK and no reference has `:batchCreate`; programs that copied the guide send it.
 */
export function batchCreateOfGuide(body: Json): Json {
  const config = objectMember(body, 'config') ?? {};
  return {
    batch: {
      input_config: inputConfig(member(body, 'src')),
      display_name: member(config, 'display_name'),
      webhook_config: member(config, 'webhook_config'),
    },
  };
}

function inputConfig(src: unknown): Json {
  if (typeof src === 'string') return { file_name: src };
  if (isObject(src) && member(src, 'file_name') !== undefined) {
    return { file_name: member(src, 'file_name') };
  }
  const requests = isObject(src) ? member(src, 'inlined_requests') : src;
  return { requests: { requests } };
}
