/** The page loads nothing from other hosts and runs no inline code: it handles bearer tokens. */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

export const PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <title>gemini-kafka-bridge</title>
    <link rel="icon" type="image/png" href="/docs/favicon-32x32.png" />
    <link rel="stylesheet" href="/docs/swagger-ui.css" />
    <script src="/docs/swagger-ui-bundle.js" defer></script>
    <script src="/docs/initializer.js" defer></script>
  </head>
  <body>
    <div id="swagger-ui"></div>
  </body>
</html>
`;

/**
 * Script that starts Swagger UI.
 *
 * `validatorUrl`: the document is not sent to a validator on the Internet. `jsonLines`: Swagger UI
 * quotes examples of every media type whose name has "json", so that those of JSONL could not be
 * executed.
 */
export const INITIALIZER = `function jsonLines() {
  return {
    afterLoad: function (system) {
      const sampleOf = system.fn.getSampleSchema;
      this.fn.getSampleSchema = function (schema, mediaType, config, example) {
        const isText = mediaType === 'application/jsonl' && typeof example === 'string';
        return isText ? example : sampleOf(schema, mediaType, config, example);
      };
    },
  };
}

SwaggerUIBundle({
  url: '/docs/openapi.json',
  dom_id: '#swagger-ui',
  deepLinking: true,
  validatorUrl: null,
  plugins: [jsonLines],
});
`;
