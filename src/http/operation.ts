import { z } from 'zod';
import type { ProblemCode } from '../errors.js';

/** One method of one path of the JSON API: what mounts it, and what describes it in the OpenAPI document. */
export interface Operation<Body = unknown, Answer = unknown> {
  /** `operationId`, in camel case. */
  id: string;
  method: 'get' | 'post';
  /** Below the mount, with `{user_id}` for the parameter. */
  path: string;
  summary: string;
  /** What it means, whom it answers, what it proves. */
  description: string;
  /** Names and meanings of optional parameters in the query. */
  query?: Record<string, string>;
  /** Of a `post`. */
  body?: z.ZodType<Body>;
  answer: z.ZodType<Answer>;
  /** Besides those that every operation has. */
  problems: readonly ProblemCode[];
}

/** Names of the schemas in the OpenAPI document; a registry of our own, since zod's global one is the host's. */
export const schemaNames = z.registry<{ id: string }>();

export function named<Schema extends z.ZodType>(id: string, schema: Schema): Schema {
  schemaNames.add(schema, { id });
  return schema;
}

/** Longest text that a field may hold; a password may be long, a code is never. */
export const shortText = z
  .string({ error: 'must be one text' })
  .max(2_048, { error: 'must be at most 2048 characters long' });

/** RFC 3339, in UTC. */
export const time = z.iso.datetime();

export const timeOrNull = time.nullable();

/** @param at milliseconds since the Unix epoch. */
export function toTime(at: number): string;
export function toTime(at: number | null): string | null;
export function toTime(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}

/** A second factor that has to be set up before a login is complete. */
export const owedEnrolment = z
  .strictObject({ by: time, setup: z.string().optional(), enable: z.string().optional() })
  .describe('A second factor has to be set up: by when, and where.');

/** A call that says everything by its path. */
export const nothing = named('Nothing', z.strictObject({}));
