/** The last segment of a name. Gemini writes the same name with and without a collection. */
export function bareName(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1);
}
