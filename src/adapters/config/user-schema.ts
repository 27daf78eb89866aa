import { z } from 'zod';
import { configSchema } from './schema.js';

/** What a file may say, as JSON Schema: every key of every section, none of which has to be there. */
export function userConfigSchema(): object {
  const sections = Object.entries(configSchema.shape).map(([name, section]) => [name, section.partial().optional()] as const);
  const schema = z.toJSONSchema(z.strictObject(Object.fromEntries(sections)), { io: 'input' });
  return { ...schema, title: 'semantic: config.toml' };
}
